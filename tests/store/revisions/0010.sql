BEGIN TRANSACTION;
CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	PRIMARY KEY (version_num)
);
INSERT INTO "alembic_version" VALUES('0010');
CREATE TABLE backend (
	id VARCHAR(36) NOT NULL, 
	name VARCHAR(255) NOT NULL, 
	volume_driver VARCHAR(255) NOT NULL, 
	config JSON NOT NULL, 
	created_at DATETIME NOT NULL, 
	updated_at DATETIME, 
	version INTEGER NOT NULL, 
	extra JSON, 
	CONSTRAINT pk_backend PRIMARY KEY (id), 
	CONSTRAINT uq_backend_name UNIQUE (name)
);
INSERT INTO "backend" VALUES('17f7a7b3-4b97-44b7-a626-ebd17bfc3d78','lab','sim','{"path": "/var/lib/lab/sim", "latency": 0.0, "capacity": "infinite", "faults": "create_snapshot:2"}','2026-11-30 15:33:28.102393',NULL,1,NULL);
CREATE TABLE connection (
	id VARCHAR(36) NOT NULL, 
	volume_id VARCHAR(36) NOT NULL, 
	backend_id VARCHAR(36) NOT NULL, 
	attach_status VARCHAR(32) NOT NULL, 
	attach_mode VARCHAR(8) NOT NULL, 
	attached_host VARCHAR(255), 
	gateway VARCHAR(255), 
	protocol VARCHAR(32), 
	multipath BOOLEAN NOT NULL, 
	path TEXT, 
	connector_info JSON NOT NULL, 
	conn_info JSON, 
	device JSON, 
	created_at DATETIME NOT NULL, 
	updated_at DATETIME, 
	version INTEGER NOT NULL, 
	extra JSON, 
	CONSTRAINT pk_connection PRIMARY KEY (id), 
	CONSTRAINT fk_connection_volume_id_volume FOREIGN KEY(volume_id) REFERENCES volume (id), 
	CONSTRAINT fk_connection_backend_id_backend FOREIGN KEY(backend_id) REFERENCES backend (id)
);
INSERT INTO "connection" VALUES('2a82d401-07a0-41eb-9364-c98801b64a77','997dc635-b306-427d-8051-c58a0b0d2515','17f7a7b3-4b97-44b7-a626-ebd17bfc3d78','attached','rw',NULL,NULL,'local',0,NULL,'{"host": "node1", "ip": "192.0.2.7", "initiator": "iqn.x", "multipath": false}','{"driver_volume_type": "local", "data": {"device_path": "/var/lib/lab/sim/volume-997dc635-b306-427d-8051-c58a0b0d2515", "volume_id": "997dc635-b306-427d-8051-c58a0b0d2515", "size": 2147483648, "backing_file": "/var/lib/lab/sim/volume-997dc635-b306-427d-8051-c58a0b0d2515", "backing_inode": 4431935}}',NULL,'2026-11-30 15:33:28.228070','2026-11-30 15:33:28.246814',2,NULL);
CREATE TABLE driver_initiator_data (
	backend_id VARCHAR(36) NOT NULL, 
	initiator VARCHAR(255) NOT NULL, 
	namespace VARCHAR(64) NOT NULL, 
	"key" VARCHAR(255) NOT NULL, 
	value VARCHAR(255) NOT NULL, 
	CONSTRAINT pk_driver_initiator_data PRIMARY KEY (backend_id, initiator, namespace, "key")
);
CREATE TABLE entry (
	number INTEGER NOT NULL, 
	operation_id INTEGER, 
	event VARCHAR(16) NOT NULL, 
	resource_type VARCHAR(16) NOT NULL, 
	resource_id VARCHAR(36) NOT NULL, 
	volume_id VARCHAR(36), 
	backend_id VARCHAR(36), 
	status VARCHAR(32), 
	at DATETIME NOT NULL, 
	CONSTRAINT pk_entry PRIMARY KEY (number)
);
INSERT INTO "entry" VALUES(1,1,'outcome','backend','17f7a7b3-4b97-44b7-a626-ebd17bfc3d78',NULL,NULL,NULL,'2026-11-30 15:33:28.104203');
INSERT INTO "entry" VALUES(2,2,'intent','volume','997dc635-b306-427d-8051-c58a0b0d2515',NULL,'17f7a7b3-4b97-44b7-a626-ebd17bfc3d78','creating','2026-11-30 15:33:28.119347');
INSERT INTO "entry" VALUES(3,2,'outcome','volume','997dc635-b306-427d-8051-c58a0b0d2515',NULL,'17f7a7b3-4b97-44b7-a626-ebd17bfc3d78','creating','2026-11-30 15:33:28.147928');
INSERT INTO "entry" VALUES(4,3,'intent','snapshot','d2ee3b56-0266-42d7-bc94-77eecf5c9b50','997dc635-b306-427d-8051-c58a0b0d2515','17f7a7b3-4b97-44b7-a626-ebd17bfc3d78','creating','2026-11-30 15:33:28.163379');
INSERT INTO "entry" VALUES(5,3,'outcome','snapshot','d2ee3b56-0266-42d7-bc94-77eecf5c9b50','997dc635-b306-427d-8051-c58a0b0d2515','17f7a7b3-4b97-44b7-a626-ebd17bfc3d78','creating','2026-11-30 15:33:28.176076');
INSERT INTO "entry" VALUES(6,4,'intent','volume','e24fedb1-30e5-4a34-bd4b-dd47af438bd6',NULL,'17f7a7b3-4b97-44b7-a626-ebd17bfc3d78','creating','2026-11-30 15:33:28.197689');
INSERT INTO "entry" VALUES(7,4,'outcome','volume','e24fedb1-30e5-4a34-bd4b-dd47af438bd6',NULL,'17f7a7b3-4b97-44b7-a626-ebd17bfc3d78','creating','2026-11-30 15:33:28.211347');
INSERT INTO "entry" VALUES(8,5,'intent','volume','a2d40161-4d9b-4745-98b2-dbc4f342682a',NULL,'17f7a7b3-4b97-44b7-a626-ebd17bfc3d78','creating','2026-11-30 15:33:28.215549');
INSERT INTO "entry" VALUES(9,5,'outcome','volume','a2d40161-4d9b-4745-98b2-dbc4f342682a',NULL,'17f7a7b3-4b97-44b7-a626-ebd17bfc3d78','creating','2026-11-30 15:33:28.219220');
INSERT INTO "entry" VALUES(10,6,'intent','connection','2a82d401-07a0-41eb-9364-c98801b64a77','997dc635-b306-427d-8051-c58a0b0d2515','17f7a7b3-4b97-44b7-a626-ebd17bfc3d78',NULL,'2026-11-30 15:33:28.228953');
INSERT INTO "entry" VALUES(11,6,'outcome','connection','2a82d401-07a0-41eb-9364-c98801b64a77','997dc635-b306-427d-8051-c58a0b0d2515','17f7a7b3-4b97-44b7-a626-ebd17bfc3d78','attaching','2026-11-30 15:33:28.249218');
INSERT INTO "entry" VALUES(12,7,'intent','volume','d332ed57-1c88-45ea-ae3f-a77ba9664a2a',NULL,'17f7a7b3-4b97-44b7-a626-ebd17bfc3d78','creating','2026-11-30 15:33:28.267052');
INSERT INTO "entry" VALUES(13,7,'outcome','volume','d332ed57-1c88-45ea-ae3f-a77ba9664a2a',NULL,'17f7a7b3-4b97-44b7-a626-ebd17bfc3d78','creating','2026-11-30 15:33:28.273794');
INSERT INTO "entry" VALUES(14,8,'intent','volume','d332ed57-1c88-45ea-ae3f-a77ba9664a2a',NULL,'17f7a7b3-4b97-44b7-a626-ebd17bfc3d78','available','2026-11-30 15:33:28.291329');
INSERT INTO "entry" VALUES(15,8,'outcome','volume','d332ed57-1c88-45ea-ae3f-a77ba9664a2a',NULL,'17f7a7b3-4b97-44b7-a626-ebd17bfc3d78','deleting','2026-11-30 15:33:28.328985');
INSERT INTO "entry" VALUES(16,9,'intent','snapshot','2cc75340-7469-41c1-8a8b-b1d20e11a077','997dc635-b306-427d-8051-c58a0b0d2515','17f7a7b3-4b97-44b7-a626-ebd17bfc3d78','creating','2026-11-30 15:33:28.336472');
INSERT INTO "entry" VALUES(17,9,'outcome','snapshot','2cc75340-7469-41c1-8a8b-b1d20e11a077','997dc635-b306-427d-8051-c58a0b0d2515','17f7a7b3-4b97-44b7-a626-ebd17bfc3d78','creating','2026-11-30 15:33:28.343475');
INSERT INTO "entry" VALUES(18,NULL,'save','key_value','ae1881d2-534a-5240-8346-6bd8c44308ee',NULL,NULL,NULL,'2026-11-30 15:33:28.347506');
CREATE TABLE feed (
	id INTEGER NOT NULL, 
	head BIGINT NOT NULL, 
	CONSTRAINT pk_feed PRIMARY KEY (id)
);
INSERT INTO "feed" VALUES(1,18);
CREATE TABLE kernel (
	id VARCHAR(36) NOT NULL, 
	host VARCHAR(255) NOT NULL, 
	user VARCHAR(255) NOT NULL, 
	pid INTEGER NOT NULL, 
	start_ticks BIGINT NOT NULL, 
	machine VARCHAR(255) NOT NULL, 
	boot VARCHAR(255) NOT NULL, 
	notebook VARCHAR(1024), 
	started_at DATETIME NOT NULL, 
	seen_at DATETIME, 
	CONSTRAINT pk_kernel PRIMARY KEY (id)
);
INSERT INTO "kernel" VALUES('4a2aab8d-c927-4d42-ab99-a1b2c8fd9cdf','vm','root',6644,4762872,'vm/3d1219c7c4c5404aaa1f6d2a48adfda4','19328488-079a-4810-9195-be13ab659cd8/pid:[4026531836]',NULL,'2026-11-30 15:33:28.090846','2026-11-30 15:33:28.119000');
CREATE TABLE key_value (
	"key" VARCHAR(255) NOT NULL, 
	value TEXT NOT NULL, 
	CONSTRAINT pk_key_value PRIMARY KEY ("key")
);
INSERT INTO "key_value" VALUES('rack','b7 é');
CREATE TABLE operation (
	id INTEGER NOT NULL, 
	action VARCHAR(32) NOT NULL, 
	call VARCHAR(64), 
	status VARCHAR(16) NOT NULL, 
	resource_type VARCHAR(16) NOT NULL, 
	resource_id VARCHAR(36) NOT NULL, 
	resource_name VARCHAR(255), 
	backend_id VARCHAR(36), 
	arguments JSON NOT NULL, 
	kernel_id VARCHAR(36) NOT NULL, 
	started_at DATETIME NOT NULL, 
	ended_at DATETIME, 
	duration DOUBLE, 
	error TEXT, 
	CONSTRAINT pk_operation PRIMARY KEY (id), 
	CONSTRAINT fk_operation_kernel_id_kernel FOREIGN KEY(kernel_id) REFERENCES kernel (id)
);
INSERT INTO "operation" VALUES(1,'add',NULL,'done','backend','17f7a7b3-4b97-44b7-a626-ebd17bfc3d78','lab',NULL,'{}','4a2aab8d-c927-4d42-ab99-a1b2c8fd9cdf','2026-11-30 15:33:28.102939','2026-11-30 15:33:28.102939',0.0,NULL);
INSERT INTO "operation" VALUES(2,'create','create_volume','done','volume','997dc635-b306-427d-8051-c58a0b0d2515','ledger 中文 💾','17f7a7b3-4b97-44b7-a626-ebd17bfc3d78','{"size": 2, "name": "ledger \u4e2d\u6587 \ud83d\udcbe"}','4a2aab8d-c927-4d42-ab99-a1b2c8fd9cdf','2026-11-30 15:33:28.118505','2026-11-30 15:33:28.145993',4.92519997351337224245e-04,NULL);
INSERT INTO "operation" VALUES(3,'create','create_snapshot','done','snapshot','d2ee3b56-0266-42d7-bc94-77eecf5c9b50','before the flood','17f7a7b3-4b97-44b7-a626-ebd17bfc3d78','{"volume_id": "997dc635-b306-427d-8051-c58a0b0d2515", "name": "before the flood"}','4a2aab8d-c927-4d42-ab99-a1b2c8fd9cdf','2026-11-30 15:33:28.162933','2026-11-30 15:33:28.174845',3.77229996956884860992e-04,NULL);
INSERT INTO "operation" VALUES(4,'create','create_volume_from_snapshot','done','volume','e24fedb1-30e5-4a34-bd4b-dd47af438bd6','copy','17f7a7b3-4b97-44b7-a626-ebd17bfc3d78','{"size": 2, "name": "copy", "snapshot_id": "d2ee3b56-0266-42d7-bc94-77eecf5c9b50"}','4a2aab8d-c927-4d42-ab99-a1b2c8fd9cdf','2026-11-30 15:33:28.197538','2026-11-30 15:33:28.210762',4.37417998909950256347e-04,NULL);
INSERT INTO "operation" VALUES(5,'create','create_cloned_volume','done','volume','a2d40161-4d9b-4745-98b2-dbc4f342682a','it''s 100% \ a "clone"','17f7a7b3-4b97-44b7-a626-ebd17bfc3d78','{"size": 2, "name": "it''s 100% \\ a \"clone\"", "source_volid": "997dc635-b306-427d-8051-c58a0b0d2515"}','4a2aab8d-c927-4d42-ab99-a1b2c8fd9cdf','2026-11-30 15:33:28.215407','2026-11-30 15:33:28.218755',2.93876000796444714069e-04,NULL);
INSERT INTO "operation" VALUES(6,'connect','initialize_connection','done','connection','2a82d401-07a0-41eb-9364-c98801b64a77',NULL,'17f7a7b3-4b97-44b7-a626-ebd17bfc3d78','{"volume_id": "997dc635-b306-427d-8051-c58a0b0d2515", "host": "node1"}','4a2aab8d-c927-4d42-ab99-a1b2c8fd9cdf','2026-11-30 15:33:28.228806','2026-11-30 15:33:28.246394',8.08125999901676550507e-03,NULL);
INSERT INTO "operation" VALUES(7,'create','create_volume','done','volume','d332ed57-1c88-45ea-ae3f-a77ba9664a2a','gone','17f7a7b3-4b97-44b7-a626-ebd17bfc3d78','{"size": 1, "name": "gone"}','4a2aab8d-c927-4d42-ab99-a1b2c8fd9cdf','2026-11-30 15:33:28.266890','2026-11-30 15:33:28.273358',2.39405002503190189599e-04,NULL);
INSERT INTO "operation" VALUES(8,'delete','delete_volume','done','volume','d332ed57-1c88-45ea-ae3f-a77ba9664a2a','gone','17f7a7b3-4b97-44b7-a626-ebd17bfc3d78','{}','4a2aab8d-c927-4d42-ab99-a1b2c8fd9cdf','2026-11-30 15:33:28.291170','2026-11-30 15:33:28.327808',2.78463889990234747529e-02,NULL);
INSERT INTO "operation" VALUES(9,'create','create_snapshot','failed','snapshot','2cc75340-7469-41c1-8a8b-b1d20e11a077','refused','17f7a7b3-4b97-44b7-a626-ebd17bfc3d78','{"volume_id": "997dc635-b306-427d-8051-c58a0b0d2515", "name": "refused"}','4a2aab8d-c927-4d42-ab99-a1b2c8fd9cdf','2026-11-30 15:33:28.336340','2026-11-30 15:33:28.342596',2.29620003665331751108e-04,'DriverError: simulated fault in create_snapshot, call 2');
CREATE TABLE snapshot (
	id VARCHAR(36) NOT NULL, 
	name VARCHAR(255) NOT NULL, 
	description TEXT, 
	status VARCHAR(32) NOT NULL, 
	progress VARCHAR(32), 
	volume_id VARCHAR(36) NOT NULL, 
	volume_size INTEGER NOT NULL, 
	backend_id VARCHAR(36) NOT NULL, 
	name_in_storage VARCHAR(255) NOT NULL, 
	protected BOOLEAN DEFAULT 0 NOT NULL, 
	metadata JSON NOT NULL, 
	provider_location TEXT, 
	provider_id VARCHAR(255), 
	driver_data JSON, 
	created_at DATETIME NOT NULL, 
	updated_at DATETIME, 
	version INTEGER NOT NULL, 
	extra JSON, 
	CONSTRAINT pk_snapshot PRIMARY KEY (id), 
	CONSTRAINT fk_snapshot_volume_id_volume FOREIGN KEY(volume_id) REFERENCES volume (id), 
	CONSTRAINT fk_snapshot_backend_id_backend FOREIGN KEY(backend_id) REFERENCES backend (id)
);
INSERT INTO "snapshot" VALUES('d2ee3b56-0266-42d7-bc94-77eecf5c9b50','before the flood','','available','100%','997dc635-b306-427d-8051-c58a0b0d2515',2,'17f7a7b3-4b97-44b7-a626-ebd17bfc3d78','snapshot-d2ee3b56-0266-42d7-bc94-77eecf5c9b50',0,'{"why": "test"}',NULL,NULL,NULL,'2026-11-30 15:33:28.155833','2026-11-30 15:33:28.175219',2,NULL);
INSERT INTO "snapshot" VALUES('2cc75340-7469-41c1-8a8b-b1d20e11a077','refused','','error','0%','997dc635-b306-427d-8051-c58a0b0d2515',2,'17f7a7b3-4b97-44b7-a626-ebd17bfc3d78','snapshot-2cc75340-7469-41c1-8a8b-b1d20e11a077',0,'{}',NULL,NULL,NULL,'2026-11-30 15:33:28.336211','2026-11-30 15:33:28.342887',2,NULL);
CREATE TABLE trash (
	id VARCHAR(36) NOT NULL, 
	kind VARCHAR(16) NOT NULL, 
	volume_id VARCHAR(36) NOT NULL, 
	backend_id VARCHAR(36) NOT NULL, 
	name VARCHAR(255) NOT NULL, 
	name_in_storage VARCHAR(255) NOT NULL, 
	size INTEGER NOT NULL, 
	fields JSON NOT NULL, 
	kernel_id VARCHAR(36) NOT NULL, 
	deleted_at DATETIME NOT NULL, 
	expires_at DATETIME NOT NULL, 
	CONSTRAINT pk_trash PRIMARY KEY (id, kind), 
	CONSTRAINT fk_trash_backend_id_backend FOREIGN KEY(backend_id) REFERENCES backend (id), 
	CONSTRAINT fk_trash_kernel_id_kernel FOREIGN KEY(kernel_id) REFERENCES kernel (id)
);
CREATE TABLE volume (
	id VARCHAR(36) NOT NULL, 
	name VARCHAR(255) NOT NULL, 
	description TEXT, 
	size INTEGER NOT NULL, 
	status VARCHAR(32) NOT NULL, 
	attach_status VARCHAR(32) NOT NULL, 
	backend_id VARCHAR(36) NOT NULL, 
	host VARCHAR(255) NOT NULL, 
	pool_name VARCHAR(255), 
	name_in_storage VARCHAR(255) NOT NULL, 
	snapshot_id VARCHAR(36), 
	source_volid VARCHAR(36), 
	availability_zone VARCHAR(255), 
	bootable BOOLEAN NOT NULL, 
	protected BOOLEAN DEFAULT 0 NOT NULL, 
	metadata JSON NOT NULL, 
	extra_specs JSON NOT NULL, 
	qos_specs JSON NOT NULL, 
	provider_location TEXT, 
	provider_id VARCHAR(255), 
	driver_data JSON, 
	created_at DATETIME NOT NULL, 
	updated_at DATETIME, 
	version INTEGER NOT NULL, 
	extra JSON, 
	CONSTRAINT pk_volume PRIMARY KEY (id), 
	CONSTRAINT fk_volume_backend_id_backend FOREIGN KEY(backend_id) REFERENCES backend (id)
);
INSERT INTO "volume" VALUES('997dc635-b306-427d-8051-c58a0b0d2515','ledger 中文 💾','of all',2,'in-use','attached','17f7a7b3-4b97-44b7-a626-ebd17bfc3d78','vm@lab',NULL,'volume-997dc635-b306-427d-8051-c58a0b0d2515',NULL,NULL,NULL,0,0,'{"team": "bl\u00fc"}','{}','{}',NULL,NULL,NULL,'2026-11-30 15:33:28.113048','2026-11-30 15:33:28.248613',3,NULL);
INSERT INTO "volume" VALUES('e24fedb1-30e5-4a34-bd4b-dd47af438bd6','copy','',2,'available','detached','17f7a7b3-4b97-44b7-a626-ebd17bfc3d78','vm@lab',NULL,'volume-e24fedb1-30e5-4a34-bd4b-dd47af438bd6','d2ee3b56-0266-42d7-bc94-77eecf5c9b50',NULL,NULL,0,0,'{}','{}','{}',NULL,NULL,NULL,'2026-11-30 15:33:28.197363','2026-11-30 15:33:28.211181',2,NULL);
INSERT INTO "volume" VALUES('a2d40161-4d9b-4745-98b2-dbc4f342682a','it''s 100% \ a "clone"','',2,'available','detached','17f7a7b3-4b97-44b7-a626-ebd17bfc3d78','vm@lab',NULL,'volume-a2d40161-4d9b-4745-98b2-dbc4f342682a',NULL,'997dc635-b306-427d-8051-c58a0b0d2515',NULL,0,0,'{}','{}','{}',NULL,NULL,NULL,'2026-11-30 15:33:28.215245','2026-11-30 15:33:28.219076',2,NULL);
CREATE INDEX ix_entry_resource_id_number ON entry (resource_id, number);
CREATE INDEX ix_operation_resource_id_id ON operation (resource_id, id);
CREATE INDEX ix_operation_kernel_id_id ON operation (kernel_id, id);
CREATE INDEX ix_operation_status ON operation (status);
CREATE INDEX ix_trash_name_in_storage_backend_id ON trash (name_in_storage, backend_id);
CREATE INDEX ix_trash_volume_id ON trash (volume_id);
CREATE INDEX ix_trash_backend_id_expires_at ON trash (backend_id, expires_at);
CREATE INDEX ix_volume_backend_id_created_at_id ON volume (backend_id, created_at, id);
CREATE INDEX ix_volume_availability_zone_created_at_id ON volume (availability_zone, created_at, id) WHERE availability_zone IS NOT NULL;
CREATE INDEX ix_volume_host_created_at_id ON volume (host, created_at, id);
CREATE INDEX ix_volume_status_size_id ON volume (status, size, id);
CREATE INDEX ix_volume_bootable_created_at_id ON volume (bootable, created_at, id);
CREATE INDEX ix_volume_attach_status_created_at_id ON volume (attach_status, created_at, id);
CREATE INDEX ix_volume_pool_name_created_at_id ON volume (pool_name, created_at, id) WHERE pool_name IS NOT NULL;
CREATE INDEX ix_volume_name_in_storage_backend_id ON volume (name_in_storage, backend_id);
CREATE INDEX ix_volume_created_at_id ON volume (created_at, id);
CREATE INDEX ix_volume_status_created_at_id ON volume (status, created_at, id);
CREATE INDEX ix_volume_size_id ON volume (size, id);
CREATE INDEX ix_volume_provider_id_id ON volume (provider_id, id) WHERE provider_id IS NOT NULL;
CREATE INDEX ix_volume_updated_at_id ON volume (updated_at, id) WHERE updated_at IS NOT NULL;
CREATE INDEX ix_volume_backend_id_status_size_id ON volume (backend_id, status, size, id);
CREATE INDEX ix_volume_source_volid_id ON volume (source_volid, id) WHERE source_volid IS NOT NULL;
CREATE INDEX ix_volume_backend_id_size_id ON volume (backend_id, size, id);
CREATE INDEX ix_volume_name_id ON volume (name, id);
CREATE INDEX ix_volume_snapshot_id_id ON volume (snapshot_id, id) WHERE snapshot_id IS NOT NULL;
CREATE INDEX ix_volume_backend_id_name_id ON volume (backend_id, name, id);
CREATE INDEX ix_volume_backend_id_host_id ON volume (backend_id, host, id);
CREATE INDEX ix_connection_protocol_created_at_id ON connection (protocol, created_at, id) WHERE protocol IS NOT NULL;
CREATE INDEX ix_connection_volume_id_created_at_id ON connection (volume_id, created_at, id);
CREATE INDEX ix_connection_backend_id_created_at_id ON connection (backend_id, created_at, id);
CREATE INDEX ix_connection_attach_status_created_at_id ON connection (attach_status, created_at, id);
CREATE INDEX ix_connection_created_at_id ON connection (created_at, id);
CREATE INDEX ix_connection_updated_at_id ON connection (updated_at, id) WHERE updated_at IS NOT NULL;
CREATE INDEX ix_connection_attached_host_created_at_id ON connection (attached_host, created_at, id) WHERE attached_host IS NOT NULL;
CREATE INDEX ix_snapshot_backend_id_created_at_id ON snapshot (backend_id, created_at, id);
CREATE INDEX ix_snapshot_name_in_storage_backend_id ON snapshot (name_in_storage, backend_id);
CREATE INDEX ix_snapshot_created_at_id ON snapshot (created_at, id);
CREATE INDEX ix_snapshot_provider_id_id ON snapshot (provider_id, id) WHERE provider_id IS NOT NULL;
CREATE INDEX ix_snapshot_status_created_at_id ON snapshot (status, created_at, id);
CREATE INDEX ix_snapshot_volume_size_id ON snapshot (volume_size, id);
CREATE INDEX ix_snapshot_updated_at_id ON snapshot (updated_at, id) WHERE updated_at IS NOT NULL;
CREATE INDEX ix_snapshot_name_id ON snapshot (name, id);
CREATE INDEX ix_snapshot_volume_id_created_at_id ON snapshot (volume_id, created_at, id);
CREATE INDEX ix_volume_name_nocase ON volume (name COLLATE NOCASE, id);
COMMIT;

BEGIN TRANSACTION;
CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	PRIMARY KEY (version_num)
);
INSERT INTO "alembic_version" VALUES('0008');
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
INSERT INTO "backend" VALUES('86128d6e-f361-41aa-b27b-cfdff243e2f4','lab','sim','{"path": "/var/lib/lab/sim", "latency": 0.0, "capacity": "infinite", "faults": "create_snapshot:2"}','2026-11-30 02:56:13.871102',NULL,1,NULL);
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
INSERT INTO "connection" VALUES('d3d7b67d-4fe1-4673-beaf-b16d80b9d257','fe7b9386-1135-41e3-9353-d9d1f24bd775','86128d6e-f361-41aa-b27b-cfdff243e2f4','attached','rw',NULL,NULL,'local',0,NULL,'{"host": "node1", "ip": "192.0.2.7", "initiator": "iqn.x", "multipath": false}','{"driver_volume_type": "local", "data": {"device_path": "/var/lib/lab/sim/volume-fe7b9386-1135-41e3-9353-d9d1f24bd775", "volume_id": "fe7b9386-1135-41e3-9353-d9d1f24bd775", "size": 2147483648, "backing_file": "/var/lib/lab/sim/volume-fe7b9386-1135-41e3-9353-d9d1f24bd775"}}',NULL,'2026-11-30 02:56:14.002986','2026-11-30 02:56:14.026384',2,NULL);
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
INSERT INTO "entry" VALUES(1,1,'outcome','backend','86128d6e-f361-41aa-b27b-cfdff243e2f4',NULL,NULL,NULL,'2026-11-30 02:56:13.873684');
INSERT INTO "entry" VALUES(2,2,'intent','volume','fe7b9386-1135-41e3-9353-d9d1f24bd775',NULL,'86128d6e-f361-41aa-b27b-cfdff243e2f4','creating','2026-11-30 02:56:13.914399');
INSERT INTO "entry" VALUES(3,2,'outcome','volume','fe7b9386-1135-41e3-9353-d9d1f24bd775',NULL,'86128d6e-f361-41aa-b27b-cfdff243e2f4','creating','2026-11-30 02:56:13.932528');
INSERT INTO "entry" VALUES(4,3,'intent','snapshot','0418021e-0417-4aa1-9135-6d6508460b69','fe7b9386-1135-41e3-9353-d9d1f24bd775','86128d6e-f361-41aa-b27b-cfdff243e2f4','creating','2026-11-30 02:56:13.944139');
INSERT INTO "entry" VALUES(5,3,'outcome','snapshot','0418021e-0417-4aa1-9135-6d6508460b69','fe7b9386-1135-41e3-9353-d9d1f24bd775','86128d6e-f361-41aa-b27b-cfdff243e2f4','creating','2026-11-30 02:56:13.956147');
INSERT INTO "entry" VALUES(6,4,'intent','volume','7104f308-cd87-42ca-91b8-3f8a9b9a14af',NULL,'86128d6e-f361-41aa-b27b-cfdff243e2f4','creating','2026-11-30 02:56:13.970730');
INSERT INTO "entry" VALUES(7,4,'outcome','volume','7104f308-cd87-42ca-91b8-3f8a9b9a14af',NULL,'86128d6e-f361-41aa-b27b-cfdff243e2f4','creating','2026-11-30 02:56:13.973688');
INSERT INTO "entry" VALUES(8,5,'intent','volume','734e181e-4429-40d3-bbe1-88668b76654c',NULL,'86128d6e-f361-41aa-b27b-cfdff243e2f4','creating','2026-11-30 02:56:13.983773');
INSERT INTO "entry" VALUES(9,5,'outcome','volume','734e181e-4429-40d3-bbe1-88668b76654c',NULL,'86128d6e-f361-41aa-b27b-cfdff243e2f4','creating','2026-11-30 02:56:13.990266');
INSERT INTO "entry" VALUES(10,6,'intent','connection','d3d7b67d-4fe1-4673-beaf-b16d80b9d257','fe7b9386-1135-41e3-9353-d9d1f24bd775','86128d6e-f361-41aa-b27b-cfdff243e2f4',NULL,'2026-11-30 02:56:14.008454');
INSERT INTO "entry" VALUES(11,6,'outcome','connection','d3d7b67d-4fe1-4673-beaf-b16d80b9d257','fe7b9386-1135-41e3-9353-d9d1f24bd775','86128d6e-f361-41aa-b27b-cfdff243e2f4','attaching','2026-11-30 02:56:14.036955');
INSERT INTO "entry" VALUES(12,7,'intent','volume','71913e3e-6582-441c-8526-24159477bf0a',NULL,'86128d6e-f361-41aa-b27b-cfdff243e2f4','creating','2026-11-30 02:56:14.045712');
INSERT INTO "entry" VALUES(13,7,'outcome','volume','71913e3e-6582-441c-8526-24159477bf0a',NULL,'86128d6e-f361-41aa-b27b-cfdff243e2f4','creating','2026-11-30 02:56:14.047934');
INSERT INTO "entry" VALUES(14,8,'intent','volume','71913e3e-6582-441c-8526-24159477bf0a',NULL,'86128d6e-f361-41aa-b27b-cfdff243e2f4','available','2026-11-30 02:56:14.061118');
INSERT INTO "entry" VALUES(15,8,'outcome','volume','71913e3e-6582-441c-8526-24159477bf0a',NULL,'86128d6e-f361-41aa-b27b-cfdff243e2f4','deleting','2026-11-30 02:56:14.074116');
INSERT INTO "entry" VALUES(16,9,'intent','snapshot','9e61a8f7-dbfd-4629-b981-76a9f6d87d47','fe7b9386-1135-41e3-9353-d9d1f24bd775','86128d6e-f361-41aa-b27b-cfdff243e2f4','creating','2026-11-30 02:56:14.082167');
INSERT INTO "entry" VALUES(17,9,'outcome','snapshot','9e61a8f7-dbfd-4629-b981-76a9f6d87d47','fe7b9386-1135-41e3-9353-d9d1f24bd775','86128d6e-f361-41aa-b27b-cfdff243e2f4','creating','2026-11-30 02:56:14.088805');
INSERT INTO "entry" VALUES(18,NULL,'save','key_value','ae1881d2-534a-5240-8346-6bd8c44308ee',NULL,NULL,NULL,'2026-11-30 02:56:14.100251');
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
INSERT INTO "kernel" VALUES('021c6c13-78f5-4ec7-a6ec-ca569de2eab4','vm','root',16633,219543,'vm/3d1219c7c4c5404aaa1f6d2a48adfda4','19328488-079a-4810-9195-be13ab659cd8/pid:[4026531836]',NULL,'2026-11-30 02:56:13.842883','2026-11-30 02:56:13.914000');
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
INSERT INTO "operation" VALUES(1,'add',NULL,'done','backend','86128d6e-f361-41aa-b27b-cfdff243e2f4','lab',NULL,'{}','021c6c13-78f5-4ec7-a6ec-ca569de2eab4','2026-11-30 02:56:13.871893','2026-11-30 02:56:13.871893',0.0,NULL);
INSERT INTO "operation" VALUES(2,'create','create_volume','done','volume','fe7b9386-1135-41e3-9353-d9d1f24bd775','ledger 中文 💾','86128d6e-f361-41aa-b27b-cfdff243e2f4','{"size": 2, "name": "ledger \u4e2d\u6587 \ud83d\udcbe"}','021c6c13-78f5-4ec7-a6ec-ca569de2eab4','2026-11-30 02:56:13.907478','2026-11-30 02:56:13.928098',0.000421215000187658,NULL);
INSERT INTO "operation" VALUES(3,'create','create_snapshot','done','snapshot','0418021e-0417-4aa1-9135-6d6508460b69','before the flood','86128d6e-f361-41aa-b27b-cfdff243e2f4','{"volume_id": "fe7b9386-1135-41e3-9353-d9d1f24bd775", "name": "before the flood"}','021c6c13-78f5-4ec7-a6ec-ca569de2eab4','2026-11-30 02:56:13.943905','2026-11-30 02:56:13.952039',4.58189000255515566095e-04,NULL);
INSERT INTO "operation" VALUES(4,'create','create_volume_from_snapshot','done','volume','7104f308-cd87-42ca-91b8-3f8a9b9a14af','copy','86128d6e-f361-41aa-b27b-cfdff243e2f4','{"size": 2, "name": "copy", "snapshot_id": "0418021e-0417-4aa1-9135-6d6508460b69"}','021c6c13-78f5-4ec7-a6ec-ca569de2eab4','2026-11-30 02:56:13.970457','2026-11-30 02:56:13.973090',4.07052999889856437221e-04,NULL);
INSERT INTO "operation" VALUES(5,'create','create_cloned_volume','done','volume','734e181e-4429-40d3-bbe1-88668b76654c','it''s 100% \ a "clone"','86128d6e-f361-41aa-b27b-cfdff243e2f4','{"size": 2, "name": "it''s 100% \\ a \"clone\"", "source_volid": "fe7b9386-1135-41e3-9353-d9d1f24bd775"}','021c6c13-78f5-4ec7-a6ec-ca569de2eab4','2026-11-30 02:56:13.983555','2026-11-30 02:56:13.989499',2.69929100022636703215e-03,NULL);
INSERT INTO "operation" VALUES(6,'connect','initialize_connection','done','connection','d3d7b67d-4fe1-4673-beaf-b16d80b9d257',NULL,'86128d6e-f361-41aa-b27b-cfdff243e2f4','{"volume_id": "fe7b9386-1135-41e3-9353-d9d1f24bd775", "host": "node1"}','021c6c13-78f5-4ec7-a6ec-ca569de2eab4','2026-11-30 02:56:14.003863','2026-11-30 02:56:14.025689',1.25100139998721715528e-02,NULL);
INSERT INTO "operation" VALUES(7,'create','create_volume','done','volume','71913e3e-6582-441c-8526-24159477bf0a','gone','86128d6e-f361-41aa-b27b-cfdff243e2f4','{"size": 1, "name": "gone"}','021c6c13-78f5-4ec7-a6ec-ca569de2eab4','2026-11-30 02:56:14.045505','2026-11-30 02:56:14.047408',2.58984000083728460595e-04,NULL);
INSERT INTO "operation" VALUES(8,'delete','delete_volume','done','volume','71913e3e-6582-441c-8526-24159477bf0a','gone','86128d6e-f361-41aa-b27b-cfdff243e2f4','{}','021c6c13-78f5-4ec7-a6ec-ca569de2eab4','2026-11-30 02:56:14.060918','2026-11-30 02:56:14.068599',3.83327999770699534565e-04,NULL);
INSERT INTO "operation" VALUES(9,'create','create_snapshot','failed','snapshot','9e61a8f7-dbfd-4629-b981-76a9f6d87d47','refused','86128d6e-f361-41aa-b27b-cfdff243e2f4','{"volume_id": "fe7b9386-1135-41e3-9353-d9d1f24bd775", "name": "refused"}','021c6c13-78f5-4ec7-a6ec-ca569de2eab4','2026-11-30 02:56:14.077794','2026-11-30 02:56:14.087479',1.95458999769471120089e-04,'DriverError: simulated fault in create_snapshot, call 2');
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
INSERT INTO "snapshot" VALUES('0418021e-0417-4aa1-9135-6d6508460b69','before the flood','','available','100%','fe7b9386-1135-41e3-9353-d9d1f24bd775',2,'86128d6e-f361-41aa-b27b-cfdff243e2f4','snapshot-0418021e-0417-4aa1-9135-6d6508460b69','{"why": "test"}',NULL,NULL,NULL,'2026-11-30 02:56:13.942562','2026-11-30 02:56:13.952526',2,NULL);
INSERT INTO "snapshot" VALUES('9e61a8f7-dbfd-4629-b981-76a9f6d87d47','refused','','error','0%','fe7b9386-1135-41e3-9353-d9d1f24bd775',2,'86128d6e-f361-41aa-b27b-cfdff243e2f4','snapshot-9e61a8f7-dbfd-4629-b981-76a9f6d87d47','{}',NULL,NULL,NULL,'2026-11-30 02:56:14.077649','2026-11-30 02:56:14.087902',2,NULL);
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
INSERT INTO "volume" VALUES('fe7b9386-1135-41e3-9353-d9d1f24bd775','ledger 中文 💾','of all',2,'in-use','attached','86128d6e-f361-41aa-b27b-cfdff243e2f4','vm@lab',NULL,'volume-fe7b9386-1135-41e3-9353-d9d1f24bd775',NULL,NULL,NULL,0,'{"team": "bl\u00fc"}','{}','{}',NULL,NULL,NULL,'2026-11-30 02:56:13.902971','2026-11-30 02:56:14.033574',3,NULL);
INSERT INTO "volume" VALUES('7104f308-cd87-42ca-91b8-3f8a9b9a14af','copy','',2,'available','detached','86128d6e-f361-41aa-b27b-cfdff243e2f4','vm@lab',NULL,'volume-7104f308-cd87-42ca-91b8-3f8a9b9a14af','0418021e-0417-4aa1-9135-6d6508460b69',NULL,NULL,0,'{}','{}','{}',NULL,NULL,NULL,'2026-11-30 02:56:13.965744','2026-11-30 02:56:13.973505',2,NULL);
INSERT INTO "volume" VALUES('734e181e-4429-40d3-bbe1-88668b76654c','it''s 100% \ a "clone"','',2,'available','detached','86128d6e-f361-41aa-b27b-cfdff243e2f4','vm@lab',NULL,'volume-734e181e-4429-40d3-bbe1-88668b76654c',NULL,'fe7b9386-1135-41e3-9353-d9d1f24bd775',NULL,0,'{}','{}','{}',NULL,NULL,NULL,'2026-11-30 02:56:13.983341','2026-11-30 02:56:13.990059',2,NULL);
CREATE INDEX ix_entry_resource_id_number ON entry (resource_id, number);
CREATE INDEX ix_operation_kernel_id_id ON operation (kernel_id, id);
CREATE INDEX ix_operation_resource_id_id ON operation (resource_id, id);
CREATE INDEX ix_operation_status ON operation (status);
CREATE INDEX ix_volume_updated_at_id ON volume (updated_at, id) WHERE updated_at IS NOT NULL;
CREATE INDEX ix_volume_attach_status_created_at_id ON volume (attach_status, created_at, id);
CREATE INDEX ix_volume_host_created_at_id ON volume (host, created_at, id);
CREATE INDEX ix_volume_bootable_created_at_id ON volume (bootable, created_at, id);
CREATE INDEX ix_volume_pool_name_created_at_id ON volume (pool_name, created_at, id) WHERE pool_name IS NOT NULL;
CREATE INDEX ix_volume_availability_zone_created_at_id ON volume (availability_zone, created_at, id) WHERE availability_zone IS NOT NULL;
CREATE INDEX ix_volume_provider_id_id ON volume (provider_id, id) WHERE provider_id IS NOT NULL;
CREATE INDEX ix_volume_snapshot_id_id ON volume (snapshot_id, id) WHERE snapshot_id IS NOT NULL;
CREATE INDEX ix_volume_name_id ON volume (name, id);
CREATE INDEX ix_volume_backend_id_name_id ON volume (backend_id, name, id);
CREATE INDEX ix_volume_backend_id_created_at_id ON volume (backend_id, created_at, id);
CREATE INDEX ix_volume_backend_id_status_size_id ON volume (backend_id, status, size, id);
CREATE INDEX ix_volume_backend_id_size_id ON volume (backend_id, size, id);
CREATE INDEX ix_volume_source_volid_id ON volume (source_volid, id) WHERE source_volid IS NOT NULL;
CREATE INDEX ix_volume_backend_id_host_id ON volume (backend_id, host, id);
CREATE INDEX ix_volume_created_at_id ON volume (created_at, id);
CREATE INDEX ix_volume_size_id ON volume (size, id);
CREATE INDEX ix_volume_status_created_at_id ON volume (status, created_at, id);
CREATE INDEX ix_volume_status_size_id ON volume (status, size, id);
CREATE INDEX ix_connection_attached_host_created_at_id ON connection (attached_host, created_at, id) WHERE attached_host IS NOT NULL;
CREATE INDEX ix_connection_volume_id_created_at_id ON connection (volume_id, created_at, id);
CREATE INDEX ix_connection_updated_at_id ON connection (updated_at, id) WHERE updated_at IS NOT NULL;
CREATE INDEX ix_connection_backend_id_created_at_id ON connection (backend_id, created_at, id);
CREATE INDEX ix_connection_attach_status_created_at_id ON connection (attach_status, created_at, id);
CREATE INDEX ix_connection_created_at_id ON connection (created_at, id);
CREATE INDEX ix_connection_protocol_created_at_id ON connection (protocol, created_at, id) WHERE protocol IS NOT NULL;
CREATE INDEX ix_snapshot_volume_id_created_at_id ON snapshot (volume_id, created_at, id);
CREATE INDEX ix_snapshot_backend_id_created_at_id ON snapshot (backend_id, created_at, id);
CREATE INDEX ix_snapshot_status_created_at_id ON snapshot (status, created_at, id);
CREATE INDEX ix_snapshot_updated_at_id ON snapshot (updated_at, id) WHERE updated_at IS NOT NULL;
CREATE INDEX ix_snapshot_created_at_id ON snapshot (created_at, id);
CREATE INDEX ix_snapshot_provider_id_id ON snapshot (provider_id, id) WHERE provider_id IS NOT NULL;
CREATE INDEX ix_snapshot_name_id ON snapshot (name, id);
CREATE INDEX ix_snapshot_volume_size_id ON snapshot (volume_size, id);
CREATE INDEX ix_volume_name_nocase ON volume (name COLLATE NOCASE, id);
COMMIT;

BEGIN TRANSACTION;
CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	PRIMARY KEY (version_num)
);
INSERT INTO "alembic_version" VALUES('0009');
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
INSERT INTO "backend" VALUES('919f55a3-0f69-4172-a1c6-a5d6300d04ae','lab','sim','{"path": "/var/lib/lab/sim", "latency": 0.0, "capacity": "infinite", "faults": "create_snapshot:2"}','2026-11-30 14:58:54.985455',NULL,1,NULL);
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
INSERT INTO "connection" VALUES('51eaf17e-dd1f-4380-8a42-680c7a000e39','66c23946-1d75-47ed-ba75-b83a4d73f273','919f55a3-0f69-4172-a1c6-a5d6300d04ae','attached','rw',NULL,NULL,'local',0,NULL,'{"host": "node1", "ip": "192.0.2.7", "initiator": "iqn.x", "multipath": false}','{"driver_volume_type": "local", "data": {"device_path": "/var/lib/lab/sim/volume-66c23946-1d75-47ed-ba75-b83a4d73f273", "volume_id": "66c23946-1d75-47ed-ba75-b83a4d73f273", "size": 2147483648, "backing_file": "/var/lib/lab/sim/volume-66c23946-1d75-47ed-ba75-b83a4d73f273", "backing_inode": 4205964}}',NULL,'2026-11-30 14:58:55.055060','2026-11-30 14:58:55.066649',2,NULL);
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
INSERT INTO "entry" VALUES(1,1,'outcome','backend','919f55a3-0f69-4172-a1c6-a5d6300d04ae',NULL,NULL,NULL,'2026-11-30 14:58:54.987171');
INSERT INTO "entry" VALUES(2,2,'intent','volume','66c23946-1d75-47ed-ba75-b83a4d73f273',NULL,'919f55a3-0f69-4172-a1c6-a5d6300d04ae','creating','2026-11-30 14:58:55.006992');
INSERT INTO "entry" VALUES(3,2,'outcome','volume','66c23946-1d75-47ed-ba75-b83a4d73f273',NULL,'919f55a3-0f69-4172-a1c6-a5d6300d04ae','creating','2026-11-30 14:58:55.012550');
INSERT INTO "entry" VALUES(4,3,'intent','snapshot','311412c1-ff0b-43bb-b6ff-3dd704d98dc9','66c23946-1d75-47ed-ba75-b83a4d73f273','919f55a3-0f69-4172-a1c6-a5d6300d04ae','creating','2026-11-30 14:58:55.024986');
INSERT INTO "entry" VALUES(5,3,'outcome','snapshot','311412c1-ff0b-43bb-b6ff-3dd704d98dc9','66c23946-1d75-47ed-ba75-b83a4d73f273','919f55a3-0f69-4172-a1c6-a5d6300d04ae','creating','2026-11-30 14:58:55.032047');
INSERT INTO "entry" VALUES(6,4,'intent','volume','eb28e101-47ec-4ab4-b823-a0faa09cb69e',NULL,'919f55a3-0f69-4172-a1c6-a5d6300d04ae','creating','2026-11-30 14:58:55.035539');
INSERT INTO "entry" VALUES(7,4,'outcome','volume','eb28e101-47ec-4ab4-b823-a0faa09cb69e',NULL,'919f55a3-0f69-4172-a1c6-a5d6300d04ae','creating','2026-11-30 14:58:55.043228');
INSERT INTO "entry" VALUES(8,5,'intent','volume','062a08f8-4581-48b7-bc2c-8a3ff903510d',NULL,'919f55a3-0f69-4172-a1c6-a5d6300d04ae','creating','2026-11-30 14:58:55.047264');
INSERT INTO "entry" VALUES(9,5,'outcome','volume','062a08f8-4581-48b7-bc2c-8a3ff903510d',NULL,'919f55a3-0f69-4172-a1c6-a5d6300d04ae','creating','2026-11-30 14:58:55.050661');
INSERT INTO "entry" VALUES(10,6,'intent','connection','51eaf17e-dd1f-4380-8a42-680c7a000e39','66c23946-1d75-47ed-ba75-b83a4d73f273','919f55a3-0f69-4172-a1c6-a5d6300d04ae',NULL,'2026-11-30 14:58:55.056112');
INSERT INTO "entry" VALUES(11,6,'outcome','connection','51eaf17e-dd1f-4380-8a42-680c7a000e39','66c23946-1d75-47ed-ba75-b83a4d73f273','919f55a3-0f69-4172-a1c6-a5d6300d04ae','attaching','2026-11-30 14:58:55.068980');
INSERT INTO "entry" VALUES(12,7,'intent','volume','993418ca-f296-4615-9561-1c1cf08072d4',NULL,'919f55a3-0f69-4172-a1c6-a5d6300d04ae','creating','2026-11-30 14:58:55.079043');
INSERT INTO "entry" VALUES(13,7,'outcome','volume','993418ca-f296-4615-9561-1c1cf08072d4',NULL,'919f55a3-0f69-4172-a1c6-a5d6300d04ae','creating','2026-11-30 14:58:55.082445');
INSERT INTO "entry" VALUES(14,8,'intent','volume','993418ca-f296-4615-9561-1c1cf08072d4',NULL,'919f55a3-0f69-4172-a1c6-a5d6300d04ae','available','2026-11-30 14:58:55.101232');
INSERT INTO "entry" VALUES(15,8,'outcome','volume','993418ca-f296-4615-9561-1c1cf08072d4',NULL,'919f55a3-0f69-4172-a1c6-a5d6300d04ae','deleting','2026-11-30 14:58:55.130138');
INSERT INTO "entry" VALUES(16,9,'intent','snapshot','eb6169eb-acb4-4fac-8a14-41df8e8d8443','66c23946-1d75-47ed-ba75-b83a4d73f273','919f55a3-0f69-4172-a1c6-a5d6300d04ae','creating','2026-11-30 14:58:55.139835');
INSERT INTO "entry" VALUES(17,9,'outcome','snapshot','eb6169eb-acb4-4fac-8a14-41df8e8d8443','66c23946-1d75-47ed-ba75-b83a4d73f273','919f55a3-0f69-4172-a1c6-a5d6300d04ae','creating','2026-11-30 14:58:55.147953');
INSERT INTO "entry" VALUES(18,NULL,'save','key_value','ae1881d2-534a-5240-8346-6bd8c44308ee',NULL,NULL,NULL,'2026-11-30 14:58:55.156793');
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
INSERT INTO "kernel" VALUES('e986dd82-98b5-40a8-94de-1b13491a52fb','vm','root',8811,4555691,'vm/3d1219c7c4c5404aaa1f6d2a48adfda4','19328488-079a-4810-9195-be13ab659cd8/pid:[4026531836]',NULL,'2026-11-30 14:58:54.977001','2026-11-30 14:58:55.006000');
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
INSERT INTO "operation" VALUES(1,'add',NULL,'done','backend','919f55a3-0f69-4172-a1c6-a5d6300d04ae','lab',NULL,'{}','e986dd82-98b5-40a8-94de-1b13491a52fb','2026-11-30 14:58:54.985972','2026-11-30 14:58:54.985972',0.0,NULL);
INSERT INTO "operation" VALUES(2,'create','create_volume','done','volume','66c23946-1d75-47ed-ba75-b83a4d73f273','ledger 中文 💾','919f55a3-0f69-4172-a1c6-a5d6300d04ae','{"size": 2, "name": "ledger \u4e2d\u6587 \ud83d\udcbe"}','e986dd82-98b5-40a8-94de-1b13491a52fb','2026-11-30 14:58:55.001732','2026-11-30 14:58:55.010927',3.68687004083767533302e-04,NULL);
INSERT INTO "operation" VALUES(3,'create','create_snapshot','done','snapshot','311412c1-ff0b-43bb-b6ff-3dd704d98dc9','before the flood','919f55a3-0f69-4172-a1c6-a5d6300d04ae','{"volume_id": "66c23946-1d75-47ed-ba75-b83a4d73f273", "name": "before the flood"}','e986dd82-98b5-40a8-94de-1b13491a52fb','2026-11-30 14:58:55.024805','2026-11-30 14:58:55.030709',3.85922001441940665245e-04,NULL);
INSERT INTO "operation" VALUES(4,'create','create_volume_from_snapshot','done','volume','eb28e101-47ec-4ab4-b823-a0faa09cb69e','copy','919f55a3-0f69-4172-a1c6-a5d6300d04ae','{"size": 2, "name": "copy", "snapshot_id": "311412c1-ff0b-43bb-b6ff-3dd704d98dc9"}','e986dd82-98b5-40a8-94de-1b13491a52fb','2026-11-30 14:58:55.035398','2026-11-30 14:58:55.042706',3.68266002624295651912e-04,NULL);
INSERT INTO "operation" VALUES(5,'create','create_cloned_volume','done','volume','062a08f8-4581-48b7-bc2c-8a3ff903510d','it''s 100% \ a "clone"','919f55a3-0f69-4172-a1c6-a5d6300d04ae','{"size": 2, "name": "it''s 100% \\ a \"clone\"", "source_volid": "66c23946-1d75-47ed-ba75-b83a4d73f273"}','e986dd82-98b5-40a8-94de-1b13491a52fb','2026-11-30 14:58:55.047119','2026-11-30 14:58:55.050215',2.04786600079387426376e-03,NULL);
INSERT INTO "operation" VALUES(6,'connect','initialize_connection','done','connection','51eaf17e-dd1f-4380-8a42-680c7a000e39',NULL,'919f55a3-0f69-4172-a1c6-a5d6300d04ae','{"volume_id": "66c23946-1d75-47ed-ba75-b83a4d73f273", "host": "node1"}','e986dd82-98b5-40a8-94de-1b13491a52fb','2026-11-30 14:58:55.055953','2026-11-30 14:58:55.066193',9.34758599760243669152e-03,NULL);
INSERT INTO "operation" VALUES(7,'create','create_volume','done','volume','993418ca-f296-4615-9561-1c1cf08072d4','gone','919f55a3-0f69-4172-a1c6-a5d6300d04ae','{"size": 1, "name": "gone"}','e986dd82-98b5-40a8-94de-1b13491a52fb','2026-11-30 14:58:55.078860','2026-11-30 14:58:55.081963',3.20856001053471118211e-04,NULL);
INSERT INTO "operation" VALUES(8,'delete','delete_volume','done','volume','993418ca-f296-4615-9561-1c1cf08072d4','gone','919f55a3-0f69-4172-a1c6-a5d6300d04ae','{}','e986dd82-98b5-40a8-94de-1b13491a52fb','2026-11-30 14:58:55.101046','2026-11-30 14:58:55.124976',1.8478040998161304742e-02,NULL);
INSERT INTO "operation" VALUES(9,'create','create_snapshot','failed','snapshot','eb6169eb-acb4-4fac-8a14-41df8e8d8443','refused','919f55a3-0f69-4172-a1c6-a5d6300d04ae','{"volume_id": "66c23946-1d75-47ed-ba75-b83a4d73f273", "name": "refused"}','e986dd82-98b5-40a8-94de-1b13491a52fb','2026-11-30 14:58:55.139640','2026-11-30 14:58:55.146748',2.81357999483589082956e-04,'DriverError: simulated fault in create_snapshot, call 2');
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
INSERT INTO "snapshot" VALUES('311412c1-ff0b-43bb-b6ff-3dd704d98dc9','before the flood','','available','100%','66c23946-1d75-47ed-ba75-b83a4d73f273',2,'919f55a3-0f69-4172-a1c6-a5d6300d04ae','snapshot-311412c1-ff0b-43bb-b6ff-3dd704d98dc9','{"why": "test"}',NULL,NULL,NULL,'2026-11-30 14:58:55.024009','2026-11-30 14:58:55.031235',2,NULL);
INSERT INTO "snapshot" VALUES('eb6169eb-acb4-4fac-8a14-41df8e8d8443','refused','','error','0%','66c23946-1d75-47ed-ba75-b83a4d73f273',2,'919f55a3-0f69-4172-a1c6-a5d6300d04ae','snapshot-eb6169eb-acb4-4fac-8a14-41df8e8d8443','{}',NULL,NULL,NULL,'2026-11-30 14:58:55.139456','2026-11-30 14:58:55.147202',2,NULL);
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
INSERT INTO "volume" VALUES('66c23946-1d75-47ed-ba75-b83a4d73f273','ledger 中文 💾','of all',2,'in-use','attached','919f55a3-0f69-4172-a1c6-a5d6300d04ae','vm@lab',NULL,'volume-66c23946-1d75-47ed-ba75-b83a4d73f273',NULL,NULL,NULL,0,'{"team": "bl\u00fc"}','{}','{}',NULL,NULL,NULL,'2026-11-30 14:58:55.000660','2026-11-30 14:58:55.068536',3,NULL);
INSERT INTO "volume" VALUES('eb28e101-47ec-4ab4-b823-a0faa09cb69e','copy','',2,'available','detached','919f55a3-0f69-4172-a1c6-a5d6300d04ae','vm@lab',NULL,'volume-eb28e101-47ec-4ab4-b823-a0faa09cb69e','311412c1-ff0b-43bb-b6ff-3dd704d98dc9',NULL,NULL,0,'{}','{}','{}',NULL,NULL,NULL,'2026-11-30 14:58:55.035240','2026-11-30 14:58:55.043043',2,NULL);
INSERT INTO "volume" VALUES('062a08f8-4581-48b7-bc2c-8a3ff903510d','it''s 100% \ a "clone"','',2,'available','detached','919f55a3-0f69-4172-a1c6-a5d6300d04ae','vm@lab',NULL,'volume-062a08f8-4581-48b7-bc2c-8a3ff903510d',NULL,'66c23946-1d75-47ed-ba75-b83a4d73f273',NULL,0,'{}','{}','{}',NULL,NULL,NULL,'2026-11-30 14:58:55.046953','2026-11-30 14:58:55.050521',2,NULL);
CREATE INDEX ix_entry_resource_id_number ON entry (resource_id, number);
CREATE INDEX ix_operation_resource_id_id ON operation (resource_id, id);
CREATE INDEX ix_operation_kernel_id_id ON operation (kernel_id, id);
CREATE INDEX ix_operation_status ON operation (status);
CREATE INDEX ix_volume_backend_id_status_size_id ON volume (backend_id, status, size, id);
CREATE INDEX ix_volume_attach_status_created_at_id ON volume (attach_status, created_at, id);
CREATE INDEX ix_volume_name_id ON volume (name, id);
CREATE INDEX ix_volume_snapshot_id_id ON volume (snapshot_id, id) WHERE snapshot_id IS NOT NULL;
CREATE INDEX ix_volume_backend_id_host_id ON volume (backend_id, host, id);
CREATE INDEX ix_volume_status_created_at_id ON volume (status, created_at, id);
CREATE INDEX ix_volume_created_at_id ON volume (created_at, id);
CREATE INDEX ix_volume_size_id ON volume (size, id);
CREATE INDEX ix_volume_status_size_id ON volume (status, size, id);
CREATE INDEX ix_volume_updated_at_id ON volume (updated_at, id) WHERE updated_at IS NOT NULL;
CREATE INDEX ix_volume_backend_id_created_at_id ON volume (backend_id, created_at, id);
CREATE INDEX ix_volume_backend_id_size_id ON volume (backend_id, size, id);
CREATE INDEX ix_volume_availability_zone_created_at_id ON volume (availability_zone, created_at, id) WHERE availability_zone IS NOT NULL;
CREATE INDEX ix_volume_backend_id_name_id ON volume (backend_id, name, id);
CREATE INDEX ix_volume_name_in_storage_backend_id ON volume (name_in_storage, backend_id);
CREATE INDEX ix_volume_pool_name_created_at_id ON volume (pool_name, created_at, id) WHERE pool_name IS NOT NULL;
CREATE INDEX ix_volume_provider_id_id ON volume (provider_id, id) WHERE provider_id IS NOT NULL;
CREATE INDEX ix_volume_bootable_created_at_id ON volume (bootable, created_at, id);
CREATE INDEX ix_volume_source_volid_id ON volume (source_volid, id) WHERE source_volid IS NOT NULL;
CREATE INDEX ix_volume_host_created_at_id ON volume (host, created_at, id);
CREATE INDEX ix_connection_backend_id_created_at_id ON connection (backend_id, created_at, id);
CREATE INDEX ix_connection_updated_at_id ON connection (updated_at, id) WHERE updated_at IS NOT NULL;
CREATE INDEX ix_connection_attach_status_created_at_id ON connection (attach_status, created_at, id);
CREATE INDEX ix_connection_volume_id_created_at_id ON connection (volume_id, created_at, id);
CREATE INDEX ix_connection_attached_host_created_at_id ON connection (attached_host, created_at, id) WHERE attached_host IS NOT NULL;
CREATE INDEX ix_connection_protocol_created_at_id ON connection (protocol, created_at, id) WHERE protocol IS NOT NULL;
CREATE INDEX ix_connection_created_at_id ON connection (created_at, id);
CREATE INDEX ix_snapshot_volume_size_id ON snapshot (volume_size, id);
CREATE INDEX ix_snapshot_status_created_at_id ON snapshot (status, created_at, id);
CREATE INDEX ix_snapshot_name_id ON snapshot (name, id);
CREATE INDEX ix_snapshot_created_at_id ON snapshot (created_at, id);
CREATE INDEX ix_snapshot_name_in_storage_backend_id ON snapshot (name_in_storage, backend_id);
CREATE INDEX ix_snapshot_volume_id_created_at_id ON snapshot (volume_id, created_at, id);
CREATE INDEX ix_snapshot_backend_id_created_at_id ON snapshot (backend_id, created_at, id);
CREATE INDEX ix_snapshot_updated_at_id ON snapshot (updated_at, id) WHERE updated_at IS NOT NULL;
CREATE INDEX ix_snapshot_provider_id_id ON snapshot (provider_id, id) WHERE provider_id IS NOT NULL;
CREATE INDEX ix_volume_name_nocase ON volume (name COLLATE NOCASE, id);
COMMIT;

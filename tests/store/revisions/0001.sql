BEGIN TRANSACTION;
CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	PRIMARY KEY (version_num)
);
INSERT INTO "alembic_version" VALUES('0001');
CREATE TABLE backend (
	id VARCHAR(36) NOT NULL, 
	name VARCHAR(255) NOT NULL, 
	volume_driver VARCHAR(255) NOT NULL, 
	config JSON NOT NULL, 
	created_at DATETIME NOT NULL, 
	updated_at DATETIME, 
	version INTEGER NOT NULL, 
	CONSTRAINT pk_backend PRIMARY KEY (id), 
	CONSTRAINT uq_backend_name UNIQUE (name)
);
INSERT INTO "backend" VALUES('a4b8c55b-57df-4fc8-a3f8-14000c9610bd','lab','sim','{"path": "/var/lib/lab/sim", "latency": 0.0, "capacity": "infinite", "faults": "create_snapshot:2"}','2026-11-24 12:26:49.486731',NULL,1);
CREATE TABLE connection (
	id VARCHAR(36) NOT NULL, 
	volume_id VARCHAR(36) NOT NULL, 
	backend_id VARCHAR(36) NOT NULL, 
	attach_status VARCHAR(32) NOT NULL, 
	attach_mode VARCHAR(8) NOT NULL, 
	attached_host VARCHAR(255), 
	protocol VARCHAR(32), 
	multipath BOOLEAN NOT NULL, 
	path TEXT, 
	connector_info JSON NOT NULL, 
	conn_info JSON, 
	device JSON, 
	created_at DATETIME NOT NULL, 
	updated_at DATETIME, 
	version INTEGER NOT NULL, 
	CONSTRAINT pk_connection PRIMARY KEY (id), 
	CONSTRAINT fk_connection_volume_id_volume FOREIGN KEY(volume_id) REFERENCES volume (id), 
	CONSTRAINT fk_connection_backend_id_backend FOREIGN KEY(backend_id) REFERENCES backend (id)
);
INSERT INTO "connection" VALUES('e8b70165-a470-4925-8945-b7fa51003fd1','46f4246f-6e9e-4223-bec7-fc91a6931515','a4b8c55b-57df-4fc8-a3f8-14000c9610bd','attached','rw',NULL,'local',0,NULL,'{"host": "node1", "ip": "192.0.2.7", "initiator": "iqn.x", "multipath": false}','{"driver_volume_type": "local", "data": {"device_path": "/var/lib/lab/sim/volume-46f4246f-6e9e-4223-bec7-fc91a6931515", "volume_id": "46f4246f-6e9e-4223-bec7-fc91a6931515", "size": 2147483648, "backing_file": "/var/lib/lab/sim/volume-46f4246f-6e9e-4223-bec7-fc91a6931515"}}',NULL,'2026-11-24 12:26:49.543268','2026-11-24 12:26:49.551870',2);
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
INSERT INTO "entry" VALUES(1,1,'outcome','backend','a4b8c55b-57df-4fc8-a3f8-14000c9610bd',NULL,NULL,NULL,'2026-11-24 12:26:49.488356');
INSERT INTO "entry" VALUES(2,2,'intent','volume','46f4246f-6e9e-4223-bec7-fc91a6931515',NULL,'a4b8c55b-57df-4fc8-a3f8-14000c9610bd','creating','2026-11-24 12:26:49.496829');
INSERT INTO "entry" VALUES(3,2,'outcome','volume','46f4246f-6e9e-4223-bec7-fc91a6931515',NULL,'a4b8c55b-57df-4fc8-a3f8-14000c9610bd','creating','2026-11-24 12:26:49.507315');
INSERT INTO "entry" VALUES(4,3,'intent','snapshot','c877eb0a-d390-46a8-bb3e-af4c7f699d30','46f4246f-6e9e-4223-bec7-fc91a6931515','a4b8c55b-57df-4fc8-a3f8-14000c9610bd','creating','2026-11-24 12:26:49.512880');
INSERT INTO "entry" VALUES(5,3,'outcome','snapshot','c877eb0a-d390-46a8-bb3e-af4c7f699d30','46f4246f-6e9e-4223-bec7-fc91a6931515','a4b8c55b-57df-4fc8-a3f8-14000c9610bd','creating','2026-11-24 12:26:49.524459');
INSERT INTO "entry" VALUES(6,4,'intent','volume','c5e6a793-dacf-4232-86ce-4cf478db1f60',NULL,'a4b8c55b-57df-4fc8-a3f8-14000c9610bd','creating','2026-11-24 12:26:49.527973');
INSERT INTO "entry" VALUES(7,4,'outcome','volume','c5e6a793-dacf-4232-86ce-4cf478db1f60',NULL,'a4b8c55b-57df-4fc8-a3f8-14000c9610bd','creating','2026-11-24 12:26:49.529480');
INSERT INTO "entry" VALUES(8,5,'intent','volume','edb9bd88-7e86-411b-9695-4f3e4232bd41',NULL,'a4b8c55b-57df-4fc8-a3f8-14000c9610bd','creating','2026-11-24 12:26:49.533021');
INSERT INTO "entry" VALUES(9,5,'outcome','volume','edb9bd88-7e86-411b-9695-4f3e4232bd41',NULL,'a4b8c55b-57df-4fc8-a3f8-14000c9610bd','creating','2026-11-24 12:26:49.538649');
INSERT INTO "entry" VALUES(10,6,'intent','connection','e8b70165-a470-4925-8945-b7fa51003fd1','46f4246f-6e9e-4223-bec7-fc91a6931515','a4b8c55b-57df-4fc8-a3f8-14000c9610bd',NULL,'2026-11-24 12:26:49.544305');
INSERT INTO "entry" VALUES(11,6,'outcome','connection','e8b70165-a470-4925-8945-b7fa51003fd1','46f4246f-6e9e-4223-bec7-fc91a6931515','a4b8c55b-57df-4fc8-a3f8-14000c9610bd','attaching','2026-11-24 12:26:49.552986');
INSERT INTO "entry" VALUES(12,7,'intent','volume','b47bfed4-718d-4dd4-b015-3eb18a3788f7',NULL,'a4b8c55b-57df-4fc8-a3f8-14000c9610bd','creating','2026-11-24 12:26:49.559228');
INSERT INTO "entry" VALUES(13,7,'outcome','volume','b47bfed4-718d-4dd4-b015-3eb18a3788f7',NULL,'a4b8c55b-57df-4fc8-a3f8-14000c9610bd','creating','2026-11-24 12:26:49.562843');
INSERT INTO "entry" VALUES(14,8,'intent','volume','b47bfed4-718d-4dd4-b015-3eb18a3788f7',NULL,'a4b8c55b-57df-4fc8-a3f8-14000c9610bd','available','2026-11-24 12:26:49.570306');
INSERT INTO "entry" VALUES(15,8,'outcome','volume','b47bfed4-718d-4dd4-b015-3eb18a3788f7',NULL,'a4b8c55b-57df-4fc8-a3f8-14000c9610bd','deleting','2026-11-24 12:26:49.574765');
INSERT INTO "entry" VALUES(16,9,'intent','snapshot','659e0b00-3fb5-4911-a7e5-3ec34b0a419e','46f4246f-6e9e-4223-bec7-fc91a6931515','a4b8c55b-57df-4fc8-a3f8-14000c9610bd','creating','2026-11-24 12:26:49.581709');
INSERT INTO "entry" VALUES(17,9,'outcome','snapshot','659e0b00-3fb5-4911-a7e5-3ec34b0a419e','46f4246f-6e9e-4223-bec7-fc91a6931515','a4b8c55b-57df-4fc8-a3f8-14000c9610bd','creating','2026-11-24 12:26:49.587608');
CREATE TABLE feed (
	id INTEGER NOT NULL, 
	head BIGINT NOT NULL, 
	CONSTRAINT pk_feed PRIMARY KEY (id)
);
INSERT INTO "feed" VALUES(1,17);
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
	CONSTRAINT pk_kernel PRIMARY KEY (id)
);
INSERT INTO "kernel" VALUES('703b89bf-39ae-42b3-9188-5c67a2bf80c1','lab1','me',13389,1596143,'machine','be0fa6ee-3bcd-4ca1-8798-ec10a8d622ce/pid:[4026531836]',NULL,'2026-11-24 12:26:49.483328');
CREATE TABLE key_value (
	"key" VARCHAR(255) NOT NULL, 
	value TEXT NOT NULL, 
	CONSTRAINT pk_key_value PRIMARY KEY ("key")
);
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
INSERT INTO "operation" VALUES(1,'add',NULL,'done','backend','a4b8c55b-57df-4fc8-a3f8-14000c9610bd','lab',NULL,'{}','703b89bf-39ae-42b3-9188-5c67a2bf80c1','2026-11-24 12:26:49.487166','2026-11-24 12:26:49.487166',0.0,NULL);
INSERT INTO "operation" VALUES(2,'create','create_volume','done','volume','46f4246f-6e9e-4223-bec7-fc91a6931515','ledger 中文 💾','a4b8c55b-57df-4fc8-a3f8-14000c9610bd','{"size": 2, "name": "ledger \u4e2d\u6587 \ud83d\udcbe"}','703b89bf-39ae-42b3-9188-5c67a2bf80c1','2026-11-24 12:26:49.496400','2026-11-24 12:26:49.506627',5.49264600158494431525e-03,NULL);
INSERT INTO "operation" VALUES(3,'create','create_snapshot','done','snapshot','c877eb0a-d390-46a8-bb3e-af4c7f699d30','before the flood','a4b8c55b-57df-4fc8-a3f8-14000c9610bd','{"volume_id": "46f4246f-6e9e-4223-bec7-fc91a6931515", "name": "before the flood"}','703b89bf-39ae-42b3-9188-5c67a2bf80c1','2026-11-24 12:26:49.512734','2026-11-24 12:26:49.524321',1.48874400110798887908e-03,NULL);
INSERT INTO "operation" VALUES(4,'create','create_volume_from_snapshot','done','volume','c5e6a793-dacf-4232-86ce-4cf478db1f60','copy','a4b8c55b-57df-4fc8-a3f8-14000c9610bd','{"size": 2, "name": "copy", "snapshot_id": "c877eb0a-d390-46a8-bb3e-af4c7f699d30"}','703b89bf-39ae-42b3-9188-5c67a2bf80c1','2026-11-24 12:26:49.527838','2026-11-24 12:26:49.529375',5.52111001525190658867e-04,NULL);
INSERT INTO "operation" VALUES(5,'create','create_cloned_volume','done','volume','edb9bd88-7e86-411b-9695-4f3e4232bd41','it''s 100% \ a "clone"','a4b8c55b-57df-4fc8-a3f8-14000c9610bd','{"size": 2, "name": "it''s 100% \\ a \"clone\"", "source_volid": "46f4246f-6e9e-4223-bec7-fc91a6931515"}','703b89bf-39ae-42b3-9188-5c67a2bf80c1','2026-11-24 12:26:49.532895','2026-11-24 12:26:49.538534',5.53322000996558926999e-04,NULL);
INSERT INTO "operation" VALUES(6,'connect','initialize_connection','done','connection','e8b70165-a470-4925-8945-b7fa51003fd1',NULL,'a4b8c55b-57df-4fc8-a3f8-14000c9610bd','{"volume_id": "46f4246f-6e9e-4223-bec7-fc91a6931515", "host": "node1"}','703b89bf-39ae-42b3-9188-5c67a2bf80c1','2026-11-24 12:26:49.544162','2026-11-24 12:26:49.552858',6.25845600006869062781e-03,NULL);
INSERT INTO "operation" VALUES(7,'create','create_volume','done','volume','b47bfed4-718d-4dd4-b015-3eb18a3788f7','gone','a4b8c55b-57df-4fc8-a3f8-14000c9610bd','{"size": 1, "name": "gone"}','703b89bf-39ae-42b3-9188-5c67a2bf80c1','2026-11-24 12:26:49.559065','2026-11-24 12:26:49.562732',4.89998001285130158066e-04,NULL);
INSERT INTO "operation" VALUES(8,'delete','delete_volume','done','volume','b47bfed4-718d-4dd4-b015-3eb18a3788f7','gone','a4b8c55b-57df-4fc8-a3f8-14000c9610bd','{}','703b89bf-39ae-42b3-9188-5c67a2bf80c1','2026-11-24 12:26:49.570165','2026-11-24 12:26:49.574636',8.73347999004181474447e-04,NULL);
INSERT INTO "operation" VALUES(9,'create','create_snapshot','failed','snapshot','659e0b00-3fb5-4911-a7e5-3ec34b0a419e','refused','a4b8c55b-57df-4fc8-a3f8-14000c9610bd','{"volume_id": "46f4246f-6e9e-4223-bec7-fc91a6931515", "name": "refused"}','703b89bf-39ae-42b3-9188-5c67a2bf80c1','2026-11-24 12:26:49.581577','2026-11-24 12:26:49.587483',8.42371999169699847698e-04,'DriverError: simulated fault in create_snapshot, call 2');
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
	created_at DATETIME NOT NULL, 
	updated_at DATETIME, 
	version INTEGER NOT NULL, 
	CONSTRAINT pk_snapshot PRIMARY KEY (id), 
	CONSTRAINT fk_snapshot_volume_id_volume FOREIGN KEY(volume_id) REFERENCES volume (id), 
	CONSTRAINT fk_snapshot_backend_id_backend FOREIGN KEY(backend_id) REFERENCES backend (id)
);
INSERT INTO "snapshot" VALUES('c877eb0a-d390-46a8-bb3e-af4c7f699d30','before the flood','','available','100%','46f4246f-6e9e-4223-bec7-fc91a6931515',2,'a4b8c55b-57df-4fc8-a3f8-14000c9610bd','snapshot-c877eb0a-d390-46a8-bb3e-af4c7f699d30','{"why": "test"}',NULL,NULL,'2026-11-24 12:26:49.511927','2026-11-24 12:26:49.523399',2);
INSERT INTO "snapshot" VALUES('659e0b00-3fb5-4911-a7e5-3ec34b0a419e','refused','','error','0%','46f4246f-6e9e-4223-bec7-fc91a6931515',2,'a4b8c55b-57df-4fc8-a3f8-14000c9610bd','snapshot-659e0b00-3fb5-4911-a7e5-3ec34b0a419e','{}',NULL,NULL,'2026-11-24 12:26:49.581472','2026-11-24 12:26:49.586919',2);
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
	created_at DATETIME NOT NULL, 
	updated_at DATETIME, 
	version INTEGER NOT NULL, 
	CONSTRAINT pk_volume PRIMARY KEY (id), 
	CONSTRAINT fk_volume_backend_id_backend FOREIGN KEY(backend_id) REFERENCES backend (id)
);
INSERT INTO "volume" VALUES('46f4246f-6e9e-4223-bec7-fc91a6931515','ledger 中文 💾','of all',2,'in-use','attached','a4b8c55b-57df-4fc8-a3f8-14000c9610bd','lab1@lab',NULL,'volume-46f4246f-6e9e-4223-bec7-fc91a6931515',NULL,NULL,NULL,0,'{"team": "bl\u00fc"}','{}','{}',NULL,NULL,'2026-11-24 12:26:49.495219','2026-11-24 12:26:49.552522',3);
INSERT INTO "volume" VALUES('c5e6a793-dacf-4232-86ce-4cf478db1f60','copy','',2,'available','detached','a4b8c55b-57df-4fc8-a3f8-14000c9610bd','lab1@lab',NULL,'volume-c5e6a793-dacf-4232-86ce-4cf478db1f60','c877eb0a-d390-46a8-bb3e-af4c7f699d30',NULL,NULL,0,'{}','{}','{}',NULL,NULL,'2026-11-24 12:26:49.527701','2026-11-24 12:26:49.529268',2);
INSERT INTO "volume" VALUES('edb9bd88-7e86-411b-9695-4f3e4232bd41','it''s 100% \ a "clone"','',2,'available','detached','a4b8c55b-57df-4fc8-a3f8-14000c9610bd','lab1@lab',NULL,'volume-edb9bd88-7e86-411b-9695-4f3e4232bd41',NULL,'46f4246f-6e9e-4223-bec7-fc91a6931515',NULL,0,'{}','{}','{}',NULL,NULL,'2026-11-24 12:26:49.532772','2026-11-24 12:26:49.538393',2);
CREATE INDEX ix_entry_resource_id_number ON entry (resource_id, number);
CREATE INDEX ix_operation_status ON operation (status);
CREATE INDEX ix_operation_resource_id_id ON operation (resource_id, id);
CREATE INDEX ix_volume_backend_id_created_at_id ON volume (backend_id, created_at, id);
CREATE INDEX ix_volume_status ON volume (status);
CREATE INDEX ix_volume_backend_id_name_id ON volume (backend_id, name, id);
CREATE INDEX ix_volume_name ON volume (name);
CREATE INDEX ix_volume_backend_id_host_id ON volume (backend_id, host, id);
CREATE INDEX ix_volume_created_at_id ON volume (created_at, id);
CREATE INDEX ix_volume_backend_id_status_size_id ON volume (backend_id, status, size, id);
CREATE INDEX ix_volume_backend_id_size_id ON volume (backend_id, size, id);
CREATE INDEX ix_connection_backend_id ON connection (backend_id);
CREATE INDEX ix_connection_volume_id_created_at_id ON connection (volume_id, created_at, id);
CREATE INDEX ix_connection_attach_status ON connection (attach_status);
CREATE INDEX ix_snapshot_status ON snapshot (status);
CREATE INDEX ix_snapshot_name ON snapshot (name);
CREATE INDEX ix_snapshot_volume_id_created_at_id ON snapshot (volume_id, created_at, id);
CREATE INDEX ix_snapshot_backend_id ON snapshot (backend_id);
COMMIT;

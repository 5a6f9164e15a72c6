BEGIN TRANSACTION;
CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	PRIMARY KEY (version_num)
);
INSERT INTO "alembic_version" VALUES('0005');
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
INSERT INTO "backend" VALUES('997705f3-2374-497d-aca8-d01ed93745fd','lab','sim','{"path": "/var/lib/lab/sim", "latency": 0.0, "capacity": "infinite", "faults": "create_snapshot:2"}','2026-11-24 12:26:52.337960',NULL,1,NULL);
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
INSERT INTO "connection" VALUES('897ebd9e-018d-421a-a7b6-19ffed070de1','4361a181-7856-4190-834f-961e5469fc99','997705f3-2374-497d-aca8-d01ed93745fd','attached','rw',NULL,NULL,'local',0,NULL,'{"host": "node1", "ip": "192.0.2.7", "initiator": "iqn.x", "multipath": false}','{"driver_volume_type": "local", "data": {"device_path": "/var/lib/lab/sim/volume-4361a181-7856-4190-834f-961e5469fc99", "volume_id": "4361a181-7856-4190-834f-961e5469fc99", "size": 2147483648, "backing_file": "/var/lib/lab/sim/volume-4361a181-7856-4190-834f-961e5469fc99"}}',NULL,'2026-11-24 12:26:52.377483','2026-11-24 12:26:52.384817',2,NULL);
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
INSERT INTO "entry" VALUES(1,1,'outcome','backend','997705f3-2374-497d-aca8-d01ed93745fd',NULL,NULL,NULL,'2026-11-24 12:26:52.339741');
INSERT INTO "entry" VALUES(2,2,'intent','volume','4361a181-7856-4190-834f-961e5469fc99',NULL,'997705f3-2374-497d-aca8-d01ed93745fd','creating','2026-11-24 12:26:52.345479');
INSERT INTO "entry" VALUES(3,2,'outcome','volume','4361a181-7856-4190-834f-961e5469fc99',NULL,'997705f3-2374-497d-aca8-d01ed93745fd','creating','2026-11-24 12:26:52.349689');
INSERT INTO "entry" VALUES(4,3,'intent','snapshot','2ea7a1d2-bedd-491d-aedd-d3e5f9ac8d8b','4361a181-7856-4190-834f-961e5469fc99','997705f3-2374-497d-aca8-d01ed93745fd','creating','2026-11-24 12:26:52.358226');
INSERT INTO "entry" VALUES(5,3,'outcome','snapshot','2ea7a1d2-bedd-491d-aedd-d3e5f9ac8d8b','4361a181-7856-4190-834f-961e5469fc99','997705f3-2374-497d-aca8-d01ed93745fd','creating','2026-11-24 12:26:52.364162');
INSERT INTO "entry" VALUES(6,4,'intent','volume','51a87c64-4af9-4803-ba1c-25117f7341af',NULL,'997705f3-2374-497d-aca8-d01ed93745fd','creating','2026-11-24 12:26:52.368053');
INSERT INTO "entry" VALUES(7,4,'outcome','volume','51a87c64-4af9-4803-ba1c-25117f7341af',NULL,'997705f3-2374-497d-aca8-d01ed93745fd','creating','2026-11-24 12:26:52.371171');
INSERT INTO "entry" VALUES(8,5,'intent','volume','1c642829-a1f7-4225-912a-3f5e03a0cdfa',NULL,'997705f3-2374-497d-aca8-d01ed93745fd','creating','2026-11-24 12:26:52.372935');
INSERT INTO "entry" VALUES(9,5,'outcome','volume','1c642829-a1f7-4225-912a-3f5e03a0cdfa',NULL,'997705f3-2374-497d-aca8-d01ed93745fd','creating','2026-11-24 12:26:52.374976');
INSERT INTO "entry" VALUES(10,6,'intent','connection','897ebd9e-018d-421a-a7b6-19ffed070de1','4361a181-7856-4190-834f-961e5469fc99','997705f3-2374-497d-aca8-d01ed93745fd',NULL,'2026-11-24 12:26:52.378277');
INSERT INTO "entry" VALUES(11,6,'outcome','connection','897ebd9e-018d-421a-a7b6-19ffed070de1','4361a181-7856-4190-834f-961e5469fc99','997705f3-2374-497d-aca8-d01ed93745fd','attaching','2026-11-24 12:26:52.385995');
INSERT INTO "entry" VALUES(12,7,'intent','volume','c75d42c1-5386-4f4b-abbb-fdf858b7629f',NULL,'997705f3-2374-497d-aca8-d01ed93745fd','creating','2026-11-24 12:26:52.389945');
INSERT INTO "entry" VALUES(13,7,'outcome','volume','c75d42c1-5386-4f4b-abbb-fdf858b7629f',NULL,'997705f3-2374-497d-aca8-d01ed93745fd','creating','2026-11-24 12:26:52.391751');
INSERT INTO "entry" VALUES(14,8,'intent','volume','c75d42c1-5386-4f4b-abbb-fdf858b7629f',NULL,'997705f3-2374-497d-aca8-d01ed93745fd','available','2026-11-24 12:26:52.396811');
INSERT INTO "entry" VALUES(15,8,'outcome','volume','c75d42c1-5386-4f4b-abbb-fdf858b7629f',NULL,'997705f3-2374-497d-aca8-d01ed93745fd','deleting','2026-11-24 12:26:52.399288');
INSERT INTO "entry" VALUES(16,9,'intent','snapshot','4f966e3a-c6a8-4470-a592-488b917bd6a6','4361a181-7856-4190-834f-961e5469fc99','997705f3-2374-497d-aca8-d01ed93745fd','creating','2026-11-24 12:26:52.401756');
INSERT INTO "entry" VALUES(17,9,'outcome','snapshot','4f966e3a-c6a8-4470-a592-488b917bd6a6','4361a181-7856-4190-834f-961e5469fc99','997705f3-2374-497d-aca8-d01ed93745fd','creating','2026-11-24 12:26:52.404197');
INSERT INTO "entry" VALUES(18,NULL,'save','key_value','ae1881d2-534a-5240-8346-6bd8c44308ee',NULL,NULL,NULL,'2026-11-24 12:26:52.406915');
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
	started_at DATETIME NOT NULL, seen_at DATETIME, 
	CONSTRAINT pk_kernel PRIMARY KEY (id)
);
INSERT INTO "kernel" VALUES('e370b9c8-a6d3-4195-8fba-9f237db6a10b','lab1','me',13405,1596417,'machine','be0fa6ee-3bcd-4ca1-8798-ec10a8d622ce/pid:[4026531836]',NULL,'2026-11-24 12:26:52.332001',NULL);
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
INSERT INTO "operation" VALUES(1,'add',NULL,'done','backend','997705f3-2374-497d-aca8-d01ed93745fd','lab',NULL,'{}','e370b9c8-a6d3-4195-8fba-9f237db6a10b','2026-11-24 12:26:52.338479','2026-11-24 12:26:52.338479',0.0,NULL);
INSERT INTO "operation" VALUES(2,'create','create_volume','done','volume','4361a181-7856-4190-834f-961e5469fc99','ledger 中文 💾','997705f3-2374-497d-aca8-d01ed93745fd','{"size": 2, "name": "ledger \u4e2d\u6587 \ud83d\udcbe"}','e370b9c8-a6d3-4195-8fba-9f237db6a10b','2026-11-24 12:26:52.345096','2026-11-24 12:26:52.349253',1.10875900099927093833e-03,NULL);
INSERT INTO "operation" VALUES(3,'create','create_snapshot','done','snapshot','2ea7a1d2-bedd-491d-aedd-d3e5f9ac8d8b','before the flood','997705f3-2374-497d-aca8-d01ed93745fd','{"volume_id": "4361a181-7856-4190-834f-961e5469fc99", "name": "before the flood"}','e370b9c8-a6d3-4195-8fba-9f237db6a10b','2026-11-24 12:26:52.358091','2026-11-24 12:26:52.364046',1.06634499934443738311e-03,NULL);
INSERT INTO "operation" VALUES(4,'create','create_volume_from_snapshot','done','volume','51a87c64-4af9-4803-ba1c-25117f7341af','copy','997705f3-2374-497d-aca8-d01ed93745fd','{"size": 2, "name": "copy", "snapshot_id": "2ea7a1d2-bedd-491d-aedd-d3e5f9ac8d8b"}','e370b9c8-a6d3-4195-8fba-9f237db6a10b','2026-11-24 12:26:52.367937','2026-11-24 12:26:52.371063',8.57715000165626406669e-04,NULL);
INSERT INTO "operation" VALUES(5,'create','create_cloned_volume','done','volume','1c642829-a1f7-4225-912a-3f5e03a0cdfa','it''s 100% \ a "clone"','997705f3-2374-497d-aca8-d01ed93745fd','{"size": 2, "name": "it''s 100% \\ a \"clone\"", "source_volid": "4361a181-7856-4190-834f-961e5469fc99"}','e370b9c8-a6d3-4195-8fba-9f237db6a10b','2026-11-24 12:26:52.372823','2026-11-24 12:26:52.374880',3.79515000531682744622e-04,NULL);
INSERT INTO "operation" VALUES(6,'connect','initialize_connection','done','connection','897ebd9e-018d-421a-a7b6-19ffed070de1',NULL,'997705f3-2374-497d-aca8-d01ed93745fd','{"volume_id": "4361a181-7856-4190-834f-961e5469fc99", "host": "node1"}','e370b9c8-a6d3-4195-8fba-9f237db6a10b','2026-11-24 12:26:52.378155','2026-11-24 12:26:52.385876',4.6086419988569105044e-03,NULL);
INSERT INTO "operation" VALUES(7,'create','create_volume','done','volume','c75d42c1-5386-4f4b-abbb-fdf858b7629f','gone','997705f3-2374-497d-aca8-d01ed93745fd','{"size": 1, "name": "gone"}','e370b9c8-a6d3-4195-8fba-9f237db6a10b','2026-11-24 12:26:52.389819','2026-11-24 12:26:52.391648',3.69209001291892491281e-04,NULL);
INSERT INTO "operation" VALUES(8,'delete','delete_volume','done','volume','c75d42c1-5386-4f4b-abbb-fdf858b7629f','gone','997705f3-2374-497d-aca8-d01ed93745fd','{}','e370b9c8-a6d3-4195-8fba-9f237db6a10b','2026-11-24 12:26:52.396675','2026-11-24 12:26:52.399157',8.17726000605034641921e-04,NULL);
INSERT INTO "operation" VALUES(9,'create','create_snapshot','failed','snapshot','4f966e3a-c6a8-4470-a592-488b917bd6a6','refused','997705f3-2374-497d-aca8-d01ed93745fd','{"volume_id": "4361a181-7856-4190-834f-961e5469fc99", "name": "refused"}','e370b9c8-a6d3-4195-8fba-9f237db6a10b','2026-11-24 12:26:52.401649','2026-11-24 12:26:52.404089',7.90856000094208866357e-04,'DriverError: simulated fault in create_snapshot, call 2');
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
INSERT INTO "snapshot" VALUES('2ea7a1d2-bedd-491d-aedd-d3e5f9ac8d8b','before the flood','','available','100%','4361a181-7856-4190-834f-961e5469fc99',2,'997705f3-2374-497d-aca8-d01ed93745fd','snapshot-2ea7a1d2-bedd-491d-aedd-d3e5f9ac8d8b','{"why": "test"}',NULL,NULL,NULL,'2026-11-24 12:26:52.357426','2026-11-24 12:26:52.363400',2,NULL);
INSERT INTO "snapshot" VALUES('4f966e3a-c6a8-4470-a592-488b917bd6a6','refused','','error','0%','4361a181-7856-4190-834f-961e5469fc99',2,'997705f3-2374-497d-aca8-d01ed93745fd','snapshot-4f966e3a-c6a8-4470-a592-488b917bd6a6','{}',NULL,NULL,NULL,'2026-11-24 12:26:52.401550','2026-11-24 12:26:52.403516',2,NULL);
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
INSERT INTO "volume" VALUES('4361a181-7856-4190-834f-961e5469fc99','ledger 中文 💾','of all',2,'in-use','attached','997705f3-2374-497d-aca8-d01ed93745fd','lab1@lab',NULL,'volume-4361a181-7856-4190-834f-961e5469fc99',NULL,NULL,NULL,0,'{"team": "bl\u00fc"}','{}','{}',NULL,NULL,NULL,'2026-11-24 12:26:52.344108','2026-11-24 12:26:52.385527',3,NULL);
INSERT INTO "volume" VALUES('51a87c64-4af9-4803-ba1c-25117f7341af','copy','',2,'available','detached','997705f3-2374-497d-aca8-d01ed93745fd','lab1@lab',NULL,'volume-51a87c64-4af9-4803-ba1c-25117f7341af','2ea7a1d2-bedd-491d-aedd-d3e5f9ac8d8b',NULL,NULL,0,'{}','{}','{}',NULL,NULL,NULL,'2026-11-24 12:26:52.367823','2026-11-24 12:26:52.370955',2,NULL);
INSERT INTO "volume" VALUES('1c642829-a1f7-4225-912a-3f5e03a0cdfa','it''s 100% \ a "clone"','',2,'available','detached','997705f3-2374-497d-aca8-d01ed93745fd','lab1@lab',NULL,'volume-1c642829-a1f7-4225-912a-3f5e03a0cdfa',NULL,'4361a181-7856-4190-834f-961e5469fc99',NULL,0,'{}','{}','{}',NULL,NULL,NULL,'2026-11-24 12:26:52.372723','2026-11-24 12:26:52.374788',2,NULL);
CREATE INDEX ix_entry_resource_id_number ON entry (resource_id, number);
CREATE INDEX ix_operation_status ON operation (status);
CREATE INDEX ix_operation_resource_id_id ON operation (resource_id, id);
CREATE INDEX ix_volume_backend_id_status_size_id ON volume (backend_id, status, size, id);
CREATE INDEX ix_volume_created_at_id ON volume (created_at, id);
CREATE INDEX ix_volume_backend_id_host_id ON volume (backend_id, host, id);
CREATE INDEX ix_volume_backend_id_name_id ON volume (backend_id, name, id);
CREATE INDEX ix_volume_backend_id_created_at_id ON volume (backend_id, created_at, id);
CREATE INDEX ix_volume_backend_id_size_id ON volume (backend_id, size, id);
CREATE INDEX ix_connection_volume_id_created_at_id ON connection (volume_id, created_at, id);
CREATE INDEX ix_snapshot_volume_id_created_at_id ON snapshot (volume_id, created_at, id);
CREATE INDEX ix_volume_name_id ON volume (name, id);
CREATE INDEX ix_volume_size_id ON volume (size, id);
CREATE INDEX ix_volume_status_created_at_id ON volume (status, created_at, id);
CREATE INDEX ix_volume_status_size_id ON volume (status, size, id);
CREATE INDEX ix_snapshot_name_id ON snapshot (name, id);
CREATE INDEX ix_snapshot_backend_id_created_at_id ON snapshot (backend_id, created_at, id);
CREATE INDEX ix_snapshot_created_at_id ON snapshot (created_at, id);
CREATE INDEX ix_snapshot_status_created_at_id ON snapshot (status, created_at, id);
CREATE INDEX ix_connection_backend_id_created_at_id ON connection (backend_id, created_at, id);
CREATE INDEX ix_connection_created_at_id ON connection (created_at, id);
CREATE INDEX ix_connection_attach_status_created_at_id ON connection (attach_status, created_at, id);
CREATE INDEX ix_volume_name_nocase ON volume (name COLLATE NOCASE, id);
COMMIT;

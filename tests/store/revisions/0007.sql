BEGIN TRANSACTION;
CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	PRIMARY KEY (version_num)
);
INSERT INTO "alembic_version" VALUES('0007');
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
INSERT INTO "backend" VALUES('7ccb4a7b-187d-4561-a1db-02508449da06','lab','sim','{"path": "/var/lib/lab/sim", "latency": 0.0, "capacity": "infinite", "faults": "create_snapshot:2"}','2026-11-24 15:56:18.588994',NULL,1,NULL);
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
INSERT INTO "connection" VALUES('4fc2dd4d-a4f6-4e82-8733-c14d479f648e','ca2a240c-13e7-439c-9475-bbf033dc3261','7ccb4a7b-187d-4561-a1db-02508449da06','attached','rw',NULL,NULL,'local',0,NULL,'{"host": "node1", "ip": "192.0.2.7", "initiator": "iqn.x", "multipath": false}','{"driver_volume_type": "local", "data": {"device_path": "/var/lib/lab/sim/volume-ca2a240c-13e7-439c-9475-bbf033dc3261", "volume_id": "ca2a240c-13e7-439c-9475-bbf033dc3261", "size": 2147483648, "backing_file": "/var/lib/lab/sim/volume-ca2a240c-13e7-439c-9475-bbf033dc3261"}}',NULL,'2026-11-24 15:56:18.612355','2026-11-24 15:56:18.615464',2,NULL);
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
INSERT INTO "entry" VALUES(1,1,'outcome','backend','7ccb4a7b-187d-4561-a1db-02508449da06',NULL,NULL,NULL,'2026-11-24 15:56:18.590890');
INSERT INTO "entry" VALUES(2,2,'intent','volume','ca2a240c-13e7-439c-9475-bbf033dc3261',NULL,'7ccb4a7b-187d-4561-a1db-02508449da06','creating','2026-11-24 15:56:18.595509');
INSERT INTO "entry" VALUES(3,2,'outcome','volume','ca2a240c-13e7-439c-9475-bbf033dc3261',NULL,'7ccb4a7b-187d-4561-a1db-02508449da06','creating','2026-11-24 15:56:18.598919');
INSERT INTO "entry" VALUES(4,3,'intent','snapshot','39e98333-1f52-434a-a6a9-e9303b1fb2a5','ca2a240c-13e7-439c-9475-bbf033dc3261','7ccb4a7b-187d-4561-a1db-02508449da06','creating','2026-11-24 15:56:18.601686');
INSERT INTO "entry" VALUES(5,3,'outcome','snapshot','39e98333-1f52-434a-a6a9-e9303b1fb2a5','ca2a240c-13e7-439c-9475-bbf033dc3261','7ccb4a7b-187d-4561-a1db-02508449da06','creating','2026-11-24 15:56:18.603794');
INSERT INTO "entry" VALUES(6,4,'intent','volume','79bc9f46-136d-4c6f-a388-ed25312f7a24',NULL,'7ccb4a7b-187d-4561-a1db-02508449da06','creating','2026-11-24 15:56:18.605661');
INSERT INTO "entry" VALUES(7,4,'outcome','volume','79bc9f46-136d-4c6f-a388-ed25312f7a24',NULL,'7ccb4a7b-187d-4561-a1db-02508449da06','creating','2026-11-24 15:56:18.607367');
INSERT INTO "entry" VALUES(8,5,'intent','volume','06e5e7ef-74c8-44ab-8f65-faa11d4b5051',NULL,'7ccb4a7b-187d-4561-a1db-02508449da06','creating','2026-11-24 15:56:18.608978');
INSERT INTO "entry" VALUES(9,5,'outcome','volume','06e5e7ef-74c8-44ab-8f65-faa11d4b5051',NULL,'7ccb4a7b-187d-4561-a1db-02508449da06','creating','2026-11-24 15:56:18.610311');
INSERT INTO "entry" VALUES(10,6,'intent','connection','4fc2dd4d-a4f6-4e82-8733-c14d479f648e','ca2a240c-13e7-439c-9475-bbf033dc3261','7ccb4a7b-187d-4561-a1db-02508449da06',NULL,'2026-11-24 15:56:18.613373');
INSERT INTO "entry" VALUES(11,6,'outcome','connection','4fc2dd4d-a4f6-4e82-8733-c14d479f648e','ca2a240c-13e7-439c-9475-bbf033dc3261','7ccb4a7b-187d-4561-a1db-02508449da06','attaching','2026-11-24 15:56:18.617625');
INSERT INTO "entry" VALUES(12,7,'intent','volume','41b18636-d5b7-410d-b69a-d9abaa85c85e',NULL,'7ccb4a7b-187d-4561-a1db-02508449da06','creating','2026-11-24 15:56:18.618929');
INSERT INTO "entry" VALUES(13,7,'outcome','volume','41b18636-d5b7-410d-b69a-d9abaa85c85e',NULL,'7ccb4a7b-187d-4561-a1db-02508449da06','creating','2026-11-24 15:56:18.620254');
INSERT INTO "entry" VALUES(14,8,'intent','volume','41b18636-d5b7-410d-b69a-d9abaa85c85e',NULL,'7ccb4a7b-187d-4561-a1db-02508449da06','available','2026-11-24 15:56:18.623698');
INSERT INTO "entry" VALUES(15,8,'outcome','volume','41b18636-d5b7-410d-b69a-d9abaa85c85e',NULL,'7ccb4a7b-187d-4561-a1db-02508449da06','deleting','2026-11-24 15:56:18.625201');
INSERT INTO "entry" VALUES(16,9,'intent','snapshot','c197313a-787a-4d19-aec4-8ce1a91b7f06','ca2a240c-13e7-439c-9475-bbf033dc3261','7ccb4a7b-187d-4561-a1db-02508449da06','creating','2026-11-24 15:56:18.626695');
INSERT INTO "entry" VALUES(17,9,'outcome','snapshot','c197313a-787a-4d19-aec4-8ce1a91b7f06','ca2a240c-13e7-439c-9475-bbf033dc3261','7ccb4a7b-187d-4561-a1db-02508449da06','creating','2026-11-24 15:56:18.628177');
INSERT INTO "entry" VALUES(18,NULL,'save','key_value','ae1881d2-534a-5240-8346-6bd8c44308ee',NULL,NULL,NULL,'2026-11-24 15:56:18.630240');
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
INSERT INTO "kernel" VALUES('293985c7-a8b2-4ebf-a5f1-e187afed9b53','vm','root',18990,2853069,'vm/3d1219c7c4c5404aaa1f6d2a48adfda4','be0fa6ee-3bcd-4ca1-8798-ec10a8d622ce/pid:[4026531836]',NULL,'2026-11-24 15:56:18.586470','2026-11-24 15:56:18.595000');
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
INSERT INTO "operation" VALUES(1,'add',NULL,'done','backend','7ccb4a7b-187d-4561-a1db-02508449da06','lab',NULL,'{}','293985c7-a8b2-4ebf-a5f1-e187afed9b53','2026-11-24 15:56:18.589476','2026-11-24 15:56:18.589476',0.0,NULL);
INSERT INTO "operation" VALUES(2,'create','create_volume','done','volume','ca2a240c-13e7-439c-9475-bbf033dc3261','ledger 中文 💾','7ccb4a7b-187d-4561-a1db-02508449da06','{"size": 2, "name": "ledger \u4e2d\u6587 \ud83d\udcbe"}','293985c7-a8b2-4ebf-a5f1-e187afed9b53','2026-11-24 15:56:18.594676','2026-11-24 15:56:18.597295',3.15198998578125610947e-04,NULL);
INSERT INTO "operation" VALUES(3,'create','create_snapshot','done','snapshot','39e98333-1f52-434a-a6a9-e9303b1fb2a5','before the flood','7ccb4a7b-187d-4561-a1db-02508449da06','{"volume_id": "ca2a240c-13e7-439c-9475-bbf033dc3261", "name": "before the flood"}','293985c7-a8b2-4ebf-a5f1-e187afed9b53','2026-11-24 15:56:18.601523','2026-11-24 15:56:18.602795',3.04823002807097509503e-04,NULL);
INSERT INTO "operation" VALUES(4,'create','create_volume_from_snapshot','done','volume','79bc9f46-136d-4c6f-a388-ed25312f7a24','copy','7ccb4a7b-187d-4561-a1db-02508449da06','{"size": 2, "name": "copy", "snapshot_id": "39e98333-1f52-434a-a6a9-e9303b1fb2a5"}','293985c7-a8b2-4ebf-a5f1-e187afed9b53','2026-11-24 15:56:18.605524','2026-11-24 15:56:18.606892',3.44331998348934575915e-04,NULL);
INSERT INTO "operation" VALUES(5,'create','create_cloned_volume','done','volume','06e5e7ef-74c8-44ab-8f65-faa11d4b5051','it''s 100% \ a "clone"','7ccb4a7b-187d-4561-a1db-02508449da06','{"size": 2, "name": "it''s 100% \\ a \"clone\"", "source_volid": "ca2a240c-13e7-439c-9475-bbf033dc3261"}','293985c7-a8b2-4ebf-a5f1-e187afed9b53','2026-11-24 15:56:18.608841','2026-11-24 15:56:18.609971',2.52255002124002203345e-04,NULL);
INSERT INTO "operation" VALUES(6,'connect','initialize_connection','done','connection','4fc2dd4d-a4f6-4e82-8733-c14d479f648e',NULL,'7ccb4a7b-187d-4561-a1db-02508449da06','{"volume_id": "ca2a240c-13e7-439c-9475-bbf033dc3261", "host": "node1"}','293985c7-a8b2-4ebf-a5f1-e187afed9b53','2026-11-24 15:56:18.613226','2026-11-24 15:56:18.615190',1.1147670011268928647e-03,NULL);
INSERT INTO "operation" VALUES(7,'create','create_volume','done','volume','41b18636-d5b7-410d-b69a-d9abaa85c85e','gone','7ccb4a7b-187d-4561-a1db-02508449da06','{"size": 1, "name": "gone"}','293985c7-a8b2-4ebf-a5f1-e187afed9b53','2026-11-24 15:56:18.618786','2026-11-24 15:56:18.619912',2.04724001378053799271e-04,NULL);
INSERT INTO "operation" VALUES(8,'delete','delete_volume','done','volume','41b18636-d5b7-410d-b69a-d9abaa85c85e','gone','7ccb4a7b-187d-4561-a1db-02508449da06','{}','293985c7-a8b2-4ebf-a5f1-e187afed9b53','2026-11-24 15:56:18.623548','2026-11-24 15:56:18.624552',2.44042999838711693882e-04,NULL);
INSERT INTO "operation" VALUES(9,'create','create_snapshot','failed','snapshot','c197313a-787a-4d19-aec4-8ce1a91b7f06','refused','7ccb4a7b-187d-4561-a1db-02508449da06','{"volume_id": "ca2a240c-13e7-439c-9475-bbf033dc3261", "name": "refused"}','293985c7-a8b2-4ebf-a5f1-e187afed9b53','2026-11-24 15:56:18.626578','2026-11-24 15:56:18.627446',1.25727001432096585631e-04,'DriverError: simulated fault in create_snapshot, call 2');
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
INSERT INTO "snapshot" VALUES('39e98333-1f52-434a-a6a9-e9303b1fb2a5','before the flood','','available','100%','ca2a240c-13e7-439c-9475-bbf033dc3261',2,'7ccb4a7b-187d-4561-a1db-02508449da06','snapshot-39e98333-1f52-434a-a6a9-e9303b1fb2a5','{"why": "test"}',NULL,NULL,NULL,'2026-11-24 15:56:18.600666','2026-11-24 15:56:18.603051',2,NULL);
INSERT INTO "snapshot" VALUES('c197313a-787a-4d19-aec4-8ce1a91b7f06','refused','','error','0%','ca2a240c-13e7-439c-9475-bbf033dc3261',2,'7ccb4a7b-187d-4561-a1db-02508449da06','snapshot-c197313a-787a-4d19-aec4-8ce1a91b7f06','{}',NULL,NULL,NULL,'2026-11-24 15:56:18.626465','2026-11-24 15:56:18.627662',2,NULL);
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
INSERT INTO "volume" VALUES('ca2a240c-13e7-439c-9475-bbf033dc3261','ledger 中文 💾','of all',2,'in-use','attached','7ccb4a7b-187d-4561-a1db-02508449da06','vm@lab',NULL,'volume-ca2a240c-13e7-439c-9475-bbf033dc3261',NULL,NULL,NULL,0,'{"team": "bl\u00fc"}','{}','{}',NULL,NULL,NULL,'2026-11-24 15:56:18.593593','2026-11-24 15:56:18.617185',3,NULL);
INSERT INTO "volume" VALUES('79bc9f46-136d-4c6f-a388-ed25312f7a24','copy','',2,'available','detached','7ccb4a7b-187d-4561-a1db-02508449da06','vm@lab',NULL,'volume-79bc9f46-136d-4c6f-a388-ed25312f7a24','39e98333-1f52-434a-a6a9-e9303b1fb2a5',NULL,NULL,0,'{}','{}','{}',NULL,NULL,NULL,'2026-11-24 15:56:18.605367','2026-11-24 15:56:18.607200',2,NULL);
INSERT INTO "volume" VALUES('06e5e7ef-74c8-44ab-8f65-faa11d4b5051','it''s 100% \ a "clone"','',2,'available','detached','7ccb4a7b-187d-4561-a1db-02508449da06','vm@lab',NULL,'volume-06e5e7ef-74c8-44ab-8f65-faa11d4b5051',NULL,'ca2a240c-13e7-439c-9475-bbf033dc3261',NULL,0,'{}','{}','{}',NULL,NULL,NULL,'2026-11-24 15:56:18.608630','2026-11-24 15:56:18.610193',2,NULL);
CREATE INDEX ix_entry_resource_id_number ON entry (resource_id, number);
CREATE INDEX ix_operation_kernel_id_id ON operation (kernel_id, id);
CREATE INDEX ix_operation_status ON operation (status);
CREATE INDEX ix_operation_resource_id_id ON operation (resource_id, id);
CREATE INDEX ix_volume_status_created_at_id ON volume (status, created_at, id);
CREATE INDEX ix_volume_status_size_id ON volume (status, size, id);
CREATE INDEX ix_volume_created_at_id ON volume (created_at, id);
CREATE INDEX ix_volume_size_id ON volume (size, id);
CREATE INDEX ix_volume_snapshot_id ON volume (snapshot_id);
CREATE INDEX ix_volume_backend_id_created_at_id ON volume (backend_id, created_at, id);
CREATE INDEX ix_volume_backend_id_host_id ON volume (backend_id, host, id);
CREATE INDEX ix_volume_source_volid ON volume (source_volid);
CREATE INDEX ix_volume_name_id ON volume (name, id);
CREATE INDEX ix_volume_backend_id_name_id ON volume (backend_id, name, id);
CREATE INDEX ix_volume_backend_id_status_size_id ON volume (backend_id, status, size, id);
CREATE INDEX ix_volume_backend_id_size_id ON volume (backend_id, size, id);
CREATE INDEX ix_connection_created_at_id ON connection (created_at, id);
CREATE INDEX ix_connection_backend_id_created_at_id ON connection (backend_id, created_at, id);
CREATE INDEX ix_connection_volume_id_created_at_id ON connection (volume_id, created_at, id);
CREATE INDEX ix_connection_attach_status_created_at_id ON connection (attach_status, created_at, id);
CREATE INDEX ix_snapshot_created_at_id ON snapshot (created_at, id);
CREATE INDEX ix_snapshot_backend_id_created_at_id ON snapshot (backend_id, created_at, id);
CREATE INDEX ix_snapshot_volume_id_created_at_id ON snapshot (volume_id, created_at, id);
CREATE INDEX ix_snapshot_status_created_at_id ON snapshot (status, created_at, id);
CREATE INDEX ix_snapshot_name_id ON snapshot (name, id);
CREATE INDEX ix_volume_name_nocase ON volume (name COLLATE NOCASE, id);
COMMIT;

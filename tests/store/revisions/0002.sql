BEGIN TRANSACTION;
CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	PRIMARY KEY (version_num)
);
INSERT INTO "alembic_version" VALUES('0002');
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
INSERT INTO "backend" VALUES('2162f8e4-8482-4375-81cc-e75e1de44811','lab','sim','{"path": "/var/lib/lab/sim", "latency": 0.0, "capacity": "infinite", "faults": "create_snapshot:2"}','2026-11-24 12:26:50.991290',NULL,1);
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
	CONSTRAINT pk_connection PRIMARY KEY (id), 
	CONSTRAINT fk_connection_volume_id_volume FOREIGN KEY(volume_id) REFERENCES volume (id), 
	CONSTRAINT fk_connection_backend_id_backend FOREIGN KEY(backend_id) REFERENCES backend (id)
);
INSERT INTO "connection" VALUES('ffcccae2-b8da-44d9-b290-50d5fcce562b','41a47aee-c1a7-4c44-ac4a-7b89fb2fd39f','2162f8e4-8482-4375-81cc-e75e1de44811','attached','rw',NULL,NULL,'local',0,NULL,'{"host": "node1", "ip": "192.0.2.7", "initiator": "iqn.x", "multipath": false}','{"driver_volume_type": "local", "data": {"device_path": "/var/lib/lab/sim/volume-41a47aee-c1a7-4c44-ac4a-7b89fb2fd39f", "volume_id": "41a47aee-c1a7-4c44-ac4a-7b89fb2fd39f", "size": 2147483648, "backing_file": "/var/lib/lab/sim/volume-41a47aee-c1a7-4c44-ac4a-7b89fb2fd39f"}}',NULL,'2026-11-24 12:26:51.036184','2026-11-24 12:26:51.044097',2);
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
INSERT INTO "entry" VALUES(1,1,'outcome','backend','2162f8e4-8482-4375-81cc-e75e1de44811',NULL,NULL,NULL,'2026-11-24 12:26:50.995781');
INSERT INTO "entry" VALUES(2,2,'intent','volume','41a47aee-c1a7-4c44-ac4a-7b89fb2fd39f',NULL,'2162f8e4-8482-4375-81cc-e75e1de44811','creating','2026-11-24 12:26:51.002280');
INSERT INTO "entry" VALUES(3,2,'outcome','volume','41a47aee-c1a7-4c44-ac4a-7b89fb2fd39f',NULL,'2162f8e4-8482-4375-81cc-e75e1de44811','creating','2026-11-24 12:26:51.006211');
INSERT INTO "entry" VALUES(4,3,'intent','snapshot','9a5b887c-7fc3-49ca-8630-1a49b65f7700','41a47aee-c1a7-4c44-ac4a-7b89fb2fd39f','2162f8e4-8482-4375-81cc-e75e1de44811','creating','2026-11-24 12:26:51.011952');
INSERT INTO "entry" VALUES(5,3,'outcome','snapshot','9a5b887c-7fc3-49ca-8630-1a49b65f7700','41a47aee-c1a7-4c44-ac4a-7b89fb2fd39f','2162f8e4-8482-4375-81cc-e75e1de44811','creating','2026-11-24 12:26:51.016905');
INSERT INTO "entry" VALUES(6,4,'intent','volume','59bdbd92-c624-464a-ab6d-67a94b882a3b',NULL,'2162f8e4-8482-4375-81cc-e75e1de44811','creating','2026-11-24 12:26:51.020936');
INSERT INTO "entry" VALUES(7,4,'outcome','volume','59bdbd92-c624-464a-ab6d-67a94b882a3b',NULL,'2162f8e4-8482-4375-81cc-e75e1de44811','creating','2026-11-24 12:26:51.025683');
INSERT INTO "entry" VALUES(8,5,'intent','volume','7ff9d05b-8b45-4329-bb9c-890149974a21',NULL,'2162f8e4-8482-4375-81cc-e75e1de44811','creating','2026-11-24 12:26:51.029857');
INSERT INTO "entry" VALUES(9,5,'outcome','volume','7ff9d05b-8b45-4329-bb9c-890149974a21',NULL,'2162f8e4-8482-4375-81cc-e75e1de44811','creating','2026-11-24 12:26:51.032380');
INSERT INTO "entry" VALUES(10,6,'intent','connection','ffcccae2-b8da-44d9-b290-50d5fcce562b','41a47aee-c1a7-4c44-ac4a-7b89fb2fd39f','2162f8e4-8482-4375-81cc-e75e1de44811',NULL,'2026-11-24 12:26:51.037073');
INSERT INTO "entry" VALUES(11,6,'outcome','connection','ffcccae2-b8da-44d9-b290-50d5fcce562b','41a47aee-c1a7-4c44-ac4a-7b89fb2fd39f','2162f8e4-8482-4375-81cc-e75e1de44811','attaching','2026-11-24 12:26:51.045298');
INSERT INTO "entry" VALUES(12,7,'intent','volume','b92a4b71-63bf-4f87-b83a-da39af74a78e',NULL,'2162f8e4-8482-4375-81cc-e75e1de44811','creating','2026-11-24 12:26:51.052998');
INSERT INTO "entry" VALUES(13,7,'outcome','volume','b92a4b71-63bf-4f87-b83a-da39af74a78e',NULL,'2162f8e4-8482-4375-81cc-e75e1de44811','creating','2026-11-24 12:26:51.058791');
INSERT INTO "entry" VALUES(14,8,'intent','volume','b92a4b71-63bf-4f87-b83a-da39af74a78e',NULL,'2162f8e4-8482-4375-81cc-e75e1de44811','available','2026-11-24 12:26:51.065428');
INSERT INTO "entry" VALUES(15,8,'outcome','volume','b92a4b71-63bf-4f87-b83a-da39af74a78e',NULL,'2162f8e4-8482-4375-81cc-e75e1de44811','deleting','2026-11-24 12:26:51.071524');
INSERT INTO "entry" VALUES(16,9,'intent','snapshot','8ba46ede-b517-4c2e-b286-11f3846c0721','41a47aee-c1a7-4c44-ac4a-7b89fb2fd39f','2162f8e4-8482-4375-81cc-e75e1de44811','creating','2026-11-24 12:26:51.074329');
INSERT INTO "entry" VALUES(17,9,'outcome','snapshot','8ba46ede-b517-4c2e-b286-11f3846c0721','41a47aee-c1a7-4c44-ac4a-7b89fb2fd39f','2162f8e4-8482-4375-81cc-e75e1de44811','creating','2026-11-24 12:26:51.077373');
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
INSERT INTO "kernel" VALUES('62c8b3af-c05a-4dfa-a9c9-da143ca453b1','lab1','me',13402,1596275,'machine','be0fa6ee-3bcd-4ca1-8798-ec10a8d622ce/pid:[4026531836]',NULL,'2026-11-24 12:26:50.987077');
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
INSERT INTO "operation" VALUES(1,'add',NULL,'done','backend','2162f8e4-8482-4375-81cc-e75e1de44811','lab',NULL,'{}','62c8b3af-c05a-4dfa-a9c9-da143ca453b1','2026-11-24 12:26:50.991911','2026-11-24 12:26:50.991911',0.0,NULL);
INSERT INTO "operation" VALUES(2,'create','create_volume','done','volume','41a47aee-c1a7-4c44-ac4a-7b89fb2fd39f','ledger 中文 💾','2162f8e4-8482-4375-81cc-e75e1de44811','{"size": 2, "name": "ledger \u4e2d\u6587 \ud83d\udcbe"}','62c8b3af-c05a-4dfa-a9c9-da143ca453b1','2026-11-24 12:26:51.001696','2026-11-24 12:26:51.005522',1.41871999949216842651e-03,NULL);
INSERT INTO "operation" VALUES(3,'create','create_snapshot','done','snapshot','9a5b887c-7fc3-49ca-8630-1a49b65f7700','before the flood','2162f8e4-8482-4375-81cc-e75e1de44811','{"volume_id": "41a47aee-c1a7-4c44-ac4a-7b89fb2fd39f", "name": "before the flood"}','62c8b3af-c05a-4dfa-a9c9-da143ca453b1','2026-11-24 12:26:51.011774','2026-11-24 12:26:51.016763',1.35408300047856755554e-03,NULL);
INSERT INTO "operation" VALUES(4,'create','create_volume_from_snapshot','done','volume','59bdbd92-c624-464a-ab6d-67a94b882a3b','copy','2162f8e4-8482-4375-81cc-e75e1de44811','{"size": 2, "name": "copy", "snapshot_id": "9a5b887c-7fc3-49ca-8630-1a49b65f7700"}','62c8b3af-c05a-4dfa-a9c9-da143ca453b1','2026-11-24 12:26:51.020797','2026-11-24 12:26:51.025574',2.06816500030981842428e-03,NULL);
INSERT INTO "operation" VALUES(5,'create','create_cloned_volume','done','volume','7ff9d05b-8b45-4329-bb9c-890149974a21','it''s 100% \ a "clone"','2162f8e4-8482-4375-81cc-e75e1de44811','{"size": 2, "name": "it''s 100% \\ a \"clone\"", "source_volid": "41a47aee-c1a7-4c44-ac4a-7b89fb2fd39f"}','62c8b3af-c05a-4dfa-a9c9-da143ca453b1','2026-11-24 12:26:51.029730','2026-11-24 12:26:51.032276',4.86253000417491421103e-04,NULL);
INSERT INTO "operation" VALUES(6,'connect','initialize_connection','done','connection','ffcccae2-b8da-44d9-b290-50d5fcce562b',NULL,'2162f8e4-8482-4375-81cc-e75e1de44811','{"volume_id": "41a47aee-c1a7-4c44-ac4a-7b89fb2fd39f", "host": "node1"}','62c8b3af-c05a-4dfa-a9c9-da143ca453b1','2026-11-24 12:26:51.036933','2026-11-24 12:26:51.045164',5.31586400029482319951e-03,NULL);
INSERT INTO "operation" VALUES(7,'create','create_volume','done','volume','b92a4b71-63bf-4f87-b83a-da39af74a78e','gone','2162f8e4-8482-4375-81cc-e75e1de44811','{"size": 1, "name": "gone"}','62c8b3af-c05a-4dfa-a9c9-da143ca453b1','2026-11-24 12:26:51.052835','2026-11-24 12:26:51.058668',6.11879999269149266183e-04,NULL);
INSERT INTO "operation" VALUES(8,'delete','delete_volume','done','volume','b92a4b71-63bf-4f87-b83a-da39af74a78e','gone','2162f8e4-8482-4375-81cc-e75e1de44811','{}','62c8b3af-c05a-4dfa-a9c9-da143ca453b1','2026-11-24 12:26:51.065258','2026-11-24 12:26:51.071371',1.06484300158626865595e-03,NULL);
INSERT INTO "operation" VALUES(9,'create','create_snapshot','failed','snapshot','8ba46ede-b517-4c2e-b286-11f3846c0721','refused','2162f8e4-8482-4375-81cc-e75e1de44811','{"volume_id": "41a47aee-c1a7-4c44-ac4a-7b89fb2fd39f", "name": "refused"}','62c8b3af-c05a-4dfa-a9c9-da143ca453b1','2026-11-24 12:26:51.074198','2026-11-24 12:26:51.077248',8.62262000737246125936e-04,'DriverError: simulated fault in create_snapshot, call 2');
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
	CONSTRAINT pk_snapshot PRIMARY KEY (id), 
	CONSTRAINT fk_snapshot_volume_id_volume FOREIGN KEY(volume_id) REFERENCES volume (id), 
	CONSTRAINT fk_snapshot_backend_id_backend FOREIGN KEY(backend_id) REFERENCES backend (id)
);
INSERT INTO "snapshot" VALUES('9a5b887c-7fc3-49ca-8630-1a49b65f7700','before the flood','','available','100%','41a47aee-c1a7-4c44-ac4a-7b89fb2fd39f',2,'2162f8e4-8482-4375-81cc-e75e1de44811','snapshot-9a5b887c-7fc3-49ca-8630-1a49b65f7700','{"why": "test"}',NULL,NULL,NULL,'2026-11-24 12:26:51.011017','2026-11-24 12:26:51.015905',2);
INSERT INTO "snapshot" VALUES('8ba46ede-b517-4c2e-b286-11f3846c0721','refused','','error','0%','41a47aee-c1a7-4c44-ac4a-7b89fb2fd39f',2,'2162f8e4-8482-4375-81cc-e75e1de44811','snapshot-8ba46ede-b517-4c2e-b286-11f3846c0721','{}',NULL,NULL,NULL,'2026-11-24 12:26:51.074081','2026-11-24 12:26:51.076677',2);
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
	CONSTRAINT pk_volume PRIMARY KEY (id), 
	CONSTRAINT fk_volume_backend_id_backend FOREIGN KEY(backend_id) REFERENCES backend (id)
);
INSERT INTO "volume" VALUES('41a47aee-c1a7-4c44-ac4a-7b89fb2fd39f','ledger 中文 💾','of all',2,'in-use','attached','2162f8e4-8482-4375-81cc-e75e1de44811','lab1@lab',NULL,'volume-41a47aee-c1a7-4c44-ac4a-7b89fb2fd39f',NULL,NULL,NULL,0,'{"team": "bl\u00fc"}','{}','{}',NULL,NULL,NULL,'2026-11-24 12:26:50.998699','2026-11-24 12:26:51.044778',3);
INSERT INTO "volume" VALUES('59bdbd92-c624-464a-ab6d-67a94b882a3b','copy','',2,'available','detached','2162f8e4-8482-4375-81cc-e75e1de44811','lab1@lab',NULL,'volume-59bdbd92-c624-464a-ab6d-67a94b882a3b','9a5b887c-7fc3-49ca-8630-1a49b65f7700',NULL,NULL,0,'{}','{}','{}',NULL,NULL,NULL,'2026-11-24 12:26:51.020657','2026-11-24 12:26:51.025438',2);
INSERT INTO "volume" VALUES('7ff9d05b-8b45-4329-bb9c-890149974a21','it''s 100% \ a "clone"','',2,'available','detached','2162f8e4-8482-4375-81cc-e75e1de44811','lab1@lab',NULL,'volume-7ff9d05b-8b45-4329-bb9c-890149974a21',NULL,'41a47aee-c1a7-4c44-ac4a-7b89fb2fd39f',NULL,0,'{}','{}','{}',NULL,NULL,NULL,'2026-11-24 12:26:51.029608','2026-11-24 12:26:51.032154',2);
CREATE INDEX ix_entry_resource_id_number ON entry (resource_id, number);
CREATE INDEX ix_operation_resource_id_id ON operation (resource_id, id);
CREATE INDEX ix_operation_status ON operation (status);
CREATE INDEX ix_volume_backend_id_created_at_id ON volume (backend_id, created_at, id);
CREATE INDEX ix_volume_backend_id_size_id ON volume (backend_id, size, id);
CREATE INDEX ix_volume_backend_id_name_id ON volume (backend_id, name, id);
CREATE INDEX ix_volume_backend_id_host_id ON volume (backend_id, host, id);
CREATE INDEX ix_volume_name ON volume (name);
CREATE INDEX ix_volume_created_at_id ON volume (created_at, id);
CREATE INDEX ix_volume_status ON volume (status);
CREATE INDEX ix_volume_backend_id_status_size_id ON volume (backend_id, status, size, id);
CREATE INDEX ix_connection_volume_id_created_at_id ON connection (volume_id, created_at, id);
CREATE INDEX ix_connection_attach_status ON connection (attach_status);
CREATE INDEX ix_connection_backend_id ON connection (backend_id);
CREATE INDEX ix_snapshot_backend_id ON snapshot (backend_id);
CREATE INDEX ix_snapshot_volume_id_created_at_id ON snapshot (volume_id, created_at, id);
CREATE INDEX ix_snapshot_name ON snapshot (name);
CREATE INDEX ix_snapshot_status ON snapshot (status);
COMMIT;

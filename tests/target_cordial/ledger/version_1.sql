-- A ledger as the first version wrote it, after three runs; {destination} is where it sent to.
BEGIN TRANSACTION;
CREATE TABLE approval (
	cohort INTEGER NOT NULL,
	up_to INTEGER NOT NULL,
	approved_at INTEGER NOT NULL,
	operation VARCHAR,
	PRIMARY KEY (cohort)
);
CREATE TABLE cohort (
	"key" INTEGER NOT NULL,
	cohort_id VARCHAR NOT NULL,
	name VARCHAR,
	list_name VARCHAR,
	list_id VARCHAR,
	first_synced_at INTEGER,
	last_complete_at INTEGER,
	known_since INTEGER,
	snapshot_time BIGINT,
	rest_id VARCHAR,
	found INTEGER,
	by_name SMALLINT,
	remapped_at INTEGER,
	PRIMARY KEY ("key"),
	UNIQUE (cohort_id)
);
INSERT INTO "cohort" VALUES(1,'9zx41kq','active users','activeusers','101',1795772307,1795772330,1795772306,1795428000000,NULL,NULL,NULL,NULL);
CREATE TABLE entry (
	cohort INTEGER NOT NULL,
	identifier VARCHAR NOT NULL,
	wanted SMALLINT NOT NULL,
	sent SMALLINT NOT NULL,
	added_at INTEGER,
	removed_at INTEGER,
	rejected_at INTEGER,
	rejected_reason VARCHAR,
	rejected_message VARCHAR,
	job INTEGER,
	PRIMARY KEY (cohort, identifier)
)
 WITHOUT ROWID;
INSERT INTO "entry" VALUES(1,'user1@shop.example',1,1,1795772307,NULL,NULL,NULL,NULL,NULL);
INSERT INTO "entry" VALUES(1,'user2@shop.example',1,1,1795772307,NULL,NULL,NULL,NULL,NULL);
INSERT INTO "entry" VALUES(1,'user3@shop.example',1,1,1795772307,NULL,NULL,NULL,NULL,NULL);
INSERT INTO "entry" VALUES(1,'user4@shop.example',0,0,1795772307,1795772320,NULL,NULL,NULL,NULL);
INSERT INTO "entry" VALUES(1,'user5@shop.example',1,0,NULL,NULL,1795772331,'rejected_by_cordial','Address not exists',NULL);
INSERT INTO "entry" VALUES(1,'user9@shop.example',1,1,1795772320,NULL,NULL,NULL,NULL,NULL);
CREATE TABLE job (
	number INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
	cohort INTEGER NOT NULL,
	kind VARCHAR NOT NULL,
	name VARCHAR NOT NULL,
	file VARCHAR NOT NULL,
	rows INTEGER,
	job_id VARCHAR,
	begun_at INTEGER NOT NULL,
	ended SMALLINT
);
CREATE TABLE leaver (
	cohort INTEGER NOT NULL,
	user_key VARCHAR NOT NULL,
	user_id VARCHAR,
	time BIGINT NOT NULL,
	left_at INTEGER NOT NULL,
	PRIMARY KEY (cohort, user_key)
)
 WITHOUT ROWID;
CREATE TABLE member (
	cohort INTEGER NOT NULL,
	user_key VARCHAR NOT NULL,
	user_id VARCHAR,
	identifier VARCHAR NOT NULL,
	held_of VARCHAR,
	time BIGINT,
	PRIMARY KEY (cohort, user_key)
)
 WITHOUT ROWID;
INSERT INTO "member" VALUES(1,'a:35689301','u-1','user1@shop.example',NULL,NULL);
INSERT INTO "member" VALUES(1,'a:35689302','u-2','user2@shop.example',NULL,NULL);
INSERT INTO "member" VALUES(1,'a:35689303','u-3','user3@shop.example',NULL,NULL);
INSERT INTO "member" VALUES(1,'a:35689305','u-5','user5@shop.example',NULL,NULL);
INSERT INTO "member" VALUES(1,'a:35689309','u-9','user9@shop.example',NULL,1795514400000);
CREATE TABLE message (
	cohort INTEGER NOT NULL,
	digest BLOB NOT NULL,
	applied_at INTEGER NOT NULL,
	PRIMARY KEY (cohort, digest)
)
 WITHOUT ROWID;
CREATE TABLE meta (
	name VARCHAR NOT NULL,
	value VARCHAR NOT NULL,
	PRIMARY KEY (name)
);
INSERT INTO "meta" VALUES('binding','{"destination": "{destination}", "contact_identifier_name": "email", "contact_identifier_mapping": "email"}');
INSERT INTO "meta" VALUES('acceptance','0ab36569d2aecf5811fffd1cde7e49e6adc49abec6ee82e842c257e671af0d48');
CREATE TABLE run (
	run_id VARCHAR NOT NULL,
	started_at INTEGER NOT NULL,
	finished_at INTEGER,
	status VARCHAR,
	PRIMARY KEY (run_id)
);
INSERT INTO "run" VALUES('2026-11-23T10:00:00Z-0630c8',1795772306,1795772308,'ok');
INSERT INTO "run" VALUES('2026-11-24T10:00:00Z-0115ae',1795772319,1795772320,'ok');
INSERT INTO "run" VALUES('2026-11-25T10:00:00Z-e1f5ef',1795772330,1795772331,'ok');
CREATE INDEX member_time ON member (cohort, time) WHERE time IS NOT NULL;
CREATE INDEX member_identifier ON member (cohort, identifier);
CREATE INDEX member_held ON member (cohort, held_of) WHERE held_of IS NOT NULL;
CREATE INDEX entry_gone ON entry (cohort, removed_at) WHERE wanted = 0 AND sent = 0;
CREATE INDEX entry_pending ON entry (cohort, identifier) WHERE wanted != sent;
COMMIT;

-- The first schema of a collection. Numbers of statuses, kinds and roles are those of asyncdl.status and
-- asyncdl.model; error codes those of asyncdl.errors. Times are UTC milliseconds (*_ms, due).
--
-- Foreign keys stand where rows are few or written one batch at a time. They are left out on the bulk
-- tables (images, candidates, source_rows): each costs a look-up per inserted row during ingest, both sides
-- are written by one function in one transaction, and rows are never deleted except where images.id is.

CREATE TABLE meta(
  key TEXT PRIMARY KEY,
  value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE sources(
  id INTEGER PRIMARY KEY,
  name TEXT NOT NULL,
  format TEXT NOT NULL,
  fingerprint TEXT NOT NULL,           -- of the content, so that a newer file of the same name is another source
  rows INTEGER NOT NULL DEFAULT 0,
  rejected INTEGER NOT NULL DEFAULT 0,
  loaded INTEGER NOT NULL DEFAULT 0,   -- 1: read to its end
  cursor TEXT,                         -- where a killed ingest goes on, in the words of its reader
  UNIQUE(name, fingerprint)
) STRICT;

-- An integer id of the source below 2^60 is the row number itself; any other id is text and gets a number from there up.
CREATE TABLE records(
  id INTEGER PRIMARY KEY,
  external_id TEXT,
  images INTEGER NOT NULL,
  successes INTEGER NOT NULL,
  open_images INTEGER NOT NULL,
  next_number INTEGER NOT NULL,        -- numbers of images are labels, never given twice
  status INTEGER NOT NULL,
  completed_ms INTEGER
) STRICT;
CREATE UNIQUE INDEX records_external_id ON records(external_id) WHERE external_id IS NOT NULL;

CREATE TABLE record_counters(
  status INTEGER PRIMARY KEY,
  records INTEGER NOT NULL
) STRICT;

CREATE TABLE lanes(
  lane TEXT PRIMARY KEY,
  pause_until_ms INTEGER NOT NULL,
  pause_reason TEXT NOT NULL,
  incidents INTEGER NOT NULL,
  last_incident_ms INTEGER NOT NULL,
  down_since_ms INTEGER NOT NULL,
  given_up_ms INTEGER NOT NULL,
  robots_text TEXT,
  robots_fetched_ms INTEGER NOT NULL,
  rate_per_second REAL,
  connections INTEGER,
  held INTEGER NOT NULL,
  note TEXT NOT NULL
) STRICT;

-- lane is text, not a reference: most lanes never have anything to remember and have no row.
CREATE TABLE hosts(
  id INTEGER PRIMARY KEY,
  name TEXT NOT NULL UNIQUE,
  lane TEXT NOT NULL
) STRICT;
CREATE INDEX hosts_lane ON hosts(lane);

CREATE TABLE images(
  id INTEGER PRIMARY KEY,
  record INTEGER NOT NULL,
  number INTEGER NOT NULL,
  key_hash INTEGER NOT NULL,
  host INTEGER NOT NULL,
  status INTEGER NOT NULL,
  due INTEGER,                         -- NULL: ended, or waits for a manifest
  attempts INTEGER NOT NULL,
  candidate INTEGER NOT NULL,          -- position of the candidate to try, or that won
  error INTEGER
) STRICT;
CREATE UNIQUE INDEX images_number ON images(record, number);
-- The queue: (host, due, id). SQLite keeps the row number at the end of every index entry; naming it would store it twice.
CREATE INDEX images_due ON images(host, due) WHERE due IS NOT NULL;

-- Positions ascend in the order of trial. They are never renumbered, because work in flight names them:
-- a better candidate found later gets a negative one.
CREATE TABLE candidates(
  image INTEGER NOT NULL,
  position INTEGER NOT NULL,
  url TEXT NOT NULL,
  rank INTEGER NOT NULL,
  kind INTEGER NOT NULL,
  spent INTEGER,                       -- error code of the lasting failure that ruled it out
  PRIMARY KEY(image, position)
) STRICT, WITHOUT ROWID;

CREATE TABLE manifests(
  id INTEGER PRIMARY KEY,
  record INTEGER NOT NULL REFERENCES records(id),
  url TEXT NOT NULL,
  key_hash INTEGER NOT NULL,
  host INTEGER NOT NULL REFERENCES hosts(id),
  status INTEGER NOT NULL,
  due INTEGER,
  attempts INTEGER NOT NULL,
  error INTEGER,
  canvases INTEGER,
  expanded_ms INTEGER
) STRICT;
CREATE UNIQUE INDEX manifests_url ON manifests(record, url);
CREATE INDEX manifests_due ON manifests(host, due) WHERE due IS NOT NULL;

CREATE TABLE manifest_counters(
  status INTEGER PRIMARY KEY,
  manifests INTEGER NOT NULL
) STRICT;

CREATE TABLE files(
  id INTEGER PRIMARY KEY,
  image INTEGER NOT NULL REFERENCES images(id),
  role TEXT NOT NULL,
  path TEXT NOT NULL,                  -- relative to the collection
  size_bytes INTEGER NOT NULL,
  sha256 BLOB NOT NULL,
  media_type TEXT NOT NULL,
  width INTEGER,
  height INTEGER,
  parent INTEGER REFERENCES files(id), -- the file it was made from
  recipe TEXT,                         -- how it was made
  created_ms INTEGER NOT NULL
) STRICT;
CREATE INDEX files_image ON files(image);
CREATE INDEX files_parent ON files(parent) WHERE parent IS NOT NULL;

-- What servers said instead of a picture: a few pages come thousands of times.
CREATE TABLE texts(
  id INTEGER PRIMARY KEY,
  digest BLOB NOT NULL UNIQUE,
  n INTEGER NOT NULL,
  text TEXT NOT NULL
) STRICT;

-- work_id is an image or a manifest, by kind (0 image, 1 manifest), so it cannot be a foreign key.
CREATE TABLE failures(
  id INTEGER PRIMARY KEY,
  kind INTEGER NOT NULL,
  work_id INTEGER NOT NULL,
  at_ms INTEGER NOT NULL,
  error INTEGER NOT NULL,
  http_status INTEGER,
  attempt INTEGER NOT NULL,
  host INTEGER NOT NULL REFERENCES hosts(id),
  url TEXT NOT NULL,
  detail TEXT NOT NULL,
  final_url TEXT NOT NULL,
  media_type TEXT NOT NULL,
  page INTEGER REFERENCES texts(id)
) STRICT;
CREATE INDEX failures_work ON failures(kind, work_id);

CREATE TABLE terms(
  id INTEGER PRIMARY KEY,
  text TEXT NOT NULL UNIQUE
) STRICT;

-- What a row of a source says beside its URL. licence, rights_holder, creator and media_format are terms.
CREATE TABLE source_rows(
  image INTEGER NOT NULL,
  source INTEGER NOT NULL,
  line INTEGER NOT NULL,
  licence INTEGER,
  rights_holder INTEGER,
  creator INTEGER,
  media_format INTEGER,
  reference TEXT NOT NULL,
  title TEXT NOT NULL,
  PRIMARY KEY(image, source, line)
) STRICT, WITHOUT ROWID;

-- error is -1 where there is none, because NULL is never equal to itself in a key.
CREATE TABLE counters(
  host INTEGER NOT NULL REFERENCES hosts(id),
  status INTEGER NOT NULL,
  error INTEGER NOT NULL,
  images INTEGER NOT NULL,
  bytes INTEGER NOT NULL,
  PRIMARY KEY(host, status, error)
) STRICT, WITHOUT ROWID;

CREATE TABLE runs(
  id INTEGER PRIMARY KEY,
  started_ms INTEGER NOT NULL,
  ended_ms INTEGER,                    -- NULL: it runs, or was killed
  host TEXT NOT NULL,
  pid INTEGER NOT NULL,
  version TEXT NOT NULL,
  settings TEXT NOT NULL,
  exit_status INTEGER,
  counts TEXT
) STRICT;

CREATE TABLE events(
  id INTEGER PRIMARY KEY,
  at_ms INTEGER NOT NULL,
  kind TEXT NOT NULL,
  subject TEXT NOT NULL,
  detail TEXT NOT NULL
) STRICT;

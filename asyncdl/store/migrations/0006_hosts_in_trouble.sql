-- Hosts that refuse us, and what their robots.txt said, so that the next run need not ask again.

ALTER TABLE lanes ADD COLUMN banned_since_ms INTEGER NOT NULL DEFAULT 0; -- 0: it does not refuse us
ALTER TABLE lanes ADD COLUMN ban_probes INTEGER NOT NULL DEFAULT 0;      -- refused since

-- Rules are per authority (scheme, host, port: RFC 9309, 2.3), and found by the lane that is asked. Old ones are dropped.
CREATE TABLE robots(
  authority TEXT PRIMARY KEY,
  lane TEXT NOT NULL,
  status INTEGER NOT NULL,             -- of the answer: below 200 never stored
  fetched_ms INTEGER NOT NULL,
  since_ms INTEGER NOT NULL,           -- when an answer first said just this
  text TEXT NOT NULL
) STRICT;
CREATE INDEX robots_lane ON robots(lane);
CREATE INDEX robots_fetched ON robots(fetched_ms);

-- What people order about hosts (`asyncdl hosts`), and what was reserved of the budgets of hosts: neither is for ever overwritten by the other.

-- The newest order about a lane. Limits: NULL nothing is said, 0 no ceiling. Times: 0 without end.
CREATE TABLE lane_orders(
  lane TEXT PRIMARY KEY,
  at_ms INTEGER NOT NULL,
  rate_per_second REAL,
  connections INTEGER,
  bandwidth_bits_per_second REAL,
  bytes_per_hour INTEGER,
  bytes_per_day INTEGER,
  requests_per_day INTEGER,
  limits_until_ms INTEGER NOT NULL,
  limits_note TEXT NOT NULL,
  stop TEXT,                           -- 'pause', 'block'
  stop_until_ms INTEGER NOT NULL,
  stop_note TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- What was reserved of budgets, by budget: [[when its slot began (UTC milliseconds), how much], ...]
CREATE TABLE lane_spent(
  lane TEXT PRIMARY KEY,
  spent TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- Which lane people put a host in, in the place of the shipped table (asyncdl.urls.lanes). `hosts.lane` follows when no run is at work.
CREATE TABLE host_lanes(
  host TEXT PRIMARY KEY,
  lane TEXT NOT NULL,
  note TEXT NOT NULL
) STRICT, WITHOUT ROWID;

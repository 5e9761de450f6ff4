-- What a host was found to bear, so that the next run need not find it out again by refusals.

ALTER TABLE lanes ADD COLUMN learnt_rate REAL;           -- requests per second
ALTER TABLE lanes ADD COLUMN learnt_connections INTEGER; -- at the same time; 0: no limit was met
ALTER TABLE lanes ADD COLUMN learnt_ms INTEGER;

-- When an answer was asked for and how long it took, for those who want to know what we have asked of them (`asyncdl report`).

ALTER TABLE files ADD COLUMN asked_ms INTEGER;    -- UTC milliseconds; NULL: before this was noted, or not by a request
ALTER TABLE files ADD COLUMN took_ms INTEGER;     -- from the request to the last byte
ALTER TABLE files ADD COLUMN final_url TEXT;      -- where redirects led; NULL: it came from its link
ALTER TABLE failures ADD COLUMN took_ms INTEGER;

-- What rows of a source say beside their links is kept in the parts of the source (asyncdl.sourcerows), where it
-- takes a tenth of the room and no time of the load.

DROP TABLE source_rows;
DROP TABLE terms;

-- Images that a newer state of their source no longer names. They keep their files, their numbers and their place in
-- the queue: a link may work when nobody lists it any more.
CREATE TABLE gone(
  image INTEGER PRIMARY KEY,
  source INTEGER NOT NULL,             -- the source that no longer names it
  at_ms INTEGER NOT NULL
) STRICT;

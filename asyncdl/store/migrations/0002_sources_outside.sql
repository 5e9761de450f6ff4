-- What rows of a source say beside their links is kept in the parts of the source (asyncdl.sourcerows), where it
-- takes a tenth of the room and no time of the load.

DROP TABLE source_rows;
DROP TABLE terms;

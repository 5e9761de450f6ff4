-- Additions (`asyncdl add`): which source took the place of which, and which images no living source names any more.
--
-- The mark of an image is a row of its own, not a column of `images`: fifty million images that are named pay nothing for it.

ALTER TABLE sources ADD COLUMN replaces INTEGER;      -- decided before the first row is merged: the source whose place it takes, 0 none
ALTER TABLE sources ADD COLUMN replaced_by INTEGER;   -- NULL: it lives, what it names is named
ALTER TABLE sources ADD COLUMN loaded_ms INTEGER;     -- when an addition came to its end
ALTER TABLE sources ADD COLUMN images_gone INTEGER NOT NULL DEFAULT 0;

-- Images that the living sources together would not make today; `source` is the one whose addition no longer named them.
CREATE TABLE gone(
  image INTEGER PRIMARY KEY,
  source INTEGER NOT NULL
) STRICT;

-- Which manifest shows which image: a picture that no row of a source names is named as long as its manifest is.
CREATE TABLE canvases(
  image INTEGER NOT NULL,
  manifest INTEGER NOT NULL,
  PRIMARY KEY(image, manifest)
) STRICT, WITHOUT ROWID;

-- Of manifests that were read before this was noted: every image of their record may be theirs.
INSERT INTO canvases
SELECT i.id, m.id FROM manifests AS m CROSS JOIN images AS i ON i.record = m.record WHERE m.status = 2;

-- Whoever marks, unmarks or deletes an image: count and marks follow.
CREATE TRIGGER image_marked AFTER INSERT ON gone BEGIN
  UPDATE sources SET images_gone = images_gone + 1 WHERE id = NEW.source;
END;
CREATE TRIGGER image_unmarked AFTER DELETE ON gone BEGIN
  UPDATE sources SET images_gone = images_gone - 1 WHERE id = OLD.source;
END;
CREATE TRIGGER image_deleted AFTER DELETE ON images BEGIN
  DELETE FROM gone WHERE image = OLD.id;
  DELETE FROM canvases WHERE image = OLD.id;
END;

"""What an import came to: counts by outcome and reason, examples, and the file that lists what was not adopted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from types import TracebackType
from typing import Final, NamedTuple, Self, TextIO

from asyncdl.terminal import printable

MAX_EXAMPLES: Final = 3
"""Examples kept per reason."""

_MAX_CELL_CHARS: Final = 1000


class Reason(StrEnum):
    """Why something was not adopted. The names are part of the JSON report and of the rejects file."""

    MISSING = "missing"
    NO_SUCH_RECORD = "no_such_record"
    NO_IMAGE_LEFT = "no_image_left"
    LINKS_UNKNOWN = "links_unknown"
    IMAGE_SAVED = "image_saved"
    REPEATED = "repeated"
    NAME_TAKEN = "name_taken"
    EMPTY = "empty"
    TOO_SMALL = "too_small"
    PAGE = "page"
    NOT_AN_IMAGE = "not_an_image"
    TRUNCATED = "truncated"
    DAMAGED = "damaged"
    NOT_A_NAME = "not_a_name"
    NOT_AN_ID = "not_an_id"
    NOT_A_FILE = "not_a_file"
    OUTSIDE = "outside"
    UNREADABLE = "unreadable"


MEANINGS: Final[dict[Reason, str]] = {
    Reason.MISSING: "named by the earlier tool, but there is no file of it",
    Reason.NO_SUCH_RECORD: "the collection has no record of that id",
    Reason.NO_IMAGE_LEFT: "the record has fewer images than the number of the file says",
    Reason.LINKS_UNKNOWN: "none of its links belongs to an image of the record",
    Reason.IMAGE_SAVED: "the image has another file already, which stays",
    Reason.REPEATED: "named more than once",
    Reason.NAME_TAKEN: "a file with other content lies where it would go; nothing is overwritten",
    Reason.EMPTY: "the file has no bytes",
    Reason.TOO_SMALL: "the file is too small for a photo (under 1,024 bytes)",
    Reason.PAGE: "a web page or other text, saved under the name of a picture",
    Reason.NOT_AN_IMAGE: "the bytes are no image format we know",
    Reason.TRUNCATED: "the file ends in the middle of the picture",
    Reason.DAMAGED: "the file is damaged in its structure",
    Reason.NOT_A_NAME: "not named like a file of a record",
    Reason.NOT_AN_ID: "a line of the list that is no record id",
    Reason.NOT_A_FILE: "a link, a pipe or another thing that is no regular file; links are not followed",
    Reason.OUTSIDE: "leads out of the folder of the old files",
    Reason.UNREADABLE: "could not be read: look at its owner and at the disk",
}


class Refused(NamedTuple):
    """Something that is not adopted: what was said (a path or a line, from outside: escape it), why, and details."""

    said: str
    reason: Reason
    detail: str = ""


@dataclass(slots=True)
class Tally:
    """The figures of an import. `adopted` counts rows, `looked_at` everything that was named or found."""

    looked_at: int = 0
    adopted: int = 0
    adopted_bytes: int = 0
    unverified: int = 0
    already_there: int = 0
    old_files_removed: int = 0
    bytes_read: int = 0


class Account:
    """Counts, examples and rejects of one import; a context manager. Without a `path` (dry run) nothing is written."""

    def __init__(self, path: Path | None) -> None:
        self.tally = Tally()
        self.refused: Counter[Reason] = Counter()
        self.examples: dict[Reason, list[Refused]] = {}
        self.path = path
        self._file: TextIO | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._file is not None:
            self._file.close()

    @property
    def rejects(self) -> Path | None:
        """The file that lists what was refused; None when nothing was written."""
        return None if self._file is None else self.path

    def refuse(self, found: Iterable[Refused]) -> None:
        """Count, keep the first of each reason, and write the lines to the rejects file."""
        for one in found:
            self.refused[one.reason] += 1
            kept = self.examples.setdefault(one.reason, [])
            if len(kept) < MAX_EXAMPLES:
                kept.append(one)
            self._write(one)
        if self._file is not None:
            self._file.flush()

    def _write(self, one: Refused) -> None:
        if self.path is None:
            return
        if self._file is None:
            self._file = self.path.open("x", encoding="utf-8")
            self._file.write("what\treason\tdetail\n")
        cells = (printable(one.said, _MAX_CELL_CHARS), str(one.reason), printable(one.detail, _MAX_CELL_CHARS))
        self._file.write("\t".join(cells) + "\n")

"""What could not be taken from a source: the reasons, and the file that keeps every such row.

One tab-separated file per source in the collection's `rejects` folder: member, line, reason, and the row as
far as it is shown (escaped and cut). It knows nothing of how rows are read.
"""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Self, TextIO

MAX_SHOWN_CHARS = 2_000
MAX_SAMPLES_PER_REASON = 3
_NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9._-]+")
_MAX_NAME_CHARS = 80
_ESCAPES = {code: f"\\x{code:02x}" for code in (*range(32), *range(127, 160))} | {
    0x09: r"\t", 0x0A: r"\n", 0x0D: r"\r", 0x5C: r"\\", 0x2028: r"\u2028", 0x2029: r"\u2029",
}  # fmt: skip


class RejectReason(StrEnum):
    """Why a row, or one link of it, is not among the images."""

    WRONG_FIELD_COUNT = "wrong_field_count"
    NUL_BYTE = "nul_byte"
    STRAY_QUOTE = "stray_quote"
    ROW_TOO_LONG = "row_too_long"
    CELL_TOO_LONG = "cell_too_long"
    UNDECODABLE = "undecodable"
    NO_OBJECT = "no_object"
    TOO_DEEP = "too_deep"
    MISSING_ID = "missing_id"
    ID_TOO_LONG = "id_too_long"
    NO_LINK = "no_link"
    TOO_MANY_LINKS = "too_many_links"
    NOT_AN_IMAGE = "not_an_image"
    TOO_MANY_ROWS = "too_many_rows"
    UNUSABLE_LINK = "unusable_link"

    @property
    def of_row(self) -> bool:
        """Whether the whole row was rejected, and not one of its links."""
        return self is not RejectReason.UNUSABLE_LINK

    @property
    def meaning(self) -> str:
        """What happened, for people."""
        return _MEANING[self]


_MEANING: Mapping[RejectReason, str] = {
    RejectReason.WRONG_FIELD_COUNT: "the row has more or fewer fields than the table",
    RejectReason.NUL_BYTE: "the row holds a NUL byte",
    RejectReason.STRAY_QUOTE: "a quote is opened and never closed",
    RejectReason.ROW_TOO_LONG: "the row is longer than any real one",
    RejectReason.CELL_TOO_LONG: "a cell is longer than any real one",
    RejectReason.UNDECODABLE: "the row is not text in the encoding of its table",
    RejectReason.NO_OBJECT: "the line is no JSON object",
    RejectReason.TOO_DEEP: "the line is nested more deeply than any real one",
    RejectReason.MISSING_ID: "the row does not say which record it belongs to",
    RejectReason.ID_TOO_LONG: "the id is longer than any real one",
    RejectReason.NO_LINK: "the row has no link",
    RejectReason.TOO_MANY_LINKS: "a cell holds more links than any real one",
    RejectReason.NOT_AN_IMAGE: "the row says it is sound, video or text",
    RejectReason.TOO_MANY_ROWS: "the record has more rows than any real one",
    RejectReason.UNUSABLE_LINK: "the link is not a usable http(s) address",
}


@dataclass(frozen=True, slots=True)
class Reject:
    """One rejected row or link: where it stands, why, and what it says (escaped, cut)."""

    member: str
    line: int
    reason: RejectReason
    shown: str


class RejectsFile:
    """Counts, samples and keeps rejects. Without rejects there is no file. A context manager that closes it."""

    def __init__(self, path: Path, max_rows: int) -> None:
        self.path = path
        self.counts: Counter[RejectReason] = Counter()
        self._samples: list[Reject] = []
        self._max_rows = max_rows
        self._file: TextIO | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._close()

    def begin(self) -> None:
        """Forget what an earlier reading left."""
        self._close()
        self.counts.clear()
        self.path.unlink(missing_ok=True)

    def go_back(self, counts: Mapping[RejectReason, int], size_bytes: int) -> None:
        """Go back to how it stood with these counts and so many bytes: what was written later will be written again."""
        self._close()
        self.counts = Counter(dict(counts))
        if self.size_bytes > size_bytes:  # it is shorter only after a power cut; made longer, it would be filled with NULs
            os.truncate(self.path, size_bytes)
        self._samples = list(self._first_of_each_reason())

    def _first_of_each_reason(self) -> Iterator[Reject]:
        """The samples again, from the file that an earlier process wrote."""
        missing = Counter({reason: min(number, MAX_SAMPLES_PER_REASON) for reason, number in self.counts.items()})
        if not missing or not self.path.exists():
            return
        with self.path.open(encoding="utf-8", newline="\n") as file:
            next(file, None)  # the headings
            for text in file:
                member, line, name, shown = text.rstrip("\n").split("\t", 3)
                if line == "0" or not missing.total():
                    return
                reason = RejectReason(name)
                if missing[reason]:
                    missing[reason] -= 1
                    yield Reject(member, int(line), reason, shown)

    @property
    def size_bytes(self) -> int:
        """The length of the file, after `flush`."""
        return self.path.stat().st_size if self.path.exists() else 0

    def flush(self) -> None:
        """Write out what is kept in memory."""
        if self._file is not None:
            self._file.flush()

    def _close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None

    @property
    def samples(self) -> tuple[Reject, ...]:
        """The first few of each reason."""
        return tuple(self._samples)

    def add(self, member: str, line: int, reason: RejectReason, raw: bytes | str) -> None:
        """Keep one reject; `raw` is the row or the link as it stands in the source."""
        self.counts[reason] += 1
        if self.counts.total() > self._max_rows:
            return
        reject = Reject(member, line, reason, escape(raw))
        if self.counts[reason] <= MAX_SAMPLES_PER_REASON:
            self._samples.append(reject)
        file = self._opened()
        file.write(f"{escape(member)}\t{line}\t{reason}\t{reject.shown}\n")
        if self.counts.total() == self._max_rows:
            file.write("\t0\tand more\tonly counted from here on\n")

    def _opened(self) -> TextIO:
        if self._file is None:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._file = self.path.open("a", encoding="utf-8", errors="backslashreplace", newline="\n")
            if not self._file.tell():
                self._file.write("member\tline\treason\trow\n")
        return self._file


def escape(raw: bytes | str) -> str:
    r"""One line of text without control characters, cut to `MAX_SHOWN_CHARS`; bytes that are no UTF-8 become `\xNN`."""
    text = raw[: MAX_SHOWN_CHARS * 4].decode("utf-8", "backslashreplace") if isinstance(raw, bytes) else raw
    shown = text[:MAX_SHOWN_CHARS].translate(_ESCAPES)
    return shown if len(text) <= MAX_SHOWN_CHARS else shown + "…"


def rejects_path(folder: Path, source_name: str, source: int) -> Path:
    """Where the rejects of a source are kept. Its number keeps sources apart whose files have the same name."""
    plain = _NOT_IN_NAMES.sub("-", source_name).strip("-.")[:_MAX_NAME_CHARS] or "source"
    return folder / (f"{plain}.tsv" if source <= 1 else f"{plain}-{source}.tsv")

"""What a re-adoption came to: counts, reasons, and the file that lists what was not adopted. It goes on where a killed call left it."""

from __future__ import annotations

import asyncio
import json
import os
from collections import Counter
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import Any, Final, NamedTuple

from asyncdl.store import Reader, Store
from asyncdl.terminal import printable

STATE: Final = "readopted"
"""The key of `meta` under which the account is kept; its cursor too."""

MAX_LISTED: Final = 1_000_000
"""More are counted, but not listed."""

_MAX_CELL_CHARS: Final = 1000


class Refusal(StrEnum):
    """Why a file was not adopted. The names are part of the list in `rejects/`."""

    NO_RECORD = "no_record"
    NO_IMAGE = "no_image"
    SAME_PHOTO = "same_photo"
    MISSING = "missing"
    WRONG_SIZE = "wrong_size"
    WRONG_DIGEST = "wrong_digest"
    NOT_WHOLE = "not_whole"
    NOT_A_FILE = "not_a_file"
    BAD_PATH = "bad_path"
    UNREADABLE = "unreadable"
    NO_ORIGINAL = "no_original"


MEANINGS: Final[dict[Refusal, str]] = {
    Refusal.NO_RECORD: "the sources name its record no more",
    Refusal.NO_IMAGE: "no link of its record leads to this photo any more",
    Refusal.SAME_PHOTO: "another file of the same photo was adopted",
    Refusal.MISSING: "the file is not there",
    Refusal.WRONG_SIZE: "the file has another size than the old database says",
    Refusal.WRONG_DIGEST: "the file has another SHA-256 than the old database says",
    Refusal.NOT_WHOLE: "never read before, and not whole by its structure",
    Refusal.NOT_A_FILE: "a link or another thing that is no regular file lies there",
    Refusal.BAD_PATH: "its path leads out of the folder of files",
    Refusal.UNREADABLE: "the file could not be read: look at its owner and at the disk",
    Refusal.NO_ORIGINAL: "made from a file that was not adopted",
}

STRAYS: Final = (Refusal.NO_RECORD, Refusal.NO_IMAGE, Refusal.SAME_PHOTO, Refusal.NO_ORIGINAL)
"""Files of these reasons stay on the disk and belong to no row."""


class Refused(NamedTuple):
    """A file that is not adopted."""

    path: str
    why: Refusal
    detail: str = ""


class ReadoptionAccount:
    """Counts of one re-adoption. `files` are rows of the earlier database dealt with, up to the record in row `after_row` (None: not begun)."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.after_row: int | None = None
        self.files = 0
        self.size_bytes = 0
        self.adopted = 0
        self.adopted_bytes = 0
        self.digests_noted = 0
        self.renumbered = 0
        self.lanes = 0
        self.refused: Counter[Refusal] = Counter()
        self.unreadable = ""
        self._list_bytes = 0

    @classmethod
    async def go_on(cls, store: Reader, path: Path) -> ReadoptionAccount:
        """The account as the last committed page left it; `path` is where what is refused is listed."""
        account = cls(path)
        text = await store.get_meta(STATE)
        if text is not None:
            said: dict[str, Any] = json.loads(text)
            account.refused = Counter({Refusal(why): count for why, count in said.pop("refused").items()})
            account._list_bytes = said.pop("list_bytes")
            for name, value in said.items():
                setattr(account, name, value)
        await asyncio.to_thread(account._cut_list)
        return account

    def _cut_list(self) -> None:
        """Take back the lines that were written for a page which was not committed."""
        if self.path.exists() and self.path.stat().st_size > self._list_bytes:
            os.truncate(self.path, self._list_bytes)

    async def save(self, store: Store) -> None:
        """Keep it with the rows, in the transaction of the caller."""
        await store.set_meta(STATE, json.dumps(self.counts() | {"after_row": self.after_row, "list_bytes": self._list_bytes}))

    def counts(self) -> dict[str, Any]:
        """The figures by name."""
        names = ("files", "size_bytes", "adopted", "adopted_bytes", "digests_noted", "renumbered", "lanes", "unreadable")
        return {name: getattr(self, name) for name in names} | {"refused": {str(why): count for why, count in self.refused.items()}}

    @property
    def strays(self) -> int:
        """How many files are left that belong to no row."""
        return sum(self.refused[why] for why in STRAYS)

    @property
    def rejects(self) -> Path | None:
        """The file that lists what was refused; None when nothing was."""
        return self.path if self._list_bytes else None

    def list_refused(self, found: Sequence[Refused]) -> None:
        """Count what is refused, and write a line of each."""
        if not found:
            return
        listed = self.refused.total()
        self.refused.update(one.why for one in found)
        found = found[: max(0, MAX_LISTED - listed)]
        with self.path.open("a", encoding="utf-8") as file:
            if not file.tell():
                file.write("path\treason\tdetail\n")
            for one in found:
                file.write(f"{printable(one.path, _MAX_CELL_CHARS)}\t{one.why}\t{printable(one.detail, _MAX_CELL_CHARS)}\n")
            file.flush()
            self._list_bytes = file.tell()

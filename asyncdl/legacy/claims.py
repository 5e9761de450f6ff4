"""What an earlier tool says it has: claims from a list of ids, from the names in its tree of files, or from its database.

Each source is a plain iterator that holds one folder, one line or one page at a time. Names are those of the earlier tools:
`<id>.jpg` or `<id>-<NN>.<ext>`, flat or in folders of three and three digits. Blocks on the disk: drive it in a thread.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple, Protocol

from asyncdl.errors import EnvironmentStops, UsageError
from asyncdl.legacy.account import Reason, Refused
from asyncdl.store import LegacyDatabase

EXTENSIONS: Final = (
    "jpg",
    "jpeg",
    "dng",
    "nef",
    "cr2",
    "cr3",
    "arw",
    "raf",
    "orf",
    "rw2",
    "tif",
    "tiff",
    "raw",
    "png",
    "gif",
    "webp",
)
"""What the earlier tools called their files; a file found by its id alone is looked for under these, in this order."""

MAX_LINE_BYTES: Final = 4096
MAX_DEPTH: Final = 8
PAGE_ROWS: Final = 10_000

_NAME: Final = re.compile(r"(0|[1-9][0-9]{0,17})(?:-([0-9]{2,4}))?\.([A-Za-z0-9]{1,8})")
_LISTED: Final = re.compile(r"(0|[1-9][0-9]{0,17})(?:-([0-9]{2,4}))?(?:\.[A-Za-z0-9]{1,8})?")
_UNFINISHED: Final = frozenset({"tmp", "part", "crdownload"})


class Claim(NamedTuple):
    """The earlier tool has a file of this record. `number` is the image's in that tool's own count.

    `path`, relative to the root, is where it is said to lie; "" means: look where such a file can lie. `urls` are the links of
    the image where the tool kept them. `said` is how the claim was worded, for people.
    """

    record: int
    number: int
    path: str
    said: str
    urls: tuple[str, ...] = ()


class Claims(Protocol):
    """A source of claims."""

    def __iter__(self) -> Iterator[Claim | Refused]:
        """All claims, once."""
        ...

    def fraction(self) -> float | None:
        """How much of it has been read, 0 to 1; None where nobody knows the whole."""
        ...


class TreeClaims:
    """Every file below a root, folder by folder, without following links."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def fraction(self) -> float | None:
        """Nobody knows how many files are to come."""
        return None

    def __iter__(self) -> Iterator[Claim | Refused]:
        """The files of a folder first, then those of its folders."""
        folders = [("", 0)]
        while folders:
            folder, depth = folders.pop()
            inside: list[str] = []
            try:
                with os.scandir(self._root / folder) as entries:
                    for entry in entries:
                        path = f"{folder}/{entry.name}" if folder else entry.name
                        if entry.is_dir(follow_symlinks=False):
                            inside.append(path)
                        elif not entry.is_file(follow_symlinks=False):
                            yield Refused(path, Reason.NOT_A_FILE)
                        else:
                            yield claim_of(path)
            except OSError as error:
                yield Refused(folder or ".", Reason.UNREADABLE, error.strerror or str(error))
            if depth >= MAX_DEPTH:
                yield from (Refused(path, Reason.NOT_A_NAME, f"deeper than {MAX_DEPTH} folders") for path in inside)
            else:
                folders += [(path, depth + 1) for path in sorted(inside, reverse=True)]


class ListClaims:
    """A text file with one id per line, perhaps with an ending, a folder, or a carriage return; blank lines are nothing."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._read_bytes = 0
        try:
            self._size_bytes = path.stat().st_size
            with path.open("rb"):
                pass
        except OSError as error:
            raise UsageError(
                f"{path} cannot be read: {error.strerror}", "--processed takes the list of ids of the earlier tool"
            ) from error

    def fraction(self) -> float | None:
        """Bytes read of all bytes."""
        return min(1.0, self._read_bytes / self._size_bytes) if self._size_bytes else None

    def __iter__(self) -> Iterator[Claim | Refused]:
        """The ids in the order of the list."""
        with self._path.open("rb") as file:
            number, inside_a_line = 0, False
            while line := file.readline(MAX_LINE_BYTES):
                self._read_bytes += len(line)
                goes_on, inside_a_line = inside_a_line, not line.endswith(b"\n")
                number += not goes_on
                if not goes_on and (claim := _listed(line, number)) is not None:
                    yield claim


class DatabaseClaims:
    """The images that the status database of the later tool counts as saved. Its links tell which image of a record each is."""

    def __init__(self, database: LegacyDatabase, root: Path) -> None:
        self._database = database
        self._root = str(root) + "/"
        self._total = database.count()
        self._done = 0

    def fraction(self) -> float | None:
        """Rows read of all rows."""
        return min(1.0, self._done / self._total) if self._total else None

    def __iter__(self) -> Iterator[Claim | Refused]:
        """The rows in the order of their key."""
        after = (-1, -1)
        while page := self._database.page(after, PAGE_ROWS):
            after = (page[-1].record, page[-1].number)
            self._done += len(page)
            for row in page:
                said = f"{row.record}-{row.number:02d}"
                # What that tool took over from a list of ids itself never was matched with a link.
                urls = () if row.flag == "legacy_unverified_index" else row.urls
                yield Claim(row.record, row.number, self._inside(row.path), said, urls)

    def _inside(self, path: str) -> str:
        """The path relative to the root; "" where the tree has moved since: then it is looked for by its name."""
        if path.startswith("/"):
            path = path[len(self._root) :] if path.startswith(self._root) else ""
        return "" if "\0" in path or ".." in path.split("/") else path


def claim_of(path: str) -> Claim | Refused:
    """What the name of a file claims, or why it claims nothing."""
    found = _NAME.fullmatch(path[path.rfind("/") + 1 :])
    if found is None or found[3].lower() in _UNFINISHED:
        return Refused(path, Reason.NOT_A_NAME)
    return Claim(int(found[1]), int(found[2] or 0), path, path)


def places(record: int, number: int) -> Iterator[str]:
    """Where a file of an image can lie, relative to the root: the newer names first, the folders before the flat form."""
    text = str(record)
    folders = dict.fromkeys((f"{text[:3]}/{text[3:6] or '000'}/", f"{record:06d}"[:3] + "/" + f"{record:06d}"[3:6] + "/", ""))
    names = (f"{text}-{number:02d}", text) if number == 0 else (f"{text}-{number:02d}",)
    for extension in EXTENSIONS:
        for name in names:
            for folder in folders:
                yield f"{folder}{name}.{extension}"


def preference(claim: Claim) -> tuple[bool, bool, str]:
    """Of several files of one image the one named like a numbered image comes first, then the one in folders."""
    name = claim.path[claim.path.rfind("/") + 1 :]
    return "-" not in name, "/" not in claim.path, claim.path


class OldTree:
    """The folder of the old files: opens nothing outside of it. Raises `UsageError` when it is none."""

    def __init__(self, root: Path) -> None:
        if not root.is_dir():
            raise UsageError(f"{root} is no folder", "--files takes the folder that holds the old files")
        if not os.access(root, os.R_OK | os.X_OK):
            raise EnvironmentStops(f"{root} cannot be read", "look at its owner")
        self.root = root.resolve()
        self._prefix = f"{self.root}/"
        self._folders: dict[str, bool] = {}

    def find(self, claim: Claim) -> str | None:
        """The path of the file that a claim is about, as it is on the disk; None when there is none."""
        if claim.path and os.path.lexists(self._prefix + claim.path):
            return claim.path
        return next((path for path in places(claim.record, claim.number) if os.path.lexists(self._prefix + path)), None)

    def holds(self, path: str) -> bool:
        """Whether the folder of a path is really below the root: a link among its folders may lead elsewhere."""
        folder = path.rpartition("/")[0]
        known = self._folders.get(folder)
        if known is None:
            if len(self._folders) >= PAGE_ROWS:
                self._folders.clear()
            known = self._folders[folder] = (self.root / folder).resolve() == self.root / folder
        return known


def _listed(line: bytes, number: int) -> Claim | Refused | None:
    text = line.decode("utf-8", "replace").strip().removeprefix("\ufeff").strip().strip("\"'").strip()
    if not text:
        return None
    found = _LISTED.fullmatch(text[text.rfind("/") + 1 :]) if len(line) < MAX_LINE_BYTES else None
    if found is None:
        return Refused(f"line {number}", Reason.NOT_AN_ID, text)
    return Claim(int(found[1]), int(found[2] or 0), "", found[1])

"""The state of a collection set aside while it is made anew: what is kept where, how far that has come, and the way back.

A small file says it (`intents/reset.json`), written before anything is moved and removed when the new database has its name. Every move is a rename inside
the collection, synced; a kill between two leaves a phase that the next call ends. Blocks on the disk. It knows no rows.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Final

from asyncdl.clock import iso_utc
from asyncdl.errors import CollectionError, EnvironmentStops
from asyncdl.wholefile import sync_folder, write_whole

BEFORE: Final = "before"
"""The folder of a collection that holds its earlier states, one folder each."""

_MARK: Final = "reset.json"
_MAX_MARK_BYTES: Final = 1_000_000
_MAX_SAME_NAMES: Final = 1000
_DATABASE: Final = "asyncdl.sqlite"
_BUILDING: Final = f"{_DATABASE}.building"
_LOGS: Final = ("", "-wal", "-shm", "-journal")
_JOURNAL: Final = "intents/journal"
# The database goes first and comes back last: while it is not in its place, nobody takes the folder for a collection.
_KEPT: Final = (*(f"{_DATABASE}{log}" for log in _LOGS), "asyncdl.status.sqlite", "sources", _JOURNAL)


class Phase(StrEnum):
    """How far it is. `MOVING` goes on forwards, `BUILDING` is the time between, `CLEARING` and `RESTORING` lead back."""

    MOVING = "moving"
    BUILDING = "building"
    CLEARING = "clearing"
    RESTORING = "restoring"


@dataclass(frozen=True, slots=True)
class SetAside:
    """What the mark says. `kept` is the folder of the earlier state, relative to the collection; `sources` what it is made of now, for people."""

    phase: Phase
    kept: str
    began_ms: int
    sources: tuple[str, ...] = ()


def mark_of(root: Path) -> SetAside | None:
    """What is set aside at the moment; None when nothing is. Raises `CollectionError` for a mark that cannot be read."""
    path = _mark_path(root)
    try:
        if path.stat().st_size > _MAX_MARK_BYTES:
            raise CollectionError(f"{path} is larger than any real one", "restore a copy of the folder")
        said = json.loads(path.read_text(encoding="utf-8"))
        return SetAside(Phase(said["phase"]), str(said["kept"]), int(said["began_ms"]), tuple(map(str, said["sources"])))
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise CollectionError(f"{path} cannot be read: {error}", "restore a copy of the folder") from error


def begin(root: Path, now_ms: int, sources: tuple[str, ...]) -> SetAside:
    """Mark that the collection is to be made anew, and name the folder that keeps what it is now: one that nobody used before."""
    stamp = iso_utc(now_ms).replace(":", "")
    names = (f"{stamp}{f'-{number}' if number else ''}" for number in range(_MAX_SAME_NAMES))
    kept = next(f"{BEFORE}/{name}" for name in names if not os.path.lexists(root / BEFORE / name))
    mark = SetAside(Phase.MOVING, kept, now_ms, sources)
    _save(root, mark)
    return mark


def move(root: Path, mark: SetAside) -> SetAside:
    """Move the earlier state to its folder: database, rows of sources, intent journal. Harmless twice."""
    with _disk(root):
        (root / mark.kept).mkdir(parents=True, exist_ok=True)
        for name in _KEPT:
            _rename(root / name, root / mark.kept / name)
        sync_folder(root)
        sync_folder(root / mark.kept)
    mark = replace(mark, phase=Phase.BUILDING)
    _save(root, mark)
    return mark


def drop_building(root: Path) -> None:
    """Remove what was built so far: the rows of sources, then the half-built database, which says to whom they belong."""
    with _disk(root):
        shutil.rmtree(root / "sources", ignore_errors=True)
        for log in reversed(_LOGS):
            (root / f"{_BUILDING}{log}").unlink(missing_ok=True)
        sync_folder(root)


def restore(root: Path, mark: SetAside) -> None:
    """Give up: remove what was built, and put everything that was kept back into its place. Harmless twice."""
    if mark.phase is not Phase.RESTORING:
        mark = replace(mark, phase=Phase.CLEARING)
        _save(root, mark)
        drop_building(root)
        mark = replace(mark, phase=Phase.RESTORING)
        _save(root, mark)
    with _disk(root):
        for name in reversed(_KEPT):
            _rename(root / mark.kept / name, root / name)
        sync_folder(root)
        for folder in (root / mark.kept / "intents", root / mark.kept, root / BEFORE):
            if folder.is_dir() and not any(folder.iterdir()):
                folder.rmdir()
    forget(root)


def forget(root: Path) -> None:
    """The new database has its name (or the old one has it again): nothing is set aside any more. What was kept stays."""
    with _disk(root):
        _mark_path(root).unlink(missing_ok=True)
        sync_folder(_mark_path(root).parent)


def kept_bytes(root: Path) -> int:
    """How much would be set aside now."""
    total = 0
    for name in _KEPT:
        for path in (root / name, *(root / name).rglob("*")):
            if path.is_file():
                total += path.stat().st_size
    return total


def _mark_path(root: Path) -> Path:
    return root / "intents" / _MARK


def _rename(source: Path, target: Path) -> None:
    """Move one thing, where it is there; what has moved already stays."""
    if not os.path.lexists(source):
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    if target.is_dir() and not any(target.iterdir()):
        target.rmdir()  # an empty folder that opening the collection has made
    source.rename(target)
    sync_folder(target.parent)


def _save(root: Path, mark: SetAside) -> None:
    path = _mark_path(root)
    with _disk(root):
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, json.dumps(asdict(mark), ensure_ascii=False).encode())


@contextmanager
def _disk(root: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise EnvironmentStops(
            f"{root} cannot be written: {error.strerror or error}", "look at the disk; then the same command goes on"
        ) from error

"""The intent journal: which files a batch is about to give their final names, so that a crash can be undone.

Written and synced after the bytes and before the renames. A final file that a crash left without its row is
adopted on the word of this journal, and only when size and digest agree; never by its name alone.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from asyncdl.blobs.faults import local_faults
from asyncdl.blobs.spool import write_all
from asyncdl.wholefile import sync_folder

MAX_JOURNAL_BYTES = 64_000_000


@dataclass(frozen=True, slots=True)
class Intent:
    """A file of `image` is to lie at `path` (relative to the collection). `facts` is JSON: all its row needs."""

    image: int
    path: str
    size_bytes: int
    sha256: bytes
    facts: Mapping[str, Any] = field(default_factory=dict)


class IntentJournal:
    """The journal of one collection; one batch at a time. Methods block on the disk and raise `LocalFault`."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def append(self, intents: Sequence[Intent], *, durable: bool = True) -> None:
        """Write the intents of a batch and (when `durable`) have them on the disk before returning."""
        data = b"".join(_line(intent) for intent in intents)
        with local_faults("writing the intent journal"):
            fresh = not self._path.exists()
            handle = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC, 0o666)
            try:
                write_all(handle, data)
                if durable:
                    os.fsync(handle)
            finally:
                os.close(handle)
            if fresh and durable:
                sync_folder(self._path.parent)

    def clear(self) -> None:
        """Forget everything: the rows are committed.

        Not synced: intents that come back after a power cut are about rows that are committed already,
        which whoever adopts them finds out.
        """
        with local_faults("clearing the intent journal"):
            if self._path.exists():
                os.truncate(self._path, 0)

    def pending(self) -> tuple[Intent, ...]:
        """What a crash left behind. Lines that are not whole are skipped: their files were not renamed yet."""
        with local_faults("reading the intent journal"):
            try:
                with self._path.open("rb") as file:
                    data = file.read(MAX_JOURNAL_BYTES)
            except FileNotFoundError:
                return ()
        return tuple(intent for line in data.splitlines() if (intent := _parse(line)) is not None)


def _line(intent: Intent) -> bytes:
    entry = [intent.image, intent.path, intent.size_bytes, intent.sha256.hex(), dict(intent.facts)]
    return json.dumps(entry, separators=(",", ":")).encode() + b"\n"


def _parse(line: bytes) -> Intent | None:
    try:
        image, path, size_bytes, sha256, facts = json.loads(line)
        if not (isinstance(image, int) and isinstance(path, str) and isinstance(size_bytes, int) and isinstance(facts, dict)):
            return None
        return Intent(image, path, size_bytes, bytes.fromhex(sha256), facts)
    except (ValueError, TypeError):  # cut, or zeros that a power cut left
        return None

"""What a start does after a crash: adopt the files that the journal vouches for, sweep what was left unfinished.

A file is adopted only on proof: the intent journal names it, and its bytes have the digest that the journal says.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from asyncdl.blobs import Intent, IntentJournal
from asyncdl.clock import Instant
from asyncdl.collection import Collection
from asyncdl.download.intent import adoption
from asyncdl.model import Batch
from asyncdl.status import ImageStatus
from asyncdl.store import Store


@dataclass(frozen=True, slots=True)
class Repairs:
    """What was put in order."""

    adopted: int = 0
    swept: int = 0

    @property
    def any(self) -> bool:
        """Whether there was anything to put in order."""
        return bool(self.adopted or self.swept)

    def __str__(self) -> str:
        return f"{self.adopted} finished files adopted, {self.swept} unfinished ones removed"


async def recover(collection: Collection, store: Store, journal: IntentJournal, now: Instant) -> Repairs:
    """Bring files and rows in line after whatever ended the last run. The caller holds the lock."""
    intents = await asyncio.to_thread(journal.pending)
    proven = await asyncio.to_thread(_proven, collection.root, intents)
    states = await store.image_states([intent.image for intent in proven])
    adopted = [
        adoption(intent)
        for intent in proven
        if (state := states.get(intent.image)) is not None and state.status is not ImageStatus.SUCCESS
    ]
    if adopted:
        await store.apply(Batch(tuple(adopted)), now.utc_ms)
    await asyncio.to_thread(journal.clear)
    swept = await asyncio.to_thread(collection.sweep_parts)
    return Repairs(len(adopted), swept)


def _proven(root: Path, intents: Sequence[Intent]) -> list[Intent]:
    """The intents whose file is there, whole; the last word on each image counts."""
    last = {intent.image: intent for intent in intents}
    return [intent for intent in last.values() if _digest(root / intent.path, intent.size_bytes) == intent.sha256]


def _digest(path: Path, size_bytes: int) -> bytes | None:
    try:
        if path.is_symlink() or path.stat().st_size != size_bytes:
            return None
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").digest()
    except FileNotFoundError:
        return None

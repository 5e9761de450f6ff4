"""Collections made for a benchmark, without a source: pending images on loopback hosts."""

from __future__ import annotations

from pathlib import Path

from asyncdl.collection import Collection
from asyncdl.model import NewCandidate, NewImage, NewRecord
from asyncdl.store import INGEST_CACHE_BYTES, Store
from asyncdl.urls import key_hash, resolve

HOSTS = 32
FIRST_ID = 1_000_000_000
_BATCH = 5_000
_WHOLE = "ingested_at"  # what `asyncdl init` writes when its sources are read to the end; a run asks for it


async def fill(root: Path, images: int, hosts: int = HOSTS) -> Collection:
    """A collection of so many pending images, one per record, neighbours on different hosts."""
    collection = Collection.create(root)
    async with await Store.create(collection.db, {_WHOLE: "made by a benchmark"}, cache_bytes=INGEST_CACHE_BYTES) as store:
        for start in range(0, images, _BATCH):
            await store.load([_record(number, hosts) for number in range(start, min(start + _BATCH, images))])
    return collection


def _record(number: int, hosts: int) -> NewRecord:
    resolved = resolve(f"http://127.0.{number % hosts // 250 + 1}.{number % hosts % 250 + 1}/{number}.jpg")
    candidate = NewCandidate(resolved.url, resolved.rank, resolved.kind, resolved.host)
    return NewRecord(FIRST_ID + number, (NewImage(resolved.key, key_hash(resolved.key), (candidate,)),))

"""A collection brought to today's key rules, wired."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from asyncdl.app.wholeness import keys_version_of, require_whole
from asyncdl.blobs import IntentJournal
from asyncdl.clock import Clock
from asyncdl.collection import Collection
from asyncdl.download.recover import recover
from asyncdl.errors import CollectionError
from asyncdl.ingest import IngestOptions, RekeyCounts, Rekeying, RekeyProgress, living_sources, unfinished_addition
from asyncdl.store import INGEST_CACHE_BYTES, Store
from asyncdl.urls import KEYS_VERSION


@dataclass(frozen=True, slots=True)
class RekeyReport:
    """What a re-keying came to. `counts` is None when the collection was up to date."""

    made_with: int
    counts: RekeyCounts | None
    seconds: float
    dry_run: bool


async def rekey_collection(
    collection: Collection, clock: Clock, progress: Callable[[RekeyProgress], None], *, dry_run: bool = False
) -> RekeyReport:
    """Bring a collection to today's key rules, or (`dry_run`) only find out what that would change.

    Raises `CollectionLocked` when a run holds it, `CollectionError` when it is not whole, was made by newer rules, has an unfinished addition
    or keeps no rows of its sources, `EnvironmentStops`.
    """
    began = clock.now()
    with collection.lock() as lock:
        async with await Store.open(collection.db, cache_bytes=INGEST_CACHE_BYTES) as store:
            await require_whole(store, collection.root)
            made_with = await keys_version_of(store, collection.root)
            if made_with == KEYS_VERSION:
                return RekeyReport(made_with, None, 0.0, dry_run)
            folders, since = await _sources(store, collection)
            if lock.previous_crashed is not None:  # our release wipes the mark; the rows remember
                await store.add_event(began.utc_ms, "crash", str(lock.previous_crashed), "noticed by rekey")
            if not dry_run:
                # A file that a crash left without its row is of an image as it is now: it must not find another one afterwards.
                await recover(collection, store, IntentJournal(collection.intents / "journal"), began)
            rekeying = Rekeying(store, folders, IngestOptions(), clock, progress, since=since, dry_run=dry_run)
            counts = await rekeying.run()
            now = clock.now()
            if not dry_run:
                detail = json.dumps({"from": made_with, "to": KEYS_VERSION, **asdict(counts)})
                await store.add_event(now.utc_ms, "rekey", str(KEYS_VERSION), detail)
    return RekeyReport(made_with, counts, now.monotonic - began.monotonic, dry_run)


async def _sources(store: Store, collection: Collection) -> tuple[Sequence[Path], int]:
    """The folders of the sources that say what is wanted, the oldest first, and the newest of them that took another one's place (0: none did)."""
    states = await store.sources()
    if (waiting := unfinished_addition(collection, states)) is not None:
        raise CollectionError(
            f"the addition of {waiting.name} is unfinished",
            f"finish it first, with the asyncdl that began it: asyncdl add {collection.root}",
        )
    anew = f"make the collection anew from its sources: asyncdl init {collection.root} SOURCE... --reset"
    living = living_sources(collection, states, all_needed=True, or_else=anew)
    if not living:
        raise CollectionError(f"{collection.root} keeps no rows of its sources", anew)
    return [source.folder for source in living], max((state.id for state in states if state.living and state.replaces), default=0)

"""Collections made: from sources to a database of images, wired."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from asyncdl.app.wholeness import WHOLE
from asyncdl.clock import SystemClock, iso_utc
from asyncdl.collection import Collection
from asyncdl.errors import UsageError
from asyncdl.ingest import Choices, IngestOptions, IngestProgress, IngestReport, SourceSpec, ingest, parse_choices
from asyncdl.settings import IngestSettings
from asyncdl.store import INGEST_CACHE_BYTES, Store

# What a collection is made with and keeps: later versions that know other layouts or image modes look here first.
_PINNED: Final = {"path_layout": "1", "image_mode": "original"}
_SOURCES: Final = "sources"


async def initialise(
    root: Path,
    sources: Sequence[SourceSpec],
    settings: IngestSettings,
    progress: Callable[[IngestProgress], None],
    *,
    go_on: bool = False,
) -> IngestReport | None:
    """Make a collection and ingest its sources. What an earlier call that was killed has loaded is not loaded again.

    Returns None when the collection is whole already and `go_on` says that this is well; otherwise that raises `UsageError`,
    as does a collection of other sources.
    """
    collection = Collection(root)
    fresh = not collection.db.exists()
    collection = Collection.create(root) if fresh else Collection.open(root)
    with collection.lock():
        if fresh:
            store = await Store.build(collection.db, {**_PINNED, _SOURCES: _fingerprints(sources)}, cache_bytes=INGEST_CACHE_BYTES)
        else:
            store = await Store.open(collection.db, cache_bytes=INGEST_CACHE_BYTES)
        async with store:
            if await store.get_meta(_SOURCES) != _fingerprints(sources):
                if (await store.counts()).total:
                    todo = f"add it to that: asyncdl add {root} SOURCE; or name another folder"
                    raise UsageError(f"{root} is a collection already, made from something else", todo)
                # Only a source that was refused has been here: the next one may be the right one.
                await store.set_meta(_SOURCES, _fingerprints(sources))
            if await store.get_meta(WHOLE) is not None and not fresh:
                if go_on:
                    return None
                raise UsageError(f"{root} is a collection already", f"`asyncdl run {root}` goes on with it; or name another folder")
            report = await ingest(
                store,
                collection,
                sources,
                IngestOptions(memory_limit_bytes=settings.memory_limit_bytes, choices=choices_of(settings)),
                progress,
            )
            await store.set_meta(WHOLE, iso_utc(SystemClock().now().utc_ms))
            if fresh:
                await store.finish_building()
    return report


def choices_of(settings: IngestSettings) -> Choices:
    """What is taken of a source. Raises `UsageError` for a choice that cannot be understood."""
    return parse_choices(
        where=settings.where,
        licence=settings.licence,
        exclude=settings.exclude_ledger,
        max_per=settings.max_per,
        sample=settings.sample_records,
        seed=settings.seed,
        keep_columns=settings.keep_columns,
        occurrences=settings.occurrences,
    )


def _fingerprints(sources: Sequence[SourceSpec]) -> str:
    return " ".join(source.fingerprint for source in sources)

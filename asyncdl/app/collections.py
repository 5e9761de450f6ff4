"""Collections made: from sources to a database of images, wired."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from asyncdl.app.resetting import Reset
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
    reset: Reset | None = None,
) -> IngestReport | None:
    """Make a collection and ingest its sources. What an earlier call that was killed has loaded is not loaded again.

    A `reset` sets aside what the collection was, and adopts its files. Returns None when the collection is whole already and `go_on` says
    that this is well; otherwise that raises `UsageError`, as does a collection of other sources.
    """
    reset = reset or Reset(root)
    options = IngestOptions(memory_limit_bytes=settings.memory_limit_bytes, choices=choices_of(settings))
    collection = reset.claim()
    with collection.lock():
        await reset.begin()
        if reset.finished:
            return None
        fresh = not collection.db.exists()
        store = await _opened(collection, sources, fresh=fresh)
        if not await _is_of(store, sources):
            await store.close()
            store = await _begun_anew(collection, sources, reset, fresh=fresh)
        async with store:
            if not fresh and await store.get_meta(WHOLE) is not None:
                if go_on:
                    return None
                raise UsageError(
                    f"{root} is a collection already",
                    f"`asyncdl run {root}` goes on with it; --reset makes it anew and keeps its files; or name another folder",
                )
            report = await _filled(store, collection, sources, options, progress, reset)
            if fresh:
                await store.finish_building()
        reset.finish()
    return report


async def _filled(
    store: Store, collection: Collection, sources: Sequence[SourceSpec], options: IngestOptions,
    progress: Callable[[IngestProgress], None], reset: Reset,
) -> IngestReport:  # fmt: skip
    """Ingest the sources, adopt what there was before, and note that the collection is whole. A source of no use undoes a reset."""
    try:
        report = await ingest(store, collection, sources, options, progress, earlier=await reset.lists())
    except UsageError as error:
        if reset.kept is None:
            raise
        await store.close()
        raise await asyncio.to_thread(reset.undone, error) from error
    await reset.adopt(store, progress)
    await store.set_meta(WHOLE, iso_utc(SystemClock().now().utc_ms))
    return report


async def _opened(collection: Collection, sources: Sequence[SourceSpec], *, fresh: bool) -> Store:
    """The database to load into: one that is being built, or the one that is there."""
    if fresh:
        return await Store.build(collection.db, {**_PINNED, _SOURCES: _fingerprints(sources)}, cache_bytes=INGEST_CACHE_BYTES)
    return await Store.open(collection.db, cache_bytes=INGEST_CACHE_BYTES)


async def _is_of(store: Store, sources: Sequence[SourceSpec]) -> bool:
    """Whether a database is of these sources. Where only a source that was refused has been before, it is from now on."""
    try:
        if await store.get_meta(_SOURCES) == _fingerprints(sources):
            return True
        if (await store.counts()).total:
            return False
        await store.set_meta(_SOURCES, _fingerprints(sources))
    except BaseException:
        await store.close()
        raise
    return True


async def _begun_anew(collection: Collection, sources: Sequence[SourceSpec], reset: Reset, *, fresh: bool) -> Store:
    """A database in the place of one that was half built of other sources, where that was asked for; else raises `UsageError`."""
    if fresh and reset.asked:
        await reset.start_over()
        return await _opened(collection, sources, fresh=True)
    if reset.kept is not None:
        raise UsageError(
            f"{collection.root} is being made anew from something else",
            "type that `asyncdl init` again; --reset begins anew with these sources",
        )
    raise UsageError(
        f"{collection.root} is a collection already, made from something else",
        f"add it to that: asyncdl add {collection.root} SOURCE; --reset makes it anew from this; or name another folder",
    )


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

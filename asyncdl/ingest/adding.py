"""Adding sources to a collection that is there: newer states of what it has, and others. Stages that each go on where they were killed.

READ and SORT make parts of a source as an `init` does, COMPARE holds them against what the collection knows and lets it follow (`revising`),
the last transaction gives the source the place of the one it replaces. The thin asynchronous shell: what blocks runs in a thread.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import replace

from asyncdl.collection import Collection
from asyncdl.errors import EnvironmentStops, UsageError
from asyncdl.ingest.addaccounts import AddedSource, AddReport
from asyncdl.ingest.addition import Addition, Order
from asyncdl.ingest.load import ProgressWatcher, line_prefix
from asyncdl.ingest.options import IngestOptions
from asyncdl.ingest.reading import clear_readings
from asyncdl.ingest.sources import SourceFormat, SourceSpec
from asyncdl.ingest.succession import Replaces, chosen, living_sources, unfinished_addition
from asyncdl.sourcerows import SourceRows
from asyncdl.store import SourceState, Store

_AGAIN = "+"
"""Between a fingerprint and a number, where the same content comes a second time (an older state brought back, standard input)."""
_STDIN = "-"


async def add(
    store: Store,
    collection: Collection,
    sources: Sequence[SourceSpec],
    replaces: Replaces,
    options: IngestOptions,
    progress: ProgressWatcher,
    *,
    at_ms: int,
    dry_run: bool = False,
) -> AddReport:
    """Add sources one after the other; the caller holds the collection's lock. An unfinished addition is finished first; without any source, that is all.

    `progress` is called on the event loop after every step; `at_ms` is the present. With `dry_run` everything is found out and nothing kept: each source is
    held against the collection as it is. Raises `SourceError` when a source cannot be read or holds nothing usable, `UsageError` for
    what cannot be meant, `CollectionError` when parts of a source are missing, `EnvironmentStops` when memory or disk do not suffice.
    """
    if replaces.number and len(sources) > 1:
        raise UsageError("--replaces names a source, and more than one is to be added", "add them one by one")
    started = time.monotonic()
    order = Order(store, collection, replaces, options, progress, at_ms, keep=not dry_run)
    try:
        await asyncio.to_thread(clear_readings, collection)
        reports = await _carry_out(order, sources)
    except OSError as error:
        raise EnvironmentStops(f"{collection.root} cannot be written: {error.strerror or error}", "look at the disk") from error
    return AddReport(tuple(reports), time.monotonic() - started, dry_run)


async def _carry_out(order: Order, sources: Sequence[SourceSpec]) -> list[AddedSource]:
    """Finish what is unfinished, then add the others in their order."""
    store, collection = order.store, order.collection
    waiting = unfinished_addition(collection, await store.sources())
    _check(order, waiting, sources)
    if order.keep:
        await _forget_unread(order)
    reports = []
    if waiting is not None:
        spec = next((spec for spec in sources if _is(waiting, spec)), _spec_of(waiting))
        living = living_sources(collection, await store.sources(), all_needed=waiting.replaces != 0)
        reports.append(await Addition(order, spec, living).go_on(waiting))
    for spec in sources:
        if waiting is None or not _is(waiting, spec):
            reports.append(await _begin(order, spec))
    return reports


def _check(order: Order, waiting: SourceState | None, sources: Sequence[SourceSpec]) -> None:
    root = order.collection.root
    if waiting is None:
        if not sources:
            raise UsageError(
                "there is no source to add, and no addition is unfinished",
                f"name an archive, a table or a list: asyncdl add {root} SOURCE",
            )
    elif not order.keep or (sources and not any(_is(waiting, spec) for spec in sources)):
        raise UsageError(f"the addition of {waiting.name} is unfinished", f"finish it first: asyncdl add {root}")


async def _forget_unread(order: Order) -> None:
    """Of an addition that was stopped while its source was read there is nothing to go on with."""
    for state in await order.store.sources():
        if not state.loaded and not SourceRows(order.collection.source_folder(state.id)).whole:
            await order.store.forget_source(state.id)


async def _begin(order: Order, spec: SourceSpec) -> AddedSource:
    states = await order.store.sources()
    if spec.path != _STDIN:  # of that only the beginning is known before it is read
        for state in states:
            if state.living and _is(state, spec):
                return AddedSource(spec.name, spec.format, state.id, already_there=True)
    number = max((state.id for state in states), default=0) + 1
    prefix = line_prefix(spec.name, {state.name for state in states}, number)
    again = f"{_AGAIN}{number}" if any(_is(state, spec) for state in states) else ""
    spec = replace(spec, id_prefix=spec.id_prefix or prefix, fingerprint=f"{spec.fingerprint}{again}")
    living = living_sources(order.collection, states, all_needed=order.replaces.word != "none")
    chosen(order.replaces, living)  # refused before it is read
    addition = Addition(order, spec, living)
    return await addition.begin() if order.keep else await addition.rehearse(number)


def _is(state: SourceState, spec: SourceSpec) -> bool:
    return state.name == spec.name and state.fingerprint.partition(_AGAIN)[0] == spec.fingerprint


def _spec_of(state: SourceState) -> SourceSpec:
    """As much of a source as is needed once it was read."""
    return SourceSpec("", SourceFormat(state.format), state.name, state.fingerprint)

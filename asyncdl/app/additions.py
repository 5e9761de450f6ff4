"""Sources added to a collection, wired; and what is taken of them when the collection itself is a selection."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from asyncdl.app.collections import choices_of
from asyncdl.app.wholeness import require_keys, require_whole
from asyncdl.clock import Clock, SystemClock
from asyncdl.collection import Collection
from asyncdl.errors import UsageError
from asyncdl.ingest import (
    AddReport,
    Choices,
    IngestOptions,
    IngestProgress,
    Replaces,
    SourceFormat,
    SourceSpec,
    add,
    as_options,
    detect,
    parse_choices,
)
from asyncdl.settings import IngestSettings
from asyncdl.sourcerows import SourceRows
from asyncdl.store import INGEST_CACHE_BYTES, SourceState, Store


@dataclass(frozen=True, slots=True)
class AddOptions:
    """What `asyncdl add` is asked for beside settings. `same_choices`: take of a source what an earlier one was taken of (None: not said)."""

    replaces: Replaces = Replaces()
    dry_run: bool = False
    same_choices: bool | None = None


@dataclass(frozen=True, slots=True)
class Added:
    """What became of it. `notice`: that the earlier sources were read with other choices; empty when they were not."""

    report: AddReport
    notice: str = ""


async def add_sources(
    root: Path,
    sources: Sequence[str],
    settings: IngestSettings,
    options: AddOptions,
    progress: Callable[[IngestProgress], None],
    clock: Clock | None = None,
) -> Added:
    """Add sources to the collection in the folder `root`, or finish an addition that was stopped.

    Raises `SourceError` for a source that cannot be read, `UsageError` for what cannot be meant, `CollectionError` when there is no whole collection
    of this version's keys, `CollectionLocked` when another process holds it, `EnvironmentStops` when the machine does not let it be written.
    """
    collection = Collection.open(root)
    now_ms = (clock or SystemClock()).now().utc_ms
    with collection.lock() as lock:
        async with await Store.open(collection.db, cache_bytes=INGEST_CACHE_BYTES) as store:
            await require_whole(store, root)
            await require_keys(store, root)
            if lock.previous_crashed is not None and not options.dry_run:  # our release wipes the mark; the rows remember
                await store.add_event(now_ms, "crash", str(lock.previous_crashed), "noticed by add")
            choices, notice = _choices(collection, await store.sources(), settings, options, asked=bool(sources))
            specs = [spec_of(source, settings, choices) for source in sources]
            ingest_options = IngestOptions(memory_limit_bytes=settings.memory_limit_bytes, choices=choices)
            report = await add(
                store, collection, specs, options.replaces, ingest_options, progress, at_ms=now_ms, dry_run=options.dry_run
            )
            if not options.dry_run:
                for source in report.sources:
                    if not source.already_there:
                        await store.add_event(now_ms, "add", f"source {source.number}: {source.name}", json.dumps(asdict(source.added)))
    return Added(report, notice)


def spec_of(source: str, settings: IngestSettings, choices: Choices) -> SourceSpec:
    """What a source turns out to be. Raises `SourceError`."""
    hint = None if settings.format == "auto" else SourceFormat(settings.format)
    return detect(
        source, hint, id_column=settings.id_column or None, url_column=settings.url_column or None, choices=choices.digest
    )


def _choices(
    collection: Collection, states: Sequence[SourceState], settings: IngestSettings, options: AddOptions, *, asked: bool
) -> tuple[Choices, str]:
    """What is taken of the new sources, and what is to be said about it.

    A collection that is a selection stays one only if somebody says so, and does not stop being one unasked: without a word about it this
    raises `UsageError`.
    """
    given = choices_of(settings)
    earlier = _earlier_choices(collection, states, options.replaces)
    if options.same_choices:
        if given.selective:
            raise UsageError("--same-choices goes with no other choice", "say one or the other")
        if len(earlier) > 1:
            listed = "; ".join(f"source {number}: {as_options(said)}" for number, said in earlier.items())
            raise UsageError(f"--same-choices: sources were read with different ones ({listed})", "name one with --replaces NUMBER")
        return (parse_choices(**next(iter(earlier.values()))) if earlier else given), ""
    differing = {number: said for number, said in earlier.items() if said != given.said()}
    if not differing or not asked:
        return given, ""
    number, said = next(reversed(differing.items()))
    notice = f"source {number} was read with {as_options(said)}"
    if given.selective or options.same_choices is False:
        return given, notice
    if options.dry_run or options.replaces.word == "none":
        return given, f"{notice}; this takes everything"
    raise UsageError(
        f"{notice}; without a choice everything of the new source would be taken",
        "say --same-choices, other choices, or --no-same-choices to take everything; --dry-run shows what each comes to",
    )


def _earlier_choices(collection: Collection, states: Sequence[SourceState], replaces: Replaces) -> dict[int, dict[str, Any]]:
    """The choices with which living sources were read, each once, by number; only those that may leave something out."""
    found: dict[int, dict[str, Any]] = {}
    for state in states:
        rows = SourceRows(collection.source_folder(state.id))
        if not state.living or (replaces.number and state.id != replaces.number) or not rows.whole:
            continue
        said = dict(rows.about.choices)
        if parse_choices(**said).selective and said not in found.values():
            found[state.id] = said
    return found

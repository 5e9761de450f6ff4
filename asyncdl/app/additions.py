"""Sources added to a collection, wired; and what is taken of them when the collection itself is a selection."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

from asyncdl.app.collections import choices_of
from asyncdl.app.wholeness import require_keys, require_whole
from asyncdl.clock import Clock, SystemClock
from asyncdl.collection import Collection
from asyncdl.errors import UsageError
from asyncdl.ingest import (
    AddReport,
    Bounds,
    Choices,
    IngestOptions,
    IngestProgress,
    Replaces,
    SourceFormat,
    SourceSpec,
    add,
    as_options,
    detect,
    has_columns,
    parse_choices,
)
from asyncdl.settings import IngestSettings
from asyncdl.sourceabout import About
from asyncdl.sourcerows import SourceRows
from asyncdl.store import INGEST_CACHE_BYTES, Store

_Earlier = Sequence[tuple[int, About]]
"""The living sources, by number, oldest first."""
_BARE_TABLES: Final = (SourceFormat.TSV, SourceFormat.CSV)


@dataclass(frozen=True, slots=True)
class AddOptions:
    """What `asyncdl add` is asked for beside settings. `same_choices`: take of a source what an earlier one was taken of (None: not said)."""

    replaces: Replaces = field(default_factory=Replaces)
    dry_run: bool = False
    same_choices: bool | None = None


@dataclass(frozen=True, slots=True)
class Added:
    """What became of it. `notices` say where it was read otherwise than an earlier source, or like it though nobody said so."""

    report: AddReport
    notices: tuple[str, ...] = ()


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
            if lock.previous_crashed is not None:  # our release wipes the mark; the rows remember
                await store.add_event(now_ms, "crash", str(lock.previous_crashed), "noticed by add")
            earlier = [
                (state.id, rows.about)
                for state in await store.sources()
                if state.living and (rows := SourceRows(collection.source_folder(state.id))).whole
            ]
            choices, notices = _choices(earlier, settings, options, asked=bool(sources))
            specs = []
            for source in sources:
                spec, said = _spec(source, settings, choices, earlier)
                specs.append(spec)
                notices += said
            ingest_options = IngestOptions(memory_limit_bytes=settings.memory_limit_bytes, choices=choices)
            report = await add(
                store, collection, specs, options.replaces, ingest_options, progress, at_ms=now_ms, dry_run=options.dry_run
            )
            for done in report.sources if not options.dry_run else ():
                if not done.already_there:
                    await store.add_event(now_ms, "add", f"source {done.number}: {done.name}", json.dumps(asdict(done.added)))
    return Added(report, tuple(notices))


def _spec(source: str, settings: IngestSettings, choices: Choices, earlier: _Earlier) -> tuple[SourceSpec, list[str]]:
    """What a source turns out to be, and what is to be said about it. Raises `SourceError`.

    A table of which nobody says how it is read, and that has the columns by which an earlier one was, is read like that one: else its
    rows would be numbered, and none of them be known.
    """
    hint = None if settings.format == "auto" else SourceFormat(settings.format)
    spec = detect(
        source, hint, id_column=settings.id_column or None, url_column=settings.url_column or None, choices=choices.digest
    )
    if settings.id_column or settings.url_column or spec.format not in _BARE_TABLES or spec.path == "-":
        return spec, []
    for number, about in reversed(earlier):
        if about.read_as:
            like = detect(source, hint, choices=choices.digest, **about.read_as)
            if has_columns(like, Bounds()):
                columns = " ".join(f"--{name.replace('_', '-')} {shlex.quote(value)}" for name, value in about.read_as.items())
                return like, [f"{spec.name} is read as source {number} was: {columns}"]
    return spec, []


def _choices(earlier: _Earlier, settings: IngestSettings, options: AddOptions, *, asked: bool) -> tuple[Choices, list[str]]:
    """What is taken of the new sources, and what is to be said about it.

    A collection that is a selection stays one only if somebody says so, and does not stop being one unasked: without a word about it this
    raises `UsageError`.
    """
    given = choices_of(settings)
    made = _selections(earlier, options.replaces)
    if options.same_choices:
        if given.selective:
            raise UsageError("--same-choices goes with no other choice", "say one or the other")
        if len(made) > 1:
            listed = "; ".join(f"source {number}: {as_options(said)}" for number, said in made.items())
            raise UsageError(f"--same-choices: sources were read with different ones ({listed})", "name one with --replaces NUMBER")
        return (parse_choices(**next(iter(made.values()))) if made else given), []
    differing = {number: said for number, said in made.items() if said != given.said()}
    if not differing or not asked:
        return given, []
    number, said = next(reversed(differing.items()))
    notice = f"source {number} was read with {as_options(said)}"
    if given.selective or options.same_choices is False:
        return given, [notice]
    if options.dry_run or options.replaces.word == "none":
        return given, [f"{notice}; this takes everything"]
    raise UsageError(
        f"{notice}; without a choice everything of the new source would be taken",
        "say --same-choices, other choices, or --no-same-choices to take everything; --dry-run shows what each comes to",
    )


def _selections(earlier: _Earlier, replaces: Replaces) -> dict[int, dict[str, Any]]:
    """The choices with which living sources were read, each once, by number; only those that may leave something out."""
    found: dict[int, dict[str, Any]] = {}
    for number, about in earlier:
        said = dict(about.choices)
        if replaces.number in {0, number} and parse_choices(**said).selective and said not in found.values():
            found[number] = said
    return found

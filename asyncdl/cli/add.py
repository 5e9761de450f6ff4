"""`asyncdl add`: a newer state of what a collection was made from, or another source."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from asyncdl.app.additions import Added, AddOptions, add_sources
from asyncdl.cli.command import Command, Flags, Group, JsonOption, run_coroutine, with_settings
from asyncdl.cli.ingest_display import shown
from asyncdl.collection import Collection
from asyncdl.ingest import AddedSource, Replaces
from asyncdl.report.wording import counted, place_text
from asyncdl.settings import IngestSettings, load_ingest_settings
from asyncdl.terminal import printable, safe, stderr_console, stdout_console

MAX_SAMPLES = 3

_Sources = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[SOURCE]...",
        help="Archive (zip or folder), table, list of links, or - for standard input; left out: finish an addition that was stopped.",
        show_default=False,
    ),
]
_Replaces = Annotated[
    str,
    typer.Option(
        "--replaces",
        metavar="auto|none|N",
        help="Whose place a source takes: what only that one named is gone. auto: the newest source whose records come again; N: a number that `status` shows.",
    ),
]
_SameChoices = Annotated[
    bool | None,
    typer.Option(
        "--same-choices/--no-same-choices",
        help="Take of the new source what the earlier one was taken of (--where and the like), or deliberately not.",
        show_default=False,
    ),
]
_DryRun = Annotated[bool, typer.Option("--dry-run", help="Only say what would be new, known, changed and gone.")]


@with_settings(IngestSettings)
def add(
    collection: Annotated[Path, typer.Argument(metavar="COLLECTION", help="The collection's folder.", show_default=False)],
    sources: _Sources = None,
    *,
    replaces: _Replaces = "auto",
    same_choices: _SameChoices = None,
    dry_run: _DryRun = False,
    as_json: JsonOption = False,
    flags: Flags,
) -> None:
    """Add a newer state of a source, or another source: what is new is due, what is done stays, what no source names any more is marked as gone.

    Files are kept and numbers never shift. Images that are gone and have no file are not asked any more (`withdrawn`). Killed, it goes on
    when it is typed again, or without a source.
    """
    settings = load_ingest_settings(Collection.open(collection, read_only=True).root, flags)
    options = AddOptions(Replaces.parse(replaces), dry_run, same_choices)
    with shown(stderr_console(), time.monotonic) as progress:
        added = run_coroutine(add_sources(collection, sources or [], settings, options, progress))
    if as_json:
        typer.echo(json.dumps(to_json(added), indent=2))
    else:
        print_report(added, place_text(collection))


def to_json(added: Added) -> dict[str, Any]:
    """The report as JSON values. Keys are never renamed."""
    report = added.report
    return {
        "dry_run": report.dry_run,
        "seconds": round(report.seconds, 3),
        "notices": list(added.notices),
        "sources": [_source_json(source) for source in report.sources],
    }


def _source_json(source: AddedSource) -> dict[str, Any]:
    added = source.added
    replaces = source.replaces
    return {
        "name": source.name,
        "format": source.format,
        "number": source.number,
        "already_there": source.already_there,
        "replaces": None if replaces is None else {"number": replaces.number, "name": replaces.name, "share_again": replaces.share},
        "records": {
            "new": added.records_new, "changed": added.records_changed, "known": added.records_known, "gone": added.records_gone,
            "unusable": source.records_unusable,
        },
        "images": {
            "new": added.images_new, "changed": added.images_changed, "known": source.images_known, "gone": added.images_gone,
            "withdrawn": added.images_withdrawn, "named_again": added.images_named_again, "reopened": added.images_reopened,
        },
        "links": {"new": added.links_new, "gained": added.links_gained},
        "manifests": {"new": added.manifests_new, "withdrawn": added.manifests_withdrawn},
        "counts": asdict(source.counts),
        "rejects": {str(reason): number for reason, number in source.rejects.items()},
        "rejects_path": None if source.rejects_path is None else os.fspath(source.rejects_path),
        "filters": list(source.filters),
        "citation": source.citation or None,
    }  # fmt: skip


def print_report(added: Added, place: str) -> None:
    """What became of each source, and what to type next."""
    console = stdout_console()
    report = added.report
    if report.dry_run:
        console.print("a dry run: nothing was changed", markup=False)
    for notice in added.notices:
        console.print(f"note: {printable(notice)}", markup=False, soft_wrap=True)
    for source in report.sources:
        if source.already_there:
            text = f"{printable(source.name)}: in the collection already, as source {source.number} (size, beginning and end are the same)"
            console.print(text, markup=False, soft_wrap=True)
            continue
        console.print(_summary(source))
        for line in _details(source):
            console.print(f"  {line}", markup=False, soft_wrap=True)
    todo = "without --dry-run it is done" if report.dry_run else f"next: asyncdl run {place}"
    console.print(f"ready in {report.seconds:.1f} s; {todo}", markup=False, soft_wrap=True)


def _summary(source: AddedSource) -> Table:
    counts, added = source.counts, source.added
    known = f", {counts.links_known:,} in records that are known just so" if counts.links_known else ""
    filtered = f", {counts.rows_filtered:,} not chosen" if counts.rows_filtered else ""
    kept = added.images_gone - added.images_withdrawn
    rows = [
        ("source", f"{source.number}: {printable(source.name)} ({source.format})"),
        ("replaces", _replaces_words(source)),
        ("rows", f"{counts.rows_read:,} read, {counts.rows_without_media:,} without an image, {counts.rows_rejected:,} set aside{filtered}"),
        ("links", f"{counts.links:,} found{known}; {_links_words(source)}"),
        (
            "records",
            f"{added.records_new:,} new, {added.records_changed:,} changed, {added.records_known:,} known, {added.records_gone:,} gone"
            + (f", {source.records_unusable:,} without a usable link" if source.records_unusable else ""),
        ),
        (
            "images",
            f"{added.images_new:,} new, {added.images_changed:,} with new links, {source.images_known:,} as they were, {added.images_gone:,} gone",
        ),
    ]  # fmt: skip
    if added.images_gone:
        rows.append(("", f"of the gone ones {kept:,} keep their file or cause, {added.images_withdrawn:,} are no longer asked"))
    if added.images_named_again:
        rows.append(("", f"{added.images_named_again:,} that were gone are named again"))
    if added.images_reopened:
        rows.append(("", f"{added.images_reopened:,} that had ended are asked again"))
    if added.manifests_new or added.manifests_withdrawn:
        rows.append(("manifests", f"{added.manifests_new:,} new, {added.manifests_withdrawn:,} no longer read"))
    table = Table.grid(padding=(0, 2))
    for name, value in rows:
        table.add_row(f"[dim]{name}[/]", safe(value))
    return table


def _links_words(source: AddedSource) -> str:
    set_aside = source.counts.links_rejected + source.counts.links_over_limit
    return f"{source.added.links_new:,} of new images, {source.added.links_gained:,} gained by known ones, {set_aside:,} set aside"


def _replaces_words(source: AddedSource) -> str:
    replaced = source.replaces
    if replaced is None:
        return "none: it stands beside what is there"
    return f"source {replaced.number}: {printable(replaced.name)}, of which {100 * replaced.share:.1f} % come again"


def _details(source: AddedSource) -> Iterator[str]:
    for line in source.filters:
        yield printable(line)
    for reason, rows in sorted(source.rejects.items(), key=lambda item: -item[1]):
        yield f"set aside {counted(rows, 'time')}: {reason.meaning}"
    for sample in source.samples[:MAX_SAMPLES]:
        yield f"  line {sample.line}: {sample.reason}: {printable(sample.shown, 100)}"
    if source.rejects_path is not None:
        yield f"all of them: {printable(os.fspath(source.rejects_path))}"
    if source.citation:
        yield f"cite: {printable(source.citation)}"


COMMAND = Command(
    "add",
    add,
    Group.EVERY_DAY,
    "asyncdl add herbarium 0013456-2027.zip --dry-run\nasyncdl add herbarium 0013456-2027.zip\n"
    "asyncdl add german 0013456-2027.zip --same-choices\nasyncdl add pictures more-links.txt --replaces none",
)

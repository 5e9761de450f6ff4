"""`asyncdl init` and `asyncdl get`: from sources to a collection, and on to its files."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from asyncdl.app.collections import choices_of, initialise
from asyncdl.app.resetting import Reset
from asyncdl.cli.addressed import ADDRESS_SETTINGS, fetched_sources
from asyncdl.cli.asking_contact import contact_asked
from asyncdl.cli.command import Command, Flags, Group, run_coroutine, with_settings
from asyncdl.cli.ingest_display import shown
from asyncdl.cli.reset_display import ResetOption, print_finished, print_readopted, tell
from asyncdl.cli.run import print_ending, run_shown
from asyncdl.collection import Collection
from asyncdl.ingest import IngestReport, SourceFormat, SourceReport, SourceSpec, detect
from asyncdl.settings import IngestSettings, RunSettings, load_ingest_settings, load_run_settings
from asyncdl.terminal import printable, safe, stderr_console, stdout_console

MAX_SAMPLES = 3

SourceArgument = Annotated[
    list[str],
    typer.Argument(
        metavar="SOURCE...",
        help="Archive (zip, tar, folder, or its http(s) address), table (TSV, CSV, Parquet, JSON lines), list of links, or - for standard input. Any of them may be packed.",
    ),
]


@with_settings(IngestSettings, ADDRESS_SETTINGS)
def init(
    collection: Annotated[Path, typer.Argument(metavar="COLLECTION", help="The folder to make.")],
    sources: SourceArgument,
    contact: Annotated[str | None, typer.Option("--contact", help="Who a web master can write to; kept in asyncdl.toml.")] = None,
    *,
    reset: ResetOption = False,
    flags: Flags,
) -> int:
    """Make a collection: read the sources, fold rows into distinct images, and note what is malformed. Killed, it goes on.

    With --reset a collection that is there is made anew, from these sources. What its database said is kept in before/, its files stay where
    they are, and are adopted again where the SHA-256 of the old database is theirs; numbers and the pauses of hosts stay as they were.
    """
    asking = load_run_settings(_existing(collection), {**flags, "contact": contact})  # refused before anything is made
    settings = load_ingest_settings(_existing(collection), flags)
    run_coroutine(initialise_shown(collection, sources, settings, contact, go_on=False, asking=asking, reset=reset))
    return 0


@with_settings(IngestSettings, RunSettings)
def get(
    source: Annotated[str, typer.Argument(metavar="SOURCE", help="Archive, table, list of links, or -, as for `asyncdl init`.")],
    collection: Annotated[Path, typer.Argument(metavar="COLLECTION", help="The collection's folder, made when it is missing.")],
    *,
    flags: Flags,
) -> int:
    """Init (or go on) and run in one. Exit status as `asyncdl run`."""
    settings = load_run_settings(_existing(collection), flags)
    contact = str(flags["contact"]) if "contact" in flags else None
    ingest = load_ingest_settings(_existing(collection), flags)
    run_coroutine(initialise_shown(collection, [source], ingest, contact, go_on=True, asking=settings))
    opened = Collection.open(collection)
    report = run_coroutine(run_shown(opened, load_run_settings(opened.root, flags)))  # a contact may have been asked for meanwhile
    print_ending(report, opened.root)
    return report.exit_status


async def initialise_shown(
    root: Path, sources: list[str], settings: IngestSettings, contact: str | None, *, go_on: bool, asking: RunSettings | None = None,
    reset: bool = False,
) -> None:  # fmt: skip
    """Make a collection with its display and its report. Shared with `get` and `demo`. `asking`: how sources at an address are fetched."""
    anew = Reset(root, sources, asked=reset, tell=tell)
    files = await fetched_sources(root, sources, asking, go_on=go_on or anew.under_way) if asking is not None else sources
    specs = [_spec(source, settings) for source in files]
    with shown(stderr_console(), time.monotonic) as progress:
        report = await initialise(root, specs, settings, progress, go_on=go_on, reset=anew)
    if contact is not None:
        _keep_contact(Collection(root), contact)
    if report is not None:
        print_report(report, root, anew)
    elif anew.finished:
        print_finished(anew, root)
    if (
        asking is not None
        and not asking.contact
        and (answer := await contact_asked(root))
        and not _keep_contact(Collection(root), answer)
    ):
        tell(f"{Collection(root).settings_file} is there already: write `contact` into it, or say --contact with each command")


def _existing(root: Path) -> Path | None:
    """The folder whose settings apply, when it is there already."""
    return root if root.is_dir() else None


def _spec(source: str, settings: IngestSettings) -> SourceSpec:
    hint = None if settings.format == "auto" else SourceFormat(settings.format)
    return detect(source, hint, id_column=settings.id_column or None, url_column=settings.url_column or None,
                  choices=choices_of(settings).digest)  # fmt: skip


def _keep_contact(collection: Collection, contact: str) -> bool:
    """Pin the contact in the collection's settings; a file that somebody has written already is left alone (False)."""
    if collection.settings_file.exists():
        return False
    quoted = contact.replace("\\", "\\\\").replace('"', '\\"')
    collection.settings_file.write_text(f'# Settings of this collection; `asyncdl config` lists them all.\ncontact = "{quoted}"\n')
    return True


def print_report(report: IngestReport, root: Path, reset: Reset | None = None) -> None:
    """What became of each source, the reasons for what was set aside, and what to type next."""
    console = stdout_console()
    for source in report.sources:
        if source.already_loaded:
            console.print(f"{printable(source.name)}: in the collection already", markup=False)
            continue
        console.print(_summary(source))
        _print_rejects(source)
        if source.citation:
            console.print(f"  cite: {printable(source.citation)}", markup=False, soft_wrap=True)
    if reset is not None:
        print_readopted(reset, root)
    rows = sum(source.counts.rows_read for source in report.sources)
    speed = f" ({rows / report.seconds:,.0f} rows/s)" if rows and report.seconds >= 1 else ""
    console.print(f"ready in {report.seconds:.1f} s{speed}; next: asyncdl run {printable(str(root))}", markup=False, soft_wrap=True)


def _summary(source: SourceReport) -> Table:
    counts = source.counts
    filtered = f", {counts.rows_filtered:,} not chosen" if counts.rows_filtered else ""
    table = Table.grid(padding=(0, 2))
    rows = (
        ("source", f"{printable(source.name)} ({source.format})"),
        (
            "rows",
            f"{counts.rows_read:,} read, {counts.rows_without_media:,} without an image, {counts.rows_rejected:,} set aside{filtered}",
        ),
        (
            "links",
            f"{counts.links:,} found, {counts.duplicates:,} doubled, {counts.links_rejected + counts.links_over_limit:,} set aside",
        ),
        ("records", f"{source.records_new:,}"),
        ("images", f"{source.images_new:,} distinct, {source.manifests_new:,} IIIF manifests to read"),
    )
    for name, value in rows:
        table.add_row(f"[dim]{name}[/]", safe(value))
    return table


def _print_rejects(source: SourceReport) -> None:
    console = stdout_console()
    for line in source.filters:
        console.print(f"  {printable(line)}", markup=False, soft_wrap=True)
    if not source.rejects:
        return
    for reason, rows in sorted(source.rejects.items(), key=lambda item: -item[1]):
        console.print(f"  set aside {rows:,} times: {reason.meaning}", markup=False, soft_wrap=True)
    for sample in source.samples[:MAX_SAMPLES]:
        console.print(f"    line {sample.line}: {sample.reason}: {printable(sample.shown, 100)}", markup=False, soft_wrap=True)
    if source.rejects_path is not None:
        console.print(f"  all of them: {printable(os.fspath(source.rejects_path))}", markup=False, soft_wrap=True)


INIT = Command(
    "init",
    init,
    Group.EVERY_DAY,
    "asyncdl init herbarium 0012345-2026.zip --contact you@institute.edu\nasyncdl init herbarium 0012345-2026.zip --reset",
)
GET = Command("get", get, Group.EVERY_DAY, "asyncdl get links.txt pictures --contact you@institute.edu")

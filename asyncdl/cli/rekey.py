"""`asyncdl rekey`: bring a collection that older key rules made to those of this version."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import Annotated, Any, Final

import typer
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn

from asyncdl.app.rekeying import RekeyReport, rekey_collection
from asyncdl.cli.command import HERE, CollectionArgument, Command, Group, JsonOption, run_coroutine
from asyncdl.clock import Clock, SystemClock
from asyncdl.collection import Collection
from asyncdl.ingest import RekeyProgress
from asyncdl.report.wording import place_text
from asyncdl.terminal import stderr_console
from asyncdl.units import approximate_duration
from asyncdl.urls import KEYS_VERSION

PLAIN_SECONDS: Final = 30.0
_MIN_PACE_SECONDS: Final = 2.0
_LINES: Final = (
    ("images_keyed", "images have another key"),
    ("images_looked_up", "images have a key that needed none before"),
    ("images_merged", "images were another one's photo, and are part of it now"),
    ("images_new", "images are new: their links were taken for another photo"),
    ("links_moved", "links moved to the photo they are of"),
    ("images_reopened", "images that had ended are due again"),
    ("images_gone", "images are no photo of a living source any more: files are kept, the others are not asked"),
    ("images_named_again", "images that were gone are photos of a living source"),
    ("manifests_new", "IIIF manifests are new"),
    ("manifests_gone", "links are no manifests after all"),
    ("images_doubled", "images are the photo of another one, and keep their file"),
    ("images_left", "images have no usable link by these rules, and are left as they are"),
)

_DryRun = Annotated[bool, typer.Option("--dry-run", help="Change nothing; only say what would be changed.")]
_Watch = Callable[[RekeyProgress], None]


def rekey(collection: CollectionArgument = HERE, *, dry_run: _DryRun = False, as_json: JsonOption = False) -> None:
    """Bring a collection that older key rules made to those of this version, from the rows of its sources.

    Key rules say which links show the same photo. Images that are one photo by today's rules become one, links of another photo get an
    image of their own. Files, their names and numbers stay as they are. Killed, the same command goes on; until it is done, nothing runs.
    """
    opened = Collection.open(collection)
    clock = SystemClock()
    with _progress(clock) as watch:
        report = run_coroutine(rekey_collection(opened, clock, watch, dry_run=dry_run))
    if as_json:
        typer.echo(json.dumps(_json(report), indent=2))
        return
    for line in _lines(report, place_text(collection)):
        typer.echo(line)


def _json(report: RekeyReport) -> dict[str, Any]:
    counts = None if report.counts is None else asdict(report.counts)
    return {
        "made_with": report.made_with, "keys_version": KEYS_VERSION, "up_to_date": counts is None, "dry_run": report.dry_run,
        "counts": counts, "seconds": round(report.seconds, 3),
    }  # fmt: skip


def _lines(report: RekeyReport, place: str) -> Iterator[str]:
    if report.counts is None:
        yield f"up to date: its keys are those of version {KEYS_VERSION} of the rules; next: asyncdl run {place}"
        return
    counts = asdict(report.counts)
    yield f"{counts['records_changed']:,} of {counts['records']:,} records {'would change' if report.dry_run else 'changed'}"
    for name, words in _LINES:
        if counts[name]:
            yield f"{counts[name]:>12,} {words}"
    yield f"from version {report.made_with} of the key rules to {KEYS_VERSION}, in {approximate_duration(report.seconds)}"
    yield "a dry run: nothing was changed" if report.dry_run else f"next: asyncdl run {place}"


@contextmanager
def _progress(clock: Clock) -> Iterator[_Watch]:
    """A bar on a terminal, else a line every 30 s; both on standard error."""
    console = stderr_console()
    began = last = clock.now().monotonic
    if console.is_terminal:
        columns = (TextColumn("rekey"), BarColumn(), TaskProgressColumn(), TextColumn("{task.description}"))
        with Progress(*columns, console=console, transient=True) as bar:
            task = bar.add_task("", total=None)

            def show(now: RekeyProgress) -> None:
                bar.update(
                    task, description=_words(now, clock.now().monotonic - began), completed=now.done, total=now.total or None
                )

            yield show
        return

    def say(now: RekeyProgress) -> None:
        nonlocal last
        if (moment := clock.now().monotonic) - last >= PLAIN_SECONDS:
            last = moment
            typer.echo(f"rekey: {_words(now, moment - began)}", err=True)

    yield say


def _words(now: RekeyProgress, seconds: float) -> str:
    """`1,200,000 of 50,000,000 records, 98,000/s, 8m12s left`."""
    words = [f"{now.done:,} of {now.total:,} records"]
    done = now.done - now.done_before
    if done > 0 and seconds >= _MIN_PACE_SECONDS:
        words += [f"{done / seconds:,.0f}/s", f"{approximate_duration((now.total - now.done) * seconds / done)} left"]
    return ", ".join(words)


COMMAND = Command("rekey", rekey, Group.CARE, "asyncdl rekey herbarium --dry-run\nasyncdl rekey herbarium")

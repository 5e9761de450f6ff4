"""`asyncdl report --for-host HOST`: what was asked of a host and answered, for its web master."""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path
from typing import Annotated, TextIO

import typer

from asyncdl.cli.command import HERE, CollectionArgument, Command, Group, run_coroutine
from asyncdl.cli.opening import ask_rows
from asyncdl.clock import SystemClock
from asyncdl.errors import EnvironmentStops, UsageError
from asyncdl.report.hostlog import write_host_log
from asyncdl.report.wording import counted, place_text
from asyncdl.settings.addresses import parse_host
from asyncdl.terminal import printable, stderr_console
from asyncdl.upkeep.retry_filter import parse_since_ms

_MAX_ASKED_CHARS = 200
_Host = Annotated[
    str, typer.Option("--for-host", metavar="HOST", help="The host, as `asyncdl status` names it.", show_default=False)
]
_Since = Annotated[str | None, typer.Option("--since", metavar="TIME", help="Only since a date, a time, or so long ago (2d).")]
_Output = Annotated[
    Path | None, typer.Option("--output", "-o", metavar="FILE", help="Write it here; left out: to standard output.")
]


def report(collection: CollectionArgument = HERE, *, for_host: _Host, since: _Since = None, output: _Output = None) -> None:
    """Write a log of what was asked of a host and what it answered, as CSV in the order of time, for its web master.

    One line per request that gave a file, a manifest or a failure, retries and redirects included, and the last reading of robots.txt.
    On a large collection this takes minutes: every file is looked at.
    """
    since_ms = 0 if since is None else parse_since_ms(since, SystemClock().now().utc_ms)
    host = _host(for_host)
    outcomes = _written(collection, host, since_ms, output)
    if outcomes is None:
        if output is not None:
            output.with_name(output.name + ".tmp").unlink(missing_ok=True)
        raise UsageError(
            f"nothing is known of the host {printable(for_host, _MAX_ASKED_CHARS)}",
            f"`asyncdl status {place_text(collection)}` lists the hosts",
        )
    told = ", ".join(f"{count:,} {outcome}" for outcome, count in outcomes.most_common())
    where = f" in {printable(str(output))}" if output is not None else ""
    console = stderr_console()
    console.print(f"{counted(outcomes.total(), 'line')}{where}: {told or 'nothing was asked'}", markup=False, soft_wrap=True)


def _host(text: str) -> str:
    try:
        return parse_host(text)
    except ValueError as error:
        raise UsageError(
            f"{printable(text, _MAX_ASKED_CHARS)!r} is no host: {error}", "give a name as `asyncdl status` shows it"
        ) from error


def _written(collection: Path, host: str, since_ms: int, output: Path | None) -> Counter[str] | None:
    """Write to standard output, or to a file that gets its name when it is whole."""

    def to(file: TextIO) -> Counter[str] | None:
        return run_coroutine(ask_rows(collection, lambda store: write_host_log(store, host, since_ms, file), pauses_seconds=()))

    if output is None:
        return to(sys.stdout)
    unfinished = output.with_name(output.name + ".tmp")
    try:
        with unfinished.open("w", encoding="utf-8", newline="") as file:
            outcomes = to(file)
        if outcomes is not None:
            unfinished.replace(output)
    except OSError as error:
        raise EnvironmentStops(
            f"{printable(str(output))} cannot be written: {error.strerror or error}", "name another file"
        ) from error
    return outcomes


COMMAND = Command(
    "report",
    report,
    Group.EVERY_DAY,
    "asyncdl report herbarium --for-host images.museum.org --since 7d -o museum.csv",
)

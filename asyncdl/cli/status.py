"""`asyncdl status`: where a collection stands, for people and for programs."""

from __future__ import annotations

import json
from pathlib import Path

import typer

from asyncdl.cli.command import HERE, CollectionArgument, Command, Group, JsonOption, run_coroutine
from asyncdl.cli.opening import ask_figures
from asyncdl.clock import SystemClock
from asyncdl.collection import Collection
from asyncdl.report.plan import default_ceilings
from asyncdl.report.status import StatusReport, gather_status, to_json
from asyncdl.report.status_view import render_status
from asyncdl.report.wording import place_text
from asyncdl.settings import load_run_settings
from asyncdl.store import Store
from asyncdl.terminal import stdout_console


def status(collection: CollectionArgument = HERE, *, as_json: JsonOption = False) -> None:
    """Show what is done, what waits and until when, what failed and why, by cause and by host, and what to type next.

    Works while a run holds the collection.
    """
    report = run_coroutine(ask_figures(collection, lambda store: _gather(store, Collection(collection))))
    if as_json:
        typer.echo(json.dumps(to_json(report), indent=2))
    else:
        console = stdout_console()
        console.print(render_status(report, place_text(collection)), soft_wrap=not console.is_terminal)


async def _gather(store: Store, collection: Collection) -> StatusReport:
    return await gather_status(
        store,
        SystemClock().now().utc_ms,
        running=collection.holder(),
        as_of_ms=_age_of_snapshot(store.path, collection),
        ceilings=default_ceilings(load_run_settings(collection.root, {})),
    )


def _age_of_snapshot(read: Path, collection: Collection) -> int | None:
    """When the snapshot that is read was written; None when the database itself is read."""
    return None if read == collection.db else read.stat().st_mtime_ns // 1_000_000


COMMAND = Command("status", status, Group.EVERY_DAY, "asyncdl status herbarium\nasyncdl status herbarium --json")

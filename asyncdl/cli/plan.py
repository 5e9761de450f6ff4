"""`asyncdl plan`: how long a job takes at the limits of its hosts, what binds, and whether it fits, before the first byte."""

from __future__ import annotations

import json
import os
from typing import Annotated

import typer

from asyncdl.cli.command import HERE, CollectionArgument, Command, Flags, Group, JsonOption, run_coroutine, with_settings
from asyncdl.cli.opening import ask_figures
from asyncdl.clock import SystemClock
from asyncdl.collection import Collection
from asyncdl.freespace import space_at
from asyncdl.report.plan import PlanReport, default_ceilings, gather_plan, process_of, to_json
from asyncdl.report.plan_view import render_plan
from asyncdl.report.wording import place_text
from asyncdl.settings import RunSettings, load_run_settings
from asyncdl.store import Store
from asyncdl.terminal import stdout_console

MAX_SHOWN_HOSTS = 10_000

_Shown = Annotated[
    int, typer.Option("--hosts", metavar="N", min=1, max=MAX_SHOWN_HOSTS, help="Hosts that are listed; the rest is summed up.")
]


@with_settings(RunSettings)
def plan(collection: CollectionArgument = HERE, *, hosts: _Shown = 20, as_json: JsonOption = False, flags: Flags) -> None:
    """Reckon images, days and bytes per host at its limits, the floor that no concurrency can beat, what binds, and the earliest end.

    Sizes are guessed until a run has saved something, then taken from what it saved. Nothing is asked of any host.
    """
    settings = load_run_settings(Collection.open(collection, read_only=True).root, flags)
    found = run_coroutine(ask_figures(collection, lambda store: _gather(store, Collection(collection), settings, hosts)))
    if as_json:
        typer.echo(json.dumps(to_json(found), indent=2))
    else:
        stdout_console().print(render_plan(found, place_text(collection)))


async def _gather(store: Store, collection: Collection, settings: RunSettings, shown: int) -> PlanReport:
    return await gather_plan(
        store,
        SystemClock().now().utc_ms,
        default=default_ceilings(settings),
        process=process_of(settings, processors=os.cpu_count() or 1, decode_seconds_per_byte=_decode_cost(settings)),
        space=space_at(collection.root),
        keep_free=settings.keep_free_bytes,
        shown=shown,
    )


def _decode_cost(settings: RunSettings) -> float:
    """Measured here and now; nothing is loaded when nothing will be decoded."""
    if settings.validate_mode == "structure":
        return 0.0
    from asyncdl.imaging.cost import decode_seconds_per_byte  # noqa: PLC0415  loads a decoder

    return decode_seconds_per_byte()


COMMAND = Command("plan", plan, Group.EVERY_DAY, "asyncdl plan herbarium\nasyncdl plan herbarium --host-rate 1 --json")

"""`asyncdl plan`: how long a job takes at the limits of its hosts, what binds, and whether it fits, before the first byte."""

from __future__ import annotations

import json
import os
from typing import Annotated

import typer

from asyncdl.app.probing import probe_hosts
from asyncdl.cli.command import HERE, CollectionArgument, Command, Flags, Group, JsonOption, run_coroutine, with_settings
from asyncdl.cli.opening import ask_figures
from asyncdl.clock import SystemClock
from asyncdl.collection import Collection
from asyncdl.download.probe import MAX_HOSTS, MAX_REQUESTS_PER_LANE
from asyncdl.download.probe_view import probe_json, probe_lines
from asyncdl.freespace import space_at
from asyncdl.report.plan import PlanReport, Sizes, default_ceilings, gather_plan, process_of, to_json
from asyncdl.report.plan_view import render_plan
from asyncdl.report.wording import place_text
from asyncdl.settings import RunSettings, load_run_settings
from asyncdl.store import Store
from asyncdl.terminal import stdout_console

MAX_SHOWN_HOSTS = 10_000

_Shown = Annotated[
    int, typer.Option("--hosts", metavar="N", min=1, max=MAX_SHOWN_HOSTS, help="Hosts that are listed; the rest is summed up.")
]


_Probe = Annotated[
    bool,
    typer.Option(
        "--probe",
        help=f"First ask the largest {MAX_HOSTS} hosts at most {MAX_REQUESTS_PER_LANE} questions each, robots.txt included.",
    ),
]


@with_settings(RunSettings)
def plan(
    collection: CollectionArgument = HERE, *, hosts: _Shown = 20, probe: _Probe = False, as_json: JsonOption = False, flags: Flags
) -> None:
    """Reckon images, days and bytes per host at its limits, the floor that no concurrency can beat, what binds, and the earliest end.

    Sizes are guessed until a run has saved something, then taken from what it saved. Nothing is asked of any host, unless --probe
    says so: then a few pictures are looked at and let go, at the pace of a host that nobody knows.
    """
    opened = Collection.open(collection, read_only=not probe)
    settings = load_run_settings(opened.root, flags)
    probed = run_coroutine(probe_hosts(opened, settings)) if probe else []
    seen = {host.lane: host.sample for host in probed}
    found = run_coroutine(ask_figures(collection, lambda store: _gather(store, opened, settings, hosts, seen)))
    if as_json:
        typer.echo(json.dumps({**to_json(found), **({"probe": probe_json(probed)} if probe else {})}, indent=2))
        return
    console = stdout_console()
    for line in probe_lines(probed):
        console.print(line, markup=False, soft_wrap=not console.is_terminal)
    console.print(render_plan(found, place_text(collection)))


async def _gather(store: Store, collection: Collection, settings: RunSettings, shown: int, seen: Sizes) -> PlanReport:
    return await gather_plan(
        store,
        SystemClock().now().utc_ms,
        default=default_ceilings(settings),
        process=process_of(settings, processors=os.cpu_count() or 1, decode_seconds_per_byte=_decode_cost(settings)),
        space=space_at(collection.root),
        keep_free=settings.keep_free_bytes,
        shown=shown,
        seen=seen,
    )


def _decode_cost(settings: RunSettings) -> float:
    """Measured here and now; nothing is loaded when nothing will be decoded."""
    if settings.validate_mode == "structure":
        return 0.0
    from asyncdl.imaging.cost import decode_seconds_per_byte  # noqa: PLC0415  loads a decoder

    return decode_seconds_per_byte()


COMMAND = Command(
    "plan",
    plan,
    Group.EVERY_DAY,
    "asyncdl plan herbarium\nasyncdl plan herbarium --host-rate 1 --json\nasyncdl plan herbarium --probe",
)

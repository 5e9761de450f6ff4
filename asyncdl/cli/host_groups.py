"""`asyncdl hosts join` and `hosts part`: which hosts are one server to be polite to."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from asyncdl.cli.command import CollectionArgument, Command, Group, run_coroutine
from asyncdl.cli.posting import ask_the_run
from asyncdl.clock import SystemClock
from asyncdl.collection import Collection, RunLock
from asyncdl.errors import CollectionLocked
from asyncdl.store import Store
from asyncdl.terminal import printable
from asyncdl.upkeep.host_groups import Grouping, carry_out, grouping_of

_MAX_LINE_CHARS = 1_000
_Hosts = Annotated[list[str], typer.Argument(metavar="HOST...", help="Hosts, as `asyncdl status` shows them.", show_default=False)]
_Lane = Annotated[
    str, typer.Option("--as", metavar="HOST", help="The host whose limits, pauses and budgets they share.", show_default=False)
]
_Note = Annotated[str, typer.Option("--note", metavar="TEXT", help="Why, for whoever finds it later.", show_default=False)]
_Unlisted = Annotated[bool, typer.Option("--unlisted", help="Also hosts that no link names: others may redirect to them.")]


def join(collection: CollectionArgument, hosts: _Hosts, *, lane: _Lane, note: _Note, unlisted: _Unlisted = False) -> None:
    """Let hosts share one lane, because they are one server: its pace, connections, budgets and pauses hold for all of them together.

    No image is touched. A run that is at work keeps the lanes it began with; the next one follows.
    """
    _group(collection, Grouping(tuple(hosts), lane, note, unlisted))


def part(collection: CollectionArgument, hosts: _Hosts, *, note: _Note) -> None:
    """Put hosts back where the shipped table has them: each in a lane of its own, unless they are known to be one server."""
    _group(collection, Grouping(tuple(hosts), "", note))


def _group(root: Path, typed: Grouping) -> None:
    wanted = grouping_of(typed.body())
    opened = Collection.open(root)
    try:
        with opened.lock() as lock:
            result = run_coroutine(_carry_out(opened, wanted, lock))
    except CollectionLocked as locked:
        result = run_coroutine(ask_the_run(opened, wanted.body(), locked))
    if result.get("posted"):
        typer.echo(
            printable(
                f"asked the run that holds the collection to note it; it will when it looks ({result['holder']})", _MAX_LINE_CHARS
            )
        )
        return
    later = ", from the next run on" if result.get("from_next_run") else ""
    for host, lane in dict(result.get("lanes", {})).items():
        typer.echo(printable(f"{host}: in the lane of {lane}{later}", _MAX_LINE_CHARS))


async def _carry_out(collection: Collection, wanted: Grouping, lock: RunLock) -> dict[str, Any]:
    now_ms = SystemClock().now().utc_ms
    async with await Store.open(collection.db) as store:
        if lock.previous_crashed is not None:  # our release wipes the mark; the rows remember
            await store.add_event(now_ms, "crash", str(lock.previous_crashed), "noticed by hosts")
        result = await carry_out(store, wanted, now_ms)
        await store.settle_lanes()
    return result


JOIN = Command(
    "hosts join",
    join,
    Group.CARE,
    'asyncdl hosts join herbarium img1.example.org img2.example.org --as img1.example.org --note "one machine, says their admin"',
)
PART = Command("hosts part", part, Group.CARE, 'asyncdl hosts part herbarium img2.example.org --note "it has moved"')

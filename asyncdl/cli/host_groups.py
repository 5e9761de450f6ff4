"""`asyncdl hosts join`, `hosts part` and `hosts group`: which hosts are one server to be polite to."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

import typer

from asyncdl.cli.command import CollectionArgument, Command, Group, run_coroutine
from asyncdl.cli.opening import ask_figures
from asyncdl.cli.posting import ask_the_run
from asyncdl.clock import SystemClock
from asyncdl.collection import Collection, RunLock
from asyncdl.errors import CollectionLocked, UsageError
from asyncdl.names import addresses_of
from asyncdl.store import Store
from asyncdl.terminal import printable
from asyncdl.upkeep.host_addresses import groups_by_address
from asyncdl.upkeep.host_groups import MAX_HOSTS, Grouping, carry_out, grouping_of

MAX_NAMES = 1_000
LOOK_UP_SECONDS = 60.0
_MAX_LINE_CHARS = 1_000
_GroupNote = Annotated[str, typer.Option("--note", metavar="TEXT", help="Why, for whoever finds it later.")]
_DryRun = Annotated[bool, typer.Option("--dry-run", help="Only say which they are.")]
_Most = Annotated[
    int, typer.Option("--max-hosts", min=1, max=MAX_NAMES, metavar="N", help="Look up so many, those with most images.")
]
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
    if not lane.strip():
        raise UsageError("--as names no host", "name the host whose limits they share; `asyncdl hosts part` puts them back")
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


def group(
    collection: CollectionArgument, *, note: _GroupNote = "they share an address", dry_run: _DryRun = False, most: _Most = MAX_NAMES
) -> None:
    """Look up the names of the hosts with most images, and let those that share an address share a lane, the largest first. `hosts part` takes it back.

    Look first (`--dry-run`): a content network serves unrelated museums from one address, and they need not wait for each other.
    """
    opened = Collection.open(collection, read_only=True)
    groups = run_coroutine(_look_up(opened, most))
    for hosts in groups:
        typer.echo(
            printable(
                f"{', '.join(hosts[1:])}: {'would share' if dry_run else 'share'} an address with {hosts[0]}", _MAX_LINE_CHARS
            )
        )
        if not dry_run:
            for first in range(1, len(hosts), MAX_HOSTS):
                _group(collection, Grouping(hosts[first : first + MAX_HOSTS], hosts[0], note))
    if not groups:
        typer.echo("no two hosts lead to the same address, but those that share a lane already")


async def _look_up(collection: Collection, most: int) -> list[tuple[str, ...]]:
    """Groups of hosts in different lanes."""
    counts = [each for each in await ask_figures(collection.root, lambda store: store.counts_by_host(most)) if each.host]
    names = {each.host: urlsplit(f"//{each.host}").hostname or "" for each in counts}
    found = await addresses_of(sorted({name for name in names.values() if name}), timeout_seconds=LOOK_UP_SECONDS)
    lanes = {each.host: each.lane for each in counts}
    groups = groups_by_address({host: found.get(name, frozenset()) for host, name in names.items()})
    return [hosts for hosts in groups if len({lanes[host] for host in hosts}) > 1]


JOIN = Command(
    "hosts join",
    join,
    Group.CARE,
    'asyncdl hosts join herbarium img1.example.org img2.example.org --as img1.example.org --note "one machine, says their admin"',
)
PART = Command("hosts part", part, Group.CARE, 'asyncdl hosts part herbarium img2.example.org --note "it has moved"')
GROUP = Command("hosts group", group, Group.CARE, "asyncdl hosts group herbarium --dry-run")

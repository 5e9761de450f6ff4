"""`asyncdl hosts`: what each host may be asked, who says so, and orders of a person that hold in a free collection and in a running job."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer

from asyncdl.app.host_orders import carry_out_order
from asyncdl.cli.command import HERE, CollectionArgument, Command, Group, JsonOption, run_coroutine
from asyncdl.cli.opening import ask_figures
from asyncdl.cli.posting import ask_the_run
from asyncdl.clock import SystemClock
from asyncdl.collection import Collection, RunLock
from asyncdl.errors import CollectionLocked, UsageError
from asyncdl.limits import LIMIT_NAMES, NOTHING_SAID, LaneLimits
from asyncdl.presets import shipped_presets
from asyncdl.report.hosts import gather_lanes, lanes_json
from asyncdl.report.hosts_view import limits_text, render_lanes
from asyncdl.report.wording import counted, place_text, when
from asyncdl.settings import load_run_settings
from asyncdl.store import Store
from asyncdl.terminal import printable, stdout_console
from asyncdl.units import parse_bit_rate, parse_count, parse_rate_per_second, parse_size_bytes
from asyncdl.upkeep.host_orders import HostAction, HostCommand, host_command_of, parse_until_ms

MAX_LINE_CHARS = 1_000
T = TypeVar("T")

_Host = Annotated[str, typer.Argument(metavar="HOST", help="A host, as `asyncdl hosts list` shows it.", show_default=False)]
_Note = Annotated[str, typer.Option("--note", metavar="TEXT", help="Why, for whoever finds it later.", show_default=False)]
_Until = Annotated[
    str | None, typer.Option("--until", metavar="TIME", help="When it ends by itself: a date, a time (UTC), or how long (2d, 90m).")
]
_Unlisted = Annotated[bool, typer.Option("--unlisted", help="Also when no link is there yet: other hosts may redirect to it.")]
_Rate = Annotated[str | None, typer.Option("--rate", metavar="RATE", help="Requests: 2/s, 20/min, 1000/h.")]
_Connections = Annotated[str | None, typer.Option("--connections", metavar="N", help="Requests at the same time.")]
_Bandwidth = Annotated[
    str | None, typer.Option("--bandwidth", metavar="BITS", help="Bits per second, from the next answer on: 25M.")
]
_PerHour = Annotated[str | None, typer.Option("--per-hour", metavar="SIZE", help="Bytes in any hour: 5GB.")]
_PerDay = Annotated[str | None, typer.Option("--per-day", metavar="SIZE", help="Bytes in any 24 hours: 24GB.")]
_Requests = Annotated[str | None, typer.Option("--requests-per-day", metavar="N", help="Requests in any 24 hours: 10000.")]
_Reset = Annotated[bool, typer.Option("--reset", help="Take your limits of this host back.")]
_All = Annotated[bool, typer.Option("--all", help="Every host that is looked at, not only the largest.")]


def list_hosts(collection: CollectionArgument = HERE, *, everything: _All = False, as_json: JsonOption = False) -> None:
    """List the hosts: what is waiting there, what each may be asked at most and who says so, and whether it is left alone.

    Hosts that are one server to be polite to are one line. Works while a run holds the collection; limits are those of the settings in
    force here, not of the flags that a run was started with.
    """
    opened = Collection.open(collection, read_only=True)
    settings = load_run_settings(opened.root, {})
    now_ms = SystemClock().now().utc_ms
    lanes = run_coroutine(
        ask_figures(collection, lambda store: gather_lanes(store, settings.lane_limits, shipped_presets(), now_ms))
    )
    if as_json:
        typer.echo(json.dumps({"hosts": lanes_json(lanes, now_ms)}, indent=2))
        return
    console = stdout_console()
    console.print(render_lanes(lanes, now_ms, everything=everything), soft_wrap=not console.is_terminal)


def limit(
    collection: CollectionArgument,
    host: _Host,
    *,
    note: _Note,
    rate: _Rate = None,
    connections: _Connections = None,
    bandwidth: _Bandwidth = None,
    per_hour: _PerHour = None,
    per_day: _PerDay = None,
    requests_per_day: _Requests = None,
    until: _Until = None,
    unlisted: _Unlisted = False,
    reset: _Reset = False,
) -> None:
    """Say what a host may be asked at most, instead of what presets and settings say; 0 lifts a limit. What you leave out is as they say.

    A new order replaces the whole of an earlier one. Your word goes before everything but robots.txt and what the host itself answers: the pace is still found below it.
    """
    limits = LaneLimits(
        rate_per_second=_read("--rate", rate, parse_rate_per_second),
        connections=_read("--connections", connections, parse_count),
        bandwidth_bits_per_second=_read("--bandwidth", bandwidth, parse_bit_rate),
        bytes_per_hour=_read("--per-hour", per_hour, parse_size_bytes),
        bytes_per_day=_read("--per-day", per_day, parse_size_bytes),
        requests_per_day=_read("--requests-per-day", requests_per_day, parse_count),
    )
    if limits.any == reset:
        raise UsageError(
            "say what to limit, or --reset" if not reset else "--reset takes no limits", "`asyncdl hosts limit --help` has examples"
        )
    _order(collection, HostAction.LIMIT, host, note, until, limits, unlisted=unlisted)


def pause(collection: CollectionArgument, host: _Host, *, note: _Note, until: _Until = None, unlisted: _Unlisted = False) -> None:
    """Start no request at a host for a while. Its images stay due and wait for it; what is under way is finished.

    Use `block` for a host that is not to be waited for: images that have a link to another host then turn there.
    """
    _order(collection, HostAction.PAUSE, host, note, until, unlisted=unlisted)


def block(collection: CollectionArgument, host: _Host, *, note: _Note, until: _Until = None, unlisted: _Unlisted = False) -> None:
    """Ask a host nothing. Images that have a link to another host turn there, as for a host that is down; the others are deferred, never failed.

    What is under way is finished. `pause` leaves images where they are.
    """
    _order(collection, HostAction.BLOCK, host, note, until, unlisted=unlisted)


def resume(collection: CollectionArgument, host: _Host, *, note: _Note) -> None:
    """Let a host be asked again: ends your pause or block, a ban, and pauses for its silence. Your limits stay.

    What the host itself asked for (429, 503, Retry-After) still holds.
    """
    _order(collection, HostAction.RESUME, host, note, None)


def give_up(collection: CollectionArgument, host: _Host, *, note: _Note) -> None:
    """Give a host up: images that only it has end as given up (`lane_given_up`), a batch at a time in the run; nothing is asked of it any more.

    No attempt is charged. `asyncdl hosts resume` lets it be asked again, `asyncdl retry --host HOST` does and opens its images too.
    """
    _order(collection, HostAction.GIVE_UP, host, note, None)


def _read(option: str, text: str | None, parse: Callable[[object], T]) -> T | None:
    try:
        return None if text is None else parse(text)
    except ValueError as error:
        raise UsageError(f"{option} {text!r}: {error}", "`asyncdl hosts limit --help` has examples") from error


def _order(
    root: Path, action: HostAction, host: str, note: str, until: str | None, limits: LaneLimits = NOTHING_SAID, *, unlisted: bool = False
) -> None:  # fmt: skip
    now_ms = SystemClock().now().utc_ms
    until_ms = 0 if until is None else parse_until_ms(until, now_ms)
    command = host_command_of(HostCommand(action, host, note, limits, until_ms, unlisted).body())
    opened = Collection.open(root)
    try:
        with opened.lock() as lock:
            result = run_coroutine(_carry_out(opened, command, now_ms, lock))
    except CollectionLocked as locked:
        result = run_coroutine(ask_the_run(opened, command.body(), locked))
    for line in _lines(command, result, now_ms, place_text(opened.root)):
        typer.echo(printable(line, MAX_LINE_CHARS))


async def _carry_out(collection: Collection, command: HostCommand, now_ms: int, lock: RunLock) -> dict[str, Any]:
    async with await Store.open(collection.db) as store:
        if lock.previous_crashed is not None:  # our release wipes the mark; the rows remember
            await store.add_event(now_ms, "crash", str(lock.previous_crashed), "noticed by hosts")
        return await carry_out_order(store, command, SystemClock().now())


def _lines(command: HostCommand, result: Mapping[str, Any], now_ms: int, place: str) -> Iterator[str]:
    if result.get("posted"):
        yield f"asked the run that holds the collection to {command.action} {command.host}; it will do so when it looks ({result['holder']})"
        return
    lane = str(result.get("lane", command.host))
    until = f" until {when(command.until_ms, now_ms)}" if command.until_ms else ""
    by_run = ", at once in the run that is at work" if result.get("by_run") else ""
    match command.action:
        case HostAction.LIMIT if not command.limits.any:
            yield f"{lane}: your limits are taken back{by_run}"
        case HostAction.LIMIT:
            yield f"{lane}: {_limits(command.limits)}{until}{by_run}"
        case HostAction.GIVE_UP:
            yield f"{lane}: given up{by_run or '; the next run ends what waits for it'}"
        case HostAction.RESUME:
            yield f"{lane}: may be asked again{by_run}"
        case _:
            yield f"{lane}: {'paused' if command.action is HostAction.PAUSE else 'blocked'}{until or ' until you resume it'}{by_run}"
    others = [str(name) for name in result.get("hosts", ())]
    if others:
        more = f" and {counted(len(others) - 3, 'other host')}" if len(others) > 3 else ""
        yield f"  holds for {', '.join(others[:3])}{more} too: they are one server to be polite to"
    if command.action is HostAction.GIVE_UP:
        yield f"  later: asyncdl retry {place} --host {lane}"
    if command.action in {HostAction.PAUSE, HostAction.BLOCK}:
        yield f"  later: asyncdl hosts resume {place} {lane} --note WHY"


def _limits(limits: LaneLimits) -> str:
    lifted = [name.replace("_", " ") for name in LIMIT_NAMES if getattr(limits, name) == 0]
    said = limits_text(limits)
    parts = [f"at most {said}"] if said != "no limit" else []
    parts += [f"no limit of {', '.join(lifted)}"] if lifted else []
    return "; ".join(parts)


LIST = Command("hosts list", list_hosts, Group.CARE, "asyncdl hosts list herbarium\nasyncdl hosts list herbarium --json")
LIMIT = Command(
    "hosts limit",
    limit,
    Group.CARE,
    'asyncdl hosts limit herbarium images.example.org --rate 1/s --connections 1 --note "asked by their curator"\n'
    'asyncdl hosts limit herbarium media.example.org --per-hour 5GB --per-day 24GB --until 2d --note "their help page"\n'
    'asyncdl hosts limit herbarium images.example.org --reset --note "they bought a new server"',
)
PAUSE = Command(
    "hosts pause", pause, Group.CARE, 'asyncdl hosts pause herbarium images.example.org --until 8h --note "their working hours"'
)
BLOCK = Command(
    "hosts block", block, Group.CARE, 'asyncdl hosts block herbarium proxy.example.org --until 2027-01-15 --note "moving house"'
)
RESUME = Command("hosts resume", resume, Group.CARE, 'asyncdl hosts resume herbarium images.example.org --note "they said yes"')
GIVE_UP = Command("hosts give-up", give_up, Group.CARE, 'asyncdl hosts give-up herbarium old.museum.org --note "closed in 2024"')

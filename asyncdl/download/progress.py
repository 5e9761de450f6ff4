"""What a run looks like while it works: a live display on a terminal, one plain line every half minute elsewhere.

Both are drawn from the same `Snapshot`. Every text that came from outside passes `printable` before it is drawn. The display
fits the terminal it is drawn on: what has no room is counted, never cut off at the bottom.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.panel import Panel
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from asyncdl.download.figures import HostFigures, Snapshot
from asyncdl.terminal import printable
from asyncdl.units import approximate_duration, approximate_size

MAX_SHOWN_HOSTS = 14
MAX_TROUBLED_HOSTS = 5
MIN_HOST_CHARS = 16
MAX_HOST_CHARS = 32
WIDE_CHARS = 100
_DETAIL_CHARS = 80
_FRAME_LINES = 2 + 3 + 1 + 1 + 1 + 1  # border, totals, blank and heading of the hosts, blank and heading of the failures
_COLUMNS = (("pace", 6), ("busy", 5), ("saved", 6), ("errors", 6))
_THEN_CHARS = 14
_STOPPED = {"pause": "paused by you", "block": "blocked by you"}


def plain_line(snapshot: Snapshot) -> str:
    """The figures as one line for logs."""
    paused = [host for host in snapshot.hosts if host.paused_seconds > 0]
    parts = [
        f"{snapshot.done:,}/{snapshot.total:,} images",
        f"{snapshot.saved:,} saved now",
        f"{snapshot.images_per_second:.1f}/s",
        f"{approximate_size(snapshot.bytes_per_second)}/s",
        f"in flight {_slots(snapshot)}",
        f"hosts {sum(1 for host in snapshot.hosts if host.in_flight)} busy, {len(paused)} paused",
        f"failed {snapshot.closed:,}",
        f"ETA {_eta(snapshot)}{_decides(snapshot)}",
    ]
    if snapshot.efficiency is not None:
        parts.append(f"efficiency {snapshot.efficiency:.2f}, {snapshot.refused:,} of {snapshot.requests:,} requests refused")
    if paused:
        worst = max(paused, key=lambda host: host.paused_seconds)
        parts.append(f"longest pause {printable(worst.host, MAX_HOST_CHARS)} {_pause(worst)}")
    if snapshot.own_trouble:
        parts.append(f"paused: {printable(snapshot.own_trouble, _DETAIL_CHARS)}")
    return " | ".join(parts)


def live_view(snapshot: Snapshot, title: str) -> RenderableType:
    """The figures as a panel for a terminal."""
    return _LiveView(snapshot, title)


@dataclass(frozen=True, slots=True)
class _LiveView:
    """Laid out when it is drawn, because only then the size of the terminal is known."""

    snapshot: Snapshot
    title: str

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        snapshot = self.snapshot
        # One line stays free for the cursor; without it a terminal scrolls at every refresh.
        room = max(2, options.max_height - 1 - _FRAME_LINES - len(snapshot.notices))
        failures = min(len(snapshot.failures), max(1, room // 3))
        columns = _Columns.of(options.max_width)
        parts: list[RenderableType] = _overall(snapshot)
        if snapshot.hosts:
            parts += [Text(), _hosts(snapshot, room - failures, columns)]
        if failures:
            parts += [Text(), _failures(snapshot, failures, columns)]
        parts += [Text(printable(notice), style="yellow", no_wrap=True, overflow="ellipsis") for notice in snapshot.notices]
        yield Panel(Group(*parts), title=Text(printable(self.title)), title_align="left", border_style="dim", padding=(0, 1))


@dataclass(frozen=True, slots=True)
class _Columns:
    """How wide the hosts' names are, in both tables, and how much lies between columns: steady while a run lasts."""

    host_chars: int
    gap_chars: int

    @classmethod
    def of(cls, width: int) -> _Columns:
        gap = 2 if width >= WIDE_CHARS else 1
        left = width - 4 - sum(chars for _, chars in _COLUMNS) - gap * (len(_COLUMNS) + 1)
        return cls(min(MAX_HOST_CHARS, max(MIN_HOST_CHARS, left * 2 // 5)), gap)

    def table(self) -> Table:
        """An empty table whose first column holds hosts."""
        table = Table(box=None, expand=True, pad_edge=False, padding=(0, self.gap_chars, 0, 0), header_style="dim")
        table.add_column("host", no_wrap=True, width=self.host_chars)
        return table

    def host(self, name: str) -> Text:
        """A host as it fits its column."""
        return Text(printable(name, self.host_chars))


def _overall(snapshot: Snapshot) -> list[RenderableType]:
    """Bar, speed, and what is under way: three lines with two ends each, which fit eighty columns."""
    share = snapshot.done / snapshot.total if snapshot.total else 1.0
    bar = ProgressBar(
        total=max(1, snapshot.total), completed=snapshot.done, width=None, complete_style="green", finished_style="green"
    )
    speed = Text.assemble(
        (f"{snapshot.images_per_second:.1f}", "bold"), " images/s   ",
        (f"{approximate_size(snapshot.bytes_per_second)}", "bold"), "/s", _politeness(snapshot),
    )  # fmt: skip
    state = (
        f"in flight {_slots(snapshot)}   checking {snapshot.inspecting}   queued {snapshot.queued:,}   failed {snapshot.closed:,}"
    )
    spent = f"{approximate_size(snapshot.size_bytes)} in {approximate_duration(snapshot.elapsed_seconds)}"
    under_way = Text(state, style="dim")
    if snapshot.own_trouble:
        under_way = Text(f"paused: {printable(snapshot.own_trouble)}", style="red", no_wrap=True, overflow="ellipsis")
    return [
        _ends(bar, Text.assemble((f"{snapshot.done:,}", "bold"), f" of {snapshot.total:,} images  ", (f"{share:.1%}", "bold"))),
        _ends(speed, Text.assemble("ETA ", (_eta(snapshot), "bold"), _decides(snapshot))),
        _ends(under_way, Text(spent, style="dim")),
    ]


def _ends(left: RenderableType, right: Text) -> Table:
    line = Table.grid(padding=(0, 2), expand=True)
    line.add_column(ratio=1, no_wrap=True)
    line.add_column(justify="right", no_wrap=True)
    line.add_row(left, right)
    return line


def _hosts(snapshot: Snapshot, room: int, columns: _Columns) -> RenderableType:
    table = columns.table()
    for heading, chars in _COLUMNS:
        table.add_column(heading, justify="right", no_wrap=True, min_width=chars)
    table.add_column("state", ratio=1, no_wrap=True, overflow="ellipsis")
    shown = shown_hosts(snapshot.hosts, min(room, MAX_SHOWN_HOSTS))
    for host in shown:
        # Requests for robots.txt belong to no image; a host that fails them shows at least its pauses.
        errors = max(host.failed, host.incidents)
        table.add_row(columns.host(host.host), _pace(host), _flight(host), f"{host.saved:,}", f"{errors:,}", _state(host))
    if hidden := len(snapshot.hosts) - len(shown):
        table.add_row(Text(f"and {hidden} more", style="dim"), "", "", "", "", "")
    return table


def shown_hosts(hosts: tuple[HostFigures, ...], lines: int) -> list[HostFigures]:
    """The hosts in trouble first (longest pause on top), then the busiest; each once, with a line left to count the rest."""
    room = lines if len(hosts) <= lines else max(0, lines - 1)
    troubled = sorted((host for host in hosts if host.paused_seconds > 0 or host.down), key=lambda host: -host.paused_seconds)
    shown = troubled[: min(room, MAX_TROUBLED_HOSTS)]
    names = {host.host for host in shown}
    busy = sorted((host for host in hosts if host.host not in names), key=lambda host: (-host.in_flight, -host.queued, -host.saved))
    return shown + busy[: room - len(shown)]


def _failures(snapshot: Snapshot, lines: int, columns: _Columns) -> RenderableType:
    """The last failures, the newest at the bottom."""
    table = columns.table()
    table.add_column("image", no_wrap=True, overflow="ellipsis", min_width=10, max_width=20)
    table.add_column("recent failure", no_wrap=True, ratio=1, overflow="ellipsis")
    table.add_column("then", no_wrap=True, style="dim", overflow="ellipsis", min_width=_THEN_CHARS, max_width=2 * _THEN_CHARS)
    for failure in snapshot.failures[-lines:]:
        # The name of an HTTP error says its status already.
        detail = "" if failure.error.startswith("http_") else printable(failure.detail, _DETAIL_CHARS)
        cause = Text.assemble((printable(failure.error), "red"), " ", (detail, "dim"))
        verdict = Text(printable(failure.verdict))
        table.add_row(columns.host(failure.host), Text(printable(failure.image)), cause, verdict)
    return table


def _pace(host: HostFigures) -> str:
    return f"{host.rate_per_second:.3g}/s" if host.rate_per_second else "free"


def _flight(host: HostFigures) -> str:
    return f"{host.in_flight}" if math.isinf(host.connections) else f"{host.in_flight}/{host.connections:.0f}"


def _state(host: HostFigures) -> Text:
    if host.given_up:
        return Text("given up", style="red")
    if host.held:
        if host.pause_reason == "banned" and math.isinf(host.paused_seconds):
            return Text("refuses us: waits for you to write to it", style="red")
        ends = "" if math.isinf(host.paused_seconds) else f" for {_pause(host)}"
        return Text(f"{_STOPPED.get(host.stop, 'held')}{ends}", style="magenta")
    if host.down:
        return Text(f"down, probe in {_pause(host)}: {printable(host.pause_reason)}", style="red")
    if host.paused_seconds > 0:
        return Text(f"paused {_pause(host)}: {printable(host.pause_reason)}", style="yellow")
    if host.left and not (host.queued or host.in_flight):
        return Text(f"idle, {host.left:,} left", style="dim")
    if host.eta_seconds is not None and host.left:
        return Text(f"ETA {approximate_duration(host.eta_seconds)}, {host.left:,} left", style="dim")
    return Text(f"{host.queued:,} queued" if host.queued else "working" if host.in_flight else "idle", style="dim")


def _slots(snapshot: Snapshot) -> str:
    return f"{snapshot.in_flight}/{snapshot.slots}" if snapshot.slots else f"{snapshot.in_flight}"


def _pause(host: HostFigures) -> str:
    """How much longer, rounded up: a pause that still holds is never shown as none."""
    return "until you resume it" if math.isinf(host.paused_seconds) else approximate_duration(math.ceil(host.paused_seconds))


def _eta(snapshot: Snapshot) -> str:
    if snapshot.waiting == 0:
        return "done"
    return approximate_duration(snapshot.eta_seconds) if snapshot.eta_seconds is not None else "unknown"


def _decides(snapshot: Snapshot) -> str:
    """The host that decides the end, cut where it is long."""
    return f" ({printable(snapshot.decides, MIN_HOST_CHARS)})" if snapshot.decides and snapshot.waiting else ""


def _politeness(snapshot: Snapshot) -> str:
    return f"   efficiency {snapshot.efficiency:.2f}" if snapshot.efficiency is not None else ""

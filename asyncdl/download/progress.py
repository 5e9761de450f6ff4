"""What a run looks like while it works: a live display on a terminal, one plain line every half minute elsewhere.

Both are drawn from the same `Snapshot`. Every text that came from outside passes `safe` before it is drawn.
"""

from __future__ import annotations

import math

from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from asyncdl.download.figures import HostFigures, Snapshot
from asyncdl.terminal import printable
from asyncdl.units import approximate_duration, approximate_size

MAX_BUSY_HOSTS = 8
MAX_TROUBLED_HOSTS = 5
_HOST_CHARS = 42
_DETAIL_CHARS = 60


def plain_line(snapshot: Snapshot) -> str:
    """The figures as one line for logs."""
    paused = [host for host in snapshot.hosts if host.paused_seconds > 0]
    parts = [
        f"{snapshot.done:,}/{snapshot.total:,} images",
        f"{snapshot.saved:,} saved now",
        f"{snapshot.images_per_second:.1f}/s",
        f"{approximate_size(snapshot.bytes_per_second)}/s",
        f"in flight {snapshot.in_flight}",
        f"hosts {sum(1 for host in snapshot.hosts if host.in_flight)} busy, {len(paused)} paused",
        f"failed {snapshot.closed:,}",
        f"ETA {_eta(snapshot)}",
    ]
    if paused:
        worst = max(paused, key=lambda host: host.paused_seconds)
        parts.append(f"longest pause {printable(worst.host, _HOST_CHARS)} {_pause(worst)}")
    return " | ".join(parts)


def live_view(snapshot: Snapshot, title: str) -> RenderableType:
    """The figures as a panel for a terminal."""
    parts: list[RenderableType] = [_overall(snapshot), Text(), _hosts(snapshot)]
    if snapshot.failures:
        parts += [Text(), _failures(snapshot)]
    parts += [Text(printable(notice), style="yellow") for notice in snapshot.notices]
    return Panel(Group(*parts), title=Text(printable(title)), title_align="left", border_style="dim", padding=(0, 1))


def _overall(snapshot: Snapshot) -> RenderableType:
    grid = Table.grid(padding=(0, 2), expand=True)
    grid.add_column(ratio=1)
    grid.add_column(justify="right", no_wrap=True)
    share = snapshot.done / snapshot.total if snapshot.total else 1.0
    bar = ProgressBar(
        total=max(1, snapshot.total), completed=snapshot.done, width=None, complete_style="green", finished_style="green"
    )
    grid.add_row(bar, f"[b]{snapshot.done:,}[/] of {snapshot.total:,} images  {share:.1%}")
    line = Text.assemble(
        (f"{snapshot.images_per_second:.1f}", "bold"), " images/s   ",
        (f"{approximate_size(snapshot.bytes_per_second)}", "bold"), "/s   ",
        f"{approximate_size(snapshot.size_bytes)} in {approximate_duration(snapshot.elapsed_seconds)}   ",
        "ETA ", (_eta(snapshot), "bold"),
    )  # fmt: skip
    state = (
        f"in flight {snapshot.in_flight}  checking {snapshot.inspecting}  queued {snapshot.queued:,}  failed {snapshot.closed:,}"
    )
    grid.add_row(line, Text(state, style="dim"))
    return grid


def _hosts(snapshot: Snapshot) -> RenderableType:
    table = Table(box=None, expand=True, pad_edge=False, header_style="dim")
    table.add_column("host", ratio=1, no_wrap=True, overflow="ellipsis")
    for heading in ("pace", "in flight", "saved", "failures"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("state", ratio=1, no_wrap=True, overflow="ellipsis")
    for host in shown_hosts(snapshot.hosts):
        table.add_row(
            Text(printable(host.host, _HOST_CHARS)), _pace(host), _flight(host), f"{host.saved:,}", f"{host.failed:,}", _state(host)
        )
    hidden = len(snapshot.hosts) - table.row_count
    if hidden > 0:
        table.add_row(Text(f"and {hidden} more", style="dim"), "", "", "", "", "")
    return table


def shown_hosts(hosts: tuple[HostFigures, ...]) -> list[HostFigures]:
    """The hosts in trouble first (longest pause on top), then the busiest; each host once."""
    troubled = sorted((host for host in hosts if host.paused_seconds > 0 or host.down), key=lambda host: -host.paused_seconds)
    shown = troubled[:MAX_TROUBLED_HOSTS]
    names = {host.host for host in shown}
    busy = sorted((host for host in hosts if host.host not in names), key=lambda host: (-host.in_flight, -host.queued, -host.saved))
    return shown + busy[:MAX_BUSY_HOSTS]


def _failures(snapshot: Snapshot) -> RenderableType:
    table = Table(box=None, expand=True, pad_edge=False, header_style="dim")
    table.add_column("recent failures", no_wrap=True)
    table.add_column("host", no_wrap=True, overflow="ellipsis", max_width=32)
    table.add_column("cause", no_wrap=True, ratio=1, overflow="ellipsis")
    table.add_column("then", no_wrap=True, style="dim")
    for failure in snapshot.failures:
        cause = Text.assemble((printable(failure.error), "red"), " ", (printable(failure.detail, _DETAIL_CHARS), "dim"))
        table.add_row(
            Text(printable(failure.image)), Text(printable(failure.host, _HOST_CHARS)), cause, Text(printable(failure.verdict))
        )
    return table


def _pace(host: HostFigures) -> str:
    return f"{host.rate_per_second:.3g}/s" if host.rate_per_second else "free"


def _flight(host: HostFigures) -> str:
    return f"{host.in_flight}" if math.isinf(host.connections) else f"{host.in_flight}/{host.connections:.0f}"


def _state(host: HostFigures) -> Text:
    if host.held:
        return Text("held by you", style="magenta")
    if host.down:
        return Text(f"down, asked again in {_pause(host)}: {printable(host.pause_reason)}", style="red")
    if host.paused_seconds > 0:
        return Text(f"paused {_pause(host)}: {printable(host.pause_reason)}", style="yellow")
    return Text("working" if host.in_flight else f"{host.queued} queued" if host.queued else "idle", style="dim")


def _pause(host: HostFigures) -> str:
    return "until you resume it" if math.isinf(host.paused_seconds) else approximate_duration(host.paused_seconds)


def _eta(snapshot: Snapshot) -> str:
    if snapshot.waiting == 0:
        return "done"
    return approximate_duration(snapshot.eta_seconds) if snapshot.eta_seconds is not None else "unknown"

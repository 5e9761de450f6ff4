"""How the list of hosts looks to people. Builds what rich prints; every text from outside goes through `terminal`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from asyncdl.limits import LaneLimits
from asyncdl.report.hosts import Lane, Word, spent_of
from asyncdl.report.standing import lane_word
from asyncdl.report.wording import when
from asyncdl.terminal import printable, safe
from asyncdl.units import approximate_size, format_bit_rate, format_rate, format_size

SHOWN_LANES: Final = 40
_NAME_CHARS: Final = 60
_MIN_NAME_CHARS: Final = 16
_NOTE_CHARS: Final = 200
_SPANS: Final = {"bytes_per_hour": "an hour", "bytes_per_day": "a day", "requests_per_day": "requests a day"}


def limits_text(limits: LaneLimits) -> str:
    """Limits in words: `3/s, 2 connections, 25Mbit/s, 5GB an hour`; `no limit` where nothing bounds anything."""
    said = [
        limits.rate_per_second and format_rate(limits.rate_per_second),
        limits.connections and f"{limits.connections} connection{'s' if limits.connections > 1 else ''}",
        limits.bandwidth_bits_per_second and format_bit_rate(limits.bandwidth_bits_per_second),
        limits.bytes_per_hour and f"{format_size(limits.bytes_per_hour)} an hour",
        limits.bytes_per_day and f"{format_size(limits.bytes_per_day)} a day",
        limits.requests_per_day and f"{limits.requests_per_day:,} requests a day",
    ]
    return ", ".join(text for text in said if text) or "no limit"


def render_lanes(lanes: Sequence[Lane], now_ms: int, *, everything: bool) -> RenderableType:
    """The lanes for a console: all that people ordered something about, and of the others those with most waiting images."""
    shown = list(lanes) if everything else [lane for at, lane in enumerate(lanes) if at < SHOWN_LANES or lane.ordered]
    table = Table(box=None, pad_edge=False, header_style="dim")
    table.add_column("host", overflow="fold", min_width=_MIN_NAME_CHARS)
    table.add_column("waiting", justify="right", no_wrap=True)
    table.add_column("saved", justify="right", no_wrap=True)
    table.add_column("at most")
    table.add_column("says", no_wrap=True)
    table.add_column("state", no_wrap=True)
    for lane in shown:
        words = dict.fromkeys(lane.whose.values())
        table.add_row(
            safe(lane.name, _NAME_CHARS),
            f"{lane.waiting:,}",
            f"{lane.saved:,}",
            limits_text(lane.limits),
            ", ".join(words),
            lane_word(lane.record, now_ms),
        )
    parts: list[RenderableType] = [table]
    parts += [Text(printable(line, 3 * _NOTE_CHARS)) for lane in shown for line in _remarks(lane, now_ms)]
    if len(shown) < len(lanes):
        parts.append(Text(f"… and {len(lanes) - len(shown):,} more (--all, --json)", "dim"))
    return Group(*parts)


def _remarks(lane: Lane, now_ms: int) -> list[str]:
    """What does not fit a cell: why a lane is not asked, its other hosts, why its limits are a person's, where a preset comes from."""
    remarks = [f"{lane.name}: {lane.standing}"] if lane.standing else []
    if others := [name for name in lane.hosts if name != lane.name]:
        more = f" and {len(others) - 3} more" if len(others) > 3 else ""
        remarks.append(f"{lane.name}: with {', '.join(others[:3])}{more}")
    if Word.YOURS in lane.whose.values() and lane.record.order is not None:
        order = lane.record.order
        until = f" until {when(order.limits_until_ms, now_ms)}" if order.limits_until_ms else ""
        remarks.append(f"{lane.name}: your limits hold{until}: {order.limits_note}")
    for name, amount in spent_of(lane.record, lane.limits, now_ms).items():
        if amount:
            allowed, show = getattr(lane.limits, name), "{:,}".format if name == "requests_per_day" else approximate_size
            remarks.append(f"{lane.name}: {show(amount)} of {show(allowed)} {_SPANS[name]} are spent or reserved")
    if lane.preset is not None:
        first = "write to them first; " if lane.preset.ask_first else ""
        remarks.append(f"{lane.name}: {first}{lane.preset.note} ({lane.preset.source}, read {lane.preset.read.isoformat()})")
    return remarks

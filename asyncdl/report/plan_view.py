"""How a plan looks to people: what is waiting, until when at the earliest, what binds, and whom to write to.

Builds what rich prints; every text from outside goes through `terminal.safe`.
"""

from __future__ import annotations

import math
from typing import Final

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from asyncdl.forecast import Bound, LaneForecast, Letter, Spread
from asyncdl.forecast.sizes import PRIOR
from asyncdl.report.plan import PlanReport
from asyncdl.report.wording import counted, when
from asyncdl.terminal import printable, safe
from asyncdl.units import approximate_duration, approximate_size, format_bit_rate

MIN_LETTER_SECONDS: Final = 3_600.0
"""Nobody writes to a museum to save less; `--json` has all."""
_MAX_HOST_CHARS: Final = 60
_WORDS: Final = {
    "host": "the slowest host",
    "line": "the line",
    "cpu": "the processors",
    "disk": "the disk",
    "inodes": "the inodes",
}


def render_plan(plan: PlanReport, place: str) -> RenderableType:
    """The plan for a console. `place` is the collection as it is typed."""
    parts: list[RenderableType] = [_totals(plan, place)]
    if plan.floor.lanes:
        parts += [Text(), Text("By host, the slowest first", "bold"), _hosts(plan)]
    if letters := [letter for letter in plan.floor.write_to if letter.own_seconds >= MIN_LETTER_SECONDS]:
        parts += [Text(), Text("Worth writing to", "bold"), *(Text(_letter(letter)) for letter in letters)]
    parts += [Text(), Text("Next", "bold"), *(Text(f"  {step}") for step in _next(plan, place))]
    return Group(*parts)


def _totals(plan: PlanReport, place: str) -> Table:
    floor, room = plan.floor, plan.room
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    table.add_row("collection", safe(place))
    table.add_row(
        "to do",
        f"{counted(floor.images, 'image')} of {plan.images.total:,}, {counted(floor.requests, 'request')}, {_size(floor.size)}",
    )
    table.add_row("sizes", _sizes_line(plan))
    for why, images in floor.aside.items():
        table.add_row("aside", f"{counted(images, 'image')} at hosts that are {why}: not reckoned with")
    if not floor.bounds:
        table.add_row("floor", "nothing is waiting" if not floor.requests else "nothing limits it")
        return table
    table.add_row("floor", f"{approximate_duration(floor.seconds)}, set by {_what(floor.bounds[0])}: no concurrency beats it")
    table.add_row("end", f"{when(plan.end_ms, plan.at_ms)} at the earliest")
    for bound in (each for each in floor.bounds[1:] if each.seconds >= 1):
        table.add_row("", f"{_what(bound)} alone: {approximate_duration(bound.seconds)}")
    if all(bound.name != "line" for bound in floor.bounds):
        table.add_row("line", _line_words(plan))
    free = f"{approximate_size(room.free_bytes)} free beside the {approximate_size(room.reserve_bytes)} that are kept (--keep-free)"
    table.add_row("disk", f"needs {_size(room.needed)}; {free}" + (": too small" if room.binds == "disk" else ""))
    if room.free_files is not None:
        table.add_row(
            "inodes", f"needs {room.needed_files:,}, {room.free_files:,} free" + (": too few" if room.binds == "inodes" else "")
        )
    return table


def _line_words(plan: PlanReport) -> str:
    def speed(bits_per_second: float) -> str:
        step = 1e5 if bits_per_second >= 1e6 else 1e3
        return format_bit_rate(math.ceil(bits_per_second / step) * step)

    seen = f" (the last run has had {speed(plan.seen_bits_per_second)} at best)" if plan.seen_bits_per_second else ""
    return f"what it carries is not known{seen}; the floor takes {speed(plan.line_bits_per_second)} on average (--bandwidth sets a limit)"


def _what(bound: Bound) -> str:
    words = _WORDS.get(bound.name, bound.name)
    return f"{words} ({safe(bound.what, _MAX_HOST_CHARS)})" if bound.what else words


def _sizes_line(plan: PlanReport) -> str:
    if not plan.sampled:
        prior = f"{approximate_size(PRIOR.expected)} an image ({approximate_size(PRIOR.low)} to {approximate_size(PRIOR.high)})"
        return f"nothing is saved yet: reckoned with {prior}; it becomes better with what a run saves"
    return f"from {counted(plan.sampled, 'image')} whose size is known, host by host"


def _size(size: Spread) -> str:
    return f"{approximate_size(size.expected)} ({approximate_size(size.low)} to {approximate_size(size.high)})"


def _hosts(plan: PlanReport) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim")
    table.add_column("host", overflow="fold")
    for heading in ("images", "size", "limit", "time"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("set by", no_wrap=True)
    for lane in plan.floor.lanes:
        name = safe(lane.lane, _MAX_HOST_CHARS) + (f" (+{lane.hosts - 1} more)" if lane.hosts > 1 else "")
        table.add_row(
            name,
            f"{lane.images:,}",
            approximate_size(lane.size.expected),
            _limit(lane),
            approximate_duration(lane.seconds),
            _set_by(lane),
        )
    floor = plan.floor
    if floor.others:
        table.add_row(
            f"{floor.others:,} others",
            f"{floor.others_images:,}",
            approximate_size(floor.others_size.expected),
            "",
            "",
            "faster than these",
            style="dim",
        )
    return table


def _limit(lane: LaneForecast) -> str:
    rate = f"{lane.ceilings.rate_per_second:.3g}/s" if lane.ceilings.rate_per_second else "none"
    return f"{rate} learnt" if lane.ceilings.learnt else rate


def _set_by(lane: LaneForecast) -> str:
    paused = f", paused {approximate_duration(lane.pause_seconds)} first" if lane.pause_seconds else ""
    return f"{lane.binds or 'nothing'}{paused}"


def _letter(letter: Letter) -> str:
    lane = letter.lane
    more = "twice the pace that it was found to bear" if lane.ceilings.learnt else f"a limit ({lane.binds}) twice as high"
    head = f"  {printable(lane.lane, _MAX_HOST_CHARS)}: {more} saves "
    if letter.saves_seconds and letter.together_seconds <= letter.saves_seconds:
        return head + approximate_duration(letter.saves_seconds)
    own = f"{approximate_duration(letter.own_seconds)} of this host"
    end = approximate_duration(letter.together_seconds)
    return head + (
        f"{own}; with the hosts above, {end} of the end" if letter.together_seconds else f"{own}, alone nothing of the end"
    )


def _next(plan: PlanReport, place: str) -> list[str]:
    if not plan.floor.requests:
        return [f"asyncdl status {place}"]
    steps = []
    if plan.room.binds:
        steps.append(
            "it does not fit: a larger disk (a collection can be moved as a whole), fewer images (--max-images, or a selection at `asyncdl init`), a smaller --keep-free"
        )
    if not plan.sampled:
        steps.append(f"asyncdl plan {place} --probe asks the largest hosts a few polite questions")
    return [*steps, f"asyncdl run {place}"]

"""What an ingest looks like while it works: a bar per stage on a terminal, elsewhere a line per stage and one every half minute."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from asyncdl.ingest import IngestProgress, Stage
from asyncdl.terminal import printable, safe
from asyncdl.units import approximate_duration, approximate_size

LINE_SECONDS: Final = 30.0
_MIN_PACE_SECONDS: Final = 2.0
"""Before that a pace is a guess, and is not shown."""

Clock = Callable[[], float]
_StageOfSource = tuple[str, Stage]

WORTH_SAYING_BYTES = 100_000_000
"""Less temporary space than this is no news."""


class Pace:
    """How fast each stage goes, measured from its first step: what an earlier call has done is not counted as speed."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._began: dict[_StageOfSource, tuple[float, int, int]] = {}

    def words(self, step: IngestProgress) -> str:
        """How far the stage is, its rows per second and what is left of it, as far as that is known."""
        now = self._clock()
        began, done_before, rows_before = self._began.setdefault((step.source, step.stage), (now, step.done, _rows(step)))
        seconds = now - began
        parts = [_extent(step)]
        if seconds >= _MIN_PACE_SECONDS:
            if step.stage is Stage.ADOPT and step.done > done_before:
                parts.append(f"{approximate_size((step.done - done_before) / seconds)}/s")
            elif (rows := _rows(step) - rows_before) > 0:
                parts.append(f"{rows / seconds:,.0f} rows/s")
            if step.total and step.done > done_before:
                left = (step.total - step.done) * seconds / (step.done - done_before)
                parts.append(f"{approximate_duration(max(0.0, left))} left")
        return ", ".join(parts)


def _rows(step: IngestProgress) -> int:
    """The rows that the stage has dealt with."""
    return {Stage.READ: step.counts.rows_read, Stage.LOAD: step.done, Stage.COMPARE: step.done}.get(step.stage, 0)


def _extent(step: IngestProgress) -> str:
    if step.stage is Stage.COPY:
        return f"{approximate_size(step.done)} into the collection's scratch, for as long as it is read"
    if step.stage is Stage.READ:
        of = f"{approximate_size(step.done)} of {approximate_size(step.total)}" if step.total else approximate_size(step.done)
        return f"{step.counts.rows_read:,} rows, {of}"
    if step.stage is Stage.ADOPT:
        return f"{step.counts.images:,} files, {approximate_size(step.done)} of {approximate_size(step.total or 0)}"
    if step.stage is Stage.SORT:
        return f"{step.total or 0:,} rows"
    what = "indexes" if step.stage is Stage.INDEX else "rows"
    return f"{step.done:,} of {step.total or 0:,} {what}"


def space_words(step: IngestProgress) -> str:
    """What the reading needs on the disk; empty when that was not told with this step."""
    space = step.space
    if space is None or space.temporary_bytes < WORTH_SAYING_BYTES:
        return ""
    return (
        f"needs about {approximate_size(space.temporary_bytes)} of temporary space and {approximate_size(space.kept_bytes)} to stay; "
        f"{approximate_size(space.free_bytes)} are free"
    )


class Lines:
    """Plain lines: one when a stage begins, one every `LINE_SECONDS` while it lasts."""

    def __init__(self, say: Callable[[str], None], clock: Clock) -> None:
        self._say = say
        self._clock = clock
        self._pace = Pace(clock)
        self._stage: _StageOfSource | None = None
        self._said_at = 0.0

    def show(self, step: IngestProgress) -> None:
        """Say what is worth a line."""
        name, now = printable(step.source), self._clock()
        if text := space_words(step):
            self._say(f"{name}: {text}")
        text = self._pace.words(step)  # asked at every step: the first one is where the pace begins
        if self._stage != (step.source, step.stage) or now - self._said_at >= LINE_SECONDS:
            self._stage, self._said_at = (step.source, step.stage), now
            self._say(f"{name}: {step.stage}: {text}")


@contextmanager
def shown(console: Console, clock: Clock) -> Iterator[Callable[[IngestProgress], None]]:
    """The display that fits the console; yields what is to be called with every step."""
    if not console.is_terminal:
        yield Lines(lambda text: console.print(text, markup=False, soft_wrap=True), clock).show
        return
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[words]}"), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as bars:
        tasks: dict[_StageOfSource, TaskID] = {}
        pace = Pace(clock)

        def bar(step: IngestProgress) -> None:
            if text := space_words(step):
                bars.console.print(f"{printable(step.source)}: {text}", markup=False, soft_wrap=True)
            key = (step.source, step.stage)
            if key not in tasks:
                for earlier in tasks.values():
                    bars.stop_task(earlier)
                tasks[key] = bars.add_task(f"{safe(step.source, 40)}: {step.stage}", total=step.total, words="")
            bars.update(tasks[key], completed=step.done, total=step.total, words=pace.words(step))

        yield bar

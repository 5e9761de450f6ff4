"""What a wait and a fetch look like: one line that changes on a terminal, elsewhere a line for news and one every half minute."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final, Protocol

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from asyncdl.resumable import FetchStep
from asyncdl.terminal import printable, safe
from asyncdl.units import approximate_duration, approximate_size

LINE_SECONDS: Final = 30.0
MAX_LINE_CHARS: Final = 1_000
_MIN_PACE_SECONDS: Final = 2.0
Clock = Callable[[], float]


class FetchDisplay(Protocol):
    """What is called while something is waited for or fetched."""

    def wait(self, words: str, *, news: bool) -> None:
        """Say what is waited for; `news` is worth a line that stays."""
        ...

    def fetch(self, step: FetchStep) -> None:
        """Say how far a fetch is."""
        ...


@contextmanager
def fetch_shown(console: Console, clock: Clock, *, progress: bool = True) -> Iterator[FetchDisplay]:
    """The display that fits the console; without `progress` only news."""
    if not progress or not console.is_terminal:
        yield _Lines(console, clock, LINE_SECONDS if progress else float("inf"))
        return
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[words]}"), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as bars:
        yield _Live(bars, clock)


class _Speed:
    """Bytes per second since this call began to receive."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._began: tuple[float, int] | None = None

    def words(self, step: FetchStep) -> str:
        """How far the fetch is, its speed, and what is left of it."""
        now = self._clock()
        began, had = self._began = self._began or (now, step.done_bytes)
        of = f" of {approximate_size(step.total_bytes)}" if step.total_bytes else ""
        parts = [approximate_size(step.done_bytes) + of]
        seconds, came = now - began, step.done_bytes - had
        if seconds >= _MIN_PACE_SECONDS and came > 0:
            parts.append(f"{approximate_size(came / seconds)}/s")
            if step.total_bytes:
                parts.append(f"{approximate_duration((step.total_bytes - step.done_bytes) * seconds / came)} left")
        return ", ".join(parts)


class _Lines:
    def __init__(self, console: Console, clock: Clock, every_seconds: float) -> None:
        self._console = console
        self._clock = clock
        self._every_seconds = every_seconds
        self._said_at = clock()
        self._speed = _Speed(clock)

    def wait(self, words: str, *, news: bool) -> None:
        if news or self._clock() - self._said_at >= self._every_seconds:
            self._say(words)

    def fetch(self, step: FetchStep) -> None:
        words = self._speed.words(step)
        if step.words:
            self._say(step.words)
        elif self._clock() - self._said_at >= self._every_seconds:
            self._say(f"fetching: {words}")

    def _say(self, text: str) -> None:
        self._said_at = self._clock()
        self._console.print(printable(text, MAX_LINE_CHARS), markup=False, soft_wrap=True)


class _Live:
    def __init__(self, bars: Progress, clock: Clock) -> None:
        self._bars = bars
        self._speed = _Speed(clock)
        self._task = bars.add_task("", total=None, words="")

    def wait(self, words: str, *, news: bool) -> None:
        if news:
            self._stay(words)
        self._bars.update(self._task, description=safe(words, MAX_LINE_CHARS), total=None, words="")

    def fetch(self, step: FetchStep) -> None:
        if step.words:
            self._stay(step.words)
        self._bars.update(
            self._task, description="fetching", completed=step.done_bytes, total=step.total_bytes, words=self._speed.words(step)
        )

    def _stay(self, words: str) -> None:
        self._bars.console.print(printable(words, MAX_LINE_CHARS), markup=False, soft_wrap=True)

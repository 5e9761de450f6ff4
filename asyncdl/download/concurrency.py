"""How many requests the line carries at once: slots are added while that brings more, and shed when it brings less. Pure.

What is measured is the work of a window: the bytes that came in, and for each answer what goes over the line besides. A window lasts until as many answers have come as there are slots, because fewer say little, and begins
when the first answers to what was asked since the last change may have come.
Only windows in which slots were short say anything: where the hosts' own limits bind, more slots would stay empty.

*Start*: slots double from window to window while the work grows by at least a tenth of what was added. *Then* they are tried upwards by a quarter at a time; what brings nothing is taken back, and the next trial waits twice as long. When the work falls,
fewer are tried the same way: they stay fewer if that costs nothing. Answers that become slow at most hosts at once (the queue in front of our own line grows: what the gradient algorithms for servers look at), or time-outs at
unrelated hosts, shed a third at once. Slots are no claim on any host: every lane has limits of its own.
"""

from __future__ import annotations

import statistics
from collections import OrderedDict
from dataclasses import dataclass
from typing import Final

MIN_SLOTS: Final = 8
START_SLOTS: Final = 32
MAX_SLOTS: Final = 256

ANSWER_BYTES: Final = 2_000
"""What an answer costs the line besides its body: request, heads, the packets of a connection."""

SHORTEST_WINDOW_SECONDS: Final = 1.0
LONGEST_WINDOW_SECONDS: Final = 6.0
SHORT_SHARE: Final = 0.5
"""Slots are short when at least this share of the answers found a request waiting for their place."""

FIRST_HOLD_SECONDS: Final = 10.0
LONGEST_HOLD_SECONDS: Final = 120.0
"""How long slots stay as they are after a trial in vain: doubled each time, from the first to the longest."""

SLOW_FACTOR: Final = 4.0
SLOW_SECONDS: Final = 1.0
"""Answers that take so many times a host's shortest, and at least so long, are slow."""

MIN_WITNESSES: Final = 5
MAX_KNOWN_LANES: Final = 1_024

_START_FACTOR: Final = 2.0
_TRIAL_FACTOR: Final = 1.25
_SHED_FACTOR: Final = 0.67
_WORTH: Final = 0.1
"""Slots are worth keeping when the work grew by at least this share of what they added."""

_FALLEN: Final = 0.7
_NO_LOSS: Final = 0.95


@dataclass(frozen=True, slots=True)
class Measured:
    """One window. `work` is bytes per second; `short`: slots were short; `slow`: answers took long at most hosts."""

    at: float
    work: float
    short: bool
    slow: bool = False


class Gauge:
    """Collects what is measured. Times are monotonic seconds; `received_bytes` and `short_of_slots` are running totals."""

    def __init__(self) -> None:
        self._began: float | None = None
        self._bytes = 0
        self._short = 0
        self._answers = 0
        self._latencies: list[float] = []
        self._settled = float("-inf")
        self._shortest: OrderedDict[str, float] = OrderedDict()
        self._slow: dict[str, bool] = {}

    def answered(self, lane: str, latency_seconds: float | None) -> None:
        """An answer came; the time to its first byte where that is known."""
        self._answers += 1
        if latency_seconds is None:
            return
        self._latencies.append(latency_seconds)
        shortest = min(latency_seconds, self._shortest.pop(lane, latency_seconds))
        self._shortest[lane] = shortest
        while len(self._shortest) > MAX_KNOWN_LANES:
            self._shortest.popitem(last=False)
        self._slow[lane] = latency_seconds >= max(SLOW_SECONDS, SLOW_FACTOR * shortest)

    def window(self, now: float, slots: int, received_bytes: int, short_of_slots: int) -> Measured | None:
        """The window that ends now; None while it has to go on."""
        if self._began is None or now < self._settled:
            self._begin(now, received_bytes, short_of_slots)
            return None
        seconds = now - self._began
        if seconds < SHORTEST_WINDOW_SECONDS or (self._answers < slots and seconds < LONGEST_WINDOW_SECONDS):
            return None
        work = (received_bytes - self._bytes + ANSWER_BYTES * self._answers) / seconds
        short = short_of_slots - self._short >= max(1, SHORT_SHARE * self._answers)
        slow = len(self._slow) >= MIN_WITNESSES and statistics.fmean(self._slow.values()) > 1 / 2
        self.restart(now, received_bytes, short_of_slots)
        return Measured(now, work, short, slow)

    def restart(self, now: float, received_bytes: int, short_of_slots: int) -> None:
        """Begin a window, once answers to what is asked from now on may come; what went on before counts no more."""
        if self._latencies:
            self._settled = now + min(statistics.median(self._latencies), LONGEST_WINDOW_SECONDS)
        self._latencies = []
        self._begin(now, received_bytes, short_of_slots)

    def _begin(self, now: float, received_bytes: int, short_of_slots: int) -> None:
        self._began, self._bytes, self._short, self._answers = now, received_bytes, short_of_slots, 0
        self._slow = {}


@dataclass(frozen=True, slots=True)
class _Trial:
    slots_before: int
    work_before: float


class SlotSearch:
    """The number of slots, learnt from window to window."""

    def __init__(self, least: int = MIN_SLOTS, start: int = START_SLOTS, most: int = MAX_SLOTS) -> None:
        self.slots = start
        self._least = least
        self._most = most
        self._starting = True
        self._trial: _Trial | None = None
        self._best = 0.0
        self._hold_seconds = FIRST_HOLD_SECONDS
        self._held_until = float("-inf")
        self._full = False

    @property
    def crowded(self) -> bool:
        """Whether the line carries all it can: more slots brought nothing, and there are still some to shed."""
        return self._full and self.slots > self._least

    def measured(self, window: Measured) -> int:
        """Learn from a window, and say how many slots there are from now on."""
        if window.slow:
            self.shed(window.at)
        elif not window.short:
            self._trial = None
        elif self._trial is not None:
            self._judge(self._trial, window)
        elif window.at >= self._held_until:
            self._try(window)
        return self.slots

    def shed(self, at: float) -> int:
        """Too much at once: give a third back, and let it be for a while."""
        self._starting, self._trial, self._full = False, None, True
        self.slots = max(self._least, int(self.slots * _SHED_FACTOR))
        self._hold(at)
        return self.slots

    def _try(self, window: Measured) -> None:
        """Look in one direction: fewer where the work has fallen, else more."""
        fallen = window.work < _FALLEN * self._best
        self._best = max(window.work, 0.9 * self._best)
        if fallen and self.slots > self._least:
            self._trial = _Trial(self.slots, window.work)
            self.slots = max(self._least, int(self.slots / _TRIAL_FACTOR))
        elif self.slots < self._most:
            self._trial = _Trial(self.slots, window.work)
            self.slots = min(self._most, int(self.slots * (_START_FACTOR if self._starting else _TRIAL_FACTOR)))

    def _judge(self, trial: _Trial, window: Measured) -> None:
        """Whether a trial was worth it; one that was is followed by the next."""
        self._trial = None
        self._best = max(self._best, window.work)
        added = self.slots / trial.slots_before - 1
        if added < 0:
            if window.work < _NO_LOSS * trial.work_before:  # it was not the line: the hosts have other pictures now
                self.slots = trial.slots_before
            self._hold(window.at)
        elif window.work >= trial.work_before * (1 + _WORTH * added):
            self._full = False
            self._hold_seconds = FIRST_HOLD_SECONDS
            self._try(window)
        else:
            self._starting, self._full = False, True
            self.slots = trial.slots_before
            self._hold(window.at)

    def _hold(self, at: float) -> None:
        self._held_until = at + self._hold_seconds
        self._hold_seconds = min(2 * self._hold_seconds, LONGEST_HOLD_SECONDS)

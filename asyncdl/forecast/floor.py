"""The floor of a job: the time that no concurrency can beat, what sets it, and whom a letter would shorten it most. Pure.

Lanes work side by side, so the job takes at least as long as the slowest of them; and at least what the process may send and
receive, and what its processors can check, takes. Lanes are fed one after the other and only the slowest are kept, so that a
million hosts cost what a thousand do.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from asyncdl.forecast.lanes import LaneCeilings, LaneForecast, Standing, forecast_lane
from asyncdl.forecast.sizes import NOTHING, SizeEstimate, Spread
from asyncdl.lane_records import LaneLoad
from asyncdl.limits import NOTHING_SAID, LaneLimits

MAX_LETTERS: Final = 5

HOST, RATE, LINE, CPU = "host", "rate of the process", "line", "cpu"


@dataclass(frozen=True, slots=True)
class Process:
    """What the whole process has: limits (0 for none), processors, and seconds of them that an image costs.

    The loop (requests, digest, files, rows) has one processor to itself, decoding has `decoders`.
    """

    rate_per_second: float = 0.0
    bits_per_second: float = 0.0
    decoders: int = 1
    loop_seconds_per_image: float = 0.0
    loop_seconds_per_byte: float = 0.0
    decode_seconds_per_byte: float = 0.0


@dataclass(frozen=True, slots=True)
class Bound:
    """One thing that the job cannot be faster than. `what` says which host, limit or stage it is."""

    name: str
    seconds: float
    what: str = ""


@dataclass(frozen=True, slots=True)
class Letter:
    """A host worth writing to: what a limit twice as high would take off the end, alone, and together with the hosts before it."""

    lane: LaneForecast
    saves_seconds: float
    together_seconds: float

    @property
    def own_seconds(self) -> float:
        """What it would take off the time of this host alone."""
        return self.lane.seconds - self.lane.seconds_if_doubled


WriteTo = tuple[Letter, ...]


@dataclass(frozen=True, slots=True)
class Floor:
    """What a job comes to. `lanes` are the slowest, slowest first; `others` is how many more have something waiting.

    `aside` counts the images that are not reckoned with, by why. `bounds` are all of them, the one that binds first.
    """

    images: int
    requests: int
    size: Spread
    lanes: tuple[LaneForecast, ...]
    others: int
    others_images: int
    others_requests: int
    others_size: Spread
    aside: dict[str, int]
    bounds: tuple[Bound, ...]
    write_to: WriteTo

    @property
    def seconds(self) -> float:
        """The floor."""
        return self.bounds[0].seconds if self.bounds else 0.0


@dataclass(slots=True)
class Forecaster:
    """Takes lanes in, one at a time, and says what they come to. `shown` slowest lanes are kept; `presets` says what is known of a lane."""

    default: LaneCeilings
    sizes: SizeEstimate
    process: Process
    now_ms: int
    shown: int = 20
    presets: Callable[[str], LaneLimits] = lambda _: NOTHING_SAID
    _images: int = 0
    _requests: int = 0
    _lanes: int = 0
    _size: Spread = NOTHING
    _slowest: list[tuple[float, str, LaneForecast]] = field(default_factory=list)
    _aside: dict[str, int] = field(default_factory=dict)

    def add(self, load: LaneLoad) -> LaneForecast:
        """Take in a lane."""
        lane = forecast_lane(load, self.default, self.sizes, self.now_ms, self.presets(load.lane))
        if lane.requests == 0:
            return lane
        if lane.standing is not Standing.OPEN:
            self._aside[str(lane.standing)] = self._aside.get(str(lane.standing), 0) + lane.images
            return lane
        self._lanes += 1
        self._images += lane.images
        self._requests += lane.requests
        self._size += lane.size
        entry = (lane.seconds, lane.lane, lane)
        if len(self._slowest) < max(self.shown, MAX_LETTERS + 1):
            heapq.heappush(self._slowest, entry)
        else:
            heapq.heappushpop(self._slowest, entry)
        return lane

    def floor(self) -> Floor:
        """What all lanes together come to."""
        slowest = [lane for _, _, lane in sorted(self._slowest, reverse=True)]
        shown = tuple(slowest[: self.shown])
        of_process = self._bounds_of_process()
        bounds = list(of_process)
        if slowest:
            bounds.append(Bound(HOST, slowest[0].seconds, slowest[0].lane))
        size = NOTHING
        for lane in shown:
            size += lane.size
        return Floor(
            images=self._images, requests=self._requests, size=self._size, lanes=shown,
            others=self._lanes - len(shown),
            others_images=self._images - sum(lane.images for lane in shown),
            others_requests=self._requests - sum(lane.requests for lane in shown),
            others_size=Spread(*(max(0.0, whole - part) for whole, part in zip(self._size, size, strict=True))),
            aside=self._aside,
            bounds=tuple(sorted((bound for bound in bounds if bound.seconds > 0), key=lambda bound: -bound.seconds)),
            write_to=_letters(slowest, max((bound.seconds for bound in of_process), default=0.0)),
        )  # fmt: skip

    def _bounds_of_process(self) -> list[Bound]:
        process, size_bytes = self.process, self._size.expected
        loop = self._images * process.loop_seconds_per_image + size_bytes * process.loop_seconds_per_byte
        decode = size_bytes * process.decode_seconds_per_byte / max(1, process.decoders)
        return [
            Bound(RATE, self._requests / process.rate_per_second if process.rate_per_second else 0.0, "--rate"),
            Bound(LINE, size_bytes * 8 / process.bits_per_second if process.bits_per_second else 0.0, "--bandwidth"),
            Bound(CPU, max(loop, decode), "decoding" if decode > loop else "requests and files"),
        ]


def _letters(slowest: list[LaneForecast], other_seconds: float) -> WriteTo:
    """The slowest lanes that are slower than our own machine. Where one of them decides alone, the others shorten nothing yet."""
    floor = max(slowest[0].seconds if slowest else 0.0, other_seconds)
    letters: list[Letter] = []
    for count, lane in enumerate(slowest[:MAX_LETTERS], start=1):
        if lane.seconds <= other_seconds:
            break
        rest = max((other.seconds for other in slowest if other is not lane), default=0.0)
        beyond = slowest[count].seconds if count < len(slowest) else 0.0
        doubled = max(other.seconds_if_doubled for other in slowest[:count])
        letters.append(
            Letter(lane, floor - max(rest, lane.seconds_if_doubled, other_seconds), floor - max(doubled, beyond, other_seconds))
        )
    return tuple(letters)

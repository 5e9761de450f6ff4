"""A pace, held against hosts that limit requests per second, requests at once, or grow slow: what a server would see."""

from __future__ import annotations

import heapq
import itertools
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from asyncdl.download.caution import CAUTIONS, Caution
from asyncdl.download.pace import Pace


@dataclass
class Server:
    """Refuses above `rate` (a leaky bucket that takes `burst` at once), over `slots`, or after `quota` in a minute of the clock; slows down once more than `comfort` are under way."""

    rate: float = 0.0
    burst: int = 10
    slots: int = 0
    latency: float = 0.05
    comfort: int = 0
    quota: int = 0
    under_way: int = 0
    refused: int = 0
    served: list[float] = field(default_factory=list)
    _excess: float = 0.0
    _last: float = 0.0
    _minute: float = -1.0
    _this_minute: int = 0

    def arrive(self, now: float) -> float | None:
        """How long the answer takes; None for a refusal."""
        if self.rate:
            self._excess = max(0.0, self._excess - (now - self._last) * self.rate)
            self._last = now
            if self._excess + 1 > self.burst + 1:
                self.refused += 1
                return None
            self._excess += 1
        if self.quota:
            if now // 60 != self._minute:
                self._minute, self._this_minute = now // 60, 0
            self._this_minute += 1
            if self._this_minute > self.quota:
                self.refused += 1
                return None
        if self.slots and self.under_way >= self.slots:
            self.refused += 1
            return None
        self.under_way += 1
        return self.latency * (max(1.0, self.under_way / self.comfort) if self.comfort else 1.0)


def drive(pace: Pace, server: Server, seconds: float, *, pause: float = 2.0, promised: bool = False, start: float = 100.0) -> None:
    """Ask as fast as the pace allows. As in a lane, a refusal pauses for `pause` seconds, twice as long for each further one, and one request at a time goes out until one is answered."""
    now, next_start, mute_until, paused_at, in_flight, trusted = start, start, -1.0, -1.0, 0, True
    order = itertools.count()
    refusals = 0
    ends: list[tuple[float, int, int, float, float | None]] = []
    while now < start + seconds:
        while in_flight < (pace.connections if trusted else 1) and next_start <= now and mute_until <= now:
            in_flight += 1
            pace.started(in_flight, now - max(next_start, mute_until), now)
            took = server.arrive(now)
            heapq.heappush(ends, (now + (took if took is not None else 0.01), next(order), in_flight, now, took))
            next_start = max(next_start, now) + 1 / pace.rate_per_second
        upcoming = [ends[0][0]] if ends else []
        if in_flight < (pace.connections if trusted else 1):
            upcoming.append(max(next_start, mute_until))
        now = max(now, min(upcoming))
        while ends and ends[0][0] <= now:
            _, _, beside, issued, took = heapq.heappop(ends)
            in_flight -= 1
            if took is not None:
                server.under_way -= 1
                server.served.append(now)
                trusted, refusals = True, 0
                pace.answered(beside, took, now)
            elif issued > paused_at:
                pace.refused(beside, now)
                pace.paused(pause * 2**refusals, now, promised=promised)
                mute_until, paused_at, trusted, refusals = now + pause * 2**refusals, now, False, refusals + 1


def served_per_second(server: Server, since: float) -> float:
    counted = [at for at in server.served if at >= since]
    return len(counted) / (counted[-1] - since)


def test_under_a_ceiling_it_rises_to_it_and_no_further() -> None:
    pace, server = Pace(3.0, 2, Caution()), Server()
    drive(pace, server, 60)
    assert pace.rate_per_second == 3.0
    assert pace.connections <= 2
    assert served_per_second(server, 110) == pytest.approx(3.0, rel=0.05)


def test_connections_that_were_not_needed_are_not_added() -> None:
    pace, server = Pace(3.0, 0, Caution()), Server(latency=0.05)
    drive(pace, server, 120)
    assert pace.connections == 1


@pytest.mark.parametrize("name", sorted(CAUTIONS))
@settings(max_examples=40)
@given(rate=st.floats(2.0, 80.0), burst=st.integers(0, 40), latency=st.floats(0.02, 0.8))
def test_a_host_that_limits_its_rate_is_found_with_few_refusals(name: str, rate: float, burst: int, latency: float) -> None:
    pace, server = Pace(0.0, 0, CAUTIONS[name]), Server(rate=rate, burst=burst, latency=latency)
    drive(pace, server, 300)
    assert server.refused <= 50
    assert served_per_second(server, 160) >= 0.2 * rate


@settings(max_examples=40)
@given(slots=st.integers(1, 24), latency=st.floats(0.02, 0.8))
def test_a_host_that_limits_connections_is_found_with_few_refusals(slots: int, latency: float) -> None:
    pace, server = Pace(0.0, 0, Caution()), Server(slots=slots, latency=latency)
    drive(pace, server, 300)
    assert server.refused <= 40
    assert served_per_second(server, 160) >= 0.4 * min(100.0, slots / latency)


@settings(max_examples=25)
@given(quota=st.integers(10, 600), latency=st.floats(0.02, 0.5))
def test_a_host_that_counts_by_the_minute_is_found_with_few_refusals(quota: int, latency: float) -> None:
    pace, server = Pace(0.0, 0, Caution()), Server(quota=quota, latency=latency)
    drive(pace, server, 1_800)
    assert server.refused <= 80
    assert served_per_second(server, 1_000) >= 0.4 * min(quota / 60, 1 / latency)


@settings(max_examples=25)
@given(seconds=st.floats(2.0, 60.0), latency=st.floats(0.02, 1.0))
def test_a_host_that_wants_to_be_asked_rarely_is_asked_rarely(seconds: float, latency: float) -> None:
    pace, server = Pace(0.0, 0, Caution()), Server(rate=1 / seconds, burst=0, latency=latency)
    drive(pace, server, 10_000)
    assert server.refused <= 30
    assert served_per_second(server, 5_100) >= 0.4 / seconds


def test_the_dearer_a_refusal_the_slower_the_rise() -> None:
    pace, server = Pace(0.0, 1, Caution()), Server(rate=10.0, burst=0)
    drive(pace, server, 30, pause=3_600.0, promised=True)
    refused, pace_then = server.refused, pace.rate_per_second
    drive(pace, server, 3_600, start=3_800.0)
    assert refused == 1
    assert pace_then < pace.rate_per_second <= 1.11 * pace_then


def test_when_a_limit_is_lifted_the_rise_regains_its_speed() -> None:
    pace, server = Pace(0.0, 0, Caution()), Server(rate=1.0, latency=0.02)
    drive(pace, server, 7_200)
    assert pace.rate_per_second <= 1.5
    server.rate = 50.0
    drive(pace, server, 18_000, start=7_400.0)
    assert pace.rate_per_second > 10.0


def test_a_host_that_only_grows_slow_is_not_pressed() -> None:
    pace, server = Pace(0.0, 0, Caution()), Server(latency=0.2, comfort=4)
    drive(pace, server, 300)
    assert pace.learnt
    assert pace.connections <= 20


def test_a_refusal_before_any_answer_teaches_nothing() -> None:
    pace = Pace(0.0, 0, Caution())
    pace.started(1, 0.0, 0.0)
    pace.refused(1, 0.1)
    assert not pace.learnt
    assert pace.rate_per_second == 1.0


def test_a_refusal_after_a_single_answer_teaches_nothing_the_first_time() -> None:
    """A host that serves robots.txt and is closed for pictures: when it opens, it is like any other."""
    pace = Pace(0.0, 0, Caution())
    pace.started(1, 0.0, 0.0)
    pace.answered(1, 0.05, 0.1)
    pace.started(1, 0.0, 1.0)
    pace.refused(1, 1.1)
    assert not pace.learnt
    pace.started(1, 0.0, 20.0)
    pace.answered(1, 0.05, 20.1)
    pace.started(1, 0.0, 21.0)
    pace.refused(1, 21.1)
    assert pace.learnt


def test_a_host_that_failed_is_begun_with_again_and_reaches_half_of_what_it_bore() -> None:
    pace, server = Pace(0.0, 0, Caution()), Server(latency=0.05)
    drive(pace, server, 3)
    before = pace.rate_per_second
    pace.failed()
    assert (pace.rate_per_second, pace.connections) == (1.0, 1)
    drive(pace, server, 3, start=104.0)
    assert pace.rate_per_second <= before

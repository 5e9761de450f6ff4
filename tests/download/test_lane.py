from __future__ import annotations

import math
from itertools import pairwise
from random import Random

import pytest

from asyncdl.clock import Instant
from asyncdl.download.backoff import BackoffPolicy
from asyncdl.download.lane import LaneLimits, LaneState
from asyncdl.download.pace import Caution

T0 = Instant(100.0, 1_767_225_600_000)


def lane(rate: float = 0.0, connections: int = 0) -> LaneState:
    return LaneState("a.test", LaneLimits(rate, connections), BackoffPolicy(), Caution())


def ask(state: LaneState, at: Instant) -> None:
    state.start(at)
    state.release()


def test_a_host_that_nobody_knows_is_asked_once_a_second_over_one_connection() -> None:
    state = lane()
    assert (state.rate_per_second, state.connections) == (1.0, 1)
    state.start(T0)
    assert state.ready_at() is None
    state.release()
    assert state.ready_at() == pytest.approx(T0.monotonic + 1)


def test_a_crawl_delay_is_a_ceiling_too() -> None:
    state = lane()
    state.crawl_delay_seconds = 4.0
    ask(state, T0)
    assert state.ready_at() == pytest.approx(T0.monotonic + 4.0)


def test_a_retry_after_that_promises_nothing_leaves_our_own_pause() -> None:
    state = lane()
    ask(state, T0)
    state.refused("unavailable", T0, T0, 0.0, Random(1))
    assert 5.0 <= state.paused_seconds(T0) <= 6.25


def test_a_retry_after_that_was_too_short_is_a_floor_for_our_own_pauses() -> None:
    """A host that says "in five seconds" all night is not asked every five seconds."""
    state, at, pauses = lane(), T0, []
    for _ in range(12):
        ask(state, at)
        state.refused("rate_limited", at, at, 5.0, Random(1))
        pauses.append(state.paused_seconds(at))
        at = at.plus(pauses[-1] + 0.001)
    assert 5.0 <= pauses[0] <= 6.25
    assert all(later >= earlier for earlier, later in pairwise(pauses[1:]))
    assert pauses[-1] >= 3_600
    ask(state, at)
    state.answered(at)
    ask(state, at.plus(1))
    state.refused("rate_limited", at.plus(1), at.plus(1), 5.0, Random(1))
    assert state.paused_seconds(at.plus(1)) <= 6.0  # it kept its word: so do we


def test_after_a_pause_one_connection_asks_until_the_host_answers() -> None:
    state = lane()
    for second in range(20):
        state.start(T0.plus(second))
        state.release()
        state.answered(T0.plus(second))
    state.refused("unavailable", T0.plus(20), T0.plus(20), 10.0, Random(1))
    assert state.connections == 1
    state.answered(T0.plus(31))
    assert not state.troubled


def test_what_is_stored_comes_back_and_a_wrong_clock_strands_nothing() -> None:
    state = lane(rate=3.0, connections=2)
    ask(state, T0)
    state.refused("connect_failed", T0, T0, 30.0, Random(1))
    again = lane(rate=3.0, connections=2)
    again.restore(state.record(T0), T0.plus(10))
    assert again.paused_seconds(T0.plus(10)) == pytest.approx(state.paused_seconds(T0.plus(10)), abs=0.01)
    assert (again.incidents, again.connections, again.down) == (1, 1, False)
    years_earlier = Instant(5.0, T0.utc_ms - 10 * 365 * 86_400_000)
    stranded = lane()
    stranded.restore(state.record(T0), years_earlier)
    assert stranded.paused_seconds(years_earlier) <= 90 * 86_400
    assert not math.isinf(stranded.paused_seconds(years_earlier))


def test_a_host_that_is_down_is_probed_hourly_for_a_day_and_daily_then() -> None:
    state = lane()
    at = T0
    pauses: list[float] = []
    while not state.given_up:
        ask(state, at)
        state.refused("connect_failed", at, at.plus(1), None, Random(1))
        pauses.append(state.paused_seconds(at.plus(1)))
        at = at.plus(1 + pauses[-1])
        if len(pauses) == 20:  # a restart changes nothing
            again = lane()
            again.restore(state.record(at), at)
            state = again
    assert pauses[:4] == pytest.approx([5, 10, 20, 40], rel=0.26)
    hourly = [pause for pause in pauses if 3_600 <= pause <= 1.25 * 3_600]
    daily = [pause for pause in pauses if 86_400 <= pause <= 1.25 * 86_400]
    assert 15 <= len(hourly) <= 25
    assert 9 <= len(daily) <= 14
    assert max(pauses) <= 1.25 * 86_400
    assert at.monotonic - T0.monotonic >= 14 * 86_400
    assert state.ready_at() == -math.inf  # its queue is to be closed


def test_one_failed_connection_a_run_adds_up_to_a_host_that_is_down() -> None:
    at, record = T0, None
    for _ in range(3):
        state = lane()
        if record is not None:
            state.restore(record, at)
        state.refused("dns_error", at, at, None, Random(1))
        record = state.record(at)
        at = at.plus(86_400)
    assert state.down


def test_that_robots_could_not_be_read_is_believed_for_an_hour_at_most() -> None:
    state = lane()
    at = T0
    for _ in range(15):
        state.refused("robots_unreachable", at, at, None, Random(1))
        at = at.plus(state.paused_seconds(at) + 0.01)
    assert state.paused_seconds(at) == 0.0
    state.refused("robots_unreachable", at, at, None, Random(1))
    assert 3_600 <= state.paused_seconds(at) <= 1.25 * 3_600


def test_a_host_that_asks_us_to_slow_down_is_not_down() -> None:
    state = lane()
    at = T0
    for _ in range(50):
        state.refused("rate_limited", at, at, None, Random(1))
        at = at.plus(state.paused_seconds(at) + 0.01)
    assert not state.down
    assert not state.given_up


def test_a_pace_that_was_learnt_comes_back() -> None:
    state = lane()
    at = T0
    for _ in range(40):
        ask(state, at)
        at = at.plus(1 / state.rate_per_second)
        state.answered(at)
    state.refused("rate_limited", at, at, 2.0, Random(1))
    learnt = state.rate_per_second
    later = lane()
    later.restore(state.record(at), at.plus(600))
    assert 0.5 * learnt <= later.rate_per_second <= learnt
    next_week = lane()
    next_week.restore(state.record(at), at.plus(7 * 86_400))
    assert next_week.rate_per_second == 1.0

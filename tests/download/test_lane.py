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
    assert (again.incidents, again.connections, again.down_since_ms) == (1, 1, T0.utc_ms)
    years_earlier = Instant(5.0, T0.utc_ms - 10 * 365 * 86_400_000)
    stranded = lane()
    stranded.restore(state.record(T0), years_earlier)
    assert stranded.paused_seconds(years_earlier) <= 90 * 86_400
    assert not math.isinf(stranded.paused_seconds(years_earlier))


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

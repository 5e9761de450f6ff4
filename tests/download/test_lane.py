from __future__ import annotations

import math
from random import Random

import pytest

from asyncdl.clock import Instant
from asyncdl.download.backoff import BackoffPolicy
from asyncdl.download.lane import LaneLimits, LaneState

T0 = Instant(100.0, 1_767_225_600_000)


def lane(rate: float = 0.0, connections: int = 0) -> LaneState:
    return LaneState("a.test", LaneLimits(rate, connections), BackoffPolicy())


def ask(state: LaneState, at: Instant, answers: int) -> None:
    for _ in range(answers):
        state.start(at)
        state.release()
        state.answered()


def test_connections_are_earned_one_answer_at_a_time_up_to_the_ceiling() -> None:
    state = lane(connections=3)
    seen = [state.connections]
    for _ in range(4):
        ask(state, T0, 1)
        seen.append(state.connections)
    assert seen == [1, 2, 3, 3, 3]


def test_without_a_ceiling_a_refusal_halves_what_was_too_much() -> None:
    state = lane()
    ask(state, T0, 15)
    assert state.connections == 16
    state.start(T0)
    state.release()
    state.refused("rate_limited", T0, T0.plus(0.1), 1.0, Random(1))
    assert state.connections == 1
    later = T0.plus(10)
    ask(state, later, 7)
    assert state.connections == 8
    ask(state, later, 8)
    assert state.connections == 8  # from here one more per round, not per answer
    ask(state, later, 9)
    assert state.connections == 9


def test_without_a_ceiling_a_refusal_teaches_a_pace_below_the_one_that_was_answered() -> None:
    state = lane()
    assert state.rate_per_second == 0
    for second in range(4):
        ask(state, T0.plus(second), 10)
    state.start(T0.plus(4))
    state.release()
    state.refused("rate_limited", T0.plus(4), T0.plus(4), 1.0, Random(1))
    assert 0.8 * 10 <= state.rate_per_second < 10
    before = state.rate_per_second
    ask(state, T0.plus(20), 50)
    assert before < state.rate_per_second < 1.2 * before


def test_under_a_ceiling_the_pace_falls_and_comes_back_no_higher() -> None:
    state = lane(rate=10.0, connections=2)
    state.start(T0)
    state.release()
    state.refused("rate_limited", T0, T0, None, Random(1))
    assert state.rate_per_second == pytest.approx(6.0)
    ask(state, T0.plus(600), 100)
    assert state.rate_per_second == 10.0


def test_a_crawl_delay_is_a_ceiling_too() -> None:
    state = lane()
    state.crawl_delay_seconds = 4.0
    state.start(T0)
    state.release()
    assert state.ready_at() == pytest.approx(T0.monotonic + 4.0)


def test_a_retry_after_that_promises_nothing_leaves_our_own_pause() -> None:
    state = lane()
    state.start(T0)
    state.release()
    state.refused("unavailable", T0, T0, 0.0, Random(1))
    assert 5.0 <= state.paused_seconds(T0) <= 6.25


def test_what_is_stored_comes_back_and_a_wrong_clock_strands_nothing() -> None:
    state = lane(rate=3.0, connections=2)
    state.start(T0)
    state.release()
    state.refused("connect_failed", T0, T0, 30.0, Random(1))
    again = lane(rate=3.0, connections=2)
    again.restore(state.record(), T0.plus(10))
    assert again.paused_seconds(T0.plus(10)) == pytest.approx(state.paused_seconds(T0.plus(10)), abs=0.01)
    assert (again.incidents, again.connections, again.down_since_ms) == (1, 1, T0.utc_ms)
    years_earlier = Instant(5.0, T0.utc_ms - 10 * 365 * 86_400_000)
    stranded = lane()
    stranded.restore(state.record(), years_earlier)
    assert stranded.paused_seconds(years_earlier) <= 90 * 86_400
    assert not math.isinf(stranded.paused_seconds(years_earlier))

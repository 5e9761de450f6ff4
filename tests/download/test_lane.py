from __future__ import annotations

import math
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asyncdl.clock import Instant
from asyncdl.download.backoff import BackoffPolicy
from asyncdl.download.caution import Caution
from asyncdl.download.lane import LaneLimits, LaneState

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
    assert (again.pauses.incidents, again.connections, again.down) == (1, 1, False)
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


def test_a_host_that_asks_us_to_slow_down_is_not_down() -> None:
    state = lane()
    at = T0
    for _ in range(50):
        state.refused("rate_limited", at, at, None, Random(1))
        at = at.plus(state.paused_seconds(at) + 0.01)
    assert not state.down
    assert not state.given_up


@given(
    st.lists(st.tuples(st.sampled_from(["start", "end", "wait"]), st.floats(0.01, 20.0)), max_size=120),
    st.integers(1, 4),
)
def test_connections_rest_as_long_as_their_last_answer_took(steps: list[tuple[str, float]], connections: int) -> None:
    """At any start, the connections at work and the ones at rest are fewer than there are."""
    state = LaneState("a.test", LaneLimits(0.0, connections), BackoffPolicy(), Caution(math.inf, connections))
    at = T0
    flying: list[Instant] = []
    rests: list[float] = []
    for what, seconds in steps:
        if what == "wait":
            at = at.plus(seconds)
        elif what == "end" and flying:
            began = flying.pop(0)
            took = at.monotonic - began.monotonic
            state.release(at, took)
            rests.append(at.monotonic + took)
        elif what == "start":
            ready_at = state.ready_at()
            if ready_at is None:
                assert len(flying) == connections
                continue
            at = at.plus(max(0.0, ready_at - at.monotonic))
            resting = sum(until > at.monotonic + 1e-9 for until in rests)
            assert len(flying) + resting < connections
            state.start(at)
            flying.append(at)
    resting = sum(until > at.monotonic for until in rests)
    if len(flying) + resting < connections:
        ready_at = state.ready_at()
        assert ready_at is not None
        assert ready_at <= at.monotonic + 1e-9  # nobody rests for longer than that
    if not flying:
        assert not (resting and state.idle(at))


FAILURES = ("rate_limited", "unavailable", "connect_failed", "robots_unreachable", "timeout", "server_error", "forbidden")


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["answered", "restart", *FAILURES]),
            st.sampled_from([None, None, 0.0, 3.0, 86_400.0, 80 * 86_400.0, 200 * 86_400.0]),
            st.sampled_from([0.0, 0.5, 30.0, 40_000.0]),
            st.booleans(),
        ),
        max_size=60,
    ),
    st.integers(0, 2**32),
)
def test_whatever_happens_no_request_is_earlier_than_a_promise(
    steps: list[tuple[str, float | None, float, bool]], seed: int
) -> None:
    """`Retry-After` is a promise for up to 90 days, whatever comes after it, another run included."""
    random = Random(seed)
    state = lane()
    at = T0
    promised_ms = 0
    issued = at
    for what, retry_after, seconds, old in steps:
        at = at.plus(seconds)
        if not (state.held or state.given_up or state.paused_seconds(at)) and (ready_at := state.ready_at()) is not None:
            at = at.plus(max(0.0, ready_at - at.monotonic))
            assert at.utc_ms >= promised_ms
            if not old:
                state.start(at)
                state.release()
                issued = at
        if what == "restart":
            again = lane()
            at = Instant(random.uniform(0, 1e6), at.utc_ms)
            again.restore(state.record(at), at)
            state, issued = again, at
        elif what == "answered":
            state.answered(at)
        elif what in ("timeout", "server_error"):
            state.faltered(what, issued, at, random)
        elif what == "forbidden":
            state.forbidden(issued, at, retry_after, random)
        else:
            state.refused(what, issued, at, retry_after, random)
            if retry_after:
                promised_ms = max(promised_ms, at.plus(min(retry_after, 90 * 86_400.0)).utc_ms)
        if not state.held and not state.given_up:
            left = (promised_ms - at.utc_ms) / 1000
            assert state.paused_seconds(at) >= left - 0.01
            assert state.paused_seconds(at) <= max(left + 1.1, 1.25 * 86_400, 90 * 86_400 + 1.1)


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

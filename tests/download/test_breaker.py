from __future__ import annotations

from itertools import takewhile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asyncdl.clock import Instant, VirtualClock
from asyncdl.download.breaker import CONNECTION_ERRORS, Breaker, BreakerPolicy, Health

DAY = 86_400.0
T0 = Instant(100.0, 1_767_225_600_000)
POLICY = BreakerPolicy(sample_requests=10)
GOOD = "good"


def down(at: Instant = T0) -> Breaker:
    breaker = Breaker(POLICY)
    for second in range(3):
        breaker.failed("connect_failed", at.plus(second))
    assert breaker.health is Health.DOWN
    return breaker


EVENTS = st.tuples(
    st.sampled_from([GOOD, "connect_failed", "dns_error", "server_error", "unavailable", "timeout"]),
    st.sampled_from([0.0, 1.0, 600.0, DAY, 5 * DAY]),
    st.sampled_from([0.0, 0.0, 0.0, 1e8, -1e8]),
)


def model_says_down(history: list[str]) -> bool:
    """Whether the last event made a host that was up go down, told from the whole history since it last was down."""
    in_a_row = len(list(takewhile(lambda event: event in CONNECTION_ERRORS, reversed(history))))
    sample = history[-POLICY.sample_requests :]
    failed = sum(event != GOOD for event in sample)
    return in_a_row >= 3 or (len(sample) == POLICY.sample_requests and failed >= 0.9 * len(sample))


@given(st.lists(EVENTS, max_size=80))
def test_it_is_down_by_a_share_or_by_connections_in_a_row_and_by_nothing_else(events: list[tuple[str, float, float]]) -> None:
    breaker = Breaker(POLICY)
    clock = VirtualClock(T0)
    history: list[str] = []
    failing_since: float | None = None
    went_down = 0.0
    for event, seconds, jump in events:
        now = clock.advance(seconds)
        if jump:
            now = clock.jump_wall_clock(jump)
        before = breaker.health
        if event == GOOD:
            history = [GOOD] if before is not Health.UP else [*history, GOOD]
            breaker.answered()
            assert breaker.health is Health.UP
            assert breaker.longest_pause_seconds(now) is None
            if GOOD in (history[-POLICY.sample_requests :]) and all(each == GOOD for each in history[-POLICY.sample_requests :]):
                failing_since = None
            continue
        history.append(event)
        failing_since = now.monotonic if failing_since is None else failing_since
        breaker.failed(event, now)
        if before is Health.UP:
            assert (breaker.health is not Health.UP) == model_says_down(history)
            went_down = failing_since
        if breaker.health is Health.UP:
            continue
        seconds_down = now.monotonic - went_down
        if before is not Health.GIVEN_UP:  # wall clocks may jump as they like
            assert (breaker.health is Health.GIVEN_UP) == (seconds_down >= 14 * DAY)
        assert breaker.longest_pause_seconds(now) == (3_600.0 if seconds_down < DAY else DAY)


def test_a_number_of_failures_alone_says_nothing() -> None:
    breaker = Breaker(BreakerPolicy())
    for second in range(10_000):
        breaker.failed("server_error", T0.plus(second)) if second % 3 else breaker.answered()
    assert breaker.health is Health.UP


def test_failures_below_the_floor_say_nothing() -> None:
    breaker = Breaker(BreakerPolicy(sample_requests=20))
    for second in range(19):
        breaker.failed("server_error", T0.plus(second))
    assert breaker.health is Health.UP
    breaker.failed("server_error", T0.plus(20))
    assert (breaker.health, breaker.down_since_ms) == (Health.DOWN, T0.utc_ms)


def test_another_failure_between_them_breaks_the_row() -> None:
    breaker = Breaker(POLICY)
    for second in range(30):
        breaker.failed("connect_failed", T0.plus(3 * second))
        breaker.failed("connect_timeout", T0.plus(3 * second + 1))
        breaker.answered()
    assert breaker.health is Health.UP


@pytest.mark.parametrize(("days", "health"), [(13.9, Health.DOWN), (14.1, Health.GIVEN_UP)])
def test_time_between_runs_counts(days: float, health: Health) -> None:
    before = down()
    later = Instant(3.0, T0.utc_ms + round(days * DAY * 1000))  # another boot of the machine
    again = Breaker(POLICY)
    again.restore(down_since_ms=before.down_since_ms, given_up_ms=0, errors_in_a_row=3, now=later)
    assert again.health is Health.DOWN  # nobody is given up unheard
    again.failed("connect_failed", later)
    assert again.health is health


def test_a_stored_time_in_the_future_gives_nobody_up() -> None:
    again = Breaker(POLICY)
    again.restore(down_since_ms=T0.utc_ms + 10**12, given_up_ms=0, errors_in_a_row=3, now=T0)
    again.failed("connect_failed", T0.plus(60))
    assert (again.health, again.down_since_ms) == (Health.DOWN, T0.utc_ms)


def test_without_a_bound_nobody_is_given_up_but_by_a_person() -> None:
    breaker = Breaker(BreakerPolicy(give_up_after_seconds=None))
    for day in range(1_000):
        breaker.failed("connect_failed", T0.plus(day * DAY))
    assert breaker.given_up_ms == 0
    breaker.give_up(T0)
    assert breaker.health is Health.GIVEN_UP


def test_an_answer_that_was_under_way_takes_no_persons_word_back() -> None:
    breaker = Breaker(POLICY)
    breaker.give_up(T0)
    breaker.answered()
    assert breaker.health is Health.GIVEN_UP
    breaker.reopen()
    assert breaker.given_up_ms == 0

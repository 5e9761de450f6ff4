from __future__ import annotations

from itertools import pairwise
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from asyncdl.clock import Instant
from asyncdl.download.backoff import BackoffPolicy
from asyncdl.download.pauses import FORGIVING_ANSWERS, LONGEST_ROBOTS_PAUSE_SECONDS, Pauses

T0 = Instant(100.0, 1_767_225_600_000)


class Host:
    """Pauses of a host that works but for what it is told to say."""

    def __init__(self) -> None:
        self.pauses = Pauses(BackoffPolicy())
        self.random = Random(1)

    def refuses(
        self,
        reason: str,
        now: Instant,
        retry_after_seconds: float | None = None,
        *,
        issued: Instant | None = None,
        failing: bool = False,
    ) -> float:
        """How long the host is left alone now."""
        self.pauses.incident(reason, issued or now, now, retry_after_seconds, self.random, failing=failing, longest_seconds=None)
        return self.pauses.until - now.monotonic


def test_a_retry_after_that_promises_nothing_leaves_our_own_pause() -> None:
    assert 5.0 <= Host().refuses("unavailable", T0, 0.0) <= 6.25


def test_a_retry_after_that_was_too_short_is_a_floor_for_our_own_pauses() -> None:
    """A host that says "in five seconds" all night is not asked every five seconds."""
    host, at, seconds = Host(), T0, []
    for _ in range(12):
        seconds.append(host.refuses("rate_limited", at, 5.0))
        at = at.plus(seconds[-1] + 0.001)
    assert 5.0 <= seconds[0] <= 6.25
    assert all(later >= earlier for earlier, later in pairwise(seconds[1:]))
    assert seconds[-1] >= 3_600
    host.pauses.answered()
    assert host.refuses("rate_limited", at.plus(1), 5.0) <= 6.0  # it kept its word: so do we


def test_that_robots_could_not_be_read_is_believed_for_an_hour_at_most() -> None:
    host, at = Host(), T0
    for _ in range(15):
        at = at.plus(host.refuses("robots_unreachable", at) + 0.01)
    seconds = host.refuses("robots_unreachable", at)
    assert LONGEST_ROBOTS_PAUSE_SECONDS <= seconds <= 1.25 * LONGEST_ROBOTS_PAUSE_SECONDS


@given(st.lists(st.floats(0.0, 4.9), min_size=1, max_size=30))
def test_what_was_out_when_a_pause_began_is_one_incident(delays: list[float]) -> None:
    host = Host()
    for place, delay in enumerate(sorted(delays)):
        host.refuses("unavailable", T0.plus(delay), issued=T0.plus(-0.1 * place))
    assert host.pauses.incidents == 1
    assert host.pauses.until - T0.monotonic <= 5.0 * 1.25 + 4.9


def test_incidents_are_forgiven_after_quiet_time_unless_no_connection_has_been_made() -> None:
    for failing in (False, True):
        host = Host()
        at = T0.plus(host.refuses("connect_failed", T0) + 40.0)
        host.refuses("connect_failed", at, failing=failing)
        assert host.pauses.incidents == (2 if failing else 1)


def test_incidents_are_forgiven_after_good_answers() -> None:
    for answers in (FORGIVING_ANSWERS - 1, FORGIVING_ANSWERS):
        host = Host()
        host.refuses("rate_limited", T0, 60.0)
        for _ in range(answers):
            host.pauses.answered()
        host.refuses("rate_limited", T0.plus(62.0))
        assert host.pauses.incidents == (1 if answers == FORGIVING_ANSWERS else 2)


def test_what_a_host_asked_for_itself_is_not_lifted() -> None:
    host = Host()
    host.refuses("connect_failed", T0)
    host.pauses.lift()
    assert (host.pauses.incidents, host.pauses.suspect, host.pauses.until_ms) == (0, False, 0)
    seconds = host.refuses("rate_limited", T0.plus(1), 60.0)
    host.pauses.lift()
    assert (host.pauses.incidents, host.pauses.suspect, host.pauses.until) == (1, True, T0.monotonic + 1 + seconds)

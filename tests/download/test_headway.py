from __future__ import annotations

import pytest

from asyncdl import events
from asyncdl.clock import Instant, VirtualClock
from asyncdl.download.backoff import BackoffPolicy
from asyncdl.download.caution import Caution
from asyncdl.download.figures import Figures
from asyncdl.download.headway import Headway
from asyncdl.download.lane import LaneLimits, LaneState
from asyncdl.lane_records import LaneRecord, LearntPace


def lane(name: str = "a.org", rate: float = 3.0) -> LaneState:
    return LaneState(name, LaneLimits(rate, 2), BackoffPolicy(), Caution())


def headway(**left: int) -> Headway:
    return Headway({name.replace("_", "."): images for name, images in left.items()}, str, 3.0, 0.0)


def asked(state: LaneState, requests: int, start: Instant, seconds: float) -> None:
    """So many requests, one after the other, evenly."""
    clock = VirtualClock(start)
    for _ in range(requests):
        state.start(clock.now())
        state.release()
        clock.advance(seconds / requests)


def test_a_host_that_has_given_nothing_takes_its_images_at_its_pace() -> None:
    way = headway(a_org=300)
    assert way.eta_seconds("a.org", 0.0) == 100  # not in use yet: as the settings say
    way.look([(lane(), 0.0)], 1.0)
    assert way.eta_seconds("a.org", 1.0) == 300  # a cold lane may be asked once a second
    assert way.left("a.org") == 300


def test_what_came_of_late_tells_how_long_the_rest_takes() -> None:
    way, state = headway(a_org=1_000), lane()
    for second in range(0, 600, 10):
        for _ in range(5 if second < 300 else 20):
            way.ended("a.org")
        way.look([(state, 0.0)], float(second + 10))
    left = way.left("a.org")
    assert left == 250
    eta = way.eta_seconds("a.org", 600.0)
    assert eta == pytest.approx(250 / 2.0, rel=0.1)  # two a second of late, not the mean since the start


def test_a_pause_comes_on_top_and_a_held_host_has_no_end() -> None:
    way, state = headway(a_org=30), lane()
    way.look([(state, 50.0)], 1.0)
    assert way.eta_seconds("a.org", 1.0) == 80
    way.look([(state, 0.0)], 2.0)
    assert way.eta_seconds("a.org", 2.0) == 30
    state.held = True
    way.look([(state, 0.0)], 3.0)
    assert way.eta_seconds("a.org", 3.0) is None


def test_the_slowest_host_decides() -> None:
    way = headway(small_org=3, large_org=900, middle_org=90)
    assert way.decides(0.0) == ("large.org", 300)
    for _ in range(900):
        way.ended("large.org")
    assert way.decides(0.0) == ("middle.org", 30)
    for host, images in (("middle.org", 90), ("small.org", 5)):
        for _ in range(images):
            way.ended(host)
    assert way.decides(0.0) is None


def test_efficiency_is_the_time_at_the_limits_over_the_time_it_took() -> None:
    way, state, other = headway(a_org=100), lane(), lane("b.org", rate=1.0)
    asked(state, 60, Instant(0.0, 0), 40.0)
    asked(other, 20, Instant(0.0, 0), 40.0)
    way.look([(state, 0.0), (other, 0.0)], 40.0)
    assert way.efficiency(40.0) == 0.5  # sixty at three a second are twenty seconds, twenty at one a second too
    assert way.requests == 80
    assert way.efficiency(20.0) == 1.0


def test_what_a_host_was_found_to_bear_is_its_limit() -> None:
    way, state = headway(a_org=100), lane()
    state.restore(LaneRecord("a.org", learnt=LearntPace(0.5, 0, 0)), Instant(0.0, 0))
    asked(state, 20, Instant(0.0, 0), 40.0)
    way.look([(state, 0.0)], 40.0)
    found = way.efficiency(40.0)
    assert found is not None
    assert found > 0.9


def test_without_limits_there_is_no_efficiency() -> None:
    way, state = headway(a_org=100), lane(rate=0.0)
    asked(state, 10, Instant(0.0, 0), 5.0)
    way.look([(state, 0.0)], 5.0)
    assert way.efficiency(5.0) is None


def test_requests_of_a_lane_that_was_forgotten_count() -> None:
    way, state, stranger = headway(a_org=100), lane(), lane("b.org")
    asked(state, 10, Instant(0.0, 0), 5.0)
    asked(stranger, 30, Instant(0.0, 0), 5.0)
    way.look([(state, 0.0)], 5.0)
    way.forgotten(state)
    way.forgotten(stranger)
    again = lane()
    asked(again, 4, Instant(6.0, 6_000), 2.0)
    way.look([(again, 0.0)], 10.0)
    assert way.requests == 44
    assert way.efficiency(20.0) == 0.5  # thirty at three a second
    assert way.left("b.org") is None


def test_what_a_person_opens_again_is_left_and_not_done() -> None:
    now = Instant(0.0, 1_000)
    way = headway(a_org=2)
    figures = Figures(10, 5, now, way)
    for number in range(2):
        figures.watch(events.ImageClosed(1_000, number, 0, "a.org", "exhausted", "lane_given_up"))
    assert (figures.closed, figures.done_before, way.left("a.org")) == (2, 5, 0)
    figures.recount(4, {"a.org": 3}, now)
    assert (figures.closed, figures.done_before, way.left("a.org")) == (0, 4, 3)
    figures.recount(4, {"a.org": 3}, now)
    assert (figures.closed, figures.done_before) == (0, 4)


def test_images_that_ended_without_a_request_promise_no_pace() -> None:
    way, state = headway(a_org=1_000), lane(rate=1.0)
    for _ in range(500):
        way.ended("a.org")
    way.look([(state, 0.0)], 30.0)
    assert way.eta_seconds("a.org", 30.0) == 500

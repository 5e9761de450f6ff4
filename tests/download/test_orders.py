"""What people order about hosts, as the scheduler obeys it."""

from __future__ import annotations

import math

import pytest

from asyncdl.download.lane import LaneLimits
from asyncdl.download.outcome import Failed, Redirected, Verdict
from asyncdl.download.scheduler import SchedulerRules
from asyncdl.lane_records import LaneRecord
from asyncdl.limits import LaneOrder, Stop
from asyncdl.status import ImageStatus
from tests.download.worlds import TRUSTING, World, image


def order(world: World, stop: Stop | None, *, seconds: float = 0.0, at_ms: int = 1) -> LaneOrder:
    until_ms = world.now.plus(seconds).utc_ms if seconds else 0
    return LaneOrder("a.test", at_ms, stop=stop, stop_until_ms=until_ms)


def released(world: World) -> tuple[list[int], list[Verdict]]:
    found = world.scheduler.release_paused(world.now, 30.0)
    world.introduce()
    return [work.id for work in found.works], [finished.verdict for finished in found.closed if finished.verdict]


def test_a_pause_stops_a_lane_that_is_in_use_and_its_rows_go_back_untouched() -> None:
    world = World()
    world.add(image(1, "http://a.test/1", "http://b.test/1"), image(2, "http://a.test/2"))
    world.ticket()
    world.scheduler.obey(order(world, Stop.PAUSE), world.now)
    assert world.wait() is None
    assert released(world) == ([2], [])


def test_a_pause_ends_by_itself_and_a_resumed_lane_goes_on_at_once() -> None:
    world = World()
    world.add(image(1, "http://a.test/1"))
    world.scheduler.obey(order(world, Stop.PAUSE, seconds=20.0), world.now)
    assert world.wait() is None
    assert world.scheduler.paused_seconds("a.test", world.now) == 20.0
    world.clock.advance(20.0)
    assert released(world) == ([], [])
    assert world.ticket().url == "http://a.test/1"
    world.scheduler.obey(order(world, Stop.PAUSE, at_ms=2), world.now)
    world.add(image(2, "http://a.test/2"))
    assert world.wait() is None
    world.scheduler.obey(order(world, None, at_ms=3), world.now)
    assert world.ticket().url == "http://a.test/2"


def test_an_order_that_was_stored_holds_from_the_first_request() -> None:
    world = World()
    world.remembered["a.test"] = LaneRecord("a.test", order=order(world, Stop.PAUSE))
    world.add(image(1, "http://a.test/1"))
    assert world.wait() is None
    assert world.scheduler.paused_seconds("a.test", world.now) == math.inf


def test_what_was_read_before_a_newer_order_came_is_not_obeyed() -> None:
    world = World()
    world.scheduler.add(image(1, "http://a.test/1"), world.now)
    names = world.scheduler.lanes.unknown()
    read = {"a.test": LaneRecord("a.test", order=order(world, None, at_ms=1))}
    world.scheduler.obey(order(world, Stop.PAUSE, at_ms=2), world.now)
    world.scheduler.restore(names, read, world.now)
    assert world.wait() is None


def test_images_of_a_blocked_host_turn_to_other_hosts_and_wait_for_it_unpaid() -> None:
    world = World()
    world.remembered["a.test"] = LaneRecord("a.test", order=order(world, Stop.BLOCK, seconds=600.0))
    world.add(
        image(1, "http://a.test/1", "http://b.test/1"), image(2, "http://a.test/2"), image(3, "http://a.test/3", "http://a.test/4")
    )
    assert released(world) == ([2, 3], [])
    elsewhere = world.ticket()
    assert elsewhere.url == "http://b.test/1"
    finished = world.finish(elsewhere, Failed("http_404"))
    assert finished.verdict is not None
    assert (finished.verdict.to, finished.verdict.attempts, finished.verdict.candidate) == (ImageStatus.PENDING, 0, 0)
    assert finished.verdict.due_ms == world.now.plus(600.0).utc_ms


def test_a_redirect_to_a_stopped_host_is_not_asked_for_again_and_again() -> None:
    """The row would be due at once at the host that redirects."""
    world = World()
    world.remembered["a.test"] = LaneRecord("a.test", order=order(world, Stop.PAUSE, seconds=600.0))
    world.add(image(1, "http://moved.test/1"))
    world.finish(world.ticket(), Redirected("http://a.test/1"))
    works, [verdict] = released(world)
    assert works == []
    assert (verdict.to, verdict.attempts, verdict.due_ms) == (ImageStatus.PENDING, 0, world.now.plus(600.0).utc_ms)


def test_a_limit_of_a_person_takes_the_place_of_the_ceilings_until_it_ends() -> None:
    world = World(SchedulerRules(lane_limits=LaneLimits(10.0, 4), caution=TRUSTING))
    world.add(*(image(n, f"http://a.test/{n}") for n in range(1, 9)))
    until_ms = world.now.plus(90.0).utc_ms
    world.scheduler.obey(LaneOrder("a.test", 1, LaneLimits(1 / 60, 1), until_ms), world.now)
    world.scheduler.received(world.ticket())
    assert world.wait() == 60.0
    world.clock.advance(60.0)
    second = world.ticket()
    assert world.wait() is None  # one connection
    world.scheduler.received(second)
    world.clock.advance(30.0)
    released(world)
    assert world.wait() == pytest.approx(0.1)  # a tenth of a second after the order has ended, not after another minute


def test_lifting_ends_a_ban_but_not_what_the_host_asked_for() -> None:
    world = World()
    world.remembered["a.test"] = LaneRecord("a.test", held=True, note="banned")
    world.add(image(1, "http://a.test/1"))
    assert world.wait() is None
    world.scheduler.obey(order(world, None), world.now, lift=True)
    world.finish(world.ticket(), Failed("rate_limited", retry_after_seconds=25.0))
    world.scheduler.obey(order(world, None, at_ms=2), world.now, lift=True)
    assert 25.0 <= (world.wait() or 0.0) <= 26.0

"""Memory follows what is queued: not the number of hosts, and not the number of hosts that rest."""

from __future__ import annotations

from dataclasses import replace

from asyncdl.download.lane import KEPT_SECONDS, LaneLimits
from asyncdl.download.outcome import Failed
from asyncdl.download.scheduler import SchedulerRules
from asyncdl.lane_records import LaneRecord
from asyncdl.limits import LaneOrder, Stop
from tests.download.worlds import TRUSTING, World, image

HOUR = 3_600.0


def commit(world: World) -> None:
    records = world.scheduler.lanes.changed()
    for record in records:  # orders are written by people only
        before = world.remembered.get(record.lane, record)
        world.remembered[record.lane] = replace(record, order=before.order)
    world.scheduler.lanes.stored(records)


def lanes(world: World) -> int:
    return sum(1 for _ in world.scheduler.lanes)


def let_go(world: World) -> int:
    """What a feeder does between two looks at the database."""
    world.scheduler.release_paused(world.now, 30.0)
    return world.scheduler.lanes.forget_idle(world.now)


def test_hosts_that_rest_are_forgotten_once_they_are_stored_and_rest_on_when_they_are_met_again() -> None:
    world = World()
    for n in range(200):
        world.add(image(n + 1, f"http://h{n}.test/1"))
        world.finish(world.ticket(), Failed("rate_limited", retry_after_seconds=HOUR))
    assert (lanes(world), let_go(world)) == (200, 0)
    assert let_go(world) == 0, "what is not stored yet is not forgotten"
    commit(world)
    assert let_go(world) == 200
    assert lanes(world) == 0
    world.add(image(1_000, "http://h7.test/2"))
    assert HOUR <= (world.wait() or 0.0) <= HOUR + 1


def test_hosts_that_a_person_stopped_are_forgotten_too() -> None:
    world = World()
    world.remembered["a.test"] = LaneRecord("a.test", order=LaneOrder("a.test", 1, stop=Stop.PAUSE))
    world.add(image(1, "http://a.test/1"))
    assert let_go(world) == 0
    commit(world)
    assert let_go(world) == 1
    world.add(image(2, "http://a.test/2"))
    assert world.wait() is None


def test_a_host_that_only_waits_for_its_next_turn_is_not_forgotten() -> None:
    world = World(SchedulerRules(lane_limits=LaneLimits(0.5, 1), caution=TRUSTING))
    world.add(image(1, "http://a.test/1"))
    ticket = world.ticket()
    assert let_go(world) == 0
    world.finish(ticket, Failed("http_404"))
    for _ in range(3):
        assert let_go(world) == 0, "its pace would be forgotten with it"
        commit(world)
    world.clock.advance(2.0 + KEPT_SECONDS)
    assert let_go(world) == 1

"""Who goes first when slots are short."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asyncdl.download.lane import LaneLimits
from asyncdl.download.lane_table import LONGEST_HEAD_START_SECONDS
from asyncdl.download.outcome import Ticket, Wait
from asyncdl.download.scheduler import SchedulerRules
from tests.download.lines import SAVED, LineRun, VirtualLine, hosts
from tests.download.worlds import TRUSTING, World, image

LARGE = "large-museum.org"


def makespan(*, head_start_seconds: float) -> float:
    """Eight slots, which forty small hosts could use all the time, and a large one that needs five requests a second for a minute."""
    images = {**hosts(40, 60), LARGE: 300}
    run = LineRun(VirtualLine(1e9, round_trip_seconds=0.2), images, limits=LaneLimits(5.0, 4), slots=8)
    run.scheduler.lanes.longest_head_start_seconds = head_start_seconds
    return run.run(400)


def test_a_run_is_shorter_when_the_host_that_decides_its_end_goes_first() -> None:
    """90 s against 135 s."""
    assert makespan(head_start_seconds=LONGEST_HEAD_START_SECONDS) <= 0.75 * makespan(head_start_seconds=0)


def order(world: World, tickets: int) -> list[str]:
    """The lanes of the next tickets, each answered at once, with a tenth of a second between them."""
    served = []
    for _ in range(tickets):
        world.clock.advance(0.1)
        step = world.take()
        if isinstance(step, Ticket):
            served.append(step.lane)
            world.finish(step, SAVED)
    return served


def one_slot(rate: float, *lanes: str, rows: int = 60) -> World:
    world = World(SchedulerRules(concurrency=1, lane_limits=LaneLimits(rate, 0), caution=TRUSTING))
    world.add(*(image(100 * n + row, f"http://{lane}/{row}") for n, lane in enumerate(lanes, 1) for row in range(rows)))
    return world


def test_what_is_left_behind_the_queue_counts() -> None:
    world = one_slot(2.0, "a.org", "b.org", "c.org", "d.org", "e.org", "f.org", "g.org", "h.org")
    world.scheduler.lanes.expect("g.org", 100_000)
    world.clock.advance(1)
    served = order(world, 40)
    assert served.count("g.org") >= 7
    world.scheduler.lanes.expect("g.org", -100_000)
    assert order(world, 40).count("g.org") <= 6


@given(
    st.lists(st.sampled_from([0, 10, 1_000, 10_000_000]), min_size=3, max_size=6),
    st.sampled_from([0.5, 5.0, 0.0]),
)
def test_every_ready_lane_has_its_turn(left: list[int], rate: float) -> None:
    """However much the others have left: nobody waits longer than the longest head start and a turn of everybody."""
    lanes = [f"{letter}.org" for letter in "abcdef"[: len(left)]]
    world = one_slot(rate, *lanes, rows=99)
    for lane, images in zip(lanes, left, strict=True):
        world.scheduler.lanes.expect(lane, images)
    waiting = dict.fromkeys(lanes, world.now.monotonic)
    for _ in range(180):
        world.clock.advance(1.0)
        step = world.take()
        if isinstance(step, Wait):
            continue
        assert isinstance(step, Ticket)
        waiting[step.lane] = world.now.monotonic
        world.finish(step, SAVED)
        for lane in lanes:
            queue = world.scheduler.lanes.get(lane)
            if queue is not None and len(queue):
                assert (
                    world.now.monotonic - waiting[lane] <= LONGEST_HEAD_START_SECONDS + len(lanes) + (1 / rate if rate else 0) + 1
                )


@pytest.mark.parametrize("count", [10, 1_000])
def test_a_decision_looks_at_few_lanes(count: int) -> None:
    """Each start moves one entry from heap to heap; what is not ready is not looked at."""
    world = one_slot(1.0, *(f"museum{n}.org" for n in range(count)), rows=2)
    order(world, 20)
    table = world.scheduler.lanes
    assert len(table._heap) + len(table._ready) <= count + 20

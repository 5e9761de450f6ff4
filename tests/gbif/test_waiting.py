from random import Random

import pytest

from asyncdl.clock import VirtualClock
from asyncdl.gbif.waiting import Deadline, Pace


def test_pauses_grow_slowly_to_the_longest() -> None:
    pauses = [Pace(15, 60).pause_seconds(asked, Random(asked)) for asked in range(1, 20)]
    assert all(15 <= pause <= 66 for pause in pauses)
    assert pauses[0] <= 16.5
    assert min(pauses[-10:]) >= 60
    assert Pace(15, 60).pause_seconds(1, Random(1), 700) == 700


def test_a_deadline_counts_on_the_clock_that_does_not_jump() -> None:
    clock = VirtualClock()
    deadline, none = Deadline(clock.now(), 100), Deadline(clock.now(), None)
    clock.jump_wall_clock(-10_000)
    clock.advance(60)
    assert deadline.waited_seconds(clock.now()) == pytest.approx(60)
    assert deadline.left_seconds(clock.now()) == pytest.approx(40)
    assert none.left_seconds(clock.now()) == float("inf")
    clock.advance(60)
    assert deadline.left_seconds(clock.now()) == 0

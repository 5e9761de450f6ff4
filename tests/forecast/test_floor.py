import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asyncdl.forecast import Floor, Forecaster, LaneCeilings, Process, SizeEstimate
from asyncdl.lane_records import LaneLoad, LaneRecord, LearntPace
from asyncdl.limits import LaneLimits, LaneOrder

NOW = 1_780_000_000_000
DAY = 86_400.0
ALONE = Process()
RATE_ONLY = LaneCeilings(3.0, 2, 0.0)


def floor_of(
    *loads: LaneLoad, default: LaneCeilings = RATE_ONLY, process: Process = ALONE, saved: int = 0, size_bytes: int = 0, shown: int = 20
) -> Floor:  # fmt: skip
    forecaster = Forecaster(default, SizeEstimate(saved, size_bytes), process, NOW, shown)
    for load in loads:
        forecaster.add(load)
    return forecaster.floor()


def ordered(rate: float) -> LaneOrder:
    return LaneOrder("a", NOW, LaneLimits(rate_per_second=rate))


def load(lane: str, images: int, record: LaneRecord | None = None) -> LaneLoad:
    return LaneLoad(lane, 1, images, 0, 0, 0, record)


def test_a_host_takes_its_requests_at_its_rate() -> None:
    found = floor_of(load("one", 259_199))  # and robots.txt
    assert found.seconds == DAY
    assert (found.bounds[0].name, found.bounds[0].what) == ("host", "one")
    assert found.lanes[0].binds == "rate"
    assert found.requests == 259_200


def test_hosts_work_side_by_side() -> None:
    assert floor_of(load("small", 10), load("large", 2_999), load("middle", 500)).seconds == 1_000


def test_manifests_and_robots_files_are_requests() -> None:
    assert floor_of(LaneLoad("iiif", 2, 10, 0, 0, manifests=18)).requests == 30
    assert floor_of(LaneLoad("done", 5, 0, 100, 10_000)).requests == 0


def test_bytes_bind_where_pictures_are_large() -> None:
    big = LaneLoad("big", 1, 1_000, 100_000, 100_000 * 10_000_000)
    found = floor_of(big, default=LaneCeilings(3.0, 2, 25e6), saved=100_000, size_bytes=100_000 * 10_000_000)
    assert found.lanes[0].binds == "bandwidth"
    assert found.seconds == pytest.approx(1_000 * 10_000_000 * 8 / 25e6, rel=0.01)


def test_budgets_of_a_day_bind() -> None:
    found = floor_of(load("careful", 4_999), default=LaneCeilings(3.0, 2, 0.0, requests_per_day=1_000))
    assert (found.lanes[0].binds, found.seconds) == ("requests per day", 5 * DAY)
    found = floor_of(load("careful", 1_000), default=LaneCeilings(0.0, 0, 0.0, bytes_per_day=100_000_000))
    assert (found.lanes[0].binds, found.seconds) == ("bytes per day", 5 * DAY)


def at_most(rate: float) -> LaneOrder:
    return LaneOrder("a", limits=LaneLimits(rate))


def test_given_limits_go_before_the_default_and_learnt_ones_below_both() -> None:
    given = LaneRecord("a", order=at_most(1.0))
    assert floor_of(load("a", 999, given)).seconds == 1_000
    learnt = LaneRecord("a", order=at_most(1.0), learnt=LearntPace(0.5, 2, NOW))
    found = floor_of(load("a", 999, learnt))
    assert (found.seconds, found.lanes[0].binds) == (2_000, "learnt pace")
    faster = LaneRecord("a", order=at_most(1.0), learnt=LearntPace(8.0, 2, NOW))
    assert floor_of(load("a", 999, faster)).seconds == 1_000
    free = LaneRecord("a", order=at_most(0.0), learnt=LearntPace(8.0, 2, NOW))
    assert floor_of(load("a", 799, free)).seconds == 100


def test_a_pause_comes_first() -> None:
    assert floor_of(load("a", 299, LaneRecord("a", pause_until_ms=NOW + 7_000))).seconds == 107


def test_hosts_that_nobody_can_reckon_with_are_counted_aside() -> None:
    found = floor_of(
        load("open", 2),
        load("held", 1_000, LaneRecord("held", held=True)),
        load("down", 500, LaneRecord("down", down_since_ms=NOW - 7_200_000)),
        load("down2", 500, LaneRecord("down2", down_since_ms=NOW - 7_200_000)),
        load("shaky", 5, LaneRecord("shaky", down_since_ms=NOW - 60_000)),
        load("gone", 7, LaneRecord("gone", given_up_ms=NOW)),
    )
    assert found.aside == {"held": 1_000, "down": 1_000, "given up": 7}
    assert (found.images, found.seconds) == (7, 2)


def test_the_process_may_bind() -> None:
    everyone = [load(f"h{n}", 2_999) for n in range(10)]
    slow = floor_of(*everyone, process=Process(rate_per_second=10.0))
    assert (slow.bounds[0].name, slow.seconds) == ("rate of the process", 3_000)
    line = floor_of(*everyone, process=Process(bits_per_second=1e6))
    assert line.bounds[0].name == "line"
    assert line.seconds == pytest.approx(29_990 * 500_000 * 8 / 1e6)
    costly = floor_of(*everyone, process=Process(decoders=2, decode_seconds_per_byte=1e-6))
    assert costly.bounds[0].name == "cpu"
    assert costly.seconds == pytest.approx(29_990 * 0.5 / 2)
    assert [bound.name for bound in costly.bounds] == ["cpu", "host"]


def test_a_letter_saves_what_the_next_host_leaves() -> None:
    found = floor_of(load("a", 2_999), load("b", 2_399), load("c", 299))
    first, second, third = found.write_to
    assert (first.lane.lane, first.saves_seconds, first.together_seconds) == ("a", 200, 200)
    assert (second.lane.lane, second.saves_seconds, second.together_seconds) == ("b", 0, 500)
    assert (third.together_seconds, third.own_seconds) == (500, 50)


def test_two_that_are_equally_slow_help_only_together() -> None:
    found = floor_of(load("a", 2_999), load("b", 2_999), load("c", 1_499))
    assert [(letter.saves_seconds, letter.together_seconds) for letter in found.write_to] == [(0, 0), (0, 500), (0, 500)]


def test_no_letter_helps_where_our_own_machine_binds() -> None:
    found = floor_of(load("a", 2_999), process=Process(rate_per_second=0.1))
    assert found.write_to == ()


def test_nothing_waiting_has_no_floor() -> None:
    found = floor_of()
    assert (found.seconds, found.bounds, found.lanes, found.write_to) == (0.0, (), (), ())


def test_no_limit_at_all_is_no_bound() -> None:
    found = floor_of(load("a", 10), default=LaneCeilings(0.0, 0, 0.0))
    assert (found.seconds, found.bounds) == (0.0, ())


@given(st.lists(st.integers(1, 10**7), min_size=1, max_size=60, unique=True), st.integers(1, 20), st.randoms(use_true_random=False))
def test_only_the_slowest_are_kept_and_nothing_is_lost(images: list[int], shown: int, shuffle: random.Random) -> None:
    loads = [load(f"h{count}", count) for count in images]
    shuffle.shuffle(loads)
    found = floor_of(*loads, shown=shown)
    assert [lane.images for lane in found.lanes] == sorted(images, reverse=True)[:shown]
    assert found.images == sum(images)
    assert found.others_images + sum(lane.images for lane in found.lanes) == sum(images)
    assert found.others + len(found.lanes) == len(images)
    assert len(found.write_to) <= 5
    savings = [letter.together_seconds for letter in found.write_to]
    assert savings == sorted(savings)
    assert all(0 <= saved <= found.seconds / 2 + 1e-6 for saved in savings)

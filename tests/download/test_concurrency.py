from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asyncdl.download.concurrency import MAX_SLOTS, MIN_SLOTS, SHORTEST_WINDOW_SECONDS, START_SLOTS, Gauge, Measured, SlotSearch
from asyncdl.download.lane import LaneLimits
from tests.download.lines import LineRun, VirtualLine, hosts


def carried(line: VirtualLine, slots: int | None, *, lanes: int = 100, seconds: float = 24) -> tuple[float, LineRun]:
    """Megabytes per second after the start-up, with so many slots or as many as are found."""
    run = LineRun(line, hosts(lanes, 400), slots=slots)
    run.run(seconds / 2)
    before = line.received_bytes
    run.run(seconds)
    return (line.received_bytes - before) / (seconds / 2) / 1e6, run


@pytest.mark.parametrize(
    ("capacity", "round_trip"),
    [
        (60e6, 0.4),
        *(
            pytest.param(*line, marks=pytest.mark.slow)
            for line in ((2e6, 0.05), (2e6, 1.0), (20e6, 0.05), (20e6, 0.4), (60e6, 0.05))
        ),
    ],
)
def test_what_is_found_carries_what_the_best_fixed_number_carries(capacity: float, round_trip: float) -> None:
    best = max(carried(VirtualLine(capacity, round_trip), slots, seconds=12)[0] for slots in (32, 128, 256))
    found, _ = carried(VirtualLine(capacity, round_trip), None)
    assert found >= 0.9 * best


def test_a_line_that_breaks_down_under_too_much_gets_less() -> None:
    """Beyond forty transfers it loses: 256 at once carry a sixth."""
    found, run = carried(VirtualLine(5e6, 0.05, knee=40), None, seconds=40)
    crushed, _ = carried(VirtualLine(5e6, 0.05, knee=40), 256, seconds=12)
    assert found >= 4.0
    assert crushed <= 2.0
    assert run.slots[-1] <= 64


def test_where_the_hosts_bind_nothing_is_added() -> None:
    run = LineRun(VirtualLine(1e9), hosts(8, 1_000), limits=LaneLimits(3.0, 1))
    run.run(30)
    assert set(run.slots) == {START_SLOTS}


def test_it_begins_modestly_and_grows_while_that_pays() -> None:
    run = LineRun(VirtualLine(1e9, round_trip_seconds=1.0), hosts(100, 2_000))
    run.run(20)
    assert run.slots[0] == START_SLOTS
    assert run.slots[-1] >= 4 * START_SLOTS


def test_slow_answers_everywhere_shed() -> None:
    search = SlotSearch()
    assert search.measured(Measured(1.0, 1e6, short=True, slow=True)) < START_SLOTS
    assert search.crowded


def test_one_slow_host_is_not_everywhere() -> None:
    gauge = Gauge()
    for at in range(8):
        for number in range(10):
            gauge.answered(f"museum{number}.org", 9.0 if number == 3 and at else 0.2)
        window = gauge.window(2.0 * at, 32, 0, 0)
        assert window is None or not window.slow
    for number in range(10):
        gauge.answered(f"museum{number}.org", 3.0 if number != 3 else 0.2)
    for _ in range(32):
        gauge.answered("other.org", None)
    window = gauge.window(20.0, 32, 0, 0)
    assert window is not None
    assert window.slow


def test_a_window_needs_as_many_answers_as_there_are_slots() -> None:
    gauge = Gauge()
    assert gauge.window(0.0, 4, 0, 0) is None
    for _ in range(3):
        gauge.answered("a.org", None)
    assert gauge.window(2.0, 4, 1_000_000, 3) is None
    gauge.answered("a.org", None)
    window = gauge.window(2.0, 4, 1_000_000, 4)
    assert window == Measured(2.0, (1_000_000 + 4 * 2_000) / 2.0, short=True)


@given(st.lists(st.tuples(st.floats(0, 1e9), st.booleans(), st.booleans(), st.floats(SHORTEST_WINDOW_SECONDS, 100))))
def test_slots_stay_within_their_bounds(windows: list[tuple[float, bool, bool, float]]) -> None:
    search, at = SlotSearch(), 0.0
    for work, short, slow, seconds in windows:
        at += seconds
        before = search.slots
        assert MIN_SLOTS <= search.measured(Measured(at, work, short, slow)) <= MAX_SLOTS
        assert search.slots <= 2 * before
        assert not (search.crowded and search.slots == MIN_SLOTS)

from __future__ import annotations

from dataclasses import dataclass, field

from hypothesis import given
from hypothesis import strategies as st

from asyncdl.clock import VirtualClock
from asyncdl.download.quota import Quota
from asyncdl.lane_records import Spent

DAY = 86_400.0


@dataclass
class Diary:
    """A process that spends as much as it may, is killed at times, and what a server would have seen of it."""

    limit: int
    window: float
    clock: VirtualClock = field(default_factory=VirtualClock)
    stored: tuple[Spent, ...] = ()
    seen: list[tuple[float, int]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.quota = Quota(self.limit, self.window)

    def reserve(self, wanted: int) -> None:
        if self.quota.reserve(wanted, self.clock.now()):
            self.stored = self.quota.stored(self.clock.now())

    def spend(self, amount: int) -> None:
        self.quota.refresh(self.clock.now())
        taken = amount - self.quota.spend(amount)
        if taken:
            self.seen.append((self.clock.now().monotonic, taken))

    def refund(self, amount: int) -> None:
        """Of what was spent last, some was not needed after all: a server never saw it."""
        if self.seen:
            at, taken = self.seen[-1]
            returned = min(taken, amount)
            self.seen[-1] = (at, taken - returned)
            self.quota.refund(returned)

    def released(self) -> None:
        """A process that ends in good order stores what it really spent."""
        self.quota.release()
        self.stored = self.quota.stored(self.clock.now())
        self.killed()

    def killed(self) -> None:
        self.quota = Quota(self.limit, self.window)
        self.quota.restore(self.stored, self.clock.now())

    def most_in_a_window(self) -> int:
        return max((sum(n for at, n in self.seen if start <= at < start + self.window) for start, _ in self.seen), default=0)


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("wait"), st.floats(0, 2 * DAY)),
        st.tuples(st.just("wait"), st.floats(0, DAY / 48)),
        st.tuples(st.just("reserve"), st.integers(1, 50)),
        st.tuples(st.just("confirm"), st.just(0)),
        st.tuples(st.just("spend"), st.integers(1, 50)),
        st.tuples(st.just("refund"), st.integers(1, 50)),
        st.tuples(st.just("killed"), st.just(0)),
        st.tuples(st.just("released"), st.just(0)),
        st.tuples(st.just("clock"), st.floats(-1e9, 0)),
    ),
    max_size=60,
)


@given(st.integers(1, 300), STEPS)
def test_no_window_sees_more_than_the_budget(limit: int, steps: list[tuple[str, float]]) -> None:
    diary = Diary(limit, DAY)
    for step, value in steps:
        match step:
            case "wait":
                diary.clock.advance(value)
            case "reserve":
                diary.reserve(int(value))
            case "confirm":
                diary.quota.confirm()
            case "spend":
                diary.spend(int(value))
            case "refund":
                diary.refund(int(value))
            case "released":
                diary.released()
            case "clock":
                diary.clock.jump_wall_clock(value)
            case _:
                diary.killed()
    assert diary.most_in_a_window() <= limit


def test_what_was_overdrawn_counts_and_holds_everything_up_until_the_window_has_room() -> None:
    diary = Diary(100, DAY)
    diary.reserve(90)
    diary.quota.confirm()
    diary.spend(90)
    diary.quota.overdraw(30, diary.clock.now())
    assert diary.quota.counted == 120
    assert not diary.quota.reserve(1, diary.clock.now())
    diary.stored = diary.quota.stored(diary.clock.now())
    diary.killed()
    assert diary.quota.counted == 120
    diary.clock.advance(diary.quota.free_at(50, diary.clock.now()) - diary.clock.now().monotonic)
    assert diary.quota.reserve(50, diary.clock.now())


def test_all_of_a_budget_can_be_spent_and_comes_back_when_the_window_has_passed() -> None:
    diary = Diary(1_000, DAY)
    for _ in range(200):
        diary.reserve(1)
        diary.quota.confirm()
        diary.spend(10)
    assert sum(n for _, n in diary.seen) == 1_000
    assert not diary.quota.reserve(1, diary.clock.now())
    free = diary.quota.free_at(1, diary.clock.now())
    assert DAY <= free - diary.clock.now().monotonic <= 1.05 * DAY
    diary.clock.advance(free - diary.clock.now().monotonic)
    diary.reserve(1)
    diary.quota.confirm()
    assert diary.quota.ready >= 1


def test_what_is_reserved_and_not_stored_cannot_be_spent() -> None:
    diary = Diary(100, DAY)
    diary.reserve(1)
    diary.spend(1)
    assert diary.seen == []


def test_a_crash_forfeits_what_was_reserved_and_a_reservation_that_was_not_used_goes_back() -> None:
    diary = Diary(100, DAY)
    diary.reserve(40)
    diary.quota.confirm()
    diary.killed()
    assert not diary.quota.reserve(61, diary.clock.now())
    patient = Diary(100, DAY)
    patient.reserve(40)
    patient.quota.confirm()
    patient.clock.advance(DAY / 40)
    assert patient.quota.reserve(100, patient.clock.now())

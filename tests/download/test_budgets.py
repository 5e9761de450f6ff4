"""Budgets of a lane, as a scheduler keeps them over commits, kills and restarts: measured by what a server would have seen."""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asyncdl.clock import VirtualClock
from asyncdl.download.budgets import FIRST_ANSWER_BYTES, Budgets
from asyncdl.download.lane import LaneLimits
from asyncdl.download.outcome import Failed, Finished, Saved, Ticket, Wait
from asyncdl.download.robots_gate import RobotsGate
from asyncdl.download.scheduler import Scheduler, SchedulerRules
from asyncdl.lane_records import LaneRecord
from asyncdl.limits import BUDGET_SPENT, DAY_SECONDS, HOUR_SECONDS, LaneOrder
from asyncdl.model import ImageFacts
from tests.download.worlds import TRUSTING, image, lane_of_url

CONNECTIONS = 3
MAX_ANSWER_BYTES = 4_000_000


@dataclass
class Process:
    """A run and its successors over one store, against one host that notes what it was asked and what it sent."""

    limits: LaneLimits
    clock: VirtualClock = field(default_factory=VirtualClock)
    stored: dict[str, LaneRecord] = field(default_factory=dict)
    asked: list[float] = field(default_factory=list)
    sent: list[tuple[float, int]] = field(default_factory=list)
    out: list[Ticket] = field(default_factory=list)
    number: int = 0

    def __post_init__(self) -> None:
        self.begin()

    def begin(self) -> None:
        rules = SchedulerRules(lane_limits=self.limits, caution=TRUSTING)
        self.scheduler = Scheduler(rules, Random(3), lane_of_url, RobotsGate(ignore_all=True))
        self.out = []

    def take(self) -> Ticket | Finished | Wait:
        now = self.clock.now()
        if not self.scheduler.lanes.queued:
            self.number += 1
            self.scheduler.add(image(self.number, f"http://a.test/{self.number}"), now)
            self.scheduler.restore(self.scheduler.lanes.unknown(), self.stored, now)
        step = self.scheduler.take(now)
        self.scheduler.check()
        if isinstance(step, Ticket):
            self.asked.append(now.monotonic)
            self.out.append(step)
        return step

    def answer(self, size_bytes: int, *, well: bool = True) -> None:
        """The oldest request ends; its bytes are counted when they were asked for, the earliest that they can have come."""
        if self.out:
            ticket = self.out.pop(0)
            now = self.clock.now()
            self.sent.append((now.monotonic, size_bytes))
            self.scheduler.came(ticket, size_bytes, now)
            saved = Saved(ImageFacts("jpg", "image/jpeg", 1, 1), spool=None)  # type: ignore[arg-type]
            self.scheduler.finish(ticket, saved if well else Failed("http_404"), now)
            self.scheduler.check()

    def commit(self) -> None:
        records = self.scheduler.lanes.changed()
        self.stored |= {record.lane: record for record in records}
        self.scheduler.lanes.stored(records)
        self.scheduler.check()

    def kill(self) -> None:
        """What was under way never came back to us; the host has sent some of it all the same: one answer per connection at most."""
        self.begin()

    def end(self) -> None:
        while self.out:
            self.answer(1)
        self.scheduler.lanes.remember_paces(self.clock.now())
        self.commit()
        self.begin()

    def go_on(self, requests: int, size_bytes: int = 1_000) -> int:
        """Ask and answer as long as the budgets allow, up to so many requests; how many it were."""
        done = 0
        while done < requests:
            step = self.take()
            if isinstance(step, Ticket):
                self.answer(size_bytes)
                done += 1
            elif self.scheduler.lanes.has_changed:
                self.commit()
            else:
                break
        return done


def most_in_a_window(events: list[tuple[float, int]], window: float) -> int:
    return max((sum(n for at, n in events if start <= at < start + window) for start, _ in events), default=0)


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("take"), st.just(0)),
        st.tuples(st.just("take"), st.just(0)),
        st.tuples(st.just("answer"), st.integers(0, MAX_ANSWER_BYTES)),
        st.tuples(st.just("answer"), st.integers(0, 1_000)),
        st.tuples(st.just("commit"), st.just(0)),
        st.tuples(st.just("commit"), st.just(0)),
        st.tuples(st.just("wait"), st.integers(0, 3_600)),
        st.tuples(st.just("wait"), st.integers(0, 200_000)),
        st.tuples(st.just("suspend"), st.integers(0, 200_000)),
        st.tuples(st.just("clock back"), st.integers(0, 10_000_000)),
        st.tuples(st.just("kill"), st.just(0)),
        st.tuples(st.just("end"), st.just(0)),
    ),
    max_size=80,
)


def play(process: Process, steps: list[tuple[str, int]]) -> None:
    for step, value in steps:
        match step:
            case "take":
                process.take()
            case "answer":
                process.answer(value, well=value % 2 == 0)
            case "commit":
                process.commit()
            case "wait":
                process.clock.advance(value)
            case "suspend":
                process.clock.jump_wall_clock(value)
            case "clock back":
                process.clock.jump_wall_clock(-value)
            case "kill":
                process.kill()
            case _:
                process.end()


@given(st.integers(1, 40), STEPS)
def test_no_day_sees_more_requests_than_its_budget(budget: int, steps: list[tuple[str, int]]) -> None:
    """Suspends while the process lives too; a clock that is set forward between two runs is not told from time that has passed."""
    process = Process(LaneLimits(0.0, CONNECTIONS, requests_per_day=budget))
    alive = [(step, value) for step, value in steps if step != "suspend"]
    play(process, alive)
    assert most_in_a_window([(at, 1) for at in process.asked], DAY_SECONDS) <= budget


@given(st.integers(1_000_000, 30_000_000), STEPS)
def test_no_hour_sees_more_bytes_than_its_budget_and_one_answer_per_connection(budget: int, steps: list[tuple[str, int]]) -> None:
    process = Process(LaneLimits(0.0, CONNECTIONS, bytes_per_hour=budget))
    play(process, [(step, value) for step, value in steps if step != "suspend"])
    # Answers are as long as they like: those under way when the budget was full are the most that can come on top.
    assert most_in_a_window(process.sent, HOUR_SECONDS) <= budget + (CONNECTIONS + 1) * MAX_ANSWER_BYTES


@given(STEPS)
def test_a_suspend_of_the_machine_bursts_nothing(steps: list[tuple[str, int]]) -> None:
    """Only a process that lives through it: its clock of pace stands still meanwhile."""
    process = Process(LaneLimits(0.0, CONNECTIONS, requests_per_day=10))
    play(process, [(step, value) for step, value in steps if step not in {"kill", "end"}])
    assert most_in_a_window([(at, 1) for at in process.asked], DAY_SECONDS) <= 10


def test_nothing_starts_before_the_reservation_is_stored() -> None:
    process = Process(LaneLimits(0.0, CONNECTIONS, requests_per_day=1_000))
    step = process.take()
    assert isinstance(step, Wait)
    assert step.until is None
    process.commit()
    assert isinstance(process.take(), Ticket)


def test_all_of_a_budget_is_used_and_then_the_lane_pauses_until_the_window_has_room() -> None:
    process = Process(LaneLimits(0.0, CONNECTIONS, requests_per_day=50))
    assert process.go_on(100) == 50
    process.commit()
    record = process.stored["a.test"]
    assert record.pause_reason == f"{BUDGET_SPENT}: requests per day"
    seconds = process.clock.now().seconds_until(record.pause_until_ms)
    assert DAY_SECONDS <= seconds <= 1.05 * DAY_SECONDS
    process.clock.advance(seconds)
    assert process.go_on(100) > 0


def test_a_run_that_ends_in_good_order_forfeits_nothing_and_a_killed_one_at_most_a_portion() -> None:
    orderly, killed = (Process(LaneLimits(0.0, CONNECTIONS, requests_per_day=1_000)) for _ in range(2))
    for _ in range(5):
        assert orderly.go_on(3) == 3
        orderly.end()
        assert killed.go_on(3) == 3
        killed.kill()
    assert orderly.go_on(2_000) == 1_000 - 15
    assert 1_000 - 15 - 5 * 10 <= killed.go_on(2_000) <= 1_000 - 15


def test_bytes_are_charged_by_what_comes_pages_and_broken_answers_too() -> None:
    process = Process(LaneLimits(0.0, 1, bytes_per_day=10_000_000))
    done = process.go_on(1_000, size_bytes=100_000)
    assert 95 <= done <= 101
    process.commit()
    assert process.stored["a.test"].pause_reason == f"{BUDGET_SPENT}: bytes per day"


def test_a_person_who_raises_a_budget_ends_the_pause_it_caused_and_what_was_spent_counts() -> None:
    process = Process(LaneLimits(0.0, 1, requests_per_day=10))
    assert process.go_on(100) == 10
    process.scheduler.obey(LaneOrder("a.test", 1, LaneLimits(requests_per_day=25)), process.clock.now())
    assert process.go_on(100) == 15


def test_a_budget_smaller_than_an_answer_admits_one_at_a_time() -> None:
    process = Process(LaneLimits(0.0, 1, bytes_per_hour=FIRST_ANSWER_BYTES // 10))
    assert process.go_on(10, size_bytes=FIRST_ANSWER_BYTES) == 1


def test_a_lane_that_holds_a_reservation_is_not_forgotten_and_restores_what_it_spent() -> None:
    process = Process(LaneLimits(0.0, 1, requests_per_day=200))
    assert process.go_on(5) == 5
    process.commit()
    assert process.scheduler.lanes.forget_idle(process.clock.now()) == 0
    process.clock.advance(2_000.0)
    assert process.scheduler.lanes.forget_idle(process.clock.now()) == 1
    process.commit()
    spent = process.stored["a.test"].spent
    assert spent is not None
    assert sum(slot.amount for slot in spent["requests_per_day"]) == 5


def test_a_lane_without_budgets_has_nothing_to_store() -> None:
    assert Budgets().stored(VirtualClock().now()) is None
    with pytest.raises(ValueError, match="at least one"):
        Budgets().limit(LaneLimits(requests_per_day=-1), VirtualClock().now())

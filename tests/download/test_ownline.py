from __future__ import annotations

from random import Random

import pytest

from asyncdl import events
from asyncdl.clock import VirtualClock
from asyncdl.download.concurrency import MIN_SLOTS, START_SLOTS, SlotSearch
from asyncdl.download.outcome import Failed, Outcome, Saved, Ticket, Wait
from asyncdl.download.ownline import FIRST_PROBE_SECONDS, LOCAL_PAUSE_SECONDS, LONGEST_PROBE_SECONDS, OwnLine, OwnPatience
from asyncdl.download.robots_gate import RobotsGate
from asyncdl.download.scheduler import Scheduler, SchedulerRules
from asyncdl.errors import EnvironmentStops
from asyncdl.events import EventHub
from asyncdl.model import Evidence
from tests.download.lines import FOUR_CONNECTIONS, SAVED, VirtualLine
from tests.download.worlds import TRUSTING, image, lane_of_url

HOSTS = ("a.org", "b.org", "c.org", "d.org")
SILENT = Failed("dns_error", Evidence("no answer"), silent=True)
LATE = Failed("timeout", Evidence("no answer within 60 s (first byte)"))


class Bench:
    """A scheduler with four hosts behind one line of our own."""

    def __init__(self, *, search: SlotSearch | None = None, unused_proxies: tuple[str, ...] = ()) -> None:
        self.clock = VirtualClock()
        rules = SchedulerRules(concurrency=64, lane_limits=FOUR_CONNECTIONS, caution=TRUSTING)
        self.scheduler = Scheduler(rules, Random(7), lane_of_url, RobotsGate(ignore_all=True))
        self.line = VirtualLine(1e6)
        self.told: list[events.Event] = []
        hub = EventHub()
        hub.watch(self.told.append)
        self.own_line = OwnLine(self.scheduler, self.line, hub, OwnPatience(60, 3_600, unused_proxies), search)  # type: ignore[arg-type]
        self.stops: EnvironmentStops | None = None
        for number in range(80):
            self.scheduler.add(image(number, f"http://{HOSTS[number % 4]}/{number}"), self.clock.now())
        self.scheduler.restore(self.scheduler.lanes.unknown(), {}, self.clock.now())

    def tickets(self) -> list[Ticket]:
        found = []
        while isinstance(step := self.scheduler.take(self.clock.now()), Ticket):
            found.append(step)
        assert isinstance(step, Wait)
        return found

    def end(self, ticket: Ticket, outcome: Outcome) -> None:
        now = self.clock.now()
        for each in self.own_line.weigh(ticket, outcome, now):
            finished = self.scheduler.finish(each.ticket, each.outcome, now)
            assert finished.failure is None or isinstance(outcome, Saved)
            self.stops = self.own_line.settled(each, finished.local_fault, now) or self.stops
        self.scheduler.check()

    def all_silent(self) -> None:
        for ticket in self.tickets():
            self.end(ticket, SILENT)


def test_probes_go_out_one_at_a_time_with_growing_pauses_until_one_is_answered() -> None:
    bench = Bench()
    bench.all_silent()
    assert bench.scheduler.in_flight == 0
    seconds, pauses = FIRST_PROBE_SECONDS, []
    for _ in range(9):
        assert bench.tickets() == []
        bench.clock.advance(seconds)
        [probe] = bench.tickets()
        bench.end(probe, SILENT)
        step = bench.scheduler.take(bench.clock.now())
        assert isinstance(step, Wait)
        assert step.until is not None
        seconds = step.until - bench.clock.now().monotonic
        pauses.append(round(seconds))
    assert pauses == [2, 4, 8, 16, 32, 60, 60, 60, 60]
    assert pauses[-1] == LONGEST_PROBE_SECONDS
    bench.clock.advance(seconds)
    [probe] = bench.tickets()
    bench.end(probe, SAVED)
    assert len(bench.tickets()) == 16
    troubles = [event.text for event in bench.told if isinstance(event, events.OwnTrouble)]
    assert ["nobody answers" in text for text in troubles] == [True, False]
    assert [note.kind for note in bench.own_line.notes()] == ["own-network"] * 2
    assert bench.line.lost_names >= 2


@pytest.mark.parametrize(("answered_before", "minutes"), [(False, 1), (True, 60)])
def test_a_line_that_worked_is_waited_for_longer(answered_before: bool, minutes: int) -> None:
    bench = Bench(unused_proxies=("HTTPS_PROXY",))
    if answered_before:
        for ticket in bench.tickets():
            bench.end(ticket, SAVED)
        bench.clock.advance(1)
    bench.all_silent()
    began = bench.clock.now().monotonic
    while bench.stops is None:
        bench.clock.advance(LONGEST_PROBE_SECONDS)
        bench.all_silent()
    assert minutes * 60 <= bench.clock.now().monotonic - began <= minutes * 60 + 2 * LONGEST_PROBE_SECONDS
    assert bench.stops.exit_status == 6
    assert "our network: nobody answers" in bench.stops.what
    assert "HTTPS_PROXY set here and not used" in bench.stops.todo


def test_answers_that_are_late_on_a_full_line_shed_slots_until_there_are_few() -> None:
    """Nobody is charged for what our own crowd did; with the least slots that is no excuse any more."""
    search = SlotSearch(start=2 * MIN_SLOTS)
    bench = Bench(search=search)
    search.shed(bench.clock.now().monotonic)
    assert search.crowded
    for ticket in bench.tickets():
        bench.end(ticket, LATE)
    assert search.slots == MIN_SLOTS < START_SLOTS
    assert bench.scheduler.works == 80
    bench.clock.advance(FIRST_PROBE_SECONDS)
    [probe] = bench.tickets()
    bench.end(probe, SAVED)
    assert bench.scheduler.slots == MIN_SLOTS
    assert not search.crowded


def test_errors_of_the_local_stack_are_ours() -> None:
    bench = Bench()
    for ticket in bench.tickets():
        bench.end(ticket, Failed("local_network", Evidence("Network is unreachable")))
    assert bench.scheduler.slots == 1
    notices = [event.text for event in bench.told if isinstance(event, events.Notice)]
    assert notices == ["paused: our network: this machine's network fails: Network is unreachable"]


def test_a_full_disk_pauses_without_probes() -> None:
    bench = Bench()
    bench.end(bench.tickets()[0], Failed("disk_full", Evidence("No space left on device")))
    assert bench.tickets() == []
    assert bench.scheduler.slots == 64
    bench.clock.advance(LOCAL_PAUSE_SECONDS)
    assert len(bench.tickets()) == 1  # the others are still out

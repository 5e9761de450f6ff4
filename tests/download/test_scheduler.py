from __future__ import annotations

import math
from collections import defaultdict
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from asyncdl.clock import Instant
from asyncdl.download.breaker import BreakerPolicy
from asyncdl.download.caution import CAUTIONS, Caution
from asyncdl.download.lane import KEPT_SECONDS, LaneLimits
from asyncdl.download.outcome import (
    Failed,
    Finished,
    ManifestRead,
    Redirected,
    RobotsRead,
    Saved,
    Ticket,
    TicketKind,
    Verdict,
    Wait,
)
from asyncdl.download.robots_gate import RobotsGate
from asyncdl.download.scheduler import SchedulerRules
from asyncdl.lane_records import LaneRecord, RobotsRecord
from asyncdl.model import CandidateKind, Canvas, ImageFacts, Work
from asyncdl.status import ImageStatus
from tests.download.worlds import TRUSTING, World, image, manifest

FACTS = ImageFacts("jpg", "image/jpeg", 4, 3)


def saved() -> Saved:
    return Saved(FACTS, spool=None)  # type: ignore[arg-type]  # the scheduler never looks into it


def verdict(finished: Finished) -> Verdict:
    assert finished.verdict is not None
    return finished.verdict


def test_a_row_is_asked_for_and_saved() -> None:
    world = World()
    world.add(image(1, "http://a.test/1.jpg"))
    ticket = world.ticket()
    assert (ticket.kind, ticket.url, ticket.lane, ticket.hop) == (TicketKind.IMAGE, "http://a.test/1.jpg", "a.test", 0)
    done = verdict(world.finish(ticket, saved()))
    assert (done.to, done.due_ms, done.attempts, done.error) == (ImageStatus.SUCCESS, None, 1, None)
    assert world.scheduler.works == 0


def test_candidates_are_tried_in_order_and_failures_that_last_are_marked() -> None:
    world = World()
    world.add(image(1, "http://a.test/big.jpg", "http://b.test/small.jpg"))
    first = world.finish(world.ticket(), Failed("http_404"))
    assert first.verdict is None
    assert first.failure is not None
    assert (first.failure.error, first.failure.url, first.failure.attempt) == ("http_404", "http://a.test/big.jpg", 1)
    second = world.ticket()
    assert (second.url, second.lane, second.candidate) == ("http://b.test/small.jpg", "b.test", 1)
    done = verdict(world.finish(second, saved()))
    assert (done.to, done.candidate, done.spent) == (ImageStatus.SUCCESS, 1, ((0, "http_404"),))


def test_a_page_is_tried_last_whatever_its_place() -> None:
    world = World()
    world.add(image(1, "http://a.test/page", "http://a.test/small.jpg", kinds=(CandidateKind.PAGE, CandidateKind.IMAGE)))
    assert world.ticket().url == "http://a.test/small.jpg"


def test_a_lasting_failure_everywhere_is_final() -> None:
    world = World()
    world.add(image(1, "http://a.test/1.jpg"))
    done = verdict(world.finish(world.ticket(), Failed("http_410")))
    assert (done.to, done.due_ms, done.error, done.attempts) == (ImageStatus.FAILED, None, "http_410", 1)


def test_a_passing_failure_is_due_again_and_is_given_up_when_the_attempts_are_spent() -> None:
    world = World()
    for attempts, delay in ((0, 5.0), (1, 600.0), (2, 43_200.0)):
        world.add(image(1, "http://a.test/1.jpg", attempts=attempts))
        done = verdict(world.finish(world.ticket(), Failed("server_error")))
        assert done.to is ImageStatus.RETRY
        assert done.attempts == attempts + 1
        assert done.due_ms is not None
        assert 0.9 * delay <= world.now.seconds_until(done.due_ms) <= 1.1 * delay
    world.add(image(1, "http://a.test/1.jpg", attempts=3))
    done = verdict(world.finish(world.ticket(), Failed("server_error")))
    assert (done.to, done.due_ms, done.attempts, done.error) == (ImageStatus.EXHAUSTED, None, 4, "server_error")


def test_a_passing_failure_of_one_candidate_outweighs_lasting_ones_of_others() -> None:
    world = World()
    world.add(image(1, "http://a.test/1.jpg", "http://b.test/1.jpg"))
    world.finish(world.ticket(), Failed("truncated"))
    done = verdict(world.finish(world.ticket(), Failed("http_404")))
    assert (done.to, done.error, done.spent) == (ImageStatus.RETRY, "truncated", ((1, "http_404"),))


def test_a_row_without_anything_to_ask_is_closed_at_once() -> None:
    world = World()
    [closed] = world.add(image(1))
    assert (verdict(closed).to, verdict(closed).error) == (ImageStatus.FAILED, "no_url")
    [closed] = world.add(image(2, "mailto:curator@a.test", host="a.test"))
    assert (verdict(closed).to, verdict(closed).error) == (ImageStatus.FAILED, "invalid_url")


def test_an_image_without_other_candidates_waits_for_its_manifest() -> None:
    world = World()
    kinds = (CandidateKind.IMAGE, CandidateKind.MANIFEST)
    world.add(image(1, "http://a.test/1.jpg", "http://a.test/manifest", kinds=kinds))
    done = verdict(world.finish(world.ticket(), Failed("http_404")))
    assert (done.to, done.due_ms, done.candidate, done.attempts) == (ImageStatus.PENDING, None, 1, 0)


def test_a_manifest_is_asked_for_and_expanded() -> None:
    world = World()
    world.add(manifest(1, "http://a.test/manifest"))
    ticket = world.ticket()
    assert ticket.kind is TicketKind.MANIFEST
    canvases = (Canvas("k", 1, ()),)
    done = verdict(world.finish(ticket, ManifestRead(canvases)))
    assert (done.to, done.canvases) == (ImageStatus.SUCCESS, canvases)


# -- redirects -----------------------------------------------------------------------------------------------


def test_a_redirect_is_a_ticket_of_the_lane_it_leads_to() -> None:
    world = World()
    world.add(image(1, "http://a.test/1.jpg"))
    assert world.finish(world.ticket(), Redirected("http://b.test/1.jpg")).verdict is None
    hop = world.ticket()
    assert (hop.lane, hop.url, hop.hop) == ("b.test", "http://b.test/1.jpg", 1)
    assert verdict(world.finish(hop, saved())).to is ImageStatus.SUCCESS


@pytest.mark.parametrize(
    ("start", "targets"), [("http://a.test/0", ["http://a.test/0"]), ("http://a.test/", [f"http://a.test/{n}" for n in range(9)])]
)
def test_loops_and_long_chains_end(start: str, targets: list[str]) -> None:
    world = World()
    world.add(image(1, start))
    for target in targets:
        finished = world.finish(world.ticket(), Redirected(target))
        if finished.verdict:
            break
    assert verdict(finished).error == "too_many_redirects"
    assert finished.failure is not None
    assert finished.failure.evidence.final_url == target


def test_a_redirect_to_something_that_is_no_web_address_is_final() -> None:
    world = World()
    world.add(image(1, "http://a.test/1"))
    assert verdict(world.finish(world.ticket(), Redirected("file:///etc/passwd"))).error == "invalid_url"


# -- hosts ---------------------------------------------------------------------------------------------------


def test_a_refusal_pauses_the_host_and_costs_the_image_nothing() -> None:
    world = World()
    world.add(image(1, "http://a.test/1"), image(2, "http://a.test/2"), image(3, "http://b.test/3"))
    refused = world.ticket()
    assert refused.lane == "a.test"
    finished = world.finish(refused, Failed("rate_limited", retry_after_seconds=30.0))
    assert finished.verdict is None
    assert finished.failure is not None
    assert finished.failure.attempt == 0
    assert world.ticket().lane == "b.test"  # others do not notice
    wait = world.wait()
    assert wait is not None
    assert 30.0 <= wait <= 31.0
    world.clock.advance(29.9)
    assert world.wait() is not None
    world.clock.advance(1.2)
    again = world.ticket()
    assert again.url == refused.url
    assert isinstance(world.take(), Wait)  # one probe until the host answers
    world.finish(again, saved())
    assert world.ticket().url == "http://a.test/2"


def test_pauses_grow_without_retry_after_and_failures_in_flight_count_once() -> None:
    world = World()
    world.add(*(image(n, f"http://a.test/{n}") for n in range(1, 6)))
    flying = [world.ticket() for _ in range(3)]
    for ticket in flying:
        world.finish(ticket, Failed("unavailable"))
    pauses = []
    for _ in range(4):
        wait = world.wait()
        assert wait is not None
        pauses.append(wait)
        world.clock.advance(wait)
        world.finish(world.ticket(), Failed("unavailable"))
    assert 5.0 <= pauses[0] <= 6.25
    assert all(later > earlier * 1.5 for earlier, later in pairwise(pauses))


def test_quiet_time_is_forgiven() -> None:
    world = World()
    world.add(*(image(n, f"http://a.test/{n}") for n in range(1, 5)))
    world.finish(world.ticket(), Failed("unavailable"))
    world.clock.advance(world.wait() or 0.0)
    world.finish(world.ticket(), saved())
    world.clock.advance(2_000)
    world.finish(world.ticket(), Failed("unavailable"))
    wait = world.wait()
    assert wait is not None
    assert wait <= 6.25


def test_a_row_turns_to_another_host_while_its_own_is_down_and_stays_due() -> None:
    world = World()
    world.add(image(1, "http://down.test/1", "http://up.test/1"))
    for _ in range(2):
        world.finish(world.ticket(), Failed("connect_failed"))
        world.clock.advance(world.wait() or 0.0)
    world.finish(world.ticket(), Failed("connect_failed"))
    other = world.ticket()
    assert other.lane == "up.test"
    done = verdict(world.finish(other, Failed("http_404")))
    assert (done.to, done.attempts, done.candidate, done.spent) == (ImageStatus.PENDING, 0, 0, ((1, "http_404"),))
    assert done.due_ms is not None
    assert done.due_ms > world.now.utc_ms


def test_a_host_that_was_given_up_is_not_asked_and_its_rows_end() -> None:
    world = World()
    world.remembered["dead.test"] = LaneRecord("dead.test", incidents=40, given_up_ms=1, pause_until_ms=2**60)
    world.add(image(1, "http://dead.test/1"), image(2, "http://dead.test/2", "http://up.test/2"), manifest(3, "http://dead.test/m"))
    steps = [world.take() for _ in range(3)]
    ended = [step.verdict for step in steps if isinstance(step, Finished) and step.verdict]
    assert [(each.work.id, each.to, each.attempts, each.error) for each in ended] == [
        (1, ImageStatus.EXHAUSTED, 0, "lane_given_up"),
        (3, ImageStatus.EXHAUSTED, 0, "lane_given_up"),
    ]
    world.introduce()
    ticket = world.ticket()
    assert ticket.url == "http://up.test/2"
    done = verdict(world.finish(ticket, Failed("http_404")))
    assert (done.to, done.error, dict(done.spent)) == (ImageStatus.EXHAUSTED, "lane_given_up", {0: "lane_given_up", 1: "http_404"})


def test_a_host_that_stays_down_is_given_up_at_a_probe() -> None:
    world = World(
        SchedulerRules(lane_limits=LaneLimits(0.0, 0), caution=TRUSTING, breaker=BreakerPolicy(give_up_after_seconds=3 * 86_400.0))
    )
    world.add(image(1, "http://dead.test/1"), image(2, "http://dead.test/2"))
    began = world.now.monotonic
    step = world.take()
    while not isinstance(step, Finished):
        if isinstance(step, Ticket):
            assert world.finish(step, Failed("dns_error")).verdict is None
        else:
            world.clock.advance((step.until or 0.0) - world.now.monotonic)
        step = world.take()
    assert world.now.monotonic - began >= 3 * 86_400
    assert verdict(step).to is ImageStatus.EXHAUSTED
    said = [text for _, text in world.scheduler.lanes.news()]
    assert [text.partition(" (")[0] for text in said] == ["dead.test is down", "dead.test is given up"]
    assert world.scheduler.lanes.changed()[0].given_up_ms == world.now.utc_ms


def test_a_person_gives_a_host_up_and_an_answer_takes_it_back() -> None:
    world = World()
    world.add(image(1, "http://a.test/1"), image(2, "http://a.test/2"))
    flying = world.ticket()
    assert world.scheduler.give_up("a.test", world.now)
    assert not world.scheduler.give_up("nobody.test", world.now)
    ended = world.take()
    assert isinstance(ended, Finished)
    assert verdict(ended).error == "lane_given_up"
    assert verdict(world.finish(flying, saved())).to is ImageStatus.SUCCESS


def test_a_host_that_fails_at_nearly_everything_is_down_and_each_probe_asks_for_another_image() -> None:
    world = World()
    world.add(*(image(n, f"http://a.test/{n}") for n in range(40)))
    asked: list[str] = []
    for _ in range(25):
        step = world.take()
        if isinstance(step, Wait):
            world.clock.advance((step.until or 0.0) - world.now.monotonic)
            step = world.take()
        assert isinstance(step, Ticket)
        asked.append(step.url)
        world.finish(step, Failed("server_error"))
    assert len(set(asked)) == 25
    assert world.scheduler.lanes.changed()[-1].down_since_ms
    world.clock.advance(world.wait() or 0.0)
    world.finish(world.ticket(), saved())
    assert not world.scheduler.lanes.changed()[-1].down_since_ms
    assert len(world.scheduler.release_all()) == 14


# -- bans ----------------------------------------------------------------------------------------------------


def drained(world: World) -> list[Finished]:
    """What was decided of rows that were kept aside."""
    found = []
    while world.scheduler.doubts.settled:
        step = world.take()
        assert isinstance(step, Finished)
        found.append(step)
    return found


def test_images_that_are_refused_among_good_answers_fail_as_they_would_alone() -> None:
    world = World()
    world.add(*(image(n, f"http://a.test/{n}") for n in range(30)))
    statuses: dict[int, tuple[ImageStatus, str | None, int]] = {}

    def note(finished: Finished) -> None:
        if finished.verdict:
            end = finished.verdict
            statuses[end.work.id] = (end.to, end.error, end.attempts)

    for n in range(30):
        note(world.finish(world.ticket(), saved() if n % 4 == 3 else Failed("http_403")))
        for step in drained(world):
            note(step)
    world.scheduler.doubts.close((), world.now)
    for step in drained(world):
        note(step)
    assert sorted(statuses) == list(range(30))
    refused = {end for n, end in statuses.items() if n % 4 != 3}
    assert refused == {(ImageStatus.FAILED, "http_403", 1)}
    assert world.scheduler.works == 0


def probed(world: World) -> Ticket:
    """The next ticket, after whatever pause."""
    step = world.take()
    while isinstance(step, Wait):
        assert step.until is not None
        world.clock.advance(step.until - world.now.monotonic)
        step = world.take()
    assert isinstance(step, Ticket), step
    return step


def test_a_host_that_refuses_everything_is_probed_three_times_and_then_waits_for_a_person() -> None:
    world = World()
    world.add(*(image(n, f"http://a.test/{n}") for n in range(20)), image(99, "http://b.test/1"))
    verdicts: list[Verdict] = []
    asked: list[tuple[float, str]] = []
    while True:
        step = world.take()
        if isinstance(step, Ticket):
            if step.lane == "b.test":
                world.finish(step, saved())
                continue
            asked.append((world.now.monotonic, step.url))
            step = world.finish(step, Failed("http_403"))
        if isinstance(step, Finished):
            verdicts += [step.verdict] if step.verdict else []
        elif step.until is None:
            break
        else:
            world.clock.advance(step.until - world.now.monotonic)
    assert len(asked) == 5 + 3
    assert len({url for _, url in asked}) == 8  # each probe asks for another image
    hours = [round((later - earlier) / 3_600, 1) for (earlier, _), (later, _) in pairwise(asked[4:])]
    assert all(least <= hour <= 1.25 * least for hour, least in zip(hours, (1, 6, 24), strict=True))
    assert {(each.to, each.attempts, each.error) for each in verdicts} == {(ImageStatus.PENDING, 0, "banned")}
    assert len(verdicts) == 8
    record = {record.lane: record for record in world.scheduler.lanes.changed()}["a.test"]
    assert record.held
    assert record.banned_since_ms
    assert len(world.scheduler.release_all()) == 12
    assert len([text for lane, text in world.scheduler.lanes.news() if lane == "a.test"]) == 2


def test_a_ban_outlives_the_run_and_ends_with_the_first_good_answer() -> None:
    world = World()
    world.add(*(image(n, f"http://a.test/{n}") for n in range(20)))
    for _ in range(5):
        world.finish(world.ticket(), Failed("http_403"))
    assert len(drained(world)) == 4
    later = World()
    later.remembered = {record.lane: record for record in world.scheduler.lanes.changed()}
    later.add(image(1, "http://a.test/1"), image(2, "http://a.test/2"))
    ticket = probed(later)
    assert later.now.monotonic >= 3_600
    assert isinstance(later.take(), Wait)  # one probe
    later.finish(ticket, saved())
    assert later.scheduler.lanes.changed()[-1].banned_since_ms == 0
    assert later.ticket().url == "http://a.test/2"


def test_a_redirect_to_itself_and_robots_are_served_to_the_banned_too() -> None:
    world = World(robots=RobotsGate())
    world.add(*(image(n, f"http://a.test/{n}") for n in range(9)))
    world.finish(world.ticket(), RobotsRead(200, b""))
    for n in range(5):
        world.finish(world.ticket(), Redirected(f"http://a.test/moved/{n}"))
        world.finish(world.ticket(), Failed("http_401"))
    assert world.scheduler.lanes.changed()[-1].banned_since_ms


def test_two_refusals_of_a_host_with_nothing_else_are_no_burst() -> None:
    world = World()
    world.add(image(1, "http://a.test/1"), image(2, "http://a.test/2"))
    for _ in range(2):
        assert world.finish(world.ticket(), Failed("http_403")).verdict is None
    world.scheduler.doubts.close({"a.test"}, world.now)
    assert drained(world) == []
    world.scheduler.doubts.close((), world.now)
    assert [(verdict(step).to, verdict(step).error) for step in drained(world)] == [(ImageStatus.FAILED, "http_403")] * 2


def test_a_challenge_among_good_answers_costs_an_attempt_and_may_pass() -> None:
    world = World()
    world.add(image(1, "http://a.test/1"), image(2, "http://a.test/2"))
    world.finish(world.ticket(), Failed("banned"))
    world.finish(world.ticket(), saved())
    [step] = drained(world)
    assert (verdict(step).to, verdict(step).error, verdict(step).attempts) == (ImageStatus.RETRY, "banned", 1)


def test_a_banned_image_turns_to_another_host() -> None:
    world = World()
    world.add(*(image(n, f"http://a.test/{n}", f"http://a.test/{n}b", f"http://b.test/{n}") for n in range(5)))
    for _ in range(5):
        world.finish(world.ticket(), Failed("http_403"))
    drained(world)
    others = [world.ticket() for _ in range(5)]
    assert {ticket.lane for ticket in others} == {"b.test"}
    done = verdict(world.finish(others[0], Failed("http_404")))
    assert (done.to, done.attempts, done.candidate, done.error) == (ImageStatus.PENDING, 0, 0, "banned")


def test_unanswered_requests_in_a_row_are_the_hosts_trouble() -> None:
    world = World()
    world.add(*(image(n, f"http://a.test/{n}") for n in range(1, 9)))
    for _ in range(5):
        world.finish(world.ticket(), Failed("timeout"))
    assert world.wait() is not None
    assert [record.lane for record in world.scheduler.lanes.changed()] == ["a.test"]


def test_a_local_fault_costs_nobody_anything() -> None:
    world = World()
    world.add(image(1, "http://a.test/1"))
    finished = world.finish(world.ticket(), Failed("disk_full"))
    assert (finished.verdict, finished.failure, finished.local_fault) == (None, None, "disk_full")
    world.scheduler.pause_all(10.0, world.now)
    assert world.wait() == pytest.approx(10.0)
    world.clock.advance(10.0)
    assert world.ticket().url == "http://a.test/1"


def test_what_is_remembered_of_a_lane_holds_from_the_first_request() -> None:
    world = World()
    world.remembered["b.test"] = LaneRecord(
        "b.test", pause_until_ms=world.now.utc_ms + 60_000, pause_reason="rate_limited", incidents=2
    )
    world.add(image(1, "http://a.test/1"))
    world.finish(world.ticket(), Redirected("http://b.test/1"))
    assert world.wait() == pytest.approx(60.0)


def test_a_wall_clock_jump_moves_no_pause() -> None:
    world = World()
    world.add(image(1, "http://a.test/1"))
    world.finish(world.ticket(), Failed("rate_limited", retry_after_seconds=100.0))
    before = world.wait()
    world.clock.jump_wall_clock(10 * 365 * 86_400)
    assert world.wait() == before


def test_a_held_lane_starts_nothing_and_gives_its_rows_back() -> None:
    world = World()
    world.remembered["a.test"] = LaneRecord("a.test", held=True)
    world.add(image(1, "http://a.test/1"))
    assert world.wait() is None
    assert world.scheduler.paused_seconds("a.test", world.now) == math.inf
    assert [work.id for work in world.scheduler.release_paused(world.now, 30.0).works] == [1]
    assert world.scheduler.works == 0


# -- limits --------------------------------------------------------------------------------------------------


def test_the_process_wide_rate_spaces_all_requests() -> None:
    world = World(SchedulerRules(rate_per_second=10.0, lane_limits=LaneLimits(0.0, 0), caution=TRUSTING))
    world.add(*(image(n, f"http://h{n}.test/") for n in range(5)))
    starts: list[float] = []
    while len(starts) < 5:
        step = world.take()
        if isinstance(step, Ticket):
            starts.append(world.now.monotonic)
        else:
            assert isinstance(step, Wait)
            world.clock.advance((step.until or math.inf) - world.now.monotonic)
    assert starts == pytest.approx([0.0, 0.1, 0.2, 0.3, 0.4])


def test_lanes_take_turns() -> None:
    world = World()
    world.add(*(image(n, f"http://{'abc'[n % 3]}.test/{n}") for n in range(9)))
    assert [world.ticket().lane for _ in range(6)] == ["a.test", "b.test", "c.test"] * 2


def test_concurrency_bounds_all_lanes_together() -> None:
    world = World(SchedulerRules(concurrency=2, lane_limits=LaneLimits(0.0, 0), caution=TRUSTING))
    world.add(*(image(n, f"http://h{n}.test/") for n in range(3)))
    first = world.ticket()
    world.ticket()
    assert world.wait() is None
    world.finish(first, saved())
    world.ticket()


# -- robots --------------------------------------------------------------------------------------------------


def test_robots_is_asked_first_and_obeyed() -> None:
    world = World(robots=RobotsGate())
    world.add(image(1, "http://a.test/private/1"), image(2, "http://a.test/2"))
    robots = world.ticket()
    assert (robots.kind, robots.url) == (TicketKind.ROBOTS, "http://a.test/robots.txt")
    assert world.wait() is None  # nothing else of this host meanwhile
    world.finish(robots, RobotsRead(200, b"User-agent: *\nDisallow: /private/\nCrawl-delay: 2\n"))
    step = world.take()
    while isinstance(step, Wait):
        world.clock.advance((step.until or math.inf) - world.now.monotonic)
        step = world.take()
    assert isinstance(step, Finished)
    end = verdict(step)
    assert (end.to, end.error, end.attempts) == (ImageStatus.RETRY, "robots_disallowed", 0)
    assert end.due_ms == world.now.utc_ms + 86_400_000
    assert world.ticket().url == "http://a.test/2"


def read_before(age_seconds: float, text: str, *, stood_seconds: float = 0.0) -> World:
    """A world whose robots.txt was read by an earlier run."""
    world = World(robots=RobotsGate())
    fetched = world.now.plus(-age_seconds).utc_ms
    world.rules_read = [RobotsRecord("http://a.test", "a.test", 200, fetched, world.now.plus(-stood_seconds).utc_ms, text)]
    return world


def test_what_an_earlier_run_read_holds_for_a_day() -> None:
    world = read_before(80_000, "User-agent: *\nDisallow: /private\nCrawl-delay: 7\n")
    world.add(image(1, "http://a.test/1"), image(2, "http://a.test/2"))
    assert world.ticket().url == "http://a.test/1"
    assert world.wait() == pytest.approx(7.0)
    assert not world.scheduler.robots.has_changed
    world = read_before(87_000, "User-agent: *\nCrawl-delay: 7\n")
    world.add(image(1, "http://a.test/1"))
    assert world.ticket().kind is TicketKind.ROBOTS


def test_rules_from_the_future_are_read_again() -> None:
    world = read_before(-10, "")
    world.add(image(1, "http://a.test/1"))
    assert world.ticket().kind is TicketKind.ROBOTS


@pytest.mark.parametrize(("stood_days", "again_days"), [(0.1, 1), (5, 5), (100, 28)])
def test_what_is_forbidden_is_asked_again_after_as_long_as_the_rules_have_stood(stood_days: float, again_days: float) -> None:
    rules = "User-agent: *\nDisallow: /private\n"
    world = read_before(100_000, rules, stood_seconds=stood_days * 86_400)
    world.add(image(1, "http://a.test/private/1"))
    world.finish(world.ticket(), RobotsRead(200, rules.encode()))
    [kept] = world.scheduler.robots.changed()
    assert kept.since_ms == world.rules_read[0].since_ms
    world.clock.advance(1)
    end = verdict(world.take())  # type: ignore[arg-type]
    assert end.due_ms is not None
    assert world.now.seconds_until(end.due_ms) == pytest.approx(again_days * 86_400, abs=2)


def test_what_one_host_forbids_another_may_give() -> None:
    world = World(robots=RobotsGate())
    world.add(image(1, "http://a.test/1", "http://b.test/1"), image(2, "http://a.test/2", "http://b.test/2"))
    world.finish(world.ticket(), RobotsRead(200, b"User-agent: *\nDisallow: /"))
    world.clock.advance(1)
    assert isinstance(world.take(), Finished)
    world.introduce()
    world.finish(world.ticket(), RobotsRead(404, b""))
    assert isinstance(world.take(), Finished)
    assert verdict(world.finish(world.ticket(), saved())).candidate == 1
    end = verdict(world.finish(world.ticket(), Failed("http_404")))
    assert (end.to, end.error, end.attempts, end.candidate) == (ImageStatus.RETRY, "robots_disallowed", 0, 0)
    assert dict(end.spent) == {1: "http_404"}


def test_a_missing_robots_file_allows_everything() -> None:
    world = World(robots=RobotsGate())
    world.add(image(1, "http://a.test/1"))
    world.finish(world.ticket(), RobotsRead(404, b""))
    assert world.ticket().url == "http://a.test/1"


def test_no_way_to_a_robots_file_means_no_rules() -> None:
    """A reserved address, say: the image fails by its own request, for its own reason."""
    world = World(robots=RobotsGate())
    world.add(image(1, "http://a.test/1"))
    world.finish(world.ticket(), Failed("forbidden_address"))
    assert verdict(world.finish(world.ticket(), Failed("forbidden_address"))).error == "forbidden_address"


@pytest.mark.parametrize("outcome", [RobotsRead(500, b""), Failed("timeout"), Failed("connect_failed"), Failed("protocol_error")])
def test_an_unreachable_robots_file_means_wait(outcome: RobotsRead | Failed) -> None:
    world = World(robots=RobotsGate())
    world.add(image(1, "http://a.test/1"))
    world.finish(world.ticket(), outcome)
    wait = world.wait()
    assert wait is not None
    assert wait >= 5.0
    world.clock.advance(wait)
    assert world.ticket().kind is TicketKind.ROBOTS


def test_robots_behind_a_redirect_is_followed_in_its_own_lane() -> None:
    world = World(robots=RobotsGate())
    world.add(image(1, "http://a.test/1"))
    world.finish(world.ticket(), Redirected("http://www2.test/robots.txt"))
    hop = world.ticket()
    assert (hop.kind, hop.lane) == (TicketKind.ROBOTS, "www2.test")
    world.finish(hop, RobotsRead(200, b""))
    assert world.ticket().url == "http://a.test/1"


def test_releasing_a_robots_fetch_lets_its_host_ask_again() -> None:
    world = World(robots=RobotsGate())
    world.add(image(1, "http://a.test/1"))
    world.finish(world.ticket(), Redirected("http://b.test/robots.txt"))
    world.finish(world.ticket(), Failed("rate_limited", retry_after_seconds=3_600.0))
    assert world.scheduler.release_paused(world.now, 30.0) == ([], [])
    again = world.ticket()
    assert (again.kind, again.lane) == (TicketKind.ROBOTS, "a.test")


# -- memory --------------------------------------------------------------------------------------------------


def test_idle_lanes_are_kept_for_a_while_and_then_forgotten() -> None:
    world = World(SchedulerRules(lane_limits=LaneLimits(2.0, 2), caution=TRUSTING))
    world.add(image(1, "http://a.test/1"))
    world.finish(world.ticket(), saved())
    assert world.scheduler.lanes.forget_idle(world.now) == 0
    world.clock.advance(0.5 + KEPT_SECONDS - 0.1)
    assert world.scheduler.lanes.forget_idle(world.now) == 0
    world.clock.advance(0.2)
    assert world.scheduler.lanes.forget_idle(world.now) == 1


def test_a_body_in_inspection_frees_its_connection_and_keeps_its_lane() -> None:
    world = World(SchedulerRules(lane_limits=LaneLimits(0.0, 1), caution=TRUSTING))
    world.add(image(1, "http://a.test/1", "http://a.test/1b"), image(2, "http://a.test/2"))
    first = world.ticket()
    assert world.wait() is None
    world.scheduler.received(first)
    world.finish(world.ticket(), saved())
    assert world.scheduler.inspecting == 1
    assert world.scheduler.lanes.forget_idle(world.now) == 0
    world.finish(first, Failed("damaged"))
    assert world.ticket().url == "http://a.test/1b"


def test_a_server_that_computes_pictures_rests_as_long_as_it_took() -> None:
    world = World(SchedulerRules(lane_limits=LaneLimits(0.0, 1), caution=TRUSTING))
    world.add(*(image(n, f"http://a.test/iiif/{n}/full/{n}00,/0/default.jpg") for n in (1, 2)), image(3, "http://a.test/3.jpg"))
    first = world.ticket()
    world.clock.advance(4.0)
    world.scheduler.received(first, 3.5, world.now)
    world.clock.advance(0.5)
    world.finish(first, saved())  # a look at the picture is no work of the server
    assert world.wait() == pytest.approx(3.5)
    world.clock.advance(3.5)
    second = world.ticket()
    world.clock.advance(1.0)
    world.finish(second, saved())
    assert world.wait() == pytest.approx(1.0)
    world.clock.advance(1.0)
    world.finish(world.ticket(), saved())
    world.add(image(4, "http://a.test/4.jpg"))
    world.ticket()  # a file


def test_everything_not_in_flight_is_given_back_when_the_run_stops() -> None:
    world = World()
    world.add(*(image(n, f"http://a.test/{n}") for n in range(4)))
    ticket = world.ticket()
    assert sorted(work.id for work in world.scheduler.release_all()) == [1, 2, 3]
    assert world.scheduler.works == 1
    world.finish(ticket, saved())
    assert world.scheduler.works == 0


def test_a_server_that_is_busy_with_other_hosts_costs_nobody_anything_and_stops_nobody_else() -> None:
    world = World(SchedulerRules(concurrency=1, lane_limits=LaneLimits(0.0, 0), caution=TRUSTING))
    world.add(image(1, "http://a.test/1"), image(2, "http://b.test/2"))
    ticket = world.ticket()
    finished = world.finish(ticket, Failed("address_busy"))
    assert (finished.verdict, finished.failure, finished.local_fault) == (None, None, None)
    other = world.ticket()
    assert other.lane != ticket.lane
    world.finish(other, saved())
    assert 0 < (world.wait() or 0) <= 0.25
    world.clock.advance(0.25)
    assert world.ticket().url == ticket.url
    assert not world.scheduler.lanes.has_changed


# -- properties ----------------------------------------------------------------------------------------------

HOSTS = ("a.test", "b.test", "c.test")
ROWS = 6
OUTCOMES = st.sampled_from(
    [
        "saved",
        "http_404",
        "http_403",
        "http_403",
        "banned",
        "server_error",
        "timeout",
        "rate_limited",
        "rate_limited 3",
        "rate_limited 5000",
        "unavailable",
        "unavailable 0",
        "connect_failed",
        "disk_full",
        "redirect",
    ]
)
STEPS = st.tuples(
    OUTCOMES,
    st.sampled_from(
        [0.0, 0.01, 0.3, 1.0, 7.0, 100.0, 86_400.0]
    ),  # a suspend may stop the monotonic clock, or not: a day passes at once
    st.sampled_from([0.0, -1e8, 1e8]),  # or only the wall clock jumps
    st.integers(0, 8),  # which of the tickets that are out ends
    st.sampled_from(["", "", "add", "add", "release paused", "close doubts", "forget idle", "local pause"]),
)


def row(number: int) -> Work:
    """On one of the hosts, with a second candidate on another."""
    return image(number, f"http://{HOSTS[number % 3]}/{number}", f"http://{HOSTS[(number + 1) % 3]}/{number}b")


def outcome_of(word: str, ticket: Ticket) -> object:
    error, _, after = word.partition(" ")
    if ticket.kind is TicketKind.ROBOTS:
        if word in ("saved", "http_404", "server_error"):
            return RobotsRead({"saved": 200, "http_404": 404, "server_error": 500}[word], b"")
        if word == "http_403":
            return RobotsRead(403, b"")
    if word == "saved":
        return saved()
    if word == "redirect":
        return Redirected(f"http://{HOSTS[ticket.id % 3]}/hop{ticket.id}")
    return Failed(error, retry_after_seconds=float(after) if after else None)


class Observed:
    """A world whose tickets are watched as a server would watch requests, and its rows as their owner would.

    Asserts the moment something is wrong: a start earlier than a promise, a second ticket for a row, more at once than allowed.
    """

    def __init__(self, world: World, limits: LaneLimits) -> None:
        self.world = world
        self.limits = limits
        self.starts: dict[str, list[float]] = defaultdict(list)
        self.flying: list[Ticket] = []
        self.ended: list[int] = []
        self.given_back: list[int] = []
        self.added = 0
        self.tickets: set[int] = set()
        self._promised: dict[str, float] = {}

    def add(self, rows: int) -> None:
        """Bring rows, numbered on."""
        self.world.add(*(row(self.added + n) for n in range(rows)))
        self.added += rows

    def start_all(self) -> Wait:
        """Take all that may start now."""
        step = self.world.take()
        while not isinstance(step, Wait):
            if isinstance(step, Ticket):
                self._started(step)
            else:
                self.note(step)
            step = self.world.take()
        return step

    def _started(self, ticket: Ticket) -> None:
        now = self.world.now.monotonic
        assert now >= self._promised.get(ticket.lane, -math.inf), "earlier than Retry-After"
        assert ticket.id not in self.tickets, "a ticket was given twice"
        assert ticket.work is None or ticket.work.id not in [other.work.id for other in self.flying if other.work], (
            "a row is out twice"
        )
        self.tickets.add(ticket.id)
        self.starts[ticket.lane].append(now)
        self.flying.append(ticket)
        if self.limits.connections:
            assert sum(other.lane == ticket.lane for other in self.flying) <= self.limits.connections, "too many at once"

    def end(self, place: int, word: str) -> None:
        """One of the requests that are out ends."""
        if self.flying:
            self.finish(self.flying.pop(place % len(self.flying)), word)

    def finish(self, ticket: Ticket, word: str) -> None:
        outcome = outcome_of(word, ticket)
        if isinstance(outcome, Failed) and outcome.retry_after_seconds and outcome.error in ("rate_limited", "unavailable"):
            until = self.world.now.monotonic + outcome.retry_after_seconds
            self._promised[ticket.lane] = max(self._promised.get(ticket.lane, -math.inf), until)
        self.note(self.world.finish(ticket, outcome))
        with pytest.raises(KeyError):
            self.world.scheduler.finish(ticket, saved(), self.world.now)  # a ticket ends once

    def note(self, finished: Finished) -> None:
        if finished.verdict:
            self.ended.append(finished.verdict.work.id)

    def meddle(self, what: str) -> None:
        """What the shell does between tickets."""
        world = self.world
        if what == "add":
            self.add(1)
        elif what == "release paused":
            released = world.scheduler.release_paused(world.now, 30.0)
            self.given_back += [work.id for work in released.works]
            for finished in released.closed:
                self.note(finished)
        elif what == "close doubts":
            world.scheduler.doubts.close((), world.now)
        elif what == "forget idle":
            world.scheduler.lanes.forget_idle(world.now)
        elif what == "local pause":
            world.scheduler.pause_all(5.0, world.now)
        world.scheduler.check()

    def close_doubts(self) -> None:
        """Nothing else comes: what was refused and kept aside is told apart no more."""
        self.world.scheduler.doubts.close((), self.world.now)
        while self.world.scheduler.doubts.settled:
            step = self.world.take()
            assert isinstance(step, Finished)
            self.note(step)

    def check_rates(self) -> None:
        """In a window of any length, no matter where it begins, a lane starts at most what the rate admits in it, and one."""
        rate = self.limits.rate_per_second or 0.0
        for starts in self.starts.values() if rate else ():
            for first, begins in enumerate(starts):
                for last in range(first + 1, len(starts)):
                    window = starts[last] - begins
                    assert last - first + 1 <= rate * window + 1 + 1e-6, f"{last - first + 1} starts in {window} s"


@settings(max_examples=200, deadline=None)
@given(
    st.lists(STEPS, min_size=5, max_size=100),
    st.sampled_from([LaneLimits(2.0, 1), LaneLimits(5.0, 2), LaneLimits(0.2, 0), LaneLimits(0.0, 3)]),
    st.sampled_from([*CAUTIONS.values(), TRUSTING]),
    st.booleans(),
    st.integers(0, 2**32),
)
def test_no_limit_is_broken_and_every_row_ends_or_stays(
    steps: list[tuple[str, float, float, int, str]], limits: LaneLimits, caution: Caution, robots: bool, seed: int
) -> None:
    rules = SchedulerRules(concurrency=4, lane_limits=limits, caution=caution)
    world = World(rules, robots=RobotsGate(ignore_all=not robots), seed=seed)
    seen = Observed(world, limits)
    seen.add(ROWS)
    for word, seconds, jump, place, meddling in steps:
        world.clock.advance(seconds)
        if jump:
            world.clock.jump_wall_clock(jump)
        seen.meddle(meddling)
        wait = seen.start_all()
        assert wait.until is None or wait.until > world.now.monotonic, "asked to come again at once"
        seen.end(place, word)
    seen.check_rates()
    while seen.flying:
        seen.end(0, "saved")
    seen.close_doubts()
    left = [work.id for work in world.scheduler.release_all()]
    assert sorted(seen.ended + seen.given_back + left) == list(range(seen.added)), "a row is lost or doubled"
    assert world.scheduler.works == 0
    assert world.scheduler.in_flight == 0


@settings(max_examples=100, deadline=None)
@given(
    st.lists(OUTCOMES.filter(lambda word: word not in ("http_403", "banned")), max_size=80),  # a ban waits for a person
    st.sampled_from([LaneLimits(2.0, 1), LaneLimits(5.0, 2), LaneLimits(0.0, 0)]),
    st.booleans(),
    st.integers(0, 2**32),
)
def test_whoever_is_asked_long_enough_ends_every_row(trouble: list[str], limits: LaneLimits, robots: bool, seed: int) -> None:
    """Nothing waits for ever: when the trouble is over and only the times that the scheduler names are waited for, every row gets its verdict."""
    world = World(SchedulerRules(concurrency=4, lane_limits=limits), robots=RobotsGate(ignore_all=not robots), seed=seed)
    seen = Observed(world, limits)
    seen.add(ROWS)
    words = iter(trouble)
    for _ in range(2_000):
        wait = seen.start_all()
        if not world.scheduler.works and not seen.flying:
            break
        if seen.flying:
            world.clock.advance(0.1)
            seen.end(0, next(words, "saved"))
        elif wait.until is None and world.scheduler.doubts:
            seen.close_doubts()
        else:
            assert wait.until is not None, "rows wait for nothing"
            world.clock.advance(wait.until - world.now.monotonic)
    assert sorted(seen.ended) == list(range(ROWS))
    seen.check_rates()


def test_decisions_do_not_depend_on_the_number_of_rows(tmp_path: Path) -> None:
    """Not a timing: the heap holds one live entry per lane, however many rows wait in it."""
    world = World()
    world.add(*(image(n, f"http://h{n % 5}.test/{n}") for n in range(2_000)))
    for _ in range(100):
        world.finish(world.ticket(), saved())
    heap = world.scheduler.lanes._heap
    assert len(heap) <= 5 + 100
    assert isinstance(world.now, Instant)

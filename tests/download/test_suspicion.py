from __future__ import annotations

from itertools import count
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asyncdl.clock import VirtualClock
from asyncdl.download.outcome import Failed, Outcome, Redirected, RobotsRead, Saved, Ticket, TicketKind
from asyncdl.download.suspicion import DOUBT_SECONDS, INNOCENT_TIMES, Fault, Settled, Surroundings, Suspicion
from asyncdl.errors import Blame, error_type
from asyncdl.model import Evidence, ImageFacts

HOSTS = ("a.org", "b.org", "c.org", "d.org")
NAME = Failed("dns_error", Evidence("Temporary failure in name resolution"), silent=True)
PAGE = Failed("invalid_content_type", Evidence("text/html instead of an image", 200, "text/html", "<h1>Log in</h1>"))
GOOD = Saved(ImageFacts("jpg", "image/jpeg", 4, 3), spool=None)  # type: ignore[arg-type]  # nobody looks into it
_IDS = count(1)


class Bench:
    """A suspicion with a clock, and lanes that are all at work."""

    def __init__(self, hosts: tuple[str, ...] = HOSTS) -> None:
        self.clock = VirtualClock()
        self.suspicion = Suspicion()
        self.hosts = hosts

    def ticket(self, host: str, *, scheme: str = "http", hop: int = 0, lane: str = "") -> Ticket:
        url = f"{scheme}://{host}/1.jpg"
        return Ticket(next(_IDS), TicketKind.IMAGE, lane or host, url, hop, self.clock.now(), first_url=url)

    def ends(self, host: str | Ticket, outcome: Outcome, **around: object) -> list[Settled]:
        ticket = host if isinstance(host, Ticket) else self.ticket(host)
        self.clock.advance(0.1)
        return self.suspicion.weigh(ticket, outcome, self.clock.now(), Surroundings(self.hosts, **around))  # type: ignore[arg-type]


def errors(settled: list[Settled]) -> list[str]:
    return [each.outcome.error if isinstance(each.outcome, Failed) else "" for each in settled]


def test_a_resolver_that_answers_nobody_is_ours_and_charges_nobody() -> None:
    bench = Bench()
    assert bench.ends("a.org", NAME) == bench.ends("b.org", NAME) == []
    assert errors(bench.ends("c.org", NAME)) == ["local_network"] * 3
    assert bench.suspicion.finding is not None
    assert bench.suspicion.finding.fault is Fault.SILENCE
    assert bench.suspicion.finding.hosts == ("a.org", "b.org", "c.org")
    assert errors(bench.ends("d.org", Failed("connect_failed"))) == ["local_network"]
    assert error_type("local_network").blame is Blame.LOCAL


def test_one_answer_clears_everybody() -> None:
    bench = Bench()
    bench.ends("a.org", NAME)
    bench.ends("b.org", NAME)
    assert errors(bench.ends("d.org", GOOD)) == ["dns_error", "dns_error", ""]
    assert bench.ends("c.org", NAME) == []
    assert bench.suspicion.finding is None


def test_doubt_ends_by_itself() -> None:
    bench = Bench()
    bench.ends("a.org", NAME)
    assert bench.suspicion.overdue(bench.clock.now()) == []
    bench.clock.advance(DOUBT_SECONDS + 1)
    assert errors(bench.suspicion.overdue(bench.clock.now())) == ["dns_error"]


def test_hosts_of_one_network_are_one_witness() -> None:
    bench = Bench((*HOSTS, "x.a.org", "y.a.org"))
    for host in ("a.org", "x.a.org", "y.a.org", "b.org"):
        assert bench.ends(host, NAME) == []
    assert bench.suspicion.finding is None


def test_where_fewer_hosts_are_at_work_nothing_can_be_told() -> None:
    bench = Bench(("a.org", "b.org", "x.a.org"))
    assert errors(bench.ends("a.org", NAME)) == ["dns_error"]


@pytest.mark.parametrize("error", ["connect_failed", "connect_timeout", "dns_error", "timeout", "tls_error"])
def test_hosts_that_never_answered_are_dead_until_others_say_more(error: str) -> None:
    """The last hosts of a run are the dead ones: three in a row say nothing about us."""
    bench = Bench()
    for host in HOSTS:
        assert errors(bench.ends(host, Failed(error))) == [error]


def test_hosts_that_answered_before_bear_witness() -> None:
    bench = Bench()
    for host in HOSTS:
        bench.ends(host, GOOD)
    bench.ends("a.org", Failed("connect_timeout"))
    bench.ends("b.org", Failed("timeout"))
    assert errors(bench.ends("c.org", Failed("connect_failed"))) == ["local_network"] * 3


def test_hosts_in_trouble_bear_no_witness() -> None:
    bench = Bench()
    for host in HOSTS:
        assert errors(bench.ends(host, NAME, troubled=True)) == ["dns_error"]


def test_late_answers_say_nothing_while_bytes_come_in() -> None:
    bench = Bench()
    for host in HOSTS:
        bench.ends(host, GOOD)
    for host in ("a.org", "b.org"):
        bench.ends(host, Failed("timeout"))
    assert errors(bench.ends("c.org", Failed("timeout"), heard=bench.clock.now().monotonic + 1)) == ["timeout"] * 3


def test_late_answers_on_a_full_line_are_ours_although_others_answer() -> None:
    bench = Bench()
    bench.ends("a.org", Failed("timeout"), crowded=True)
    assert errors(bench.ends("d.org", GOOD, crowded=True)) == [""]
    bench.ends("b.org", Failed("connect_timeout"), crowded=True)
    assert errors(bench.ends("c.org", Failed("timeout"), crowded=True)) == ["local_network"] * 3


def test_the_same_page_from_unrelated_hosts_is_a_portal() -> None:
    bench = Bench()
    bench.ends("a.org", PAGE)
    bench.ends(bench.ticket("b.org"), RobotsRead(200, b"<h1>Log in</h1>"))
    assert errors(bench.ends("c.org", PAGE)) == ["local_network"] * 3
    assert bench.suspicion.finding is not None
    assert bench.suspicion.finding.fault is Fault.PORTAL
    assert errors(bench.ends("d.org", PAGE)) == ["local_network"]
    assert errors(bench.ends("d.org", GOOD)) == [""]
    assert bench.suspicion.finding is None


@pytest.mark.parametrize("outcome", [PAGE, Failed("forbidden_address", Evidence("10.0.0.1 is a private network"))])
def test_redirects_to_one_place_are_a_portal_whatever_it_says(outcome: Failed) -> None:
    bench = Bench()
    for number, host in enumerate(HOSTS[:3]):
        page = Failed(outcome.error, Evidence(outcome.evidence.detail, None, "", f"<p>{number}"))
        settled = bench.ends(bench.ticket(host, hop=1, lane="portal.lan"), page)
    assert errors(settled) == ["local_network"] * 3


def test_different_pages_and_pages_over_https_are_the_hosts_own() -> None:
    bench = Bench()
    for number, host in enumerate(HOSTS):
        assert bench.ends(host, Failed("invalid_content_type", Evidence("", 200, "", f"<p>{number}"))) == []
    assert bench.suspicion.finding is None
    for host in HOSTS:
        assert errors(bench.ends(bench.ticket(host, scheme="https"), PAGE))[-1:] == ["invalid_content_type"]


def test_a_page_that_came_beside_good_answers_is_known() -> None:
    bench = Bench()
    for _ in range(INNOCENT_TIMES):
        bench.ends("a.org", PAGE)
        bench.ends("d.org", GOOD)
    for host in HOSTS:
        assert errors(bench.ends(host, PAGE)) == ["invalid_content_type"]


UNREACHABLE = Failed("local_network", Evidence("Network is unreachable"))


def test_a_network_that_is_unreachable_for_one_host_only_is_that_host_s() -> None:
    bench = Bench()
    assert bench.ends("a.org", UNREACHABLE) == []
    assert errors(bench.ends("b.org", GOOD)) == ["connect_failed", ""]
    for host in HOSTS[:2]:
        assert bench.ends(host, UNREACHABLE) == []
    assert errors(bench.ends("c.org", UNREACHABLE)) == ["local_network"] * 3
    assert str(bench.suspicion.finding) == "this machine's network fails: Network is unreachable"


def test_where_few_hosts_are_at_work_the_local_stack_is_believed() -> None:
    bench = Bench(("a.org",))
    assert errors(bench.ends("a.org", UNREACHABLE)) == ["local_network"]
    assert bench.suspicion.finding is not None


def test_what_was_asked_before_ends_no_fault() -> None:
    bench = Bench()
    early = bench.ticket("d.org")
    for host in HOSTS[:3]:
        bench.ends(host, NAME)
    bench.ends(early, GOOD)
    assert bench.suspicion.finding is not None
    bench.ends("d.org", Redirected("http://e.org/"))
    assert bench.suspicion.finding is None


def test_what_fails_late_but_was_asked_before_the_end_is_ours_too() -> None:
    bench = Bench()
    late = bench.ticket("d.org")
    for host in HOSTS[:3]:
        bench.ends(host, NAME)
    bench.clock.advance(1)
    bench.ends("a.org", GOOD)
    assert bench.suspicion.finding is None
    assert errors(bench.ends(late, Failed("connect_timeout"))) == ["local_network"]
    bench.clock.advance(1)
    assert errors(bench.ends("d.org", Failed("connect_timeout"))) == ["connect_timeout"]


OUTCOMES = st.sampled_from([NAME, PAGE, GOOD, Failed("timeout"), Failed("connect_failed"), Failed("http_404", Evidence("", 404))])


@given(
    st.lists(st.tuples(st.sampled_from(HOSTS), OUTCOMES, st.booleans(), st.sampled_from([0.0, 1.0, 6.0]))), st.integers(0, 2**32)
)
def test_every_ticket_is_settled_once_and_only_a_fault_of_ours_changes_what_it_came_to(
    steps: list[tuple[str, Outcome, bool, float]], seed: int
) -> None:
    bench, random = Bench(), Random(seed)
    given_in: dict[int, Outcome] = {}
    settled: list[Settled] = []
    for host, outcome, crowded, seconds in steps:
        ticket = bench.ticket(host)
        given_in[ticket.id] = outcome
        bench.clock.advance(seconds * random.random())
        settled += bench.ends(ticket, outcome, crowded=crowded)
        settled += bench.suspicion.overdue(bench.clock.now())
    bench.clock.advance(DOUBT_SECONDS + 1)
    settled += bench.suspicion.overdue(bench.clock.now())
    assert sorted(each.ticket.id for each in settled) == sorted(given_in)
    assert bench.suspicion.held == 0
    for each in settled:
        ours = isinstance(each.outcome, Failed) and each.outcome.error == "local_network"
        assert ours or each.outcome is given_in[each.ticket.id]
        assert not (ours and given_in[each.ticket.id] is GOOD)

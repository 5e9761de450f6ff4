"""Whether trouble is theirs or ours: what many unrelated hosts do at the same moment is done by our own line. Pure.

Some outcomes are *in doubt*: a name that does not resolve, a connection that fails, no answer in time, a page in the place of a picture. They are held for
a moment, and nobody is charged meanwhile. When any host answers, they are let go as what they were: the line works, so the host is at fault. When
`WITNESSES` unrelated hosts have said the same and nobody else has said anything in between, they become failures of our own network, which cost nothing:

*silence*: names, connections and answers fail everywhere. A host that has answered in this run bears witness with any failure of the network; one that has not
is more likely dead itself, and bears witness only with a resolver that does not answer (which is ours), or where
other programs are told of a proxy and nobody has answered yet.
*portal*: the same page, or a redirect to the same place, comes over plain http from unrelated hosts, as before the log-in of a hotel (RFC 8952 calls it
a captive portal). Over https nobody could forge it: it is the host's own.
*local*: the network stack of this machine, or the proxy, refuses. From one host alone that may be a router far away (an unreachable network): then it is the host's.
*crowding*: answers do not come in time, from unrelated hosts at once, while our line carries all that it can.

While a fault of ours holds, whatever fails on the network is ours; the first proper answer to a request made since then ends it.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum
from hashlib import blake2b
from typing import Final
from urllib.parse import urlsplit

from asyncdl.clock import Instant
from asyncdl.download.networks import network_of, unrelated
from asyncdl.download.outcome import Failed, Outcome, RobotsRead, Ticket
from asyncdl.model import Evidence

WITNESSES: Final = 3
"""So many unrelated hosts that say the same, and nobody who says otherwise, are our own fault."""

DOUBT_SECONDS: Final = 5.0
"""An outcome is held in doubt for at most so long."""

INNOCENT_TIMES: Final = 3
"""A page that came so often while others answered is no portal's: unrelated hosts run the same programs."""

MAX_HELD_OUTCOMES: Final = 1_024
MAX_REMEMBERED_PAGES: Final = 1_024
MAX_REMEMBERED_LANES: Final = 4_096

NETWORK_ERRORS: Final = frozenset({"dns_error", "connect_failed", "connect_timeout", "tls_error", "timeout", "connection_broken"})
_SLOW_ERRORS: Final = frozenset({"timeout", "connect_timeout"})
_PAGE_ERRORS: Final = frozenset({"invalid_content_type", "manifest_error"})
_LOCAL: Final = "local_network"
_NAMED_HOSTS: Final = 4
_INTERCEPTED: Final = 511  # RFC 6585, 6: sent by what intercepts a connection, never by the host itself


class Fault(StrEnum):
    """What is wrong on our side, in words for a person."""

    SILENCE = "nobody answers"
    PORTAL = "unrelated hosts send the same page (a log-in page of this network?)"
    CROWDING = "answers are late everywhere while the line is full"
    LOCAL = "this machine's network fails"


@dataclass(frozen=True, slots=True)
class Finding:
    """A fault of ours that holds: what it is, since when, and which hosts it was seen at."""

    fault: Fault
    since: Instant
    hosts: tuple[str, ...]
    detail: str = ""

    def __str__(self) -> str:
        seen = ", ".join(self.hosts[:_NAMED_HOSTS])
        return f"{self.fault}: {self.detail or seen}"


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the judge of one outcome has to know besides. `troubled`: the host was in trouble before this. `crowded`: the line carries all it can.

    `heard`: when the last byte came from anybody, on the monotonic clock.
    """

    lanes_at_work: Iterable[str]
    troubled: bool = False
    crowded: bool = False
    heard: float = float("-inf")


@dataclass(frozen=True, slots=True)
class Settled:
    """A ticket and what it came to in the end."""

    ticket: Ticket
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class _Held:
    ticket: Ticket
    outcome: Outcome
    fault: Fault
    mark: str
    at: float
    network: str


class Suspicion:
    """Stands between what requests come to and what follows from it. Feed every outcome to `weigh`, and call `overdue` now and then."""

    def __init__(self, *, walled_in: bool = False) -> None:
        self._walled_in = walled_in  # whether other programs of this machine are told of a proxy, and this run uses none
        self.finding: Finding | None = None
        self.heard_anybody = False
        self._last: Finding | None = None  # the fault that was over last, and when that was
        self._well_since = float("-inf")
        self._held: list[_Held] = []
        self._answered: OrderedDict[str, None] = OrderedDict()
        self._innocent: OrderedDict[str, int] = OrderedDict()  # pages, and how often others answered beside them

    @property
    def held(self) -> int:
        """Outcomes in doubt."""
        return len(self._held)

    def weigh(self, ticket: Ticket, outcome: Outcome, now: Instant, around: Surroundings) -> list[Settled]:
        """What can be settled now: this outcome, earlier ones it clears up, or nothing while it is in doubt."""
        doubt = self._doubt(ticket, outcome, around)
        if self.finding is not None and (ours := self._while_found(self.finding, ticket, outcome, doubt, now)):
            return [ours]
        if self._last is not None and ticket.issued.monotonic < self._well_since and (doubt is not None or _is_of_network(outcome)):
            return [Settled(ticket, _ours(self._last, outcome))]  # it was asked for before our network was well again
        if doubt is not None:
            fault, mark = doubt
            if unrelated(around.lanes_at_work, WITNESSES):
                self._held.append(_Held(ticket, outcome, fault, mark, now.monotonic, network_of(_host_of(ticket))))
                return self._decide(fault, mark, now, around)
            if fault is Fault.LOCAL:  # nobody else can bear witness, and it is our own stack that says so
                return [*self._found(fault, now, [Settled(ticket, outcome)]), Settled(ticket, outcome)]
        cleared = self._cleared() if _is_answer(outcome) and self._held else []
        self._note(ticket, outcome)
        return [*cleared, Settled(ticket, outcome)]

    def overdue(self, now: Instant) -> list[Settled]:
        """What has been in doubt for too long, as what it was: nobody else bore witness."""
        return self._let_go(lambda held: now.monotonic - held.at >= DOUBT_SECONDS)

    # -- what an outcome says --------------------------------------------------------------------------------

    def _doubt(self, ticket: Ticket, outcome: Outcome, around: Surroundings) -> tuple[Fault, str] | None:
        """Which fault of ours an outcome may be a sign of, and the mark that has to be the same everywhere."""
        if page := _page_mark(ticket, outcome):
            return (Fault.PORTAL, page) if self._innocent.get(page, 0) < INNOCENT_TIMES else None
        if isinstance(outcome, Failed) and outcome.error == _LOCAL:
            return Fault.LOCAL, ""
        if not isinstance(outcome, Failed) or outcome.error not in NETWORK_ERRORS or around.troubled:
            return None
        if around.crowded and outcome.error in _SLOW_ERRORS:
            return Fault.CROWDING, ""
        if ticket.lane in self._answered or outcome.silent or (self._walled_in and not self.heard_anybody):
            return Fault.SILENCE, ""
        return None

    def _decide(self, fault: Fault, mark: str, now: Instant, around: Surroundings) -> list[Settled]:
        """Whether there are witnesses enough."""
        same = [held for held in self._held if (held.fault, held.mark) == (fault, mark)]
        if len({held.network for held in same}) < WITNESSES:
            return self._let_go(lambda held: held is self._held[0]) if len(self._held) > MAX_HELD_OUTCOMES else []
        names_only = all(isinstance(held.outcome, Failed) and held.outcome.error == "dns_error" for held in same)
        if fault is Fault.SILENCE and not names_only and around.heard > same[0].at:
            return self._let_go(lambda held: held.fault is Fault.SILENCE)  # bytes still come in: the line works
        return self._found(fault, now, [Settled(held.ticket, held.outcome) for held in same])

    def _found(self, fault: Fault, now: Instant, seen: list[Settled]) -> list[Settled]:
        """It is ours: whatever is in doubt costs nobody anything."""
        if self.finding is None:
            hosts = tuple(dict.fromkeys(_host_of(each.ticket) for each in seen))
            last = seen[-1].outcome
            detail = last.evidence.detail if fault is Fault.LOCAL and isinstance(last, Failed) else ""
            self.finding = Finding(fault, now, hosts, detail)
        ours, self._held = self._held, []
        return [Settled(held.ticket, _ours(self.finding, held.outcome)) for held in ours]

    def _while_found(
        self, finding: Finding, ticket: Ticket, outcome: Outcome, doubt: tuple[Fault, str] | None, now: Instant
    ) -> Settled | None:
        """A failure while a fault of ours holds is ours too; a proper answer to what was asked since then ends it."""
        portal = doubt is not None and doubt[0] is Fault.PORTAL
        if portal and finding.fault is Fault.PORTAL:
            return Settled(ticket, _ours(finding, outcome))
        if _is_of_network(outcome):
            return Settled(ticket, _ours(finding, outcome))
        if _is_answer(outcome) and ticket.issued.monotonic > finding.since.monotonic:
            self.finding, self._last, self._well_since = None, finding, now.monotonic
        return None

    # -- memory ----------------------------------------------------------------------------------------------

    def _let_go(self, wanted: Callable[[_Held], bool]) -> list[Settled]:
        """Take these out of doubt: they are what they seemed to be."""
        free = [held for held in self._held if wanted(held)]
        self._held = [held for held in self._held if not wanted(held)] if free else self._held
        for held in free:
            self._note(held.ticket, held.outcome)
        return [Settled(held.ticket, _theirs(held.outcome)) for held in free]

    def _cleared(self) -> list[Settled]:
        """Somebody answers: what was in doubt for want of answers is the hosts' own."""
        for mark in {held.mark for held in self._held if held.fault is Fault.PORTAL}:
            self._innocent[mark] = self._innocent.pop(mark, 0) + 1
            while len(self._innocent) > MAX_REMEMBERED_PAGES:
                self._innocent.popitem(last=False)
        return self._let_go(lambda held: held.fault is not Fault.CROWDING)

    def _note(self, ticket: Ticket, outcome: Outcome) -> None:
        if _is_answer(outcome):
            self.heard_anybody = True
            self._answered[ticket.lane] = None
            self._answered.move_to_end(ticket.lane)
            while len(self._answered) > MAX_REMEMBERED_LANES:
                self._answered.popitem(last=False)
        elif _is_of_network(outcome):
            self._answered.pop(ticket.lane, None)


def _is_of_network(outcome: Outcome) -> bool:
    return isinstance(outcome, Failed) and (outcome.error in NETWORK_ERRORS or outcome.error == _LOCAL)


def _is_answer(outcome: Outcome) -> bool:
    """Whether something came from outside: anything but a failure of the network or of this machine."""
    return not isinstance(outcome, Failed) or outcome.evidence.http_status is not None


def _page_mark(ticket: Ticket, outcome: Outcome) -> str:
    """What has to be the same for two answers to be the page of a portal; empty for what is no such page."""
    if not ticket.first_url.startswith("http:"):
        return ""
    landing = f"at {ticket.lane}" if ticket.hop else ""
    if isinstance(outcome, RobotsRead):
        if outcome.status == _INTERCEPTED:
            return "511"
        return landing or _digest(outcome.body) if outcome.status == 200 and _looks_like_page(outcome.body) else ""
    if not isinstance(outcome, Failed):
        return ""
    if outcome.evidence.http_status == _INTERCEPTED:
        return "511"
    if outcome.error in _PAGE_ERRORS and outcome.evidence.page_text:
        return landing or _digest(outcome.evidence.page_text.encode())
    if outcome.error == "forbidden_address":
        return landing or f"to {outcome.evidence.detail}"
    return ""


def _host_of(ticket: Ticket) -> str:
    """The host that was to answer, before any redirect."""
    return urlsplit(ticket.first_url).netloc or ticket.lane


def _looks_like_page(body: bytes) -> bool:
    return body.lstrip()[:1] == b"<"


def _digest(page: bytes) -> str:
    return blake2b(page, digest_size=16).hexdigest()


def _ours(finding: Finding, outcome: Outcome) -> Failed:
    detail = outcome.evidence.detail if isinstance(outcome, Failed) else "a page in the place of the answer"
    return Failed(_LOCAL, Evidence(f"{finding.fault} ({detail})"))


def _theirs(outcome: Outcome) -> Outcome:
    """What an outcome is when our network is well: a way that one host alone cannot be reached on ends somewhere out there."""
    if isinstance(outcome, Failed) and outcome.error == _LOCAL:
        return Failed("connect_failed", outcome.evidence)
    return outcome

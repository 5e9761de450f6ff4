"""One pass over the candidates of a row, while it is in memory: where it stands and what it has met so far.

A job forgets everything when it is released; the row then still says what was true before the pass.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from asyncdl.download.outcome import TicketKind
from asyncdl.model import Candidate, CandidateKind, Work, WorkKind


@dataclass(slots=True, eq=False)
class Job:
    """A pass in progress. `url` is what is asked next: the candidate's own URL (`first_url`), or where a redirect led."""

    kind: TicketKind
    work: Work | None
    url: str
    candidate: int = 0
    hop: int = 0
    # URLs of this candidate already asked, to see loops; bounded by the number of redirects allowed.
    seen: set[str] = field(default_factory=set)
    spent: dict[int, str] = field(default_factory=dict)
    tried: set[int] = field(default_factory=set)
    first_error: str | None = None
    transient_error: str | None = None
    # The candidate put aside because its host is down or stopped: the image is due again, unpaid, when that host is.
    deferred: int | None = None
    deferred_until_ms: int = 0
    # The first candidate that robots.txt forbids, and when the rules are worth another look.
    disallowed: int | None = None
    disallowed_until_ms: int = 0
    # Whether the host answered with 401 or 403, and it is not known yet whom that is about.
    refused: bool = False
    # For robots tickets: the authority the rules are for, and the lane whose jobs wait for them.
    authority: str = ""
    for_lane: str = ""
    first_url: str = ""

    def aim(self, candidate: Candidate) -> None:
        """Turn to a candidate from its own URL."""
        self.candidate = candidate.position
        self.first_url = candidate.url
        self.begin_again()
        self.tried.add(candidate.position)

    def begin_again(self) -> None:
        """Forget where redirects have led."""
        self.url = self.first_url
        self.hop = 0
        self.seen = {self.first_url}

    @property
    def begun(self) -> bool:
        """Whether a request was made in this pass whose answer would be lost if the row were only given back."""
        return self.hop > 0 or self.first_error is not None or self.deferred is not None or self.refused

    def defer(self, until_ms: int) -> None:
        """Put the present candidate aside: the row is due again, unpaid, when its host may be asked; of several the first."""
        if self.deferred is None or until_ms < self.deferred_until_ms:
            self.deferred, self.deferred_until_ms = self.candidate, until_ms

    def next_candidate(self) -> Candidate | None:
        """The best candidate not tried in this pass and not ruled out; None when none is left.

        A manifest is no URL to ask here: it has a row of its own, and comes after every picture that is known; a landing page
        comes last of all.
        """
        if self.work is None:
            return None
        left = [c for c in self.work.candidates if c.spent is None and c.position not in self.tried]
        return min(left, key=_turn, default=None)


_TURN = {CandidateKind.IMAGE: 0, CandidateKind.MANIFEST: 1, CandidateKind.PAGE: 2}


def _turn(candidate: Candidate) -> tuple[int, int]:
    return _TURN[candidate.kind], candidate.position


def job_of(work: Work) -> Job:
    """A fresh pass over a row. The caller aims it."""
    kind = TicketKind.IMAGE if work.kind is WorkKind.IMAGE else TicketKind.MANIFEST
    return Job(kind, work, url="")

"""What the robots.txt files met so far allow (RFC 9309). Pure: the files themselves are fetched as tickets.

Rules are kept per authority (scheme, host, port), as section 2.3 of the RFC says, for at most a day, that of earlier runs included. A file that could not be read is not remembered at
all: its lane waits, for an hour at most, and asks again.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum

from asyncdl.clock import Instant
from asyncdl.download.robots import FRESH_SECONDS, RobotsPolicy
from asyncdl.lane_records import RobotsRecord

MAX_AUTHORITIES = 10_000
MAX_RULES_CHARACTERS = 32_000_000
"""Of all files together; the oldest are forgotten, and read again when their host is asked again."""

LONGEST_RECHECK_SECONDS = 28 * 86_400.0
"""However long rules have stood, what they forbid is asked for again after this time."""


class Permission(Enum):
    """Whether a URL may be asked for."""

    ALLOWED = "allowed"
    DISALLOWED = "disallowed"
    UNKNOWN = "unknown"


def authority_of(url: str) -> str:
    """Scheme, host and port of an absolute URL: `https://museum.example:8443`."""
    end = url.find("/", url.find("//") + 2)
    authority = url if end < 0 else url[:end]
    return authority.split("?", 1)[0].split("#", 1)[0]


@dataclass(frozen=True, slots=True)
class _Known:
    policy: RobotsPolicy
    learnt_at: float  # monotonic; earlier than this process when recalled
    lane: str
    since_ms: int


class RobotsGate:
    """Remembers the rules of each authority; `ignore_all` or `ignored_hosts` (names with their port, if any) switch it off."""

    def __init__(self, *, ignore_all: bool = False, ignored_hosts: frozenset[str] = frozenset()) -> None:
        self._ignore_all = ignore_all
        self._ignored_hosts = ignored_hosts
        self._known: OrderedDict[str, _Known] = OrderedDict()
        self._rules_characters = 0
        self._delays: dict[str, dict[str, float]] = {}  # by lane, then authority; only where the file names one
        self._changed: dict[str, RobotsRecord] = {}

    def ignores(self, authority: str) -> bool:
        """Whether the file of this authority need not be obeyed."""
        return self._ignore_all or (bool(self._ignored_hosts) and authority.partition("//")[2].lower() in self._ignored_hosts)

    def permission(self, url: str, now: Instant) -> Permission:
        """Whether `url` may be asked for; UNKNOWN until its authority's file has been read (again)."""
        if self._ignore_all:
            return Permission.ALLOWED
        authority = authority_of(url)
        if self.ignores(authority):
            return Permission.ALLOWED
        known = self._known.get(authority)
        if known is None or now.monotonic - known.learnt_at > FRESH_SECONDS:
            return Permission.UNKNOWN
        return Permission.ALLOWED if known.policy.allows(url) else Permission.DISALLOWED

    def learn(self, authority: str, lane: str, status: int, body: bytes, now: Instant) -> bool:
        """Take in an answer. False when it says nothing (5xx): then the host must be left alone for now (RFC 9309, 2.3.1.4)."""
        policy = RobotsPolicy.from_answer(status, body, now.utc_ms)
        if not policy.reachable:
            return False
        before = self._known.get(authority)
        since_ms = min(before.since_ms, now.utc_ms) if before and before.policy.text == policy.text else now.utc_ms
        self._keep(authority, _Known(policy, now.monotonic, lane, since_ms))
        self._changed[authority] = RobotsRecord(authority, lane, status, now.utc_ms, since_ms, policy.text)
        return True

    def recall(self, records: Iterable[RobotsRecord], now: Instant) -> None:
        """Take up what earlier runs have read. A file from the future is as good as none."""
        for record in records:
            age_seconds = -now.seconds_until(record.fetched_ms)
            learnt_at = now.monotonic - (age_seconds if age_seconds >= 0 else math.inf)
            known = self._known.get(record.authority)
            if not self.ignores(record.authority) and (known is None or known.learnt_at < learnt_at):
                policy = RobotsPolicy.from_stored(record.text, record.fetched_ms)
                self._keep(record.authority, _Known(policy, learnt_at, record.lane, record.since_ms))

    def _keep(self, authority: str, known: _Known) -> None:
        self._forget(authority)
        self._known[authority] = known
        self._rules_characters += len(known.policy.text)
        if delay := known.policy.crawl_delay_seconds():
            self._delays.setdefault(known.lane, {})[authority] = delay
        while len(self._known) > MAX_AUTHORITIES or (self._rules_characters > MAX_RULES_CHARACTERS and len(self._known) > 1):
            self._forget(next(iter(self._known)))

    def _forget(self, authority: str) -> None:
        if known := self._known.pop(authority, None):
            self._rules_characters -= len(known.policy.text)
            delays = self._delays.get(known.lane, {})
            delays.pop(authority, None)
            if not delays:
                self._delays.pop(known.lane, None)

    def crawl_delay_seconds(self, lane: str) -> float:
        """The longest pause between requests that a file of this lane asks for; 0 when none names one. It holds until the file says otherwise, however old."""
        return max(self._delays.get(lane, {}).values(), default=0.0)

    def asks_again_ms(self, url: str, now: Instant) -> int:
        """When to ask again for what the rules forbid: after as long as they have stood unchanged, at least a day, at most four weeks."""
        known = self._known.get(authority_of(url))
        stood_seconds = -now.seconds_until(known.since_ms) if known else 0.0
        return now.plus(min(LONGEST_RECHECK_SECONDS, max(float(FRESH_SECONDS), stood_seconds))).utc_ms

    # -- memory between runs ---------------------------------------------------------------------------------

    @property
    def has_changed(self) -> bool:
        """Whether there is something for `changed` to return."""
        return bool(self._changed)

    def changed(self) -> tuple[RobotsRecord, ...]:
        """What is to be stored since the last call."""
        changed, self._changed = tuple(self._changed.values()), {}
        return changed

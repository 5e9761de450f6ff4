"""What the robots.txt files met so far allow (RFC 9309). Pure: the files themselves are fetched as tickets.

Rules are kept per authority (scheme, host, port), as section 2.3 of the RFC says, for at most a day.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from enum import Enum

from asyncdl.clock import Instant
from asyncdl.download.robots import FRESH_SECONDS, RobotsPolicy

MAX_AUTHORITIES = 10_000
MAX_RULES_CHARACTERS = 32_000_000
"""Of all files together; the oldest are forgotten, and read again when their host is asked again."""


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
    learnt_at: float


class RobotsGate:
    """Remembers the rules of each authority; `ignore_all` or `ignored_hosts` (names with their port, if any) switch it off."""

    def __init__(self, *, ignore_all: bool = False, ignored_hosts: frozenset[str] = frozenset()) -> None:
        self._ignore_all = ignore_all
        self._ignored_hosts = ignored_hosts
        self._known: OrderedDict[str, _Known] = OrderedDict()
        self._rules_characters = 0

    def permission(self, url: str, now: Instant) -> Permission:
        """Whether `url` may be asked for; UNKNOWN until its authority's file has been read (again)."""
        if self._ignore_all:
            return Permission.ALLOWED
        authority = authority_of(url)
        if self._ignored_hosts and authority.partition("//")[2].lower() in self._ignored_hosts:
            return Permission.ALLOWED
        known = self._known.get(authority)
        if known is None or now.monotonic - known.learnt_at > FRESH_SECONDS:
            return Permission.UNKNOWN
        return Permission.ALLOWED if known.policy.allows(url) else Permission.DISALLOWED

    def learn(self, authority: str, status: int, body: bytes, now: Instant) -> bool:
        """Take in an answer. False when it says nothing (5xx): then the host must be left alone for now (RFC 9309, 2.3.1.4)."""
        policy = RobotsPolicy.from_answer(status, body, now.utc_ms)
        if not policy.reachable:
            return False
        self._forget(authority)
        self._known[authority] = _Known(policy, now.monotonic)
        self._rules_characters += len(policy.text)
        while len(self._known) > MAX_AUTHORITIES or (self._rules_characters > MAX_RULES_CHARACTERS and len(self._known) > 1):
            self._forget(next(iter(self._known)))
        return True

    def _forget(self, authority: str) -> None:
        if known := self._known.pop(authority, None):
            self._rules_characters -= len(known.policy.text)

    def crawl_delay_seconds(self, authority: str) -> float:
        """The pause between requests that the file asks for; 0 when it names none."""
        known = self._known.get(authority)
        return (known.policy.crawl_delay_seconds() if known else None) or 0.0

"""How often something that failed for a passing cause is tried again, and how long to wait in between. Pure: randomness is passed in.

For the few requests that a person waits for (an archive, a question to GBIF); images have `download.backoff` and their scheduler.
"""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import Final

from asyncdl.errors import error_type

_HOPELESS: Final = frozenset({"tls_error", "protocol_error", "local_io"})
"""Causes that may pass within days, but hardly while somebody waits."""

_REMEDIES: Final = {
    "forbidden_address": "if the address is yours: --allow-private CIDR",
    "tls_error": "tell the host; if you trust it all the same: --insecure-host HOST",
    "invalid_url": "look at the address",
}


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """At most `max_attempts` attempts in a row that bring nothing; pauses double from the first to the longest, with jitter on top.

    A server that asks for more than `max_retry_after_seconds` is left alone: the person comes back, not the program.
    """

    max_attempts: int = 8
    first_pause_seconds: float = 1.0
    max_pause_seconds: float = 60.0
    max_retry_after_seconds: float = 3_600.0
    jitter: float = 0.25


class Attempts:
    """Attempts in a row that brought nothing."""

    def __init__(self, policy: RetryPolicy, random: Random) -> None:
        self._policy = policy
        self._random = random
        self._fruitless = 0

    def next_pause_seconds(self, retry_after_seconds: float | None = None, *, brought: bool = False) -> float | None:
        """How long to wait before the next attempt, never less than the server asked for; None: give up.

        `brought`: the last attempt failed in the end, but brought something; then what failed before does not count any more.
        """
        policy = self._policy
        self._fruitless = 0 if brought else self._fruitless + 1
        if self._fruitless >= policy.max_attempts or (retry_after_seconds or 0.0) > policy.max_retry_after_seconds:
            return None
        bare = min(policy.max_pause_seconds, policy.first_pause_seconds * 2.0 ** min(max(self._fruitless - 1, 0), 64))
        return max(bare, retry_after_seconds or 0.0) * (1 + policy.jitter * self._random.random())


def remedy(error: str) -> str:
    """What helps against a failed request that will not pass while somebody waits."""
    return _REMEDIES.get(error, "look at the address, and at your network")


def may_pass(error: str) -> bool:
    """Whether a failed request (`RequestFailure.error`) may go well within minutes."""
    return error_type(error).transient and error not in _HOPELESS

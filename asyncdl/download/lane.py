"""One politeness group: its pace, connections, pauses, health and robots rules. Knows no rows and no queue.

Pure: every method that needs the time is given it. A lane answers one question, *when may the next request start*, and learns
from how requests end. What it knows is in parts: `pauses`, `pace`, `budgets`, the health of the host (`breaker`), whether it refuses us
(`ban`). Here they meet: which of them hears of what, and what they say together. Pace is monotonic, so that a clock
correction or a suspend neither bursts nor strands anything.
"""

from __future__ import annotations

import math
from random import Random

from asyncdl.clock import Instant
from asyncdl.download.backoff import BackoffPolicy
from asyncdl.download.bans import BanPolicy, BanWatch
from asyncdl.download.breaker import CONNECTION_ERRORS, COUNTED, Breaker, BreakerPolicy, Health
from asyncdl.download.budgets import Budgets
from asyncdl.download.caution import Caution
from asyncdl.download.pace import Pace
from asyncdl.download.pauses import SLOW_DOWN, Pauses
from asyncdl.lane_records import LaneRecord
from asyncdl.limits import BUDGET_SPENT, LaneLimits, LaneOrder, Stop

__all__ = ["LaneLimits", "LaneState"]

TIMEOUTS_IN_A_ROW = 5
"""So many unanswered requests one after the other are the host's trouble, no longer the images'."""

MAX_RESTS = 256
"""Connections of one lane that rest at the same time: as many requests as can be in flight."""

KEPT_SECONDS = 60.0
"""A lane is kept for so long after it could have started again: most come back, and more was learnt of their pace than is stored."""


class LaneState:
    """What is known of a lane, and when it may be asked again."""

    def __init__(
        self, name: str, limits: LaneLimits, policy: BackoffPolicy, caution: Caution, breaker: BreakerPolicy | None = None
    ) -> None:
        self.name = name
        self.limits = limits
        self.order = LaneOrder(name)
        self.stop: Stop | None = None
        self.in_flight = 0
        self.held = False
        self.note = ""
        self.requests = 0
        self.answers = 0
        self.failures = 0
        self.crawl_delay_seconds = 0.0
        self.breaker = Breaker(breaker or BreakerPolicy())
        self.ban = BanWatch(BanPolicy())
        self.news: list[str] = []  # turns of its health that nobody has been told of yet, at most a few
        self._policy = policy
        self._ceilings = limits
        self.pauses = Pauses(policy)
        self.budgets = Budgets()
        if limits.any_budget:
            self.budgets.limit(limits, Instant(0.0, 0))
        self.pace = Pace(limits.rate_per_second or 0.0, limits.connections or 0, caution)
        self._next_start = -math.inf
        self._timeouts_in_a_row = 0
        self._resting_until: list[float] = []  # ascending: until when connections rest that a computed picture came over

    # -- when ------------------------------------------------------------------------------------------------

    def ready_at(self) -> float | None:
        """Monotonic time from which the next request may start; None while only a change can make it ready.

        A lane that was given up is always ready: its queue is to be closed, not asked.
        """
        if self.given_up:
            return -math.inf
        if self.held or self.stop or self.budgets.waits or self.in_flight >= self.connections:
            return None
        ready_at = max(self._next_start, self.pauses.until)
        resting = len(self._resting_until) - (self.connections - self.in_flight - 1)
        return max(ready_at, self._resting_until[resting - 1]) if resting > 0 else ready_at

    @property
    def connections(self) -> int:
        """How many requests may run at the same time now: one while the host is suspect or refuses us, then as many as it has answered well."""
        return 1 if self.pauses.suspect or self.ban.careful else self.pace.connections

    @property
    def rate_per_second(self) -> float:
        """The pace now."""
        rate = self.pace.rate_per_second
        return min(rate, 1 / self.crawl_delay_seconds) if self.crawl_delay_seconds else rate

    @property
    def down(self) -> bool:
        """Whether the host does not work, and is only probed."""
        return self.breaker.health is Health.DOWN

    @property
    def given_up(self) -> bool:
        """Whether the host was down for so long that nothing is asked of it any more."""
        return self.breaker.health is Health.GIVEN_UP

    @property
    def down_since_ms(self) -> int:
        """Since when the host is down (UTC milliseconds); 0 while it is not."""
        return self.breaker.down_since_ms

    @property
    def troubled(self) -> bool:
        """Whether the host has not answered since its last trouble."""
        return self.pauses.suspect or self.breaker.failing

    def idle(self, now: Instant) -> bool:
        """Whether nothing runs and nothing has forbidden a start for a while: the lane may be forgotten without breaking a limit."""
        if self.in_flight or self.held or self.stop or not self.budgets.idle(now):
            return False
        busy_until = max(self._next_start, self.pauses.until, *self._resting_until[-1:])
        return self.given_up or busy_until + KEPT_SECONDS <= now.monotonic

    def rests(self, now: Instant) -> bool:
        """Whether nothing runs, and nothing may start for a while: what is stored then says all there is to know."""
        return (
            self.in_flight == 0 and self.paused_seconds(now) > max(0.0, self._next_start - now.monotonic) and self.budgets.idle(now)
        )

    def paused_seconds(self, now: Instant) -> float:
        """How much longer the lane is paused; 0 when it is not, or was given up, infinity while only a person can let it go on."""
        if self.given_up:
            return 0.0
        if self.held or (self.stop and not self.order.stop_until_ms):
            return math.inf
        stopped = now.seconds_until(self.order.stop_until_ms) if self.stop else 0.0
        return max(0.0, self.pauses.until - now.monotonic, stopped)

    # -- what happens ----------------------------------------------------------------------------------------

    def admits(self, now: Instant) -> bool:
        """Whether the budgets let a request start now. When not, the lane waits for the store, or pauses until a window has room."""
        if not self.budgets.any:
            return True
        if wait := self.budgets.wait_seconds(now):
            self.pauses.pause(wait, f"{BUDGET_SPENT}: {self.budgets.spent_name(now).replace('_', ' ')}", now)
        return not wait and not self.budgets.waits

    def start(self, now: Instant) -> int:
        """A request starts. Returns the bytes that it was charged with."""
        self._resting_until = [until for until in self._resting_until if until > now.monotonic]
        self.in_flight += 1
        self.requests += 1
        self.pace.started(self.in_flight, now.monotonic - max(self._next_start, self.pauses.until), now.monotonic)
        self._next_start = max(self._next_start, now.monotonic) + 1 / self.rate_per_second
        return self.budgets.start()

    def hold_back(self, seconds: float, now: Instant) -> None:
        """Start nothing for a moment, for a reason that is not the host's."""
        self._next_start = max(self._next_start, now.monotonic + seconds)

    def release(self, now: Instant | None = None, rest_seconds: float = 0.0) -> None:
        """A request ended, however. `rest_seconds`: how long its connection is to rest from now on; the others may work meanwhile."""
        self.in_flight -= 1
        if now is not None and rest_seconds > 0:
            self._resting_until = sorted([*self._resting_until, now.monotonic + rest_seconds])[-MAX_RESTS:]

    def answered(self, now: Instant, beside: int = 1, latency_seconds: float | None = None) -> None:
        """The host gave a proper answer: trust returns, and the pace with it. `beside`: requests under way when this one started, itself included."""
        self.answers += 1
        self._timeouts_in_a_row = 0
        self.pauses.answered()
        self._lives()
        self.pace.answered(beside, latency_seconds, now.monotonic)

    def _lives(self) -> None:
        """The host is there."""
        before = self.breaker.health
        self.breaker.answered()
        if before is not Health.UP and self.breaker.health is Health.UP:
            self.news.append(f"{self.name} answers again")

    def faltered(self, error: str, issued: Instant, now: Instant, random: Random) -> bool:
        """A request failed in a way that an image pays for but the host may be to blame for (`SYMPTOMS`). True when that made the lane pause."""
        self.failures += 1
        self._timeouts_in_a_row = self._timeouts_in_a_row + 1 if error == "timeout" else 0
        self._count(error, issued, now)
        if self._timeouts_in_a_row >= TIMEOUTS_IN_A_ROW:
            self._incident("no answers (time-outs)", issued, now, None, random)
        elif self.breaker.down_since_ms:
            self._incident(error, issued, now, None, random)
        else:
            return False
        return True

    def forbidden(self, issued: Instant, now: Instant, retry_after_seconds: float | None, random: Random) -> bool:
        """The host answered 401 or 403, or with a challenge. True when it refuses us altogether: then it is left alone, in the end until a person says otherwise."""
        self.failures += 1
        self._timeouts_in_a_row = 0
        self._lives()
        fresh = self.pauses.fresh(issued)
        known = self.ban.banned
        if not self.ban.refused(now, fresh=fresh):
            return False
        if fresh or not known:
            self.pauses.distrust(now)
            wait = self.ban.probe_after_seconds
            if wait is None:
                self.held = True
                self.note = "it refused us altogether, three probes included: write to it before you go on"
                self.news.append(f"{self.name} still refuses us (401, 403): it waits for you to write to it")
                return True
            if not known:
                self.news.append(f"{self.name} refuses us altogether (401, 403): it is left alone, and no image pays")
            wait *= 1 + self._policy.jitter * random.random()
            self.pauses.pause(max(wait, retry_after_seconds or 0.0), "banned", now)
        return True

    def welcomed(self) -> bool:
        """The host gave a proper answer about an image. True when that ends a ban."""
        banned = self.ban.banned
        self.ban.welcomed()
        if banned:
            self.news.append(f"{self.name} serves us again")
        return banned

    def _count(self, error: str, issued: Instant, now: Instant) -> None:
        """Let the breaker judge a failure, unless it belongs to an incident that was counted."""
        if not self.pauses.fresh(issued) or self.given_up:
            return
        before = self.breaker.health
        self.breaker.failed(error, now)
        if self.breaker.health is not before:
            self.news.append(f"{self.name} is {self.breaker.health} ({error})")

    def refused(
        self, error: str, issued: Instant, now: Instant, retry_after_seconds: float | None, random: Random, beside: int = 1
    ) -> None:
        """A host-blamed failure: pause. Failures of requests issued before the pause began count as one incident."""
        self.failures += 1
        if error in COUNTED:
            self._count(error, issued, now)
        elif error == "rate_limited":
            self._lives()
        if self.pauses.fresh(issued):
            if error in SLOW_DOWN:
                self.pace.refused(beside, now.monotonic)
            else:
                self.pace.failed()
        self._incident(error, issued, now, retry_after_seconds, random)

    def _incident(self, reason: str, issued: Instant, now: Instant, retry_after_seconds: float | None, random: Random) -> None:
        longest = self.breaker.longest_pause_seconds(now)
        seconds = self.pauses.incident(
            reason, issued, now, retry_after_seconds, random, failing=self.breaker.failing, longest_seconds=longest
        )
        if seconds is not None:
            self.pace.paused(seconds, now.monotonic, promised=bool(retry_after_seconds))

    # -- memory between runs ---------------------------------------------------------------------------------

    def record(self, now: Instant) -> LaneRecord:
        """What is to be remembered."""
        return LaneRecord(
            lane=self.name,
            pause_until_ms=self.pauses.until_ms,
            pause_reason=self.pauses.reason,
            incidents=self.pauses.incidents,
            last_incident_ms=self.pauses.last_incident_ms,
            down_since_ms=self.down_since_ms,
            given_up_ms=self.breaker.given_up_ms,
            held=self.held,
            note=self.note,
            learnt=self.pace.learnt_pace(now),
            spent=self.budgets.stored(now),
            banned_since_ms=self.ban.banned_since_ms,
            ban_probes=self.ban.probes,
        )

    def restore(self, record: LaneRecord, now: Instant) -> None:
        """Take up what was remembered."""
        self.breaker.restore(
            down_since_ms=record.down_since_ms,
            given_up_ms=record.given_up_ms,
            errors_in_a_row=record.incidents if record.pause_reason in CONNECTION_ERRORS else 0,
            now=now,
        )
        self.pauses.restore(record, now, failing=self.breaker.failing)
        self.ban.restore(record.banned_since_ms, record.ban_probes, answered_well=record.learnt is not None)
        self.held = record.held
        self.note = record.note
        if record.learnt is not None:
            self.pace.recall(record.learnt, now)
        if record.spent is not None:
            self.budgets.restore(record.spent, now)
        if record.order is not None:
            self.obey(record.order, now)

    @property
    def worth_keeping(self) -> bool:
        """Whether something is to be remembered that changes with every answer. A lane that was given up may have been taken back meanwhile."""
        return (self.pace.learnt or self.budgets.any) and not self.given_up

    # -- what people order -----------------------------------------------------------------------------------

    def obey(self, order: LaneOrder, now: Instant) -> None:
        """Take a person's order in the place of an earlier one; what was read before a newer one came is not obeyed."""
        if order.at_ms >= self.order.at_ms:
            self.order = order
            self._obey_now(now)

    def lapse(self, now: Instant) -> bool:
        """See whether an end of the order has come. True when that changed something."""
        return bool(self.order.stop_until_ms or self.order.limits_until_ms) and self._obey_now(now)

    def _obey_now(self, now: Instant) -> bool:
        """Obey the order as far as it holds by now; times of people are UTC."""
        stop = self.order.stop_at(now.utc_ms)
        limits = self._ceilings.overruled(self.order.limits_at(now.utc_ms))
        changed = stop is not self.stop or limits != self.limits
        self.stop = stop
        if limits != self.limits:
            self.limits = limits
            self.pace.rate_ceiling, self.pace.connection_ceiling = limits.rate_per_second or 0.0, limits.connections or 0
            self._next_start = min(self._next_start, now.monotonic + 1 / self.rate_per_second)
            self.budgets.limit(limits, now)
            if self.pauses.reason.startswith(BUDGET_SPENT):
                self.pauses.end()
        return changed

    def lift(self) -> None:
        """A person says that the host may be asked again: a ban, and trouble that was no word of the host, count no more. Its `Retry-After` does."""
        self.held = False
        self.note = ""
        self.breaker.reopen()
        self.ban.lift()
        self.pauses.lift()

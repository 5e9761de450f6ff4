"""The budgets of one lane: bytes an hour and a day, requests a day, over any span of that length, across restarts and crashes. Pure.

A request needs a unit of each budget that there is. How long an answer is cannot be known before it has come, so a start is charged with what the
answers of the lane had on average, and corrected at the end, by what came: body, refused pages, what broke off. So a byte budget can be overdrawn by
answers that are longer than usual, by at most what is under way: one answer per connection; what was overdrawn counts, and is waited for.

What is to be spent is reserved ahead, and may be spent when the reservation is stored (`Quota`): `unsaved` asks for that, `confirm` tells of it.
"""

from __future__ import annotations

import math
from typing import Final

from asyncdl.clock import Instant
from asyncdl.download.quota import Quota
from asyncdl.lane_records import BudgetsSpent
from asyncdl.limits import BUDGET_SECONDS, LaneLimits

FIRST_ANSWER_BYTES: Final = 500_000
"""What an answer is charged with before any has come."""

_SMOOTHING: Final = 0.1
_LEAST_WAIT_SECONDS: Final = 0.05
_REQUESTS: Final = "requests_per_day"


class Budgets:
    """What a lane may spend. Most lanes have no budget, and cost nothing here."""

    def __init__(self) -> None:
        self.unsaved = False
        """Whether what is counted has to be stored before more can be spent."""
        self.waits = False
        """Whether nothing can start before that is done."""
        self._quotas: dict[str, Quota] = {}
        self._before: BudgetsSpent = {}
        self._answers = 0
        self._answer_bytes = float(FIRST_ANSWER_BYTES)

    @property
    def any(self) -> bool:
        """Whether there is a budget."""
        return bool(self._quotas)

    def limit(self, limits: LaneLimits, now: Instant) -> None:
        """Take these budgets in the place of earlier ones; what was spent of the same kind goes on counting."""
        for name, seconds in BUDGET_SECONDS.items():
            allowed = getattr(limits, name) or 0
            if not allowed:
                if name in self._quotas:
                    self._before = {**self._before, name: self._quotas.pop(name).stored(now)}
            elif name in self._quotas:
                self._quotas[name].limit = allowed
            else:
                self._quotas[name] = Quota(allowed, seconds)
                self._quotas[name].restore(self._before.get(name, ()), now)
        self.waits = False

    # -- before a request ------------------------------------------------------------------------------------

    def wait_seconds(self, now: Instant) -> float:
        """How long a start has to wait until a window has room: 0 when it may come now, or when only the store is waited for (`waits`). Reserves what is missing."""
        self.waits = False
        longest = 0.0
        for name, quota in self._quotas.items():
            quota.refresh(now)
            missing = self._cost(name, quota) - quota.ready
            if missing > 0 or quota.low:
                self.unsaved |= quota.reserve(max(1, missing), now)
            if missing > 0 and quota.waits:
                self.waits = True
            elif missing > 0:
                longest = max(longest, quota.free_at(missing, now) - now.monotonic, _LEAST_WAIT_SECONDS)
        return longest

    def spent_name(self, now: Instant) -> str:
        """The budget that is waited for longest."""
        waits = {name: quota.free_at(self._cost(name, quota), now) for name, quota in self._quotas.items()}
        return max(waits, key=lambda name: waits[name], default="")

    def start(self) -> int:
        """A request starts: returns the bytes it was charged with."""
        for name, quota in self._quotas.items():
            quota.spend(self._cost(name, quota))
        return math.ceil(self._answer_bytes)

    def _cost(self, name: str, quota: Quota) -> int:
        return 1 if name == _REQUESTS else min(math.ceil(self._answer_bytes), quota.limit)

    # -- after it --------------------------------------------------------------------------------------------

    def came(self, charged_bytes: int, size_bytes: int, now: Instant) -> None:
        """So many bytes came for a request that was charged with so many."""
        if size_bytes:  # what brought nothing says nothing of the size of others
            self._answers += 1
            self._answer_bytes += max(_SMOOTHING, 1 / self._answers) * (size_bytes - self._answer_bytes)
        for name, quota in self._quotas.items():
            if name == _REQUESTS:
                continue
            more = size_bytes - min(charged_bytes, quota.limit)
            if more < 0:
                quota.refund(-more)
            elif more > 0 and (missing := quota.spend(more)):
                quota.overdraw(missing, now)
                self.unsaved = True

    def confirm(self) -> None:
        """What was counted when `stored` was last called is stored."""
        for quota in self._quotas.values():
            quota.confirm()
        self.waits = False

    # -- memory ----------------------------------------------------------------------------------------------

    def idle(self, now: Instant) -> bool:
        """Whether nothing is reserved that would be forfeited if this were forgotten."""
        for quota in self._quotas.values():
            quota.refresh(now)
        return not any(quota.ready or quota.waits for quota in self._quotas.values())

    def release(self) -> None:
        """Asking is over: what was reserved and not spent counts no more."""
        for quota in self._quotas.values():
            quota.release()

    def stored(self, now: Instant) -> BudgetsSpent | None:
        """What is to be remembered; None while there is no budget. Call it to store it."""
        self.unsaved = False
        return {name: quota.stored(now) for name, quota in self._quotas.items()} if self._quotas else None

    def restore(self, spent: BudgetsSpent, now: Instant) -> None:
        """Take up what earlier runs have spent, also of budgets that are not there yet."""
        self._before = spent
        for name, quota in self._quotas.items():
            quota.restore(spent.get(name, ()), now)

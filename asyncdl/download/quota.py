"""At most so much in any hour or day, across restarts and crashes: a budget that is reserved before it is spent. Pure.

Spending is counted in slots of time. What is to be spent is *reserved* first, in portions, and may be spent only when the reservation is
known to be stored (`confirm`): so a crash forfeits what it had reserved and not spent, and never overdraws. A reservation may be
spent for two slot lengths; what is left of it then goes back.

A slot counts until no instant at which its portions may have been spent lies inside the window any more: that is the window and two slots
after the slot began. So the bound holds for *every* window, not for calendar hours and days. Time is monotonic; only what is stored is UTC.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from asyncdl.clock import Instant
from asyncdl.lane_records import Spent

SLOTS_PER_WINDOW: Final = 96
"""A day is counted by the quarter of an hour, an hour by 37.5 seconds."""

PORTIONS: Final = 100
"""A portion is a hundredth of the budget: what a crash may forfeit."""


@dataclass(slots=True)
class _Slot:
    """What was reserved from `began` on: how much counts, and how much of it is stored and not spent, or not known to be stored yet."""

    began: float
    amount: int
    ready: int = 0
    asked: int = 0


class Quota:
    """A budget of `limit` units per window. Units are requests or bytes."""

    def __init__(self, limit: int, window_seconds: float) -> None:
        if limit < 1:
            raise ValueError("a quota allows at least one")
        self.limit = limit
        self.window_seconds = window_seconds
        self._slot_seconds = window_seconds / SLOTS_PER_WINDOW
        self._slots: deque[_Slot] = deque()
        self._counted = 0  # of all slots together

    @property
    def ready(self) -> int:
        """Units that may be spent now; `refresh` before."""
        return sum(slot.ready for slot in self._slots)

    @property
    def waits(self) -> bool:
        """Whether a reservation is on its way to the store."""
        return any(slot.asked for slot in self._slots)

    @property
    def low(self) -> bool:
        """Whether it is time to reserve more, so that nobody has to wait for the store."""
        return self.ready < max(1, self._portion // 2)

    def spend(self, amount: int) -> int:
        """Take units that are ready, the oldest first, as far as there are any; returns how many were missing."""
        for slot in self._slots:
            taken = min(slot.ready, amount)
            slot.ready -= taken
            amount -= taken
        return amount

    def refund(self, amount: int) -> None:
        """Units that were taken and not needed count no more, and may be reserved anew.

        They are taken off the oldest slots: which slot they came from does not matter, because those are the first to leave the window, and until then only the sum counts.
        """
        for slot in self._slots:
            returned = min(slot.amount - slot.ready - slot.asked, amount)
            slot.amount -= returned
            self._counted -= returned
            amount -= returned

    def overdraw(self, amount: int, now: Instant) -> None:
        """Units that were spent without having been there: they count, and nothing more is reserved before the window has room again."""
        self._newest(now).amount += amount
        self._counted += amount

    def release(self) -> None:
        """Nothing more will be spent: what was reserved for it counts no more."""
        for slot in self._slots:
            slot.amount -= slot.ready + slot.asked
            self._counted -= slot.ready + slot.asked
            slot.ready = slot.asked = 0

    def reserve(self, wanted: int, now: Instant) -> bool:
        """Reserve a portion, and at least `wanted` units, where the window has room. True when something is to be stored now."""
        self.refresh(now)
        amount = min(max(wanted, self._portion), self.limit - self._counted)
        if self.waits or amount < min(wanted, self.limit) or amount <= 0:
            return False
        slot = self._newest(now)
        slot.amount += amount
        slot.asked = amount
        self._counted += amount
        return True

    def _newest(self, now: Instant) -> _Slot:
        if not self._slots or now.monotonic - self._slots[-1].began >= self._slot_seconds:
            self._slots.append(_Slot(now.monotonic, 0))
        return self._slots[-1]

    def confirm(self) -> None:
        """What was asked for is stored."""
        for slot in self._slots:
            slot.ready += slot.asked
            slot.asked = 0

    def free_at(self, wanted: int, now: Instant) -> float:
        """Monotonic time from which the window has room for `wanted` units."""
        self.refresh(now)
        missing = min(wanted, self.limit) - (self.limit - self._counted)
        for slot in self._slots:
            if missing <= 0:
                break
            missing -= slot.amount
            if missing <= 0:
                return slot.began + self._counts_seconds
        return now.monotonic

    def refresh(self, now: Instant) -> None:
        """Forget what is older than the window, and give back what was reserved and not spent in its time."""
        while self._slots and now.monotonic - self._slots[0].began >= self._counts_seconds:
            self._counted -= self._slots.popleft().amount
        for slot in self._slots:
            if slot.ready and now.monotonic - slot.began > 2 * self._slot_seconds:
                slot.amount -= slot.ready
                self._counted -= slot.ready
                slot.ready = 0

    @property
    def counted(self) -> int:
        """Units that count in the window, reserved ones included; `refresh` before."""
        return self._counted

    # -- memory between runs ---------------------------------------------------------------------------------

    def stored(self, now: Instant) -> tuple[Spent, ...]:
        """What is to be remembered: everything reserved, spent or not."""
        self.refresh(now)
        return tuple(Spent(now.plus(slot.began - now.monotonic).utc_ms, slot.amount) for slot in self._slots if slot.amount)

    def restore(self, spent: Sequence[Spent], now: Instant) -> None:
        """Take up what earlier runs reserved; what they did not spend is forfeited. A time in the future counts as now."""
        began = sorted((now.monotonic + min(0.0, now.seconds_until(slot.began_ms)), max(0, slot.amount)) for slot in spent)
        self._slots = deque(_Slot(at, amount) for at, amount in began)
        self._counted = sum(slot.amount for slot in self._slots)
        self.refresh(now)

    @property
    def _portion(self) -> int:
        return max(1, self.limit // PORTIONS)

    @property
    def _counts_seconds(self) -> float:
        return self.window_seconds + 2 * self._slot_seconds

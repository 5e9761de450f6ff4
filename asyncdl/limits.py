"""What a host may be asked, as values: ceilings, and what a person ordered about it. Pure.

Ceilings come from three places. A person's order goes before everything. Of the shipped presets and the settings the tighter one holds, number by number: so a setting
can make a preset stricter, never looser.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from enum import StrEnum
from typing import Any, Final

HOUR_SECONDS: Final = 3_600.0
DAY_SECONDS: Final = 86_400.0


@dataclass(frozen=True, slots=True)
class LaneLimits:
    """Ceilings of a lane. None: nothing is said; 0: there is none. `bytes_*` and `requests_per_day` hold for any such span of time, not for calendar hours and days."""

    rate_per_second: float | None = None
    connections: int | None = None
    bandwidth_bits_per_second: float | None = None
    bytes_per_hour: int | None = None
    bytes_per_day: int | None = None
    requests_per_day: int | None = None

    @property
    def any(self) -> bool:
        """Whether anything is said."""
        return any(getattr(self, name) is not None for name in LIMIT_NAMES)

    @property
    def any_budget(self) -> bool:
        """Whether a budget is said."""
        return any(getattr(self, name) for name in BUDGET_SECONDS)

    def tightened(self, other: LaneLimits) -> LaneLimits:
        """Number by number the smaller of both; no ceiling, and nothing said, are larger than any."""
        return limits_of({name: _smaller(getattr(self, name), getattr(other, name)) for name in LIMIT_NAMES})

    def overruled(self, other: LaneLimits) -> LaneLimits:
        """What `other` says, and this where it says nothing."""
        return limits_of({name: getattr(self if getattr(other, name) is None else other, name) for name in LIMIT_NAMES})


LIMIT_NAMES: Final = tuple(each.name for each in fields(LaneLimits))
NOTHING_SAID: Final = LaneLimits()

BUDGET_SECONDS: Final[Mapping[str, float]] = {
    "bytes_per_hour": HOUR_SECONDS,
    "bytes_per_day": DAY_SECONDS,
    "requests_per_day": DAY_SECONDS,
}
"""The limits that are budgets: how long the span is over which each holds."""

BUDGET_SPENT: Final = "budget spent"
"""How the reason of a pause begins that a budget has caused."""

_MAX_LIMIT: Final = 1e15
_REAL: Final = frozenset({"rate_per_second", "bandwidth_bits_per_second"})


def limits_of(values: Mapping[str, Any]) -> LaneLimits:
    """Limits by their names, from a file or another process. Raises `ValueError` for other names, and for what is no such number."""
    if unknown := sorted(values.keys() - set(LIMIT_NAMES)):
        raise ValueError(f"no limit is called {', '.join(unknown)}")
    return LaneLimits(**{name: _number(name, value) for name, value in values.items()})


def _number(name: str, value: object) -> Any:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value <= _MAX_LIMIT:
        raise ValueError(f"{name} takes a number, 0 or more")
    return float(value) if name in _REAL else int(value)


def _smaller(one: float | None, other: float | None) -> float | None:
    """The smaller ceiling; 0 (no ceiling) where one of them says that and the other nothing."""
    if not one or not other:
        return one or other or (None if one is None and other is None else 0)
    return min(one, other)


class Stop(StrEnum):
    """How a person stops a lane. The words are stored."""

    PAUSE = "pause"
    """Nothing starts; images stay due in their turn."""
    BLOCK = "block"
    """Nothing starts, and images that have a link to another host turn there meanwhile."""


@dataclass(frozen=True, slots=True)
class LaneOrder:
    """What a person ordered about a lane; the newest order (`at_ms`) is the whole of it.

    A time of 0 means without end. An order without limits and stop says nothing: it takes back an earlier one.
    """

    lane: str
    at_ms: int = 0
    limits: LaneLimits = NOTHING_SAID
    limits_until_ms: int = 0
    limits_note: str = ""
    stop: Stop | None = None
    stop_until_ms: int = 0
    stop_note: str = ""

    def limits_at(self, now_ms: int) -> LaneLimits:
        """The limits that hold at a time."""
        return NOTHING_SAID if 0 < self.limits_until_ms <= now_ms else self.limits

    def stop_at(self, now_ms: int) -> Stop | None:
        """The stop that holds at a time."""
        return None if 0 < self.stop_until_ms <= now_ms else self.stop

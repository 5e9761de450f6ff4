"""What is stored of lanes, as frozen values: what one run leaves to the next of pauses, paces, budgets and robots.txt, and what waits.

Nothing here decides or does anything. Times are UTC milliseconds (`*_ms`); lanes are named by text.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from asyncdl.limits import LaneOrder


class LearntPace(NamedTuple):
    """What a host was found to bear: requests per second, requests at the same time (0: no limit met), and when that was so (UTC milliseconds)."""

    rate_per_second: float
    connections: int
    at_ms: int


class Spent(NamedTuple):
    """What was reserved of a budget in a slot of time: when the slot began (UTC milliseconds), and how much."""

    began_ms: int
    amount: int


BudgetsSpent = Mapping[str, tuple[Spent, ...]]
"""By the budget's name in `LaneLimits`."""


@dataclass(frozen=True, slots=True)
class LaneRecord:
    """What is remembered of a lane between runs. `order` is read with it, and written by itself (`Store.order`).

    `held` by a ban, which a person lifts. `spent` of None: nothing is to be changed about what is stored of budgets.
    """

    lane: str
    pause_until_ms: int = 0
    pause_reason: str = ""
    incidents: int = 0
    last_incident_ms: int = 0
    down_since_ms: int = 0
    given_up_ms: int = 0
    held: bool = False
    note: str = ""
    learnt: LearntPace | None = None
    spent: BudgetsSpent | None = None
    order: LaneOrder | None = None
    banned_since_ms: int = 0
    ban_probes: int = 0


class RobotsRecord(NamedTuple):
    """What the robots.txt of an authority (scheme, host, port) said at `fetched_ms`, and has said unchanged since `since_ms`. `status` is that of the answer."""

    authority: str
    lane: str
    status: int
    fetched_ms: int
    since_ms: int
    text: str


@dataclass(frozen=True, slots=True)
class LaneLoad:
    """What a lane has waiting and has given so far, from the counters: `waiting` and `saved` images, `manifests` still to be read."""

    lane: str
    hosts: int
    waiting: int
    saved: int
    size_bytes: int
    manifests: int = 0
    record: LaneRecord | None = None

"""What is remembered of lanes between runs, one row per lane that has anything to remember; what people ordered about them; what was spent of their budgets.

The run writes the first and the last, people the orders: none overwrites the other.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final

from asyncdl.lane_records import BudgetsSpent, LaneRecord, LearntPace, Spent
from asyncdl.limits import LIMIT_NAMES, LaneLimits, LaneOrder, Stop
from asyncdl.store.interning import storable

COLUMNS: Final = (
    "lane, pause_until_ms, pause_reason, incidents, last_incident_ms, down_since_ms, given_up_ms, "
    "held, note, learnt_rate, learnt_connections, learnt_ms, banned_since_ms, ban_probes"
)
# robots_fetched_ms is a column of the first schema; what robots.txt says is in a table of its own.
_SAVE: Final = f"INSERT OR REPLACE INTO lanes({COLUMNS}, robots_fetched_ms) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0)"  # noqa: S608  own columns
_BY_NAME: Final = f"SELECT {COLUMNS} FROM lanes WHERE lane IN (SELECT value FROM json_each(?))"  # noqa: S608  own columns
_PAGE: Final = """
SELECT lane FROM (
  SELECT lane FROM (SELECT lane FROM lanes WHERE lane > ?1 ORDER BY lane LIMIT ?2)
  UNION SELECT lane FROM (SELECT lane FROM lane_orders WHERE lane > ?1 ORDER BY lane LIMIT ?2)
  UNION SELECT lane FROM (SELECT lane FROM lane_spent WHERE lane > ?1 ORDER BY lane LIMIT ?2)
) ORDER BY lane LIMIT ?2
"""
_ORDER_COLUMNS: Final = f"lane, at_ms, {', '.join(LIMIT_NAMES)}, limits_until_ms, limits_note, stop, stop_until_ms, stop_note"
_ORDERS_BY_NAME: Final = f"SELECT {_ORDER_COLUMNS} FROM lane_orders WHERE lane IN (SELECT value FROM json_each(?))"  # noqa: S608  own columns
_ORDER: Final = f"INSERT OR REPLACE INTO lane_orders({_ORDER_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"  # noqa: S608  own columns
_SPENT_BY_NAME: Final = "SELECT lane, spent FROM lane_spent WHERE lane IN (SELECT value FROM json_each(?))"
_SPEND: Final = "INSERT OR REPLACE INTO lane_spent(lane, spent) VALUES (?, ?)"


def load_lanes(connection: sqlite3.Connection, names: Sequence[str]) -> dict[str, LaneRecord]:
    """See `Reader.load_lanes`."""
    wanted = (json.dumps(list(names)),)
    found = {row[0]: lane_record(row) for row in connection.execute(_BY_NAME, wanted)}
    for row in connection.execute(_ORDERS_BY_NAME, wanted):
        found[row[0]] = replace(found.get(row[0], LaneRecord(row[0])), order=_order_of(row))
    for lane, spent in connection.execute(_SPENT_BY_NAME, wanted):
        found[lane] = replace(found.get(lane, LaneRecord(lane)), spent=_spent_of(spent))
    return found


def lanes_page(connection: sqlite3.Connection, after: str, limit: int) -> list[LaneRecord]:
    """See `Reader.lanes_page`."""
    names = [row[0] for row in connection.execute(_PAGE, (after, limit))]
    found = load_lanes(connection, names)
    return [found[name] for name in names]


def ordered_lanes(connection: sqlite3.Connection, limit: int) -> list[str]:
    """See `Reader.ordered_lanes`."""
    return [row[0] for row in connection.execute("SELECT lane FROM lane_orders ORDER BY lane LIMIT ?", (limit,))]


def save_order(connection: sqlite3.Connection, order: LaneOrder) -> None:
    """See `Store.order`."""
    limits = (getattr(order.limits, name) for name in LIMIT_NAMES)
    ends = (order.limits_until_ms, storable(order.limits_note), order.stop, order.stop_until_ms, storable(order.stop_note))
    connection.execute(_ORDER, (order.lane, order.at_ms, *limits, *ends))


def save_lanes(connection: sqlite3.Connection, records: Sequence[LaneRecord]) -> None:
    """Remember lanes as they are now."""
    connection.executemany(
        _SAVE,
        [
            (
                lane.lane,
                lane.pause_until_ms,
                storable(lane.pause_reason),
                lane.incidents,
                lane.last_incident_ms,
                lane.down_since_ms,
                lane.given_up_ms,
                int(lane.held),
                storable(lane.note),
                *(lane.learnt or (None, None, None)),
                lane.banned_since_ms,
                lane.ban_probes,
            )
            for lane in records
        ],
    )
    spent = [(lane.lane, json.dumps(dict(lane.spent))) for lane in records if lane.spent is not None]
    connection.executemany(_SPEND, spent)


def lane_record(row: Sequence[Any]) -> LaneRecord:
    """The value of a row with `COLUMNS`."""
    *known, held, note, rate, connections, at_ms, banned_since_ms, ban_probes = row
    learnt = None if rate is None else LearntPace(rate, connections, at_ms)
    return replace(
        LaneRecord(*known), held=bool(held), note=note, learnt=learnt, banned_since_ms=banned_since_ms, ban_probes=ban_probes
    )


def _order_of(row: Sequence[Any]) -> LaneOrder:
    lane, at_ms, *limits = row
    *limits, limits_until_ms, limits_note, stop, stop_until_ms, stop_note = limits
    stopped = None if stop is None else Stop(stop)
    return LaneOrder(lane, at_ms, LaneLimits(*limits), limits_until_ms, limits_note, stopped, stop_until_ms, stop_note)


def _spent_of(text: str) -> BudgetsSpent:
    return {name: tuple(Spent(*slot) for slot in slots) for name, slots in json.loads(text).items()}

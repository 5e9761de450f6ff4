"""What a person orders about a host: checked, stored for its lane, and said in words.

The same whether a command holds the collection or a run was told to: both call `carry_out`. What it means for a lane in use is the scheduler's.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Final

from asyncdl.errors import UsageError
from asyncdl.lane_records import LaneRecord
from asyncdl.limits import BUDGET_SPENT, NOTHING_SAID, LaneLimits, LaneOrder, Stop, limits_of
from asyncdl.model import Batch
from asyncdl.store import Store
from asyncdl.store.reader import Reader
from asyncdl.units import parse_duration_seconds
from asyncdl.urls import host_of, lane_of

COMMAND_NAME: Final = "hosts"
"""The value of `command` in the body of a command that `host_command_of` reads."""

MAX_NOTE_CHARS: Final = 500
SHOWN_HOSTS_OF_LANE: Final = 20
_NEAR_HOSTS: Final = 3
_MAX_SHOWN_CHARS: Final = 80
_LARGEST_HOSTS: Final = 500
_CONTAINING_HOSTS: Final = 500
_LAST_MS: Final = 253_402_300_799_000  # 9999-12-31T23:59:59Z


class HostAction(StrEnum):
    """The verbs of `asyncdl hosts` that order something."""

    LIMIT = "limit"
    PAUSE = "pause"
    BLOCK = "block"
    RESUME = "resume"
    GIVE_UP = "give-up"


@dataclass(frozen=True, slots=True)
class HostCommand:
    """One order as it was typed. `until_ms` of 0: without end. `unlisted`: also for a host that no row names yet."""

    action: HostAction
    host: str
    note: str
    limits: LaneLimits = NOTHING_SAID
    until_ms: int = 0
    unlisted: bool = False

    def body(self) -> dict[str, Any]:
        """The order as the body of a command for a running job; `host_command_of` reads it."""
        return {"command": COMMAND_NAME, **asdict(self)}


def parse_until_ms(text: str, now_ms: int) -> int:
    """UTC milliseconds of `2026-12-01`, `2026-12-01T08:00` or `2d` (from now on). Raises `UsageError` for anything else and for what has passed."""
    text = text.strip()
    try:
        until_ms = now_ms + round(parse_duration_seconds(text) * 1000)
    except ValueError:
        try:
            moment = datetime.fromisoformat(text)
            until_ms = round((moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)).timestamp() * 1000)
        except (ValueError, OverflowError):
            shown = text[:_MAX_SHOWN_CHARS]
            raise UsageError(f"--until {shown!r} is no time", "give a date (2026-12-01), a time, or how long (2d, 90m)") from None
    if until_ms <= now_ms:
        raise UsageError(
            f"--until {text[:_MAX_SHOWN_CHARS]} has passed",
            "give a time to come, or leave --until out: then it holds until you resume",
        )
    return min(until_ms, _LAST_MS)


def host_command_of(body: Mapping[str, Any]) -> HostCommand:
    """Check an order, typed or posted by another process. Raises `UsageError`."""
    try:
        limits = limits_of(body.get("limits") or {})
        action = HostAction(str(body.get("action")))
    except (ValueError, TypeError, AttributeError) as error:
        raise UsageError(f"not an order about a host: {error}") from error
    host, note, until_ms = str(body.get("host", "")).strip(), str(body.get("note", "")).strip(), body.get("until_ms", 0)
    if not isinstance(until_ms, int) or isinstance(until_ms, bool) or not 0 <= until_ms <= _LAST_MS:
        raise UsageError("not an order about a host: until_ms is no time")
    if not note:
        raise UsageError(
            "an order about a host needs a note", 'say why, for whoever finds it later: --note "asked by their curator, 3 May"'
        )
    if len(note) > MAX_NOTE_CHARS:
        raise UsageError(f"the note is longer than {MAX_NOTE_CHARS} characters")
    if action is not HostAction.LIMIT and limits.any:
        raise UsageError(f"{action} takes no limits", "`asyncdl hosts limit` does")
    name = host_of(host if "://" in host else f"http://{host}/")
    if not name:
        raise UsageError(f"{host!r} is no host", "give a name such as images.example.org, as `asyncdl hosts list` shows it")
    return HostCommand(action, name, note, limits, until_ms, unlisted=body.get("unlisted") is True)


async def carry_out(store: Store, command: HostCommand, at_ms: int) -> tuple[LaneOrder, dict[str, Any]]:
    """Store the order; giving up is none, but a fact about the host. Returns it, and what is said to who gave it.

    Raises `UsageError` when nobody knows the host.
    """
    lane = await lane_for(store, command)
    async with store.transaction():  # a run commits what it learns of the same lane
        record = (await store.load_lanes([lane])).get(lane, LaneRecord(lane))
        order = record.order or LaneOrder(lane)
        if command.action is HostAction.GIVE_UP:
            await store.apply(Batch(lanes=(replace(record, given_up_ms=at_ms),)), at_ms)
        else:
            order = _changed(order, command, at_ms)
            await store.order(order)
        if command.action is HostAction.LIMIT and record.pause_reason.startswith(BUDGET_SPENT):  # it is reckoned anew
            await store.apply(Batch(lanes=(replace(record, pause_until_ms=0, pause_reason="", spent=None),)), at_ms)
        if command.action is HostAction.RESUME:
            await store.apply(Batch(lanes=(_lifted(record),)), at_ms)
        await store.add_event(at_ms, f"hosts {command.action}", lane, command.note)
    others = [name for name in await store.hosts_of_lane(lane, SHOWN_HOSTS_OF_LANE + 1) if name != lane]
    return order, {
        "action": str(command.action),
        "lane": lane,
        "hosts": others,
        "limits": asdict(order.limits),
        "until_ms": command.until_ms or None,
        "was_held": record.held,
    }


def _changed(before: LaneOrder, command: HostCommand, at_ms: int) -> LaneOrder:
    """The order that holds from now on: limits and stop are two matters, each replaced as a whole."""
    at_ms = max(at_ms, before.at_ms + 1)  # a clock that was put back must not make it look older
    if command.action is HostAction.LIMIT:
        return replace(before, at_ms=at_ms, limits=command.limits, limits_until_ms=command.until_ms, limits_note=command.note)
    stop = None if command.action is HostAction.RESUME else Stop(str(command.action))
    return replace(before, at_ms=at_ms, stop=stop, stop_until_ms=command.until_ms, stop_note=command.note)


def _lifted(lane: LaneRecord) -> LaneRecord:
    """The lane when a person lets it go on: no ban, no trouble of our own making. What the host itself asked for (429, 503) still holds."""
    lifted = replace(lane, held=False, note="", down_since_ms=0, given_up_ms=0, banned_since_ms=0, ban_probes=0, spent=None)
    if lane.pause_reason in {"rate_limited", "unavailable"}:
        return lifted
    return replace(lifted, pause_until_ms=0, pause_reason="", incidents=0)


async def lane_for(store: Reader, command: HostCommand) -> str:
    """The lane that a command is about. Raises `UsageError`, with names that are near, when nothing knows the host."""
    lane = await store.lane_of_host(command.host)
    if lane is not None:
        return lane
    if command.unlisted:
        return lane_of(command.host)
    near = await _near(store, command.host)
    meant = f"did you mean {', '.join(near)}?" if near else "`asyncdl hosts list` shows the hosts"
    raise UsageError(
        f"no link of this collection is at {command.host}",
        f"{meant}\n--unlisted takes it all the same: other hosts may redirect to it",
    )


async def _near(store: Reader, host: str) -> Sequence[str]:
    """Known hosts whose names are like this one: among the largest, and those that share its longest part."""
    part = max(host.partition(":")[0].split("."), key=len)
    known = {counts.host for counts in await store.counts_by_host(_LARGEST_HOSTS)} | set(
        await store.hosts_containing(part, _CONTAINING_HOSTS)
    )
    return difflib.get_close_matches(host, sorted(known), n=_NEAR_HOSTS)

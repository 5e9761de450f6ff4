"""Which hosts people say are one server to be polite to: stored beside the shipped table, and followed from the next run on.

No row of an image is touched: only hosts say which lane they are in. A run that is at work keeps the lanes it began with, because what it has under way
was counted in them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from asyncdl.errors import UsageError
from asyncdl.store import Store
from asyncdl.upkeep.host_orders import HostAction, HostCommand, host_command_of, lane_for
from asyncdl.urls import lane_of

COMMAND_NAME: Final = "lanes"
"""The value of `command` in the body of a command that `grouping_of` reads."""

MAX_HOSTS: Final = 200
"""Hosts in one command: so many long names still fit into it."""

MAX_JOINED_HOSTS: Final = 10_000
"""Hosts that people may put in lanes: a run holds them in memory."""


@dataclass(frozen=True, slots=True)
class Grouping:
    """Hosts that are to share a lane, or (`lane` empty) to be where the shipped table puts them."""

    hosts: tuple[str, ...]
    lane: str
    note: str
    unlisted: bool = False

    def body(self) -> dict[str, Any]:
        """The same as the body of a command for a running job."""
        return {"command": COMMAND_NAME, "hosts": list(self.hosts), "lane": self.lane, "note": self.note, "unlisted": self.unlisted}


def grouping_of(body: Mapping[str, Any]) -> Grouping:
    """Check what was typed, or posted by another process. Raises `UsageError`."""
    hosts = body.get("hosts")
    if not isinstance(hosts, Sequence) or isinstance(hosts, str) or not 0 < len(hosts) <= MAX_HOSTS:
        raise UsageError(f"name 1 to {MAX_HOSTS} hosts")
    note, unlisted, lane = str(body.get("note", "")), body.get("unlisted") is True, str(body.get("lane", "") or "")
    checked = [_checked(str(host), note, unlisted=unlisted) for host in hosts]
    return Grouping(
        tuple(dict.fromkeys(each.host for each in checked)), _checked(lane, note).host if lane else "", checked[0].note, unlisted
    )


def _checked(host: str, note: str, *, unlisted: bool = False) -> HostCommand:
    return host_command_of(HostCommand(HostAction.PAUSE, host, note, unlisted=unlisted).body())


async def carry_out(store: Store, wanted: Grouping, at_ms: int) -> dict[str, Any]:
    """Store the grouping. Raises `UsageError` when nobody knows a host. The caller settles the lanes where no run is at work."""
    joined = await store.joined_hosts()
    for host in wanted.hosts:
        await lane_for(store, _checked(host, wanted.note, unlisted=wanted.unlisted or host in joined))
    if len(joined.keys() | set(wanted.hosts)) > MAX_JOINED_HOSTS:
        raise UsageError(f"people have put {len(joined):,} hosts in lanes already; {MAX_JOINED_HOSTS:,} is the most")
    # A name that is itself put elsewhere stands for where it is: chains would have to be followed by every reader.
    lane = joined.get(wanted.lane) or (lane_of(wanted.lane) if wanted.lane else "")
    lanes = {host: lane or lane_of(host) for host in wanted.hosts}
    await store.join_hosts(lanes, wanted.note)
    what = f"{', '.join(wanted.hosts)} {'join ' + lane if lane else 'part'}"
    await store.add_event(at_ms, "hosts join" if lane else "hosts part", lane, f"{what}: {wanted.note}")
    return {"lanes": lanes}


async def carry_out_posted(store: Store, body: Mapping[str, Any], at_ms: int) -> Mapping[str, Any]:
    """What a run does with such a command from its inbox: it is stored, and the next run follows it."""
    try:
        return {**await carry_out(store, grouping_of(body), at_ms), "from_next_run": True}
    except UsageError as error:
        return {"error": error.what, "todo": error.todo, "usage": True}

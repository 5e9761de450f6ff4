"""Orders about hosts in a running job: stored like any, and obeyed by the scheduler at once. And what a run says of hosts that want to be asked first."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from asyncdl.clock import Clock, Instant
from asyncdl.download.scheduler import Scheduler
from asyncdl.errors import UsageError
from asyncdl.presets import shipped_presets
from asyncdl.store import Store
from asyncdl.upkeep.host_orders import HostAction, HostCommand, carry_out, host_command_of


async def carry_out_order(store: Store, command: HostCommand, now: Instant, scheduler: Scheduler | None = None) -> dict[str, Any]:
    """Store an order, and let the scheduler of the run that is at work, if one is, obey it. Raises `UsageError` when nobody knows the host."""
    order, result = await carry_out(store, command, now.utc_ms)
    if scheduler is not None and command.action is HostAction.GIVE_UP:
        scheduler.give_up(order.lane, now)
    elif scheduler is not None:
        scheduler.obey(order, now, lift=command.action is HostAction.RESUME)
    return result


def host_order_handler(
    store: Store, scheduler: Scheduler, clock: Clock
) -> Callable[[Mapping[str, Any]], Awaitable[Mapping[str, Any]]]:
    """What a run does with such a command from its inbox, and what it acknowledges."""

    async def carry_out_here(body: Mapping[str, Any]) -> Mapping[str, Any]:
        try:
            return await carry_out_order(store, host_command_of(body), clock.now(), scheduler)
        except UsageError as error:
            return {"error": error.what, "todo": error.todo, "usage": True}

    return carry_out_here


async def ask_first_notices(store: Store) -> list[str]:
    """What to say before the first request about hosts that want mail before bulk: those with work, about which nobody has ordered anything yet."""
    presets = shipped_presets()
    waiting = await store.lanes_with_work(presets.asked_first)
    remembered = await store.load_lanes(waiting)
    said = []
    for lane in waiting:
        preset, record = presets.of(lane), remembered.get(lane)
        if preset is not None and (record is None or record.order is None):
            said.append(
                f"{lane} wants to be asked first: {preset.note} ({preset.source}). Write to them; `asyncdl hosts limit` or `hosts block` with --note ends this notice"
            )
    return said

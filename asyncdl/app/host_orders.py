"""Orders about hosts in a running job: stored like any, and obeyed by the scheduler at once."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from asyncdl.clock import Clock
from asyncdl.download.scheduler import Scheduler
from asyncdl.errors import UsageError
from asyncdl.store import Store
from asyncdl.upkeep.host_orders import HostAction, carry_out, host_command_of


def host_order_handler(
    store: Store, scheduler: Scheduler, clock: Clock
) -> Callable[[Mapping[str, Any]], Awaitable[Mapping[str, Any]]]:
    """What a run does with such a command from its inbox, and what it acknowledges."""

    async def carry_out_here(body: Mapping[str, Any]) -> Mapping[str, Any]:
        try:
            command = host_command_of(body)
            order, result = await carry_out(store, command, clock.now().utc_ms)
        except UsageError as error:
            return {"error": error.what, "todo": error.todo, "usage": True}
        scheduler.obey(order, clock.now(), lift=command.action is HostAction.RESUME)
        return result

    return carry_out_here

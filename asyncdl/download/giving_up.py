"""A person gives a host up: at once in a run that is at work, else as a fact that the next run finds.

Its images are not moved here: a run ends them as it pages them, a batch to a commit, so that memory stays bounded and what is in hand is
never pulled from under it. `retry` takes a host back.
"""

from __future__ import annotations

from dataclasses import replace

from asyncdl.clock import Instant
from asyncdl.download.scheduler import Scheduler
from asyncdl.model import Batch, LaneRecord
from asyncdl.store import Store


async def give_up_host(store: Store, lane: str, now: Instant, *, note: str = "", scheduler: Scheduler | None = None) -> None:
    """Give up the host of this lane. `scheduler`: that of the run that holds the collection, if one does."""
    await store.add_event(now.utc_ms, "host", lane, f"{lane} is given up by hand{f': {note}' if note else ''}")
    if scheduler is not None and scheduler.give_up(lane, now):
        return
    known = (await store.load_lanes([lane])).get(lane, LaneRecord(lane))
    await store.apply(Batch(lanes=(replace(known, given_up_ms=now.utc_ms, note=note or known.note),)), now.utc_ms)

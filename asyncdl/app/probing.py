"""A probe, wired: the politeness of a run around a handful of questions."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from random import Random

from asyncdl.app.jobs import scheduler_of
from asyncdl.app.websettings import web_settings
from asyncdl.app.wholeness import require_whole
from asyncdl.blobs import Spool, SpoolBudget, part_path
from asyncdl.clock import SystemClock
from asyncdl.collection import Collection
from asyncdl.download.fetch import WebFetcher
from asyncdl.download.outcome import Ticket
from asyncdl.download.preflight import require_contact
from asyncdl.download.probe import MAX_BODY_BYTES, MAX_HOSTS, Probe, rows_to_ask
from asyncdl.download.probed import ProbedHost
from asyncdl.settings import RunSettings
from asyncdl.store import Store
from asyncdl.web import Web


async def probe_hosts(collection: Collection, settings: RunSettings) -> list[ProbedHost]:
    """Ask the hosts with most images a few questions each, and remember what they said of being left alone.

    Holds the collection meanwhile: beside a run the two together would ask more than a host allows. Raises `CollectionLocked`,
    `EnvironmentStops` when a public host would be asked without a contact, and `CollectionError`.
    """
    clock = SystemClock()
    with collection.lock() as lock:
        async with await Store.open(collection.db) as store:
            if lock.previous_crashed is not None:  # our release wipes the mark; the rows remember
                await store.add_event(clock.now().utc_ms, "crash", str(lock.previous_crashed), "noticed by plan --probe")
            await require_whole(store, collection.root)
            await require_contact(store, settings.contact)
            await store.settle_lanes()
            probe = Probe(scheduler_of(settings, Random(), await store.joined_hosts()), store, clock)
            works = await rows_to_ask(store, MAX_HOSTS, clock.now().utc_ms)
            async with Web(web_settings(settings)) as web:
                spools = _spools(collection.part)
                fetcher = WebFetcher(
                    web, spools, clock, max_body_bytes=MAX_BODY_BYTES, obey_noai=settings.noai == "respect",
                    watch_head=probe.watch_head, count_bytes=probe.count_bytes,
                )  # fmt: skip
                found = await probe.run(fetcher, works)
    return found


def _spools(part: Path) -> Callable[[Ticket], Spool]:
    """Bodies stay in memory; where there is no room, in files that the next run would sweep away."""
    budget = SpoolBudget(MAX_BODY_BYTES * MAX_HOSTS)
    return lambda ticket: Spool(part_path(part, 0, ticket.id), budget, MAX_BODY_BYTES)

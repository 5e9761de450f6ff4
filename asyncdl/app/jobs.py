"""A run, wired: settings and a folder in, objects that work together out. Every object is made here, in order, by assignment."""

from __future__ import annotations

import asyncio
import json
import os
import platform
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from random import Random
from typing import Any

from asyncdl import events
from asyncdl.app.host_orders import ask_first_notices, host_order_handler
from asyncdl.app.leave import note_leave
from asyncdl.app.websettings import web_settings
from asyncdl.app.wholeness import require_keys, require_whole, unfinished_addition
from asyncdl.blobs import IntentJournal, Spool, SpoolBudget, part_path
from asyncdl.clock import Clock, SystemClock
from asyncdl.collection import Collection
from asyncdl.download.breaker import BreakerPolicy
from asyncdl.download.caution import CAUTIONS
from asyncdl.download.concurrency import SlotSearch
from asyncdl.download.ending import RunReport, ending
from asyncdl.download.fetch import Fetcher, OpenSpool, WebFetcher
from asyncdl.download.figures import MAX_COUNTED_HOSTS, Figures
from asyncdl.download.headway import Headway
from asyncdl.download.inspect import Inspector
from asyncdl.download.outcome import Ticket
from asyncdl.download.ownline import OwnLine, OwnPatience
from asyncdl.download.preflight import require_contact
from asyncdl.download.queue import Feeder
from asyncdl.download.record import Recorder
from asyncdl.download.recover import recover
from asyncdl.download.robots_gate import RobotsGate
from asyncdl.download.roomwatch import RoomRules, RoomWatch
from asyncdl.download.run import CommandHandler, Run, RunLimits
from asyncdl.download.scheduler import Scheduler, SchedulerRules
from asyncdl.errors import AsyncdlError
from asyncdl.events import EventHub
from asyncdl.imaging import DecodeLimits, DecodePool
from asyncdl.model import Counts
from asyncdl.presets import shipped_presets
from asyncdl.settings import RunSettings, proxy_variables
from asyncdl.status import ImageStatus
from asyncdl.store import RunInfo, Store
from asyncdl.upkeep.host_groups import carry_out_posted as carry_out_grouping
from asyncdl.upkeep.retry import carry_out as carry_out_retry
from asyncdl.urls import host_of, lane_of
from asyncdl.version import __version__
from asyncdl.web import Web

NOTE_SECONDS = 30.0
"""How often a run notes how far it has come."""

MakeFetcher = Callable[[OpenSpool], Fetcher]
"""How benchmarks put another fetcher in the place of the network."""


@dataclass(frozen=True, slots=True)
class Job:
    """A run that is ready to start, with what a door needs to show it and to stop it."""

    collection: Collection
    run: Run
    scheduler: Scheduler
    figures: Figures
    hub: EventHub
    clock: Clock
    store: Store
    notices: tuple[str, ...] = ()
    exceptions: Mapping[str, Sequence[str]] = field(default_factory=dict)

    async def work(self) -> RunReport:
        """Run to the end and say how it ended. What the start has found and put in order is said first: now somebody watches."""
        began = self.clock.now()
        for notice in self.notices:
            self.hub.emit(events.Notice(began.utc_ms, notice))
        settings = json.dumps({"exceptions": self.exceptions})
        run_id = await self.store.start_run(RunInfo(began.utc_ms, platform.node(), os.getpid(), __version__, settings))
        for kind, hosts in self.exceptions.items():
            await self.store.add_event(began.utc_ms, "exception", kind, ", ".join(hosts))
        notes = asyncio.create_task(self._keep_noting(run_id), name="notes")
        try:
            await self.run.run()
        except AsyncdlError as error:  # it ended by itself, with a reason: that is no crash
            with suppress(AsyncdlError):  # a full disk may not take this either
                await self.store.finish_run(run_id, self.clock.now().utc_ms, error.exit_status, self._note())
            raise
        finally:
            notes.cancel()
            await asyncio.wait([notes])
        now = self.clock.now()
        seconds = now.monotonic - began.monotonic
        report = await ending(
            self.store,
            self.run.stop_reason,
            now,
            saved_now=self.figures.saved,
            size_bytes_now=self.figures.size_bytes,
            seconds=seconds,
        )
        await self.store.finish_run(run_id, now.utc_ms, report.exit_status, self._note())
        return report

    async def _keep_noting(self, run_id: int) -> None:
        """Note at times how far the run has come, for those who look at its row; what a full disk does not take is left out."""
        while True:
            await asyncio.sleep(NOTE_SECONDS)
            with suppress(AsyncdlError):
                await self.store.note_run(run_id, self._note())

    def _note(self) -> str:
        now = self.clock.now()
        self.figures.look(self.scheduler, now)
        return json.dumps(self.figures.so_far(now))


@asynccontextmanager
async def open_job(
    collection: Collection, settings: RunSettings, *, clock: Clock | None = None, random: Random | None = None,
    make_fetcher: MakeFetcher | None = None,
) -> AsyncIterator[Job]:  # fmt: skip
    """Take the collection, put it in order, and make everything that a run needs.

    Raises `CollectionError`, `CollectionLocked` or `EnvironmentStops`.
    """
    clock = clock or SystemClock()
    random = random or Random()
    hub = EventHub()
    async with AsyncExitStack() as stack:
        lock = stack.enter_context(collection.lock())
        store = await stack.enter_async_context(
            await Store.open(collection.db, synchronous="FULL" if settings.durability == "batch" else "NORMAL")
        )
        if make_fetcher is None:
            await require_whole(store, collection.root)
            await require_keys(store, collection.root)
            await require_contact(store, settings.contact)
        await note_leave(store, settings, clock.now().utc_ms)
        journal = IntentJournal(collection.intents / "journal")
        repairs = await recover(collection, store, journal, clock.now())
        await store.expand_manifests(when_needed=settings.expand_manifests == "when-needed")
        counts = await store.counts()
        closed = _ended(counts)
        await store.settle_lanes()
        joined = await store.joined_hosts()
        waiting = await store.waiting_by_lane(MAX_COUNTED_HOSTS)
        headway = Headway(
            waiting, lambda host: joined.get(host) or lane_of(host), settings.host_rate_per_second, clock.now().monotonic
        )
        figures = Figures(counts.total, closed, clock.now(), headway)
        hub.watch(figures.watch)
        open_spool = _spools(collection, settings)
        scheduler = scheduler_of(settings, random, joined)
        fetcher = (
            make_fetcher(open_spool)
            if make_fetcher
            else await stack.enter_async_context(_web_fetcher(settings, open_spool, clock, scheduler))
        )
        inspector = Inspector(await _decode_pool(settings, stack), settings.max_pixels)
        scheduler.lanes.farewell = headway.forgotten
        feeder = Feeder(store, scheduler, clock, max_images=settings.max_images, wait_seconds=settings.wait_seconds)
        room = RoomWatch(store, scheduler, collection.root, hub, clock, _room_rules(settings))
        hub.watch(room.watch)
        doubt = "" if make_fetcher else await room.before()
        recorder = Recorder(
            store, scheduler, feeder, collection.root, journal, hub, clock,
            durable=settings.durability == "batch", patience_seconds=settings.storage_patience_seconds,
        )  # fmt: skip
        run = Run(
            scheduler=scheduler, feeder=feeder, fetcher=fetcher, inspector=inspector, recorder=recorder,
            own_line=_own_line(settings, scheduler, fetcher, hub),
            keep_note=lambda note: store.add_event(note.at_ms, note.kind, "", note.detail), inbox=collection.inbox,
            commands=_commands(store, scheduler, figures, clock), clock=clock, hub=hub,
            limits=RunLimits(settings.wait_seconds, settings.grace_seconds, settings.max_time_seconds),
            take_snapshot=store.snapshot if store.exclusive else None, watch_room=None if make_fetcher else room.run,
        )  # fmt: skip
        notices = [await unfinished_addition(store, collection.root), doubt, *await ask_first_notices(store)]
        if lock.previous_crashed is not None or repairs.any:
            repaired = f"the last run did not end properly; put in order: {repairs}"
            await store.add_event(clock.now().utc_ms, "repair", "", repaired)
            notices.append(repaired)
        said = tuple(filter(None, notices))
        yield Job(collection, run, scheduler, figures, hub, clock, store, said, exceptions_of(settings))


def _own_line(settings: RunSettings, scheduler: Scheduler, fetcher: Fetcher, hub: EventHub) -> OwnLine:
    patience = OwnPatience(
        settings.storage_patience_seconds, settings.network_patience_seconds, () if settings.proxy else proxy_variables()
    )
    return OwnLine(scheduler, fetcher, hub, patience, SlotSearch() if settings.concurrency == "auto" else None)


def _commands(store: Store, scheduler: Scheduler, figures: Figures, clock: Clock) -> dict[str, CommandHandler]:
    """What the inbox may ask of a run, by name."""
    return {
        "retry": lambda body: _reopen(store, figures, body, clock),
        "hosts": host_order_handler(store, scheduler, clock),
        "lanes": lambda body: carry_out_grouping(store, body, clock.now().utc_ms),
    }


def _ended(counts: Counts) -> int:
    return sum(counts.by_status[status.label] for status in ImageStatus if status.terminal)


async def _reopen(store: Store, figures: Figures, body: Mapping[str, Any], clock: Clock) -> Mapping[str, Any]:
    """Carry out a retry beside the run, whose figures then count what is open again."""
    result = await carry_out_retry(store, body, clock.now().utc_ms)
    figures.recount(_ended(await store.counts()), await store.waiting_by_lane(MAX_COUNTED_HOSTS), clock.now())
    return result


def _spools(collection: Collection, settings: RunSettings) -> OpenSpool:
    """Spools share one budget; their part files are named by two numbers of ours."""
    budget = SpoolBudget(settings.spool_budget_bytes)

    def open_spool(ticket: Ticket) -> Spool:
        part = part_path(collection.part, ticket.work.id if ticket.work else 0, ticket.id)
        return Spool(part, budget, settings.spool_memory_body_bytes)

    return open_spool


def scheduler_of(settings: RunSettings, random: Random, joined: Mapping[str, str]) -> Scheduler:
    """The scheduler that these settings ask for, where people put these hosts in lanes themselves."""
    rules = SchedulerRules(
        concurrency=settings.concurrency_limit,
        rate_per_second=settings.rate_per_second,
        lane_limits=settings.lane_limits,
        presets=shipped_presets().limits,
        max_attempts=settings.max_attempts,
        retry_delays_seconds=settings.retry_delays_seconds,
        max_redirects=settings.max_redirects,
        caution=CAUTIONS[settings.caution],
        breaker=BreakerPolicy(give_up_after_seconds=settings.give_up_after_seconds),
    )
    robots = RobotsGate(ignore_all=settings.robots == "ignore", ignored_hosts=settings.robots_ignore_hosts)
    return Scheduler(rules, random, lanes_with(joined), robots)


def lanes_with(joined: Mapping[str, str]) -> Callable[[str], str]:
    """The same where people put hosts in lanes themselves: host by host, before the shipped table."""
    if not joined:
        return lane_of_url

    def lane_of_joined_url(url: str) -> str:
        return joined.get(host_of(url)) or lane_of_url(url)

    return lane_of_joined_url


def exceptions_of(settings: RunSettings) -> dict[str, list[str]]:
    """What a person has excepted from the rules, by the name of the setting: it is noted with every run that it holds for."""
    robots = ["all hosts"] if settings.robots == "ignore" else sorted(settings.robots_ignore_hosts)
    found = {"insecure_host": sorted(settings.insecure_hosts), "robots_ignored": robots}
    return {kind: hosts for kind, hosts in found.items() if hosts}


def _room_rules(settings: RunSettings) -> RoomRules:
    return RoomRules(settings.keep_free_bytes, settings.preflight, settings.storage_patience_seconds, settings.max_images)


def lane_of_url(url: str) -> str:
    """The lane a URL is asked in; empty when it is no usable address."""
    host = host_of(url)
    return lane_of(host) if host else ""


@asynccontextmanager
async def _web_fetcher(
    settings: RunSettings, open_spool: OpenSpool, clock: Clock, scheduler: Scheduler
) -> AsyncIterator[WebFetcher]:
    def count_bytes(ticket: Ticket, size_bytes: int) -> None:
        scheduler.came(ticket, size_bytes, clock.now())

    async with Web(web_settings(settings)) as web:
        yield WebFetcher(
            web, open_spool, clock,
            max_body_bytes=settings.max_body_bytes, obey_noai=settings.noai == "respect", count_bytes=count_bytes,
        )  # fmt: skip


async def _decode_pool(settings: RunSettings, stack: AsyncExitStack) -> DecodePool | None:
    if settings.validate_mode == "structure":
        return None
    workers = max(1, (os.cpu_count() or 1) - 1)
    return await stack.enter_async_context(DecodePool(workers, DecodeLimits(max_pixels=settings.max_pixels)))

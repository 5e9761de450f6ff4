"""A few polite questions to the largest hosts before a run: what they answer with, how large, how fast, by which detours.

The scheduler, its lanes, robots.txt and the fetcher are those of a run, so that pauses, crawl delays and forbidden paths hold;
lanes begin cold, whatever earlier runs have learnt. No host gets more than `MAX_REQUESTS_PER_LANE` requests, robots.txt and
redirects that lead to it included. What comes is looked at and let go: no row of an image changes.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Final, Protocol

from asyncdl.clock import Clock
from asyncdl.download.body import Body
from asyncdl.download.fetch import Fetcher
from asyncdl.download.outcome import Failed, Finished, Outcome, RobotsRead, Saved, Ticket
from asyncdl.download.probed import ProbedHost, ProbedImage
from asyncdl.download.scheduler import Scheduler
from asyncdl.errors import Blame, error_type
from asyncdl.imaging import sniff
from asyncdl.lane_records import LaneRecord, RobotsRecord
from asyncdl.model import Batch, ImageFacts, Work, WorkKind
from asyncdl.response import Response
from asyncdl.store import QUEUE_START, Reader
from asyncdl.urls import host_of

MAX_REQUESTS_PER_LANE: Final = 5
MAX_IMAGES_PER_LANE: Final = 4
"""Beside robots.txt."""

MAX_BODY_BYTES: Final = 1_000_000
"""Of a picture that is read; of a larger one the announced size is believed."""

MAX_SECONDS: Final = 60.0
PATIENCE_SECONDS: Final = 0.9
"""A pause that is longer ends the questions to a host; budgets pause for moments."""


MAX_HOSTS: Final = 20
NOT_ASKED: Final = "not asked: the host is left alone for now"
_ENOUGH: Final = f"this host has had its {MAX_REQUESTS_PER_LANE} questions"


class Memory(Protocol):
    """What a probe needs of the store: what is known of lanes, and a place for what it learns."""

    async def load_lanes(self, names: Sequence[str]) -> dict[str, LaneRecord]:
        """See `Reader.load_lanes`."""
        ...

    async def load_robots(self, lanes: Sequence[str]) -> list[RobotsRecord]:
        """See `Reader.load_robots`."""
        ...

    async def apply(self, batch: Batch, at_ms: int) -> object:
        """See `Store.apply`; only lanes and robots are given."""
        ...


class Probe:
    """One round of questions. Give `watch_head` and `count_bytes` to the fetcher, call `run` once."""

    def __init__(self, scheduler: Scheduler, memory: Memory, clock: Clock) -> None:
        self._scheduler = scheduler
        self._memory = memory
        self._clock = clock
        self._hosts: dict[str, ProbedHost] = {}
        self._images: dict[int, ProbedImage] = {}
        self._requests: Counter[str] = Counter()
        self._remembered: dict[str, LaneRecord] = {}
        self._tasks: set[asyncio.Task[tuple[Ticket, Outcome | Body]]] = set()

    def watch_head(self, ticket: Ticket, response: Response) -> None:
        """Note what the head of an answer says of its host, and of the picture."""
        host = self._host(ticket.lane)
        host.http_version = response.http_version
        host.keeps_connection = response.keeps_connection and host.keeps_connection is not False
        if ticket.work is not None:
            image = self._images[ticket.work.id]
            image.status, image.announced = response.status, response.media_type
            image.latency_seconds = response.latency_seconds
            image.size_bytes = response.content_length if response.status == 200 else None

    def count_bytes(self, ticket: Ticket, size_bytes: int) -> None:
        """So many bytes came: budgets count them."""
        self._scheduler.came(ticket, size_bytes, self._clock.now())

    async def run(self, fetcher: Fetcher, works: Sequence[Work]) -> list[ProbedHost]:
        """Ask for each of these rows once, within the bounds; returns the hosts in the order of the rows."""
        for work in works:
            now = self._clock.now()
            here = tuple(one for one in work.candidates if one.position == work.candidate)
            host = self._host(work.lane)
            self._images[work.id] = ProbedImage(here[0].url if here else "")
            host.images.append(self._images[work.id])
            if finished := self._scheduler.add(replace(work, candidates=here), now):
                self._note_verdict(finished)
        lanes = list(self._hosts)
        try:
            async with asyncio.timeout(MAX_SECONDS):
                await self._ask(fetcher)
        except TimeoutError:
            self._scheduler.release_all()
        finally:
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
        self._note_lanes()
        self._scheduler.lanes.remember_paces(self._clock.now())  # what was reserved of budgets and not spent is given back
        await self._remember()
        return [self._hosts[lane] for lane in lanes]

    async def _remember(self) -> None:
        """Store what was learnt of lanes: pauses, rules, and what is reserved of budgets, which may be spent only then.

        A cold lane knows no pace: the known one stays.
        """
        lanes = self._scheduler.lanes.changed()
        known = {record.lane: self._remembered[record.lane].learnt for record in lanes if record.lane in self._remembered}
        kept = tuple(replace(record, learnt=known.get(record.lane) or record.learnt) for record in lanes)
        await self._memory.apply(Batch(lanes=kept, robots=self._scheduler.robots.changed()), self._clock.now().utc_ms)
        self._scheduler.lanes.stored(lanes)

    async def _ask(self, fetcher: Fetcher) -> None:
        while True:
            await self._introduce_lanes()
            if self._scheduler.lanes.has_changed or self._scheduler.robots.has_changed:
                await self._remember()
            now = self._clock.now()
            step = self._scheduler.take(now)
            if isinstance(step, Ticket):
                self._start(fetcher, step)
            elif isinstance(step, Finished):
                self._note_verdict(step)
            elif self._scheduler.lanes.has_changed or self._release_paused():
                continue  # a budget waits for its reservation to be stored, or a host has just been let go
            elif not self._tasks and step.until is None:
                return
            else:
                await self._settle(None if step.until is None else max(0.0, step.until - now.monotonic))

    def _note_verdict(self, finished: Finished) -> None:
        """What ended without a request: a path that robots.txt forbids, a link that is none."""
        if finished.work is not None:
            verdict = finished.verdict.error if finished.verdict else None
            self._images[finished.work.id].error = finished.failure.error if finished.failure else verdict or "no_url"

    async def _introduce_lanes(self) -> None:
        if names := self._scheduler.lanes.unknown():
            self._remembered |= await self._memory.load_lanes(names)
            cold = {name: replace(record, learnt=None) for name, record in self._remembered.items()}
            self._scheduler.restore(names, cold, self._clock.now(), await self._memory.load_robots(names))
            self._release_paused()

    def _start(self, fetcher: Fetcher, ticket: Ticket) -> None:
        if self._requests[ticket.lane] >= MAX_REQUESTS_PER_LANE:
            self._stop_asking(ticket)
            return
        if ticket.work is not None and ticket.hop:
            self._images[ticket.work.id].hosts.append(host_of(ticket.url))
        self._requests[ticket.lane] += 1
        self._tasks.add(asyncio.create_task(_carry(fetcher, ticket)))

    def _stop_asking(self, ticket: Ticket) -> None:
        """Not one request more to this lane: what waits there is given back, and so is this."""
        now = self._clock.now()
        if (queue := self._scheduler.lanes.get(ticket.lane)) is not None:
            queue.lane.pauses.pause(2 * MAX_SECONDS, _ENOUGH, now)
        self._scheduler.finish(ticket, Failed("cancelled"), now)
        self._release_paused(f"not asked: {_ENOUGH}")

    async def _settle(self, pause_seconds: float | None) -> None:
        """Wait for an answer, or until something may start."""
        if not self._tasks:
            await asyncio.sleep(pause_seconds or 0.0)
            return
        done, self._tasks = await asyncio.wait(self._tasks, timeout=pause_seconds, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            ticket, answered = task.result()
            outcome = await self._look_at(ticket, answered) if isinstance(answered, Body) else answered
            self._finish(ticket, outcome)

    async def _look_at(self, ticket: Ticket, body: Body) -> Outcome:
        """What the bytes are. Whoever gets the outcome has nothing to do with the spool any more."""
        sniffed = sniff(body.spool.head)
        size_bytes = body.spool.size_bytes
        await body.spool.discard()
        if ticket.work is not None:
            image = self._images[ticket.work.id]
            image.size_bytes, image.media_type = size_bytes, sniffed.media_type
        if sniffed.kind in ("text", "unknown"):
            return Failed("invalid_content_type" if sniffed.kind == "text" else "not_an_image")
        return Saved(ImageFacts(sniffed.extension, sniffed.media_type, None, None), body.spool)

    def _finish(self, ticket: Ticket, outcome: Outcome) -> None:
        now = self._clock.now()
        if isinstance(outcome, Failed):
            self._note_failure(ticket, outcome)
        elif isinstance(outcome, RobotsRead):
            self._host(ticket.lane).robots = "read" if outcome.status == 200 else f"status {outcome.status}: no rules"
        self._scheduler.finish(ticket, outcome, now)
        self._release_paused()

    def _note_failure(self, ticket: Ticket, outcome: Failed) -> None:
        if ticket.work is None:
            self._host(ticket.lane).robots = f"could not be read: {outcome.error}"
            return
        image = self._images[ticket.work.id]
        if not (outcome.error == "too_large" and image.size_bytes):  # its size is all that was wanted
            image.error = outcome.error
        if error_type(outcome.error).blame is Blame.LOCAL:
            self._scheduler.release_all()

    def _release_paused(self, why: str = NOT_ASKED) -> bool:
        """A host that wants to be left alone is not waited for. Whether there was one."""
        released = self._scheduler.release_paused(self._clock.now(), PATIENCE_SECONDS)
        works = [*released.works, *(finished.work for finished in released.closed if finished.work)]
        for work in works:
            self._images[work.id].error = self._images[work.id].error or why
        return bool(works)

    def _note_lanes(self) -> None:
        now = self._clock.now()
        for queue in self._scheduler.lanes:
            host = self._host(queue.lane.name)
            host.crawl_delay_seconds = queue.lane.crawl_delay_seconds
            if queue.lane.pauses.reason != _ENOUGH:
                host.paused_seconds, host.pause_reason = queue.lane.paused_seconds(now), queue.lane.pauses.reason
        for name, host in self._hosts.items():
            host.requests = self._requests[name]
            for image in host.images:
                if not image.error and image.status is None:
                    image.error = f"no answer within {MAX_SECONDS:.0f} s"

    def _host(self, lane: str) -> ProbedHost:
        return self._hosts.setdefault(lane, ProbedHost(lane))


async def _carry(fetcher: Fetcher, ticket: Ticket) -> tuple[Ticket, Outcome | Body]:
    return ticket, await fetcher.fetch(ticket)


async def rows_to_ask(store: Reader, hosts: int, now_ms: int) -> list[Work]:
    """Due rows of the hosts with most waiting images, a few of each from all over the collection; one host per lane."""
    works: dict[int, Work] = {}
    lanes: set[str] = set()
    for due in await store.largest_waiting(hosts):
        if due.lane in lanes:
            continue
        lanes.add(due.lane)
        works |= {work.id: work for work in await _spread(store, due.host_id, now_ms)}
    return list(works.values())


async def _spread(store: Reader, host_id: int, now_ms: int) -> list[Work]:
    """A few rows of a host with the whole of its queue between them; neighbours where it is short."""
    last = await store.last_waiting(host_id)
    first = await store.due_work(host_id, WorkKind.IMAGE, QUEUE_START, now_ms, MAX_IMAGES_PER_LANE)
    found = {work.id: work for work in first[:1]}
    for place in range(1, MAX_IMAGES_PER_LANE):
        after = (0, last * place // (MAX_IMAGES_PER_LANE - 1) - 1)
        found |= {work.id: work for work in await store.due_work(host_id, WorkKind.IMAGE, after, now_ms, 1)}
    found |= {work.id: work for work in first}
    return list(found.values())[:MAX_IMAGES_PER_LANE]

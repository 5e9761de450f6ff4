"""A run from its first ticket to its last commit: feed, dispatch, fetch, inspect, record, until there is nothing left to do.

The shell around the pure scheduler. Three kinds of task: one feeder, one dispatcher that starts a task per ticket, one recorder.
Back-pressure runs backwards: a slow recorder stops the dispatcher, a full scheduler stops the feeder.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from asyncdl import events
from asyncdl.clock import Clock
from asyncdl.download.body import Body
from asyncdl.download.fetch import Fetcher
from asyncdl.download.inspect import Inspector
from asyncdl.download.outcome import Failed, Finished, Outcome, Saved, Ticket, Wait
from asyncdl.download.ownline import Note, OwnLine
from asyncdl.download.queue import Feeder
from asyncdl.download.record import Recorder
from asyncdl.download.scheduler import Scheduler
from asyncdl.download.suspicion import Settled
from asyncdl.errors import AsyncdlError, EnvironmentStops
from asyncdl.events import EventHub
from asyncdl.inbox import Inbox
from asyncdl.model import Evidence

SHORTEST_LAST_COMMIT_SECONDS = 5.0
"""The last commit gets this long even when the grace is shorter."""

SNAPSHOT_SECONDS = 30.0

_SHORTEST_FEED_SECONDS = 0.01
_LONGEST_FEED_SECONDS = 0.5
_INBOX_SECONDS = 0.5
_FEW_ROWS = 16

CommandHandler = Callable[[Mapping[str, Any]], Awaitable[Mapping[str, Any]]]


class StopReason(StrEnum):
    """Why a run ended before its work did."""

    SIGNAL = "signal"
    TIME = "time limit"
    IMAGES = "image limit"


@dataclass(frozen=True, slots=True)
class RunLimits:
    """When a run ends although there is work. None means no limit."""

    wait_seconds: float
    grace_seconds: float
    max_time_seconds: float | None = None


class Run:
    """One run over one collection. `run` once; `stop` from anywhere on the loop."""

    def __init__(
        self,
        *,
        scheduler: Scheduler,
        feeder: Feeder,
        fetcher: Fetcher,
        inspector: Inspector,
        recorder: Recorder,
        own_line: OwnLine,
        keep_note: Callable[[Note], Awaitable[None]],
        inbox: Inbox,
        commands: Mapping[str, CommandHandler],
        clock: Clock,
        hub: EventHub,
        limits: RunLimits,
        take_snapshot: Callable[[], Awaitable[object]] | None = None,
        watch_room: Callable[[], Awaitable[object]] | None = None,
    ) -> None:
        self._scheduler = scheduler
        self._feeder = feeder
        self._fetcher = fetcher
        self._inspector = inspector
        self._recorder = recorder
        self._own_line = own_line
        self._keep_note = keep_note
        self._inbox = inbox
        self._commands = commands
        self._clock = clock
        self._hub = hub
        self._limits = limits
        self._take_snapshot = take_snapshot
        self._watch_room = watch_room
        self._carrying: set[asyncio.Task[None]] = set()
        self._hungry = asyncio.Event()
        self._startable = asyncio.Event()
        self._over = asyncio.Event()
        self._one_reader = asyncio.Lock()
        self._trouble: AsyncdlError | BaseException | None = None
        self.stop_reason: StopReason | None = None

    def stop(self, reason: StopReason) -> None:
        """Start nothing more; what is in flight may finish within the grace."""
        if self.stop_reason is None:
            self.stop_reason = reason
        self._over.set()

    async def run(self) -> None:
        """Work until nothing is due within the wait, or until stopped. Raises `EnvironmentStops` when this machine stops us."""
        timer = asyncio.get_running_loop().call_later(self._limits.max_time_seconds, self.stop, StopReason.TIME) if (
            self._limits.max_time_seconds is not None
        ) else None  # fmt: skip
        stages = [asyncio.create_task(stage, name=name) for name, stage in (
            ("feed", self._feed()), ("dispatch", self._dispatch()), ("record", self._recorder.run()), ("control", self._control()),
            ("snapshots", self._snapshots()), ("room", self._room()),
        )]  # fmt: skip
        over = asyncio.create_task(self._over.wait(), name="over")
        try:
            await asyncio.wait([over, *stages], return_when=asyncio.FIRST_COMPLETED)
            self._over.set()  # also when a stage has failed
            feed, dispatch, record, *others = stages
            await _cancel(feed, dispatch, *others)
            await self._drain(record)
        finally:
            if timer is not None:
                timer.cancel()
            await _cancel(over, *stages, *self._carrying)
        for stage in stages:
            if not stage.cancelled() and (error := stage.exception()):
                raise error
        if self._trouble is not None:
            raise self._trouble

    async def _drain(self, record: asyncio.Task[None]) -> None:
        """Let what is in flight finish within the grace, give everything else back, and commit."""
        self._feeder.given_back(self._scheduler.release_all())
        if self._carrying:
            await asyncio.wait(set(self._carrying), timeout=self._limits.grace_seconds)
        await _cancel(*self._carrying)
        while self._scheduler.doubts.settled:
            self._recorder.add(self._scheduler.doubts.settled.popleft())
        self._scheduler.lanes.remember_paces(self._clock.now())
        if record.done():
            return
        try:
            async with asyncio.timeout(max(self._limits.grace_seconds, SHORTEST_LAST_COMMIT_SECONDS)):
                await self._recorder.finish()
        except TimeoutError:
            raise EnvironmentStops(
                "the last batch could not be committed in time", "look at the disk; its images will be asked for again"
            ) from None

    # -- the stages ------------------------------------------------------------------------------------------

    async def _feed(self) -> None:
        """Keep the scheduler supplied; end the run when nothing is due within the wait."""
        while not self._over.is_set():
            self._hungry.clear()
            for closed in await self._feeder.feed():
                self._recorder.add(closed)
            self._startable.set()
            pause = _LONGEST_FEED_SECONDS
            if self._scheduler.works == 0:
                pause = await self._rest()
            await asyncio.sleep(_SHORTEST_FEED_SECONDS)
            with suppress(TimeoutError):
                async with asyncio.timeout(pause):
                    await self._hungry.wait()

    async def _rest(self) -> float:
        """Nothing is in hand: commit what is done, then say how long to wait for the next due row, or end the run."""
        if not self._recorder.idle:
            self._recorder.hurry()
            return _LONGEST_FEED_SECONDS
        async with self._one_reader:  # what a command is doing, or is asked to do, may be work
            await self._obey()
            now = self._clock.now()
            due_ms = await self._feeder.next_due_ms(now)
            if due_ms is not None and self._feeder.images_left == 0:
                self.stop(StopReason.IMAGES)
                return 0.0
            if due_ms is None or now.seconds_until(due_ms) > self._limits.wait_seconds:
                self._over.set()
                return 0.0
        return max(0.0, now.seconds_until(due_ms))

    async def _dispatch(self) -> None:
        """Start whatever may start, the moment it may."""
        while True:
            await self._recorder.room()
            now = self._clock.now()
            step = self._scheduler.take(now)
            if isinstance(step, Ticket):
                task = asyncio.create_task(self._carry(step))
                self._carrying.add(task)
                task.add_done_callback(self._carrying.discard)
            elif isinstance(step, Finished):
                self._recorder.add(step)
                self._hungry.set()  # a host that is given up has many rows to end, and no request paces them
            else:
                await self._until_startable(step, now.monotonic)

    async def _until_startable(self, wait: Wait, now: float) -> None:
        self._recorder.look()
        self._startable.clear()
        with suppress(TimeoutError):
            async with asyncio.timeout(None if wait.until is None else max(0.0, wait.until - now)):
                await self._startable.wait()

    async def _carry(self, ticket: Ticket) -> None:
        """One ticket from request to verdict. A stop in the middle leaves the row as it was: due."""
        outcome: Outcome | Body = Failed("cancelled", Evidence("the run was stopped"))
        try:
            outcome = await self._fetcher.fetch(ticket)
            if isinstance(outcome, Body):
                self._scheduler.received(ticket, outcome.latency_seconds, self._clock.now())
                self._own_line.answered(ticket.lane, outcome.latency_seconds)
                self._startable.set()
                outcome = await self._inspector.inspect(outcome)
            self._settle(self._own_line.weigh(ticket, outcome, self._clock.now()))
        except asyncio.CancelledError:
            if isinstance(outcome, (Body, Saved)):
                await outcome.spool.discard()
            raise
        except Exception as error:  # noqa: BLE001  the border of a task: the run ends with it, and nothing is lost
            self._trouble = self._trouble or error
            self._over.set()

    def _settle(self, settled: Sequence[Settled]) -> None:
        """Tell the scheduler, pass what follows to the recorder, and wake whoever waited for this."""
        for each in settled:
            now = self._clock.now()
            finished = self._scheduler.finish(each.ticket, each.outcome, now)
            if (stops := self._own_line.settled(each, finished.local_fault, now)) and self._trouble is None:
                self._trouble = stops
                self._over.set()
            self._recorder.add(finished)
            queue = self._scheduler.lanes.get(each.ticket.lane)
            if queue is None or len(queue) < _FEW_ROWS or not self._scheduler.works or self._scheduler.lanes.has_unknown:
                self._hungry.set()
        self._startable.set()

    async def _control(self) -> None:
        """Look into the inbox at a steady pace, and never again once the run has been found to be over. What was long in doubt ends here too."""
        while not self._over.is_set():
            self._settle(self._own_line.tick(self._clock.now()))
            for note in self._own_line.notes():
                await self._keep_note(note)
            async with self._one_reader:
                if not self._over.is_set():
                    await self._obey()
            await asyncio.sleep(_INBOX_SECONDS)

    async def _obey(self) -> None:
        """Carry out the commands in the inbox. The caller holds the lock."""
        for command in await asyncio.to_thread(self._inbox.take):
            name = str(command.body.get("command", ""))
            handler = self._commands.get(name)
            result: Mapping[str, Any] = {"error": f"unknown command {name!r}"}
            if handler is not None:
                result = await handler(command.body)
            await asyncio.to_thread(self._inbox.acknowledge, command.id, result)
            self._hub.emit(events.Notice(self._clock.now().utc_ms, _told(name, result)))
            self._hungry.set()

    async def _snapshots(self) -> None:
        """Keep the figures readable where the database itself cannot be read beside the run (network file systems)."""
        while self._take_snapshot is not None:
            await self._take_snapshot()
            await asyncio.sleep(SNAPSHOT_SECONDS)
        await self._over.wait()

    async def _room(self) -> None:
        """Look after the disk; its end, but for trouble, ends nothing."""
        if self._watch_room is not None:
            await self._watch_room()
        await self._over.wait()


def _told(name: str, result: Mapping[str, Any]) -> str:
    """What people beside the run are told of a command: the words and counts that it came to."""
    said = {key: value for key, value in result.items() if value and isinstance(value, str | int) and value is not True}
    facts = ", ".join(f"{key} {value}" for key, value in said.items() if not key.endswith("_ms"))
    return f"command {name}: {facts or 'carried out'}"


async def _cancel(*tasks: asyncio.Task[Any]) -> None:
    for task in tasks:
        task.cancel()
    if tasks:
        await asyncio.wait(tasks)

"""`DecodePool`: a bounded set of worker processes that decode files by path.

Each seat of the pool keeps one process busy with a small window of files, so that a process never waits for its next
request. A process that dies or overstays costs the file it was on, not the ones behind it; those are sent again to its
successor. Knows nothing of rows, and loads no decoder itself.
"""

from __future__ import annotations

import asyncio
import itertools
from collections import deque
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from asyncdl.errors import EnvironmentStops
from asyncdl.imaging.process import WorkerDied, WorkerProcess
from asyncdl.imaging.verdict import Decoded, DecodeFailure, DecodeLimits

_MAX_STARTS = 3
_SECONDS_BETWEEN_STARTS = 1.0
_MAX_KILLS_FROM_OUTSIDE = 2
_CANCELLED = DecodeFailure("cancelled", "the run stopped before the file was decoded")


@dataclass(slots=True, eq=False)
class _Job:
    number: int
    path: Path
    extension: str
    answer: asyncio.Future[Decoded | DecodeFailure]
    kills_from_outside: int = 0

    @property
    def request(self) -> tuple[int, Path, str]:
        return self.number, self.path, self.extension


class DecodePool:
    """An async context manager; `decode` may be called by many tasks at once.

    Every caller waits for its answer, so no more files are queued than there are callers: their number is the bound.
    `window_files` is how many files a process may hold unanswered. Processes are started when there is work for them, and
    replaced after `limits.files_per_worker` files. On leaving, files not yet decoded are answered with `cancelled`.
    """

    def __init__(self, workers: int, limits: DecodeLimits | None = None, *, window_files: int = 4) -> None:
        self._workers = workers
        self._limits = limits or DecodeLimits()
        self._window_files = window_files
        self._queue: asyncio.Queue[_Job] = asyncio.Queue()
        self._numbers = itertools.count(1)
        self._seats: list[asyncio.Task[None]] = []
        self._open: set[_Job] = set()
        self._processes: set[WorkerProcess] = set()
        self._broken: Exception | None = None

    @property
    def process_ids(self) -> frozenset[int]:
        """The processes at work now."""
        return frozenset(process.pid for process in self._processes)

    async def __aenter__(self) -> Self:
        self._seats = [asyncio.create_task(self._seat(), name=f"decode-{number}") for number in range(self._workers)]
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        seats, self._seats = self._seats, []
        for seat in seats:
            seat.cancel()
        await asyncio.gather(*seats, return_exceptions=True)
        for process in tuple(self._processes):  # their seats were cancelled while ending them
            await self._end(process)
        for job in self._open:
            self._resolve(job, _CANCELLED)

    async def decode(self, path: Path, extension: str) -> Decoded | DecodeFailure:
        """The facts of the file at `path`, whose type by content has this `extension`, or why it does not decode.

        Beside the errors of `decode.decode` there are `decode_crashed` (the process died, or ran out of time) and
        `cancelled` (the pool was left). Raises `EnvironmentStops` when no worker process can be started.
        """
        if self._broken:
            raise self._broken
        if not self._seats:
            return _CANCELLED
        job = _Job(next(self._numbers), path, extension, asyncio.get_running_loop().create_future())
        self._open.add(job)
        self._queue.put_nowait(job)
        try:
            return await job.answer
        finally:
            self._open.discard(job)

    async def _seat(self) -> None:
        """Keep one process at work until cancelled; when that is impossible, tell everyone who waits."""
        left: deque[_Job] = deque()
        try:
            while True:
                left = await self._employ(left or deque([await self._next_job()]))
        except Exception as error:  # noqa: BLE001  handed to every caller, who cannot go on without the pool
            self._broken = error
            for job in self._open:
                if not job.answer.done():
                    job.answer.set_exception(error)

    async def _employ(self, sent: deque[_Job]) -> deque[_Job]:
        """Let one process serve until it is worn out or dead; returns what must be sent to its successor."""
        process = await self._start()
        capacity = self._limits.files_per_worker - len(sent)
        try:
            process.send(job.request for job in sent)
            while sent:
                result = await process.reply(sent[0].number)
                self._resolve(sent.popleft(), result)
                more = await self._next_jobs(min(capacity, self._window_files - len(sent)), wait=not sent)
                capacity -= len(more)
                process.send(job.request for job in more)
                sent += more
        except WorkerDied as death:
            self._blame(sent, death)
        finally:
            await self._end(process)
        return deque(job for job in sent if not job.answer.done())

    def _blame(self, sent: deque[_Job], death: WorkerDied) -> None:
        """Fail the file the process was on. One that was merely killed from outside gets a second chance."""
        culprit = sent[0]
        culprit.kills_from_outside += death.from_outside
        if not death.from_outside or culprit.kills_from_outside >= _MAX_KILLS_FROM_OUTSIDE:
            self._resolve(sent.popleft(), DecodeFailure("decode_crashed", death.detail))

    async def _start(self) -> WorkerProcess:
        reason = ""
        for attempt in range(_MAX_STARTS):
            if attempt:
                await asyncio.sleep(_SECONDS_BETWEEN_STARTS)
            try:
                return await self._start_once()
            except (WorkerDied, OSError) as error:
                reason = str(error)
        raise EnvironmentStops(
            f"no image decoder process can be started: {reason}",
            "look at the limits of processes, memory and open files, or use --validate structure",
        )

    async def _start_once(self) -> WorkerProcess:
        process = await WorkerProcess.launch(self._limits)
        self._processes.add(process)
        try:
            await process.ready()
        except BaseException:
            await self._end(process)
            raise
        return process

    async def _end(self, process: WorkerProcess) -> None:
        await process.stop()
        self._processes.discard(process)

    async def _next_jobs(self, at_most: int, *, wait: bool) -> list[_Job]:
        """Up to `at_most` files, but no more than this seat's share, so that one burst occupies all processes."""
        if at_most <= 0:
            return []
        jobs = [await self._next_job()] if wait else []
        fair_share = -(-self._queue.qsize() // self._workers)
        while len(jobs) < min(at_most, max(1, fair_share)) and not self._queue.empty():
            job = self._queue.get_nowait()
            if not job.answer.done():
                jobs.append(job)
        return jobs

    async def _next_job(self) -> _Job:
        while (job := await self._queue.get()).answer.done():  # its caller was cancelled
            pass
        return job

    @staticmethod
    def _resolve(job: _Job, result: Decoded | DecodeFailure) -> None:
        if not job.answer.done():
            job.answer.set_result(result)

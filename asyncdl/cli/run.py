"""`asyncdl run`: the long-running command, its display, its signals, and its last line."""

from __future__ import annotations

import asyncio
import gc
import math
import os
import signal
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from pathlib import Path

from rich.console import Console, RenderableType
from rich.live import Live

from asyncdl import events
from asyncdl.app.jobs import Job, open_job
from asyncdl.cli.command import HERE, CollectionArgument, Command, Flags, Group, run_coroutine, with_settings
from asyncdl.collection import Collection
from asyncdl.download.ending import RunReport
from asyncdl.download.progress import live_view, plain_line
from asyncdl.download.run import StopReason
from asyncdl.settings import RunSettings, load_run_settings
from asyncdl.terminal import printable, stderr_console, stdout_console

LIVE_SECONDS = 0.25
PLAIN_SECONDS = 30.0
STATUS_STOPPED = 3
MAX_LINE_CHARS = 1_000
_GARBAGE_THRESHOLDS = (50_000, 20, 50)
_STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM)


@with_settings(RunSettings)
def run(collection: CollectionArgument = HERE, *, flags: Flags) -> int:
    """Download what is due, until nothing more is due within --wait. Stop it at any moment; start it again and it goes on.

    Exit status: 0 nothing left to do; 3 stopped with work due now; 4 another run holds the collection; 5 the collection is
    missing or damaged; 6 the environment stops us; 7 only waiting work is left.
    """
    opened = Collection.open(collection)
    report = run_coroutine(run_shown(opened, load_run_settings(opened.root, flags)))
    print_ending(report, opened.root)
    return report.exit_status


async def run_shown(collection: Collection, settings: RunSettings) -> RunReport:
    """A whole run with its display and its signals. Shared with `get` and `demo`."""
    console = stderr_console()
    with _rare_looks_for_cycles():
        async with open_job(collection, settings) as job:
            with _signals(job, console):
                async with _shown(job, console, progress=settings.progress):
                    return await job.work()


@contextmanager
def _rare_looks_for_cycles() -> Iterator[None]:
    """Make the interpreter look for cycles less often: a run makes few, and this saves about a tenth of the main thread."""
    usual = gc.get_threshold()
    gc.freeze()
    gc.set_threshold(*_GARBAGE_THRESHOLDS)
    try:
        yield
    finally:
        gc.set_threshold(*usual)
        gc.unfreeze()  # or libraries complain at the exit that what was frozen is left over


def print_ending(report: RunReport, root: Path) -> None:
    """The last line of a run: what is done, what is not and why, and what to type next."""
    line = f"{report.line()}; next: {report.next_command(printable(str(root)))}"
    console = stdout_console()
    console.print(printable(line, MAX_LINE_CHARS), soft_wrap=not console.is_terminal, markup=False)


@contextmanager
def _signals(job: Job, console: Console) -> Iterator[None]:
    """The first SIGINT or SIGTERM drains; the second ends the process at once, as a crash would: nothing committed is lost."""
    loop = asyncio.get_running_loop()
    asked = False

    def stop() -> None:
        nonlocal asked
        if asked:
            console.show_cursor()
            os._exit(STATUS_STOPPED)
        asked = True
        job.hub.emit(events.Notice(job.clock.now().utc_ms, "stopping: finishing what is in flight; again to stop at once"))
        job.run.stop(StopReason.SIGNAL)

    for number in _STOP_SIGNALS:
        loop.add_signal_handler(number, stop)
    try:
        yield
    finally:
        for number in _STOP_SIGNALS:
            loop.remove_signal_handler(number)


def _shown(job: Job, console: Console, *, progress: bool) -> AbstractAsyncContextManager[None]:
    """How the run is shown: drawn on a terminal, else in lines; without progress only what a person should know."""
    if progress and console.is_terminal:
        return _live(job, console)
    return _lines(job, console, every_seconds=PLAIN_SECONDS if progress else math.inf)


@asynccontextmanager
async def _live(job: Job, console: Console) -> AsyncIterator[None]:
    """Draw the figures on a terminal while the run works."""
    title = f"asyncdl run {job.collection.root}"

    def view() -> RenderableType:
        return live_view(job.figures.snapshot(job.scheduler, job.clock.now()), title)

    with Live(console=console, auto_refresh=False, transient=False) as live:
        async with _ticking(lambda: live.update(view(), refresh=True), LIVE_SECONDS):
            yield
        live.update(view(), refresh=True)


@asynccontextmanager
async def _lines(job: Job, console: Console, *, every_seconds: float) -> AsyncIterator[None]:
    """Print the figures as one line at a time (never when that is infinite), and notices as they come."""

    def say(text: str) -> None:
        console.print(printable(text, MAX_LINE_CHARS), soft_wrap=True, markup=False)

    def told(event: events.Event) -> None:
        if isinstance(event, events.Notice):
            say(event.text)

    job.hub.watch(told)
    if math.isinf(every_seconds):
        yield
        return
    async with _ticking(lambda: say(plain_line(job.figures.snapshot(job.scheduler, job.clock.now()))), every_seconds):
        yield


@asynccontextmanager
async def _ticking(draw: Callable[[], None], seconds: float) -> AsyncIterator[None]:
    """Call `draw` at a steady pace inside the block."""

    async def tick() -> None:
        while True:
            await asyncio.sleep(seconds)
            draw()

    task = asyncio.create_task(tick(), name="display")
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait([task])


COMMAND = Command("run", run, Group.EVERY_DAY, "asyncdl run herbarium --contact you@institute.edu --max-time 11h30m")

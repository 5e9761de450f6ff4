"""`asyncdl verify`: compare rows with files, and repair what does not agree."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from random import Random
from typing import Annotated

import typer
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from asyncdl.cli.command import HERE, CollectionArgument, Command, Group, JsonOption, run_coroutine
from asyncdl.cli.opening import ask_rows
from asyncdl.clock import Clock, SystemClock
from asyncdl.collection import Collection, RunLock
from asyncdl.errors import CollectionError, UsageError
from asyncdl.report.wording import place_text
from asyncdl.store import Store
from asyncdl.terminal import stderr_console
from asyncdl.units import approximate_size
from asyncdl.upkeep.repair import Repair
from asyncdl.upkeep.verify import Verification, VerifyOptions, VerifyProgress, VerifyReport
from asyncdl.upkeep.verify_view import report_json, report_lines, verdict_of

PLAIN_SECONDS = 30.0
MAX_SAMPLE = 1_000_000_000
_SAMPLE = re.compile(r"1\s*/\s*([0-9]{1,10})")

_Watch = Callable[[VerifyProgress], None]
_Hash = Annotated[bool, typer.Option("--hash", help="Read every file and compare its SHA-256.")]
_Sample = Annotated[
    str | None, typer.Option("--sample", metavar="1/N", help="Read only one file in N, others by chance each time; implies --hash.")
]
_Db = Annotated[bool, typer.Option("--db", help="Also check the database itself, and recount what its counters say.")]
_Fix = Annotated[
    bool,
    typer.Option("--fix", help="Set damaged and unknown files aside (never delete), re-open their images, recompute counters."),
]
_Loss = Annotated[bool, typer.Option("--accept-loss", help="With --fix: go on even when no file is there at all.")]


def verify(
    collection: CollectionArgument = HERE,
    *,
    hash_files: _Hash = False,
    sample: _Sample = None,
    db: _Db = False,
    fix: _Fix = False,
    accept_loss: _Loss = False,
    as_json: JsonOption = False,
) -> int:
    """Compare rows and files both ways: missing, cut or damaged files, files that no row knows, leftovers of a kill.

    Exit status: 0 everything agrees (now); 5 something is wrong and was not repaired. Without --fix it may look while a run
    is at work.
    """
    one_in = _sample(sample) if sample is not None else int(hash_files)
    options = VerifyOptions(one_in, Random().randrange(max(one_in, 1)), db, accept_loss)
    clock = SystemClock()
    opened = Collection.open(collection, read_only=not fix)
    if fix:
        with opened.lock() as lock, _progress(clock) as watch:
            report, repair = run_coroutine(_fix(opened, options, clock, lock, watch))
    else:
        with _progress(clock) as watch:
            report, repair = run_coroutine(_look(opened, options, clock, watch)), None
    verdict = verdict_of(report, repair)
    if as_json:
        typer.echo(json.dumps(report_json(report, repair, verdict, opened.root), indent=2))
    else:
        for line in report_lines(report, repair, verdict, place_text(collection)):
            typer.echo(line)
    return 0 if verdict.clean else CollectionError.exit_status


async def _look(collection: Collection, options: VerifyOptions, clock: Clock, watch: _Watch) -> VerifyReport:
    beside_a_run = collection.holder() is not None

    async def question(store: Store) -> VerifyReport:
        return await Verification(collection, store, options, clock, beside_a_run=beside_a_run, watch=watch).run()

    return await ask_rows(collection.root, question)


async def _fix(
    collection: Collection, options: VerifyOptions, clock: Clock, lock: RunLock, watch: _Watch
) -> tuple[VerifyReport, Repair]:
    now_ms = clock.now().utc_ms
    async with await Store.open(collection.db) as store:
        if lock.previous_crashed is not None:  # our release wipes the mark; the rows remember
            await store.add_event(now_ms, "crash", str(lock.previous_crashed), "noticed by verify")
        repair = Repair(collection.root, store, now_ms)
        report = await Verification(collection, store, options, clock, beside_a_run=False, repair=repair, watch=watch).run()
        done = {"images_reopened": repair.images_reopened, "files_moved": repair.files_moved, "unfixed": repair.unfixed}
        await store.add_event(now_ms, "verify", "fix", json.dumps(done))
    return report, repair


def _sample(text: str) -> int:
    found = _SAMPLE.fullmatch(text.strip())
    if found is None or not 1 <= int(found[1]) <= MAX_SAMPLE:
        raise UsageError(f"--sample {text[:40]!r} is no share", "write 1/100 to read one file in a hundred")
    return int(found[1])


@contextmanager
def _progress(clock: Clock) -> Iterator[_Watch]:
    """A bar on a terminal, else a line every 30 s; both on standard error."""
    console = stderr_console()
    if not console.is_terminal:
        yield _plain(clock)
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TextColumn("{task.fields[read]}"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("files", total=None, read="")

        def show(now: VerifyProgress) -> None:
            bar.update(task, description=now.stage, completed=now.done, total=now.total or None, read=_read(now))

        yield show


def _plain(clock: Clock) -> _Watch:
    last = clock.now().monotonic

    def show(now: VerifyProgress) -> None:
        nonlocal last
        if (moment := clock.now().monotonic) - last >= PLAIN_SECONDS:
            last = moment
            of = f" of {now.total:,}" if now.total else ""
            typer.echo(f"verify: {now.stage}: {now.done:,}{of} {_read(now)}".rstrip(), err=True)

    return show


def _read(now: VerifyProgress) -> str:
    return f"{approximate_size(now.read_bytes)} read" if now.read_bytes else ""


COMMAND = Command(
    "verify",
    verify,
    Group.CARE,
    "asyncdl verify herbarium\nasyncdl verify herbarium --hash --db\nasyncdl verify herbarium --sample 1/100 --fix",
)

"""`asyncdl import-legacy`: adopt the files that an earlier tool saved."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import BarColumn, Progress, TextColumn

from asyncdl.app.legacy import import_legacy as adopt
from asyncdl.cli.command import CollectionArgument, Command, Group, JsonOption, run_coroutine
from asyncdl.cli.opening import ask_rows
from asyncdl.clock import SystemClock, iso_utc
from asyncdl.collection import Collection, RunLock
from asyncdl.errors import UsageError
from asyncdl.legacy.account import Account
from asyncdl.legacy.adopt import LegacyOptions, LegacyProgress
from asyncdl.legacy.claims import Claims, DatabaseClaims, ListClaims, OldTree, TreeClaims
from asyncdl.legacy.giving import Mode
from asyncdl.legacy.view import report_json, report_lines
from asyncdl.report.wording import place_text
from asyncdl.store import LegacyDatabase, Store
from asyncdl.terminal import stderr_console
from asyncdl.units import approximate_duration, approximate_size

PLAIN_SECONDS = 30.0
_MAX_SAME_NAMES = 1000

_Watch = Callable[[LegacyProgress], None]
_Files = Annotated[Path, typer.Option("--files", metavar="FOLDER", help="The folder that holds the old files.", show_default=False)]
_Processed = Annotated[
    Path | None, typer.Option("--processed", metavar="FILE", help="Only the records of this list: one id per line.")
]
_Database = Annotated[
    Path | None,
    typer.Option("--database", metavar="FILE", help="The status database of the earlier tool: its links tell which photo each is."),
]
_Copy = Annotated[bool, typer.Option("--copy", help="Copy the files (and read them as with --hash).")]
_Move = Annotated[bool, typer.Option("--move", help="Remove each old file once its bytes are in the collection.")]
_Link = Annotated[bool, typer.Option("--link", help="Give the files a second name (a hard link): the default.")]
_Hash = Annotated[
    bool, typer.Option("--hash", help="Read every file: check its structure and note its SHA-256; else `verify --hash --fix` does.")
]
_DryRun = Annotated[bool, typer.Option("--dry-run", help="Change nothing; only say what would be done.")]


def import_legacy(
    collection: CollectionArgument,
    *,
    files: _Files,
    processed: _Processed = None,
    database: _Database = None,
    copy: _Copy = False,
    move: _Move = False,
    link: _Link = False,
    hash_files: _Hash = False,
    dry_run: _DryRun = False,
    as_json: JsonOption = False,
) -> None:
    """Adopt files that an earlier tool saved as ID.jpg or ID-NN.EXT, flat or in folders by the digits of the id.

    Each file gets its name in the collection and counts as saved, without a request. By default it is a second name of the
    same bytes: it takes no space, and the old tree stays as it is. Pages, cut and foreign files are not adopted but listed in
    rejects/. Without a list and a database every file of the tree is looked at. Lists of failures are not taken over: those
    images get a fresh attempt with a recorded reason. Safe to repeat and to interrupt.

    The collection's own files/ may be named too: so files are adopted again whose database was lost.
    """
    options = LegacyOptions(_mode(copy=copy, move=move, link=link), hash_files)
    if processed is not None and database is not None:
        raise UsageError("--processed and --database cannot go together", "the database says all that the list says, and more")
    opened = Collection.open(collection, read_only=dry_run)
    tree = OldTree(files)
    _refuse_overlap(tree.root, opened, options.mode)
    clock = SystemClock()
    began = clock.now()
    with ExitStack() as stack:
        claims = _claims(tree, processed, database, stack)
        account = stack.enter_context(Account(None if dry_run else _rejects_path(opened, began.utc_ms)))
        watch = stack.enter_context(_progress(clock))
        if dry_run:
            run_coroutine(
                ask_rows(collection, lambda store: adopt(opened, store, None, tree, claims, options, account, clock, watch), ())
            )
        else:
            lock = stack.enter_context(opened.lock())
            run_coroutine(_adopt(opened, lock, tree, claims, options, account, clock, watch))
    seconds = clock.now().monotonic - began.monotonic
    if as_json:
        typer.echo(json.dumps(report_json(account, options.mode, seconds, dry_run=dry_run), indent=2))
        return
    for line in report_lines(account, options.mode, seconds, place_text(collection), dry_run=dry_run):
        typer.echo(line)


async def _adopt(
    collection: Collection, lock: RunLock, tree: OldTree, claims: Claims, options: LegacyOptions, account: Account,
    clock: SystemClock, watch: _Watch,
) -> None:  # fmt: skip
    began = clock.now()
    async with await Store.open(collection.db) as store:
        if lock.previous_crashed is not None:  # our release wipes the mark; the rows remember
            await store.add_event(began.utc_ms, "crash", str(lock.previous_crashed), "noticed by import-legacy")
        await adopt(collection, store, store, tree, claims, options, account, clock, watch)
        seconds = clock.now().monotonic - began.monotonic
        report = report_json(account, options.mode, seconds, dry_run=False)
        report.pop("examples")
        await store.add_event(began.utc_ms, "import-legacy", str(tree.root), json.dumps(report))


def _mode(*, copy: bool, move: bool, link: bool) -> Mode:
    if copy + move + link > 1:
        raise UsageError("only one of --copy, --move and --link can be done", "leave the others out")
    return Mode.COPY if copy else Mode.MOVE if move else Mode.LINK


def _claims(tree: OldTree, processed: Path | None, database: Path | None, stack: ExitStack) -> Claims:
    if processed is not None:
        return ListClaims(processed)
    if database is not None:
        return DatabaseClaims(stack.enter_context(LegacyDatabase(database)), tree.root)
    return TreeClaims(tree.root)


def _refuse_overlap(tree: Path, collection: Collection, mode: Mode) -> None:
    root = collection.root.resolve()
    if tree == collection.files.resolve() and mode is Mode.LINK:
        return  # its own files, whose database was lost: each has its name already, and keeps it
    if tree == root or tree in root.parents or root in tree.parents:
        raise UsageError(
            f"{tree} and the collection lie inside each other",
            f"keep the old files and the collection in folders side by side; only {collection.files} itself, where a database was lost, may be linked",
        )


def _rejects_path(collection: Collection, at_ms: int) -> Path:
    """A file that nobody used before."""
    name = f"import-legacy-{iso_utc(at_ms).replace(':', '')}"
    paths = (collection.rejects / f"{name}{f'-{number}' if number else ''}.tsv" for number in range(_MAX_SAME_NAMES))
    return next(path for path in paths if not path.exists())


@contextmanager
def _progress(clock: SystemClock) -> Iterator[_Watch]:
    """A line that moves on a terminal, else a line every 30 s; both on standard error."""
    console = stderr_console()
    if not console.is_terminal:
        yield _plain(clock)
        return
    with Progress(BarColumn(), TextColumn("{task.description}"), console=console, transient=True) as bar:
        task = bar.add_task("import-legacy", total=None)

        def show(now: LegacyProgress) -> None:
            bar.update(task, description=_words(now), completed=now.fraction or 0, total=None if now.fraction is None else 1)

        yield show


def _plain(clock: SystemClock) -> _Watch:
    last = clock.now().monotonic

    def show(now: LegacyProgress) -> None:
        nonlocal last
        if (moment := clock.now().monotonic) - last >= PLAIN_SECONDS:
            last = moment
            typer.echo(f"import-legacy: {_words(now)}", err=True)

    return show


def _words(now: LegacyProgress) -> str:
    """`1,200,000 looked at, 1,150,000 adopted, 9,800/s, 3m05s left`."""
    words = [f"{now.looked_at:,} looked at", f"{now.adopted:,} adopted"]
    if now.seconds > 0:
        words.append(f"{now.looked_at / now.seconds:,.0f}/s")
    if now.bytes_read:
        words.append(f"{approximate_size(now.bytes_read)} read")
    if now.fraction:
        words.append(f"{approximate_duration(now.seconds * (1 - now.fraction) / now.fraction)} left")
    return ", ".join(words)


COMMAND = Command(
    "import-legacy",
    import_legacy,
    Group.CARE,
    "asyncdl import-legacy herbarium --files /data/old/images --processed processed_ids.txt --dry-run\n"
    "asyncdl import-legacy herbarium --files /data/old/images --database download.sqlite --hash\n"
    "asyncdl import-legacy herbarium --files /data/old/images --move",
)

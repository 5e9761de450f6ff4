"""`asyncdl unlock`: forget a run that another machine left behind, and note who said so."""

from __future__ import annotations

from typing import Annotated

import typer

from asyncdl.cli.command import CollectionArgument, Command, Group, run_coroutine
from asyncdl.clock import SystemClock
from asyncdl.collection import Collection, Holder
from asyncdl.errors import UsageError
from asyncdl.report.wording import place_text
from asyncdl.store import Store
from asyncdl.terminal import printable

MAX_MESSAGE_CHARS = 1_000
_Message = Annotated[
    str, typer.Option("--message", "-m", metavar="TEXT", help="Why it is safe: who looked, and where. Kept with the collection.")
]


def unlock(collection: CollectionArgument, message: _Message) -> None:
    """Clear the lock of a run that died on another machine, where this one cannot see that it is gone.

    A run that lives on this machine is never overridden. On any machine that is back, a plain `asyncdl run` does the same by itself.
    """
    if not message.strip():
        raise UsageError("--message is empty", "say why it is safe to go on, for whoever reads the record later")
    opened = Collection.open(collection)
    with opened.lock(force=True) as lock:
        left = lock.previous_crashed
        if left is not None:
            run_coroutine(_note(opened, left, message.strip()[:MAX_MESSAGE_CHARS]))
    place = place_text(collection)
    if left is None:
        typer.echo("the collection was free: nothing to unlock")
    else:
        typer.echo(printable(f"unlocked: {left} is forgotten; next: asyncdl run {place}"))


async def _note(collection: Collection, left: Holder, message: str) -> None:
    async with await Store.open(collection.db) as store:
        await store.add_event(SystemClock().now().utc_ms, "unlock", str(left), message)


COMMAND = Command("unlock", unlock, Group.CARE, 'asyncdl unlock herbarium --message "node7 was reinstalled, nothing runs there"')

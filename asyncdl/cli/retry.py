"""`asyncdl retry`: re-open failures, in a collection that is free or through the run that holds it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Annotated, Any

import typer

from asyncdl.cli.command import HERE, CollectionArgument, Command, Group, JsonOption, run_coroutine
from asyncdl.cli.opening import ask_rows
from asyncdl.cli.posting import ask_the_run
from asyncdl.clock import SystemClock
from asyncdl.collection import Collection, RunLock
from asyncdl.errors import CollectionLocked
from asyncdl.report.wording import counted, place_text
from asyncdl.store import RetryFilter, Store
from asyncdl.terminal import printable
from asyncdl.upkeep.retry import RetryReport, preview, reopen
from asyncdl.upkeep.retry_filter import describe_filter, parse_filter, retry_command_body

MAX_LINE_CHARS = 1_000

_Errors = Annotated[
    list[str] | None, typer.Option("--error-type", metavar="NAME,…", help="Only these causes, as `status` names them.")
]
_Hosts = Annotated[list[str] | None, typer.Option("--host", metavar="HOST,…", help="Only images at these hosts.")]
_Statuses = Annotated[
    list[str] | None, typer.Option("--status", metavar="NAME,…", help="failed, exhausted or retry; left out: failed and exhausted.")
]
_Since = Annotated[
    str | None, typer.Option("--since", metavar="TIME", help="Only what failed since a date, a time, or so long ago (2d).")
]
_All = Annotated[bool, typer.Option("--all", help="Also what waits for its next attempt.")]
_DryRun = Annotated[bool, typer.Option("--dry-run", help="Only say how many it would be.")]


def retry(
    collection: CollectionArgument = HERE,
    *,
    error_type: _Errors = None,
    host: _Hosts = None,
    status: _Statuses = None,
    since: _Since = None,
    waiting_too: _All = False,
    dry_run: _DryRun = False,
    as_json: JsonOption = False,
) -> None:
    """Re-open failures: what matches is due at once, with all its attempts and links before it.

    Images that no source names any more are left out, unless `--error-type withdrawn` names them too.
    While a run holds the collection, the run is asked to do it and does so within seconds. `asyncdl run` then fetches.
    """
    now_ms = SystemClock().now().utc_ms
    wanted = parse_filter(error_type or (), host or (), status or (), since, waiting_too=waiting_too, now_ms=now_ms)
    opened = Collection.open(collection)
    if dry_run:
        found = run_coroutine(ask_rows(collection, lambda store: preview(store, wanted)))
        _tell({**found.as_result(), "dry_run": True}, wanted, opened, as_json=as_json)
        return
    try:
        with opened.lock() as lock:
            report = run_coroutine(_reopen(opened, wanted, now_ms, lock))
    except CollectionLocked as locked:
        result = run_coroutine(ask_the_run(opened, retry_command_body(wanted), locked))
    else:
        result = report.as_result()
    _tell(result, wanted, opened, as_json=as_json)


async def _reopen(collection: Collection, wanted: RetryFilter, now_ms: int, lock: RunLock) -> RetryReport:
    async with await Store.open(collection.db) as store:
        if lock.previous_crashed is not None:  # our release wipes the mark; the rows remember
            await store.add_event(now_ms, "crash", str(lock.previous_crashed), "noticed by retry")
        report = await reopen(store, wanted, now_ms)
        await store.add_event(now_ms, "retry", describe_filter(wanted), json.dumps(report.as_result()))
    return report


def _tell(result: Mapping[str, Any], wanted: RetryFilter, collection: Collection, *, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps({**result, "filter": describe_filter(wanted)}, indent=2))
        return
    for line in _lines(result, wanted, place_text(collection.root)):
        typer.echo(printable(line, MAX_LINE_CHARS))


def _lines(result: Mapping[str, Any], wanted: RetryFilter, place: str) -> Iterator[str]:
    if result.get("posted"):
        yield f"asked the run that holds the collection to re-open what is {describe_filter(wanted)}; it will do so when it looks ({result['holder']})"
        return
    images, manifests = int(result.get("images", 0)), int(result.get("manifests", 0))
    verb = "would be re-opened" if result.get("dry_run") else "re-opened by the run" if result.get("by_run") else "re-opened"
    and_manifests = f" and {counted(manifests, 'manifest')}" if manifests else ""
    yield f"{counted(images, 'image')}{and_manifests} {verb} ({describe_filter(wanted)})"
    for name, count in dict(result.get("by_error_type", {})).items():
        yield f"  {count:>9,} {name}"
    if without := int(result.get("without_link", 0)):
        yield f"  {counted(without, 'image')} left as before: no usable link is known"
    if (images or manifests) and not result.get("dry_run") and not result.get("by_run"):
        yield f"next: asyncdl run {place}"


COMMAND = Command(
    "retry",
    retry,
    Group.EVERY_DAY,
    "asyncdl retry herbarium --status exhausted\nasyncdl retry herbarium --error-type http_404,timeout --host images.example.org --dry-run\n"
    "asyncdl retry herbarium --since 2d",
)

"""What was asked of one host and what it answered, as lines of CSV in the order of time: the log that its web master may want to see.

Rows are streamed from the store in windows, sorted in chunks on the disk, and merged, so that memory does not grow with the host.
Every cell is harmless in a terminal and in a spreadsheet.
"""

from __future__ import annotations

import csv
import heapq
import json
from collections import Counter
from collections.abc import Collection, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from tempfile import TemporaryFile
from typing import IO, Final, TextIO

from asyncdl.store import HostAnswer
from asyncdl.store.hostlog import TABLES
from asyncdl.store.reader import Reader
from asyncdl.terminal import printable
from asyncdl.urls import host_of

COLUMNS: Final = (
    "time", "kind", "method", "url", "status", "bytes", "duration_ms", "content_type", "outcome", "attempt", "redirected_to", "detail",
)  # fmt: skip
CHUNK_ANSWERS: Final = 100_000
MAX_CELL_CHARS: Final = 8_192
SAVED, SAVED_ELSEWHERE, SAVED_FOR_ANOTHER, READ = "saved", "saved elsewhere", "saved for another", "read"
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")

Line = tuple[int, list[str]]


async def write_host_log(store: Reader, host: str, since_ms: int, file: TextIO) -> Counter[str] | None:
    """Write the log of a host (or of a lane) since a time (UTC milliseconds). Counts by outcome; None when no such host is known."""
    named = await store.hosts_named(host)
    if not named:
        return None
    names = frozenset(named.values())
    with ExitStack() as stack:
        chunks: list[IO[str]] = []
        lines = [line for answer in await store.robots_log(list(named)) if (line := _line(answer, names, since_ms))]
        for table in TABLES:
            after: int | None = 0
            while after is not None:
                page = await store.host_log(table, list(named), after)
                lines += [line for answer in page.answers if (line := _line(answer, names, since_ms))]
                if len(lines) >= CHUNK_ANSWERS:
                    chunks.append(_chunk(lines, stack))
                    lines = []
                after = page.next_after
        lines.sort()
        return _write(heapq.merge(lines, *(_lines_of(chunk) for chunk in chunks)), file)


def _write(lines: Iterator[Line], file: TextIO) -> Counter[str]:
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(COLUMNS)
    outcomes: Counter[str] = Counter()
    for _, cells in lines:
        writer.writerow(cells)
        outcomes[cells[COLUMNS.index("outcome")]] += 1
    return outcomes


def _chunk(lines: list[Line], stack: ExitStack) -> IO[str]:
    """Lines in their order, put aside in a file without a name."""
    chunk = stack.enter_context(TemporaryFile("w+", encoding="utf-8"))  # noqa: SIM115  the stack closes it
    for line in sorted(lines):
        chunk.write(json.dumps(line) + "\n")
    chunk.seek(0)
    return chunk


def _lines_of(chunk: IO[str]) -> Iterator[Line]:
    for text in chunk:
        at_ms, cells = json.loads(text)
        yield at_ms, cells


def _line(answer: HostAnswer, names: Collection[str], since_ms: int) -> Line | None:
    """The line of an answer; None when it was before the time, or concerns another host."""
    outcome = answer.error or _good_outcome(answer, names)
    if answer.at_ms < since_ms or not outcome:
        return None
    elsewhere = outcome == SAVED_ELSEWHERE
    url = answer.final_url if outcome == SAVED_FOR_ANOTHER else answer.url
    cells = (
        datetime.fromtimestamp(answer.at_ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        answer.kind,
        "GET",
        url,
        "3xx" if elsewhere else answer.status,
        None if elsewhere else answer.size_bytes,
        None if elsewhere else answer.took_ms,
        "" if elsewhere else answer.media_type,
        outcome,
        answer.attempt,
        answer.final_url if elsewhere else "",
        answer.detail,
    )
    return answer.at_ms, [cell(value) for value in cells]


def _good_outcome(answer: HostAnswer, names: Collection[str]) -> str:
    """What became of an answer that was good; "" when neither the link nor where it led is of these hosts."""
    if answer.kind != "image":
        return READ
    mine = host_of(answer.url) in names
    if not answer.final_url:
        return SAVED if mine else ""
    here = host_of(answer.final_url) in names
    if mine:
        return SAVED if here else SAVED_ELSEWHERE
    return SAVED_FOR_ANOTHER if here else ""


def cell(value: object) -> str:
    """A value as it can stand in a table: one line, nothing that a terminal acts on, and nothing that a spreadsheet takes for a formula."""
    text = printable("" if value is None else str(value), MAX_CELL_CHARS)
    return f"'{text}" if text.startswith(_FORMULA) else text

"""What a row costs in the store: load, paging the queue, apply. Prints microseconds of CPU per image.

Usage: python benchmarks/store_rows.py [RECORDS] [ROUNDS]
"""

from __future__ import annotations

import asyncio
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from asyncdl.model import (
    Batch,
    CandidateKind,
    Failure,
    FileRole,
    NewCandidate,
    NewFile,
    NewImage,
    NewRecord,
    Transition,
    WorkKind,
)
from asyncdl.status import ImageStatus
from asyncdl.store import INGEST_CACHE_BYTES, QUEUE_START, Store

HOSTS = 400
LOAD_RECORDS = 5000
BATCH = 500
FIRST_ID = 1_000_000_000


def records(count: int) -> Iterator[NewRecord]:
    """Records of one image each; every seventh has a second candidate."""
    for place in range(count):
        host = f"host{place * 7919 % HOSTS}.example.org"
        url = f"https://{host}/media/{place:09d}/original.jpg"
        candidates = [NewCandidate(url, 1, CandidateKind.IMAGE, host)]
        if place % 7 == 0:
            candidates.append(NewCandidate(url.replace("original", "medium"), 2, CandidateKind.IMAGE, host))
        yield NewRecord(FIRST_ID + place, (NewImage(url, hash(url), tuple(candidates)),))


async def one_round(count: int, folder: Path) -> dict[str, float]:
    """Load, page everything, apply a success for half of it and a failure for the rest; CPU us per image."""
    everything = list(records(count))
    figures = {}
    async with await Store.create(folder / "rows.sqlite", {}, cache_bytes=INGEST_CACHE_BYTES) as store:
        begun, wall = time.process_time(), time.perf_counter()
        for start in range(0, count, LOAD_RECORDS):
            await store.load(everything[start : start + LOAD_RECORDS], source=1)
        figures["load"] = (time.process_time() - begun) / count * 1e6
        figures["load, images/s (wall)"] = count / (time.perf_counter() - wall)
        del everything
    async with await Store.open(folder / "rows.sqlite") as store:
        begun = time.process_time()
        work: list[tuple[int, str]] = []
        for host in await store.hosts_due(0, HOSTS):
            after = QUEUE_START
            while page := await store.due_work(host.host_id, WorkKind.IMAGE, after, 0, 64):
                work.extend((found.id, found.host) for found in page)
                after = (0, page[-1].id)
        figures["page"] = (time.process_time() - begun) / len(work) * 1e6
        saved = [BATCH_OF_SUCCESS(image, host) for image, host in work[::2]]
        figures["apply, success"] = await _apply(store, saved)
        figures["apply, retry + failure row"] = await _apply(store, [BATCH_OF_FAILURE(image, host) for image, host in work[1::2]])
    figures["database, bytes/image"] = (folder / "rows.sqlite").stat().st_size / count
    return figures


def BATCH_OF_SUCCESS(image: int, host: str) -> tuple[Transition, None]:  # noqa: N802  a constant in spirit
    """A saved image."""
    file = NewFile(
        FileRole.ORIGINAL, f"files/100/000/{FIRST_ID + image}-00.jpg", 4000, image.to_bytes(32, "big"), "image/jpeg", 40, 30
    )
    return Transition(image, ImageStatus.SUCCESS, None, 1, candidate=0, host=host, file=file), None


def BATCH_OF_FAILURE(image: int, host: str) -> tuple[Transition, Failure]:  # noqa: N802  a constant in spirit
    """A failed request that comes again."""
    failure = Failure(WorkKind.IMAGE, image, 1, "server_error", f"https://{host}/x.jpg", host, 1)
    return Transition(image, ImageStatus.RETRY, 10_000, 1, error="server_error"), failure


async def _apply(store: Store, moves: list[tuple[Transition, None]] | list[tuple[Transition, Failure]]) -> float:
    begun = time.process_time()
    for start in range(0, len(moves), BATCH):
        part = moves[start : start + BATCH]
        await store.apply(
            Batch(tuple(move for move, _ in part), failures=tuple(failure for _, failure in part if failure is not None)), 1
        )
    return (time.process_time() - begun) / len(moves) * 1e6


def main() -> None:
    """Print the median of the rounds, and their spread."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 200_000
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 3
    results = []
    for _ in range(rounds):
        with tempfile.TemporaryDirectory() as folder:
            results.append(asyncio.run(one_round(count, Path(folder))))
    for name in results[0]:
        values = [result[name] for result in results]
        print(f"{name:30} {statistics.median(values):12.1f}   ({min(values):.1f} to {max(values):.1f})")


if __name__ == "__main__":
    main()

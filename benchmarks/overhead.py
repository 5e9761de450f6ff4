"""Our own cost per image: everything but the network, and the scheduler alone.

    python benchmarks/overhead.py [--images 20000] [--rounds 3]

Prints CPU microseconds (user and system, all threads) per image of a whole run with a fetcher that answers at once (real
scheduler, spool, structure check, 4 kB files synced and renamed, SQLite), with `--durability batch` and `none`; the same number of
files written, synced and renamed by a bare loop in the same round; and microseconds per decision (take + finish) of the scheduler at
three numbers of waiting rows.
"""

from __future__ import annotations

import argparse
import asyncio
import io
import os
import resource
import shutil
import statistics
import tempfile
import time
from pathlib import Path
from random import Random

from PIL import Image

from asyncdl.app import lane_of_url, open_job
from asyncdl.clock import VirtualClock
from asyncdl.collection import Collection
from asyncdl.download.lane import LaneLimits
from asyncdl.download.null import NullFetcher
from asyncdl.download.outcome import Failed, Ticket
from asyncdl.download.robots_gate import RobotsGate
from asyncdl.download.scheduler import Scheduler, SchedulerRules
from asyncdl.model import Candidate, CandidateKind, NewCandidate, NewImage, NewRecord, Work, WorkKind
from asyncdl.settings import load_run_settings
from asyncdl.status import ImageStatus
from asyncdl.store import Store
from asyncdl.urls import key_hash, resolve

HOSTS = 32
BODY_BYTES = 4_000
BATCH = 5_000


def picture() -> bytes:
    """A JPEG of about 4 kB."""
    noise = Image.frombytes("RGB", (96, 72), Random(1).randbytes(96 * 72 * 3))
    for quality in range(5, 95):
        buffer = io.BytesIO()
        noise.save(buffer, "JPEG", quality=quality)
        if buffer.tell() >= BODY_BYTES:
            break
    return buffer.getvalue()


def cpu_seconds() -> float:
    """User and system time of this process, all threads."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


async def fill(root: Path, images: int) -> Collection:
    """A collection of `images` pending images on 32 loopback hosts."""
    collection = Collection.create(root)
    async with await Store.create(collection.db, {}) as store:
        for start in range(0, images, BATCH):
            records = []
            for number in range(start, min(start + BATCH, images)):
                resolved = resolve(f"http://127.0.1.{number % HOSTS + 1}/{number}.jpg")
                candidate = NewCandidate(resolved.url, resolved.rank, resolved.kind, resolved.host)
                records.append(NewRecord(1_000_000_000 + number, (NewImage(resolved.key, key_hash(resolved.key), (candidate,)),)))
            await store.load(records)
    return collection


async def run(root: Path, body: bytes, durability: str) -> int:
    """One whole run; returns how many images were saved."""
    flags = {
        "host_rate": "0", "host_connections": "0", "host_bandwidth": "0", "validate": "structure", "durability": durability,
        "wait": "0s", "no_progress": "true",
    }  # fmt: skip
    flags.pop("no_progress")
    settings = load_run_settings(root, flags)
    async with open_job(Collection.open(root), settings, make_fetcher=lambda spools: NullFetcher(spools, body)) as job:
        return (await job.work()).saved_now


def bare_files(folder: Path, body: bytes, images: int) -> None:
    """What writing, syncing and renaming alone cost."""
    part = folder / "part"
    for number in range(images):
        final = folder / f"{number % 1000:03d}"
        final.mkdir(exist_ok=True)
        handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.write(handle, body)
        os.fdatasync(handle)
        os.close(handle)
        part.rename(final / f"{number}.jpg")


def decisions(rows: int, count: int = 20_000) -> float:
    """Microseconds of CPU per take + finish with `rows` rows waiting."""
    clock = VirtualClock()
    rules = SchedulerRules(lane_limits=LaneLimits(0.0, 0))
    scheduler = Scheduler(rules, Random(1), lane_of_url, RobotsGate(ignore_all=True))
    for number in range(rows + count):
        url = f"http://h{number % HOSTS}.test/{number}.jpg"
        candidates = (Candidate(0, url, CandidateKind.IMAGE),)
        host = f"h{number % HOSTS}.test"
        scheduler.add(Work(WorkKind.IMAGE, number, host, host, number, 0, 0, ImageStatus.PENDING, 0, candidates), clock.now())
    scheduler.restore(scheduler.lanes.unknown(), {}, clock.now())
    failed = Failed("http_404")
    began = time.process_time()
    for _ in range(count):
        now = clock.now()
        ticket = scheduler.take(now)
        assert isinstance(ticket, Ticket)
        scheduler.finish(ticket, failed, now)
    return (time.process_time() - began) / count * 1e6


def measured(images: int, folder: Path, body: bytes, durability: str) -> float:
    """Microseconds of CPU per image of one run."""
    collection = asyncio.run(fill(folder / "collection", images))
    began = cpu_seconds()
    saved = asyncio.run(run(collection.root, body, durability))
    assert saved == images, f"{saved} of {images} saved"
    return (cpu_seconds() - began) / images * 1e6


def main() -> None:
    """Measure in interleaved rounds and print medians with their spread."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    body = picture()
    figures: dict[str, list[float]] = {}
    for _ in range(given.rounds):
        for name in ("batch", "none", "bare files"):
            with tempfile.TemporaryDirectory() as temporary:
                folder = Path(temporary)
                if name == "bare files":
                    began = cpu_seconds()
                    bare_files(folder, body, given.images)
                    figure = (cpu_seconds() - began) / given.images * 1e6
                else:
                    figure = measured(given.images, folder, body, name)
                shutil.rmtree(folder, ignore_errors=True)
                folder.mkdir()
            figures.setdefault(name, []).append(figure)
        for rows in (1_000, 10_000, 100_000):
            figures.setdefault(f"decision, {rows:,} rows waiting", []).append(decisions(rows))
    print(f"{given.images:,} images of {len(body):,} bytes, {given.rounds} rounds; CPU microseconds per image: median (min-max)")
    for name, values in figures.items():
        label = f"run, --durability {name}" if name in ("batch", "none") else name
        print(f"  {label:34s} {statistics.median(values):7.1f} ({min(values):.1f}-{max(values):.1f})")


if __name__ == "__main__":
    main()

"""Our own cost per image: everything but the network, and the scheduler alone.

    python -m benchmarks.overhead [--images 20000] [--rounds 3] [--folder DIR]

Prints CPU microseconds (user and system, all threads) per image of a whole run with a fetcher that answers at once (real
scheduler, spool, structure check, 4 kB files synced and renamed, SQLite), with `--durability batch` and `none`; the same number of
files written, synced and renamed by a bare loop in the same round; the user part of each, which is our code where the system part is the
file system's; what is ours (the run less the bare files of its round); and microseconds per decision (take + finish) of the scheduler at three
numbers of waiting rows.
"""

from __future__ import annotations

import argparse
import asyncio
import math
import os
import resource
import statistics
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from random import Random

from asyncdl.app.jobs import lane_of_url, open_job
from asyncdl.clock import VirtualClock
from asyncdl.collection import Collection
from asyncdl.download.caution import Caution
from asyncdl.download.lane import LaneLimits
from asyncdl.download.null import NullFetcher
from asyncdl.download.outcome import Failed, Ticket
from asyncdl.download.robots_gate import RobotsGate
from asyncdl.download.scheduler import Scheduler, SchedulerRules
from asyncdl.model import Candidate, CandidateKind, Work, WorkKind
from asyncdl.settings import load_run_settings
from asyncdl.status import ImageStatus
from benchmarks.filled import HOSTS, fill
from benchmarks.pictures import jpeg_near

BODY_BYTES = 4_000
BARE = "bare files"


@dataclass(frozen=True, slots=True)
class Cpu:
    """Time of this process, all threads: microseconds per image once divided."""

    user: float
    system: float

    @classmethod
    def now(cls) -> Cpu:
        """What was used until now, in seconds."""
        usage = resource.getrusage(resource.RUSAGE_SELF)
        return cls(usage.ru_utime, usage.ru_stime)

    def since(self, began: Cpu, images: int) -> Cpu:
        """Microseconds per image since `began`."""
        return Cpu((self.user - began.user) / images * 1e6, (self.system - began.system) / images * 1e6)


async def run(root: Path, body: bytes, durability: str) -> int:
    """One whole run; returns how many images were saved."""
    flags = {
        "host_rate": "0", "host_connections": "0", "host_bandwidth": "0", "validate": "structure", "durability": durability,
        "wait": "0s",
    }  # fmt: skip
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
    rules = SchedulerRules(lane_limits=LaneLimits(0.0, 0), caution=Caution(first_rate_per_second=math.inf, first_connections=256))
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


def measured(name: str, images: int, folder: Path, body: bytes) -> Cpu:
    """One run, or the bare files, in fresh folders."""
    if name == BARE:
        began = Cpu.now()
        bare_files(folder, body, images)
        return Cpu.now().since(began, images)
    collection = asyncio.run(fill(folder / "collection", images))
    began = Cpu.now()
    saved = asyncio.run(run(collection.root, body, name))
    assert saved == images, f"{saved} of {images} saved"
    return Cpu.now().since(began, images)


def one_round(number: int, images: int, body: bytes, place: Path | None) -> dict[str, float]:
    """Every figure once, the order turning from round to round."""
    names = ("batch", "none", BARE)
    cpu = {}
    for turn in range(len(names)):
        name = names[(turn + number) % len(names)]
        with tempfile.TemporaryDirectory(dir=place) as temporary:
            os.sync()
            cpu[name] = measured(name, images, Path(temporary), body)
    figures = {}
    for name in names:
        label = name if name == BARE else f"run, --durability {name}"
        figures[label] = cpu[name].user + cpu[name].system
        figures[f"{label}: user part"] = cpu[name].user
    figures["ours: batch less bare files"] = figures["run, --durability batch"] - figures[BARE]
    for rows in (1_000, 10_000, 100_000):
        figures[f"decision, {rows:,} rows waiting"] = decisions(rows)
    return figures


def main() -> None:
    """Measure in interleaved rounds and print medians with their spread."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--folder", type=Path)
    given = parser.parse_args()
    body = jpeg_near(BODY_BYTES)
    rounds = [one_round(number, given.images, body, given.folder) for number in range(given.rounds)]
    print(f"{given.images:,} images of {len(body):,} bytes, {given.rounds} rounds; CPU microseconds per image: median (min-max)")
    for name in rounds[0]:
        values = [figures[name] for figures in rounds]
        print(f"  {name:34s} {statistics.median(values):7.1f} ({min(values):.1f}-{max(values):.1f})")


if __name__ == "__main__":
    main()

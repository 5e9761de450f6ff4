"""Memory and first request of a run, on ten thousand images and on a million: neither may grow with the collection.

    python -m benchmarks.memory [--images 1000000] [--after 30000 | --whole] [--rounds 1] [--folder DIR]

Each run is a process of its own with everything but the network (`asyncdl.download.null` answers at once), `--validate structure`, files of 4 kB; the
collection is loaded by another process before. Printed: the peak of resident memory, the seconds from the start of the process (interpreter
and imports included) to the first request, and both as ratios to the run on 10,000.

The run on 10,000 does all of them. The one on `--images` stops after `--after` images, which is minutes less and shows what memory does with the size of
the collection and of its index; `--whole` does all of it, and shows also what it does with the length of the run: allow 1 ms per image and 4 kB of
disk for each. The database's pages are in the system's cache in both, as they are after an ingest.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from asyncdl.app.jobs import open_job
from asyncdl.collection import Collection
from asyncdl.download.body import Body
from asyncdl.download.fetch import OpenSpool
from asyncdl.download.null import NullFetcher
from asyncdl.download.outcome import Outcome, Ticket
from asyncdl.settings import load_run_settings
from benchmarks.filled import fill
from benchmarks.pictures import jpeg_near

FEW = 10_000
CHECKOUT = Path(__file__).resolve().parent.parent
FREE = {
    "host_rate": "0", "host_connections": "0", "host_bandwidth": "0", "validate": "structure", "wait": "0s",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Figures:
    """One run: what it saved, its peak of resident memory, and when it asked first."""

    saved: int
    peak_bytes: int
    first_request_seconds: float
    minutes: float


class WatchedFetcher(NullFetcher):
    """The null fetcher, noting when it was first asked."""

    first: float | None = None

    async def fetch(self, ticket: Ticket) -> Outcome | Body:
        """The same body every time."""
        self.first = self.first or time.monotonic()
        return await super().fetch(ticket)


def peak_bytes() -> int:
    """Peak of resident memory of this process. On Linux that of the program, not of what was there before it (as `ru_maxrss` is)."""
    status = Path("/proc/self/status")
    if status.exists():
        for line in status.read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


async def run(root: Path, max_images: int, began: float) -> Figures:
    """One whole run, in this process."""
    body = jpeg_near(4_000)
    fetchers: list[WatchedFetcher] = []

    def make_fetcher(spools: OpenSpool) -> WatchedFetcher:
        fetchers.append(WatchedFetcher(spools, body))
        return fetchers[-1]

    settings = load_run_settings(root, {**FREE, "max_images": str(max_images)} if max_images else FREE)
    async with open_job(Collection.open(root), settings, make_fetcher=make_fetcher) as job:
        report = await job.work()
    first = fetchers[0].first
    assert first is not None, "nothing was asked"
    return Figures(report.saved_now, peak_bytes(), first - began, (time.monotonic() - began) / 60)


def in_process(what: str, root: Path, number: int) -> str:
    """Call this script again; returns what it printed. The time of the start is handed over: the clock is one for all processes."""
    command = [sys.executable, "-m", "benchmarks.memory", "--" + what, str(root), str(number), repr(time.monotonic())]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, cwd=CHECKOUT).stdout


def measured(folder: Path, images: int, after: int) -> Figures:
    """One collection, one run."""
    root = folder.resolve() / f"{images}"
    in_process("fill", root, images)
    os.sync()
    return Figures(**json.loads(in_process("run", root, after)))


def show(few: list[Figures], many: list[Figures], images: int) -> None:
    """Print medians and the ratios of the rounds."""
    for label, rounds in ((FEW, few), (images, many)):
        peak = statistics.median(each.peak_bytes for each in rounds) / 1e6
        first = statistics.median(each.first_request_seconds for each in rounds)
        minutes = statistics.median(each.minutes for each in rounds)
        print(
            f"{label:>12,} images, {rounds[0].saved:>9,} saved in {minutes:5.1f} min: peak {peak:6.1f} MB, first request after {first:.2f} s"
        )
    ratios = [more.peak_bytes / less.peak_bytes for less, more in zip(few, many, strict=True)]
    print(f"peak, {images:,} to {FEW:,}: {statistics.median(ratios):.3f} ({min(ratios):.3f}-{max(ratios):.3f})")


def main() -> None:
    """Measure; or, called by itself, be one of the measured processes."""
    if sys.argv[1:2] == ["--fill"]:
        asyncio.run(fill(Path(sys.argv[2]), int(sys.argv[3])))
        return
    if sys.argv[1:2] == ["--run"]:
        figures = asyncio.run(run(Path(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4])))
        print(json.dumps({name: getattr(figures, name) for name in Figures.__slots__}))
        return
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=1_000_000)
    limit = parser.add_mutually_exclusive_group()
    limit.add_argument("--after", type=int, default=30_000, help="images after which the long run stops")
    limit.add_argument("--whole", action="store_true")
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--folder", type=Path)
    given = parser.parse_args()
    few, many = [], []
    for _ in range(given.rounds):
        with tempfile.TemporaryDirectory(dir=given.folder) as temporary:
            few.append(measured(Path(temporary), FEW, 0))
            many.append(measured(Path(temporary), given.images, 0 if given.whole else given.after))
    show(few, many, given.images)


if __name__ == "__main__":
    main()

"""The real `asyncdl run` against a bare aiohttp loop, over loopback, without limits: images per second and CPU per image.

    python -m benchmarks.throughput [--rounds 5] [--quick] [--sizes 4000 100000 2500000] [--folder DIR]

A server of our own (`canned_server.py`) answers on 32 addresses from a process of its own. In each round, for each size of picture, the
clients run one after the other, the order turning from round to round, each into fresh folders: the bare loop (`bare_loop.py`: 64 workers,
files written and renamed, nothing else), and `asyncdl run` as a user starts it, with `--validate structure` and with `--validate decode`,
robots.txt, digests, syncs and rows included. The collection is made before (`asyncdl init`), which is not measured. Each client is also run on 10
images; that is its start-up, printed by itself and subtracted from its figures. CPU is user and system time of the client and of its children.

The ratios are taken within a round: machines drift, rounds are short. Server and client share the machine, so images per second is a
joint figure. `--folder` says which disk is measured; everything there is removed at the end.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.canned_server import HOSTS
from benchmarks.pictures import PIXELS, jpeg_near

PORT = 18_090
COUNTS = {4_000: 6_000, 100_000: 2_000, 2_500_000: 200}
QUICK_COUNTS = {4_000: 1_500, 100_000: 600, 2_500_000: 60}
START_UP_IMAGES = 10
FIRST_ID = 1_000_000_000
BARE = "bare loop"
CLIENTS = (BARE, "structure", "decode")
HERE = Path(__file__).resolve().parent
FREE = (
    "--host-rate", "0", "--host-connections", "0", "--host-bandwidth", "0", "--allow-private", "127.0.0.0/8", "--wait", "0s", "--no-progress",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Spent:
    """What a process and its children took, in seconds."""

    wall: float
    cpu: float

    def __sub__(self, other: Spent) -> Spent:
        return Spent(self.wall - other.wall, self.cpu - other.cpu)


def spend(command: Sequence[str], log: Path) -> Spent:
    """Run a command to its end. Raises `RuntimeError` when it fails."""
    with log.open("wb") as output:
        began = time.perf_counter()
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output)
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - began
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"{' '.join(command)}: {process.returncode}\n{log.read_text(errors='replace')[-2000:]}")
    return Spent(wall, usage.ru_utime + usage.ru_stime)


@contextmanager
def server(folder: Path, sizes: Sequence[int]) -> Iterator[None]:
    """The server process, with one canned picture per size."""
    canned = folder / "canned"
    canned.mkdir()
    for size in sizes:
        (canned / str(size)).write_bytes(jpeg_near(size))
    process = subprocess.Popen([sys.executable, str(HERE / "canned_server.py"), str(PORT), str(canned)], stdout=subprocess.PIPE)
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n", "the server did not start"
        yield
    finally:
        process.kill()
        process.wait()
        if process.stdout is not None:
            process.stdout.close()


def url(size: int, number: int) -> str:
    """Where image `number` of a size is served: neighbours on different hosts."""
    return f"http://127.0.1.{number % HOSTS + 1}:{PORT}/{size}/{number}.jpg"


def download(client: str, size: int, images: int, folder: Path) -> Spent:
    """One client, one list, fresh folders."""
    folder.mkdir()
    log = folder / "log"
    target = folder / "out"
    if client == BARE:
        target.mkdir()
        links = folder / "links.txt"
        links.write_text("\n".join(url(size, number) for number in range(images)))
        command = [sys.executable, str(HERE / "bare_loop.py"), str(links), str(target)]
    else:
        table = folder / "images.tsv"
        rows = (f"{FIRST_ID + number}\t{url(size, number)}" for number in range(images))
        table.write_text("gbifID\tidentifier\n" + "\n".join(rows) + "\n")
        spend([sys.executable, "-m", "asyncdl", "init", str(target), str(table)], log)
        command = [sys.executable, "-m", "asyncdl", "run", str(target), *FREE, "--validate", client]
    os.sync()  # what earlier clients left to be written is not this one's
    spent = spend(command, log)
    found = sum(1 for _ in (target / "files" if client != BARE else target).rglob("*.jpg"))
    if found != images:
        raise RuntimeError(f"{client}: {found} of {images} files\n{log.read_text(errors='replace')[-2000:]}")
    return spent


def measure(counts: dict[int, int], rounds: int, folder: Path) -> dict[tuple[int, str], list[tuple[Spent, Spent]]]:
    """By size and client: start-up and net cost of each round."""
    figures: dict[tuple[int, str], list[tuple[Spent, Spent]]] = {}
    for number in range(rounds):
        for size, images in counts.items():
            for place in range(len(CLIENTS)):
                client = CLIENTS[(place + number) % len(CLIENTS)]
                name = f"{number}-{size}-{client.replace(' ', '-')}"
                start_up = download(client, size, START_UP_IMAGES, folder / f"{name}-start-up")
                whole = download(client, size, images, folder / name)
                figures.setdefault((size, client), []).append((start_up, whole - start_up))
        print(f"round {number + 1} of {rounds} is done", file=sys.stderr)
    return figures


def spread(values: Sequence[float], form: str) -> str:
    """Median and, in brackets, the least and the greatest."""
    return f"{statistics.median(values):{form}} ({min(values):{form}}-{max(values):{form}})"


def show(figures: dict[tuple[int, str], list[tuple[Spent, Spent]]], counts: dict[int, int]) -> None:
    """Print one line per size and client."""
    print(
        f"{'size':>9}  {'client':<12}{'images/s':<24}{'CPU us/image':<26}{'CPU ratio to the bare loop':<28}{'start-up: wall s, CPU s'}"
    )
    for (size, client), rounds in sorted(figures.items(), key=lambda item: (item[0][0], CLIENTS.index(item[0][1]))):
        images = counts[size] - START_UP_IMAGES
        bare = [net.cpu for _, net in figures[size, BARE]]
        rate = spread([images / net.wall for _, net in rounds], ",.0f")
        cpu = spread([net.cpu / images * 1e6 for _, net in rounds], ",.0f")
        ratio = spread([net.cpu / base for (_, net), base in zip(rounds, bare, strict=True)], ".2f")
        start = (
            f"{statistics.median(start.wall for start, _ in rounds):.2f}, {statistics.median(start.cpu for start, _ in rounds):.2f}"
        )
        print(f"{size:>9,}  {client:<12}{rate:<24}{cpu:<26}{ratio:<28}{start}")


def main() -> None:
    """Measure in interleaved rounds and print medians with their spread."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int)
    parser.add_argument("--quick", action="store_true", help="short lists, 2 rounds: whether it works, not what it costs")
    parser.add_argument("--sizes", type=int, nargs="+", choices=sorted(PIXELS), default=sorted(PIXELS))
    parser.add_argument("--folder", type=Path)
    given = parser.parse_args()
    rounds = given.rounds or (2 if given.quick else 5)
    counts = {size: (QUICK_COUNTS if given.quick else COUNTS)[size] for size in given.sizes}
    with tempfile.TemporaryDirectory(dir=given.folder) as temporary, server(Path(temporary), given.sizes):
        figures = measure(counts, rounds, Path(temporary))
    lists = ", ".join(f"{images:,} of {size:,} bytes" for size, images in counts.items())
    print(f"{lists}; {rounds} rounds; median (min-max); start-up subtracted")
    show(figures, counts)


if __name__ == "__main__":
    main()

"""`--concurrency auto` against fixed numbers over loopback, without limits of hosts: images per second, and the ratio to the best of each round.

    python -m benchmarks.concurrency [--rounds 3] [--images 2000] [--size 100000] [--fixed 32 128 256] [--folder DIR]

The server is that of `throughput`, on 32 addresses. In each round `asyncdl run --validate structure` works through the same list once with `auto` and once with each fixed number, the order
turning from round to round, each into fresh folders. Over loopback the processor binds and not the line, so this shows what looking for the number costs, and that it does not go astray;
what it finds on lines with a capacity and a round trip is simulated in `tests/download/test_concurrency.py`.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from pathlib import Path

from benchmarks.pictures import PIXELS
from benchmarks.throughput import FIRST_ID, FREE, server, spend, spread, url

AUTO = "auto"


def seconds_of(concurrency: str, size: int, images: int, folder: Path) -> float:
    """How long one run takes, its start-up included."""
    folder.mkdir()
    log, target, table = folder / "log", folder / "out", folder / "images.tsv"
    rows = (f"{FIRST_ID + number}\t{url(size, number)}" for number in range(images))
    table.write_text("gbifID\tidentifier\n" + "\n".join(rows) + "\n")
    spend([sys.executable, "-m", "asyncdl", "init", str(target), str(table)], log)
    os.sync()
    words = (*FREE, "--validate", "structure", "--concurrency", concurrency)
    wall = spend([sys.executable, "-m", "asyncdl", "run", str(target), *words], log).wall
    found = sum(1 for _ in (target / "files").rglob("*.jpg"))
    if found != images:
        raise RuntimeError(f"{concurrency}: {found} of {images} files\n{log.read_text(errors='replace')[-2000:]}")
    return wall


def main() -> None:
    """Measure in interleaved rounds and print medians with their spread."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--images", type=int, default=2_000)
    parser.add_argument("--size", type=int, choices=sorted(PIXELS), default=100_000)
    parser.add_argument("--fixed", type=int, nargs="+", default=[32, 128, 256])
    parser.add_argument("--folder", type=Path)
    given = parser.parse_args()
    choices = [AUTO, *map(str, given.fixed)]
    walls: dict[str, list[float]] = {choice: [] for choice in choices}
    with tempfile.TemporaryDirectory(dir=given.folder) as temporary, server(Path(temporary), [given.size]):
        for number in range(given.rounds):
            for place in range(len(choices)):
                choice = choices[(place + number) % len(choices)]
                walls[choice].append(seconds_of(choice, given.size, given.images, Path(temporary) / f"{number}-{choice}"))
    best = [min(walls[str(fixed)][number] for fixed in given.fixed) for number in range(given.rounds)]
    print(f"{given.images:,} images of {given.size:,} bytes; {given.rounds} rounds; median (min-max); start-up included")
    for choice in choices:
        rate = spread([given.images / wall for wall in walls[choice]], ",.0f")
        ratio = spread([fastest / wall for wall, fastest in zip(walls[choice], best, strict=True)], ".2f")
        print(f"{choice:>6}  {rate:<26}images/s   {ratio} of the best fixed number of its round")


if __name__ == "__main__":
    main()

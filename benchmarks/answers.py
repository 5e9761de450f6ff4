"""How soon a large collection answers: `status`, `explain ID`, `explain HOST`, and the first request of a run.

    python -m benchmarks.answers [--rows 10000000] [--collection DIR] [--rounds 3] [--folder DIR]

Makes a media table (`benchmarks/ledger.py`) and a collection of it with `asyncdl init`, or takes the one named (its run saves twenty small files of ours, so name a copy).
Every answer is a process of its own, timed from its start, interpreter and imports included. The run has everything but the network (`asyncdl.download.null`).
The database's pages are in the system's cache as far as they fit.
"""

from __future__ import annotations

import argparse
import json
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path

from benchmarks.ledger import Ledger
from benchmarks.memory import in_process

CHECKOUT = Path(__file__).resolve().parent.parent
_IMAGES_ASKED = 20


def main() -> None:
    """Parse, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--collection", type=Path)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--folder", type=Path)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="asyncdl-answers-", dir=chosen.folder) as temporary:
        _measure(chosen.collection or _made(Path(temporary), chosen.rows), chosen.rounds)


def _made(folder: Path, rows: int) -> Path:
    table, root = folder / "multimedia.txt", folder / "collection"
    Ledger(rows).write(table)
    _asyncdl("init", str(root), str(table))
    table.unlink()
    return root


def _asyncdl(*arguments: str) -> float:
    """Run the program; returns seconds."""
    began = time.monotonic()
    subprocess.run([sys.executable, "-m", "asyncdl", *arguments], check=True, stdout=subprocess.DEVNULL, cwd=CHECKOUT)
    return time.monotonic() - began


def _measure(root: Path, rounds: int) -> None:
    with closing(sqlite3.connect(f"file:{root / 'asyncdl.sqlite'}?mode=ro", uri=True)) as connection:
        images = connection.execute("SELECT sum(images) FROM counters").fetchone()[0]
        last = connection.execute("SELECT max(id) FROM records").fetchone()[0]
        record = connection.execute("SELECT id FROM records WHERE id >= ? LIMIT 1", (last // 2,)).fetchone()[0]
        host = connection.execute("SELECT name FROM hosts WHERE name <> '' LIMIT 1").fetchone()[0]
    print(f"{images:,} images; medians of {rounds}, with the slowest")
    _print("asyncdl status", [_asyncdl("status", str(root)) for _ in range(rounds)])
    _print(f"asyncdl explain {record}", [_asyncdl("explain", str(root), str(record)) for _ in range(rounds)])
    _print(f"asyncdl explain {host}", [_asyncdl("explain", str(root), host) for _ in range(rounds)])
    runs = [json.loads(in_process("run", root, _IMAGES_ASKED)) for _ in range(rounds)]
    _print("asyncdl run, to its first request", [run["first_request_seconds"] for run in runs])


def _print(what: str, seconds: list[float]) -> None:
    print(f"{what}: {statistics.median(seconds):.2f} s ({max(seconds):.2f})")


if __name__ == "__main__":
    main()

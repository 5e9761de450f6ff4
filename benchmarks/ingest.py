"""Ingest at scale: rows per second, memory, temporary space, and what a kill costs.

    python -m benchmarks.ingest --rows 10000000 [--kill 3] [--add 0.01] [--rekey] [--memory-limit 700MB] [--archive] [--folder DIR] [--keep]

Makes a media table like GBIF's (`benchmarks/ledger.py`), lets duckdb alone scan it (the bare scan), then runs `asyncdl init` on it in a process of its own and
prints rows per second, the ratio to the bare scan of the same run, CPU seconds, the peak of resident memory of all its processes together, the peak of
temporary bytes beside the database, and what stays: database and rows of the source, in bytes per image.

`--kill K` makes the collection a second time and kills that `init` K times at moments spread over the time the first one took, types it again each
time, and compares the two databases row by row. `--rekey` gives every key of the collection another value, as older key rules would have, times `asyncdl rekey`
on it, and compares the rows with what they were. `--add SHARE` makes a second state of the table in which that share of the records is gone, as many have
other links and as many are new, runs `asyncdl add` with it (first `--dry-run`), and compares its time with that of the init. `--archive` packs the table into a zip with its `meta.xml` first, as GBIF serves it.
The file's pages are in the system's cache. 10 million rows take 2.6 GB for the table and up to 4 GB for the collection.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import os
import resource
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from random import Random

import duckdb

from benchmarks.ledger import HEADER, Ledger, second_state

CHECKOUT = Path(__file__).resolve().parent.parent
POLL_SECONDS = 0.1
MAX_INIT_SECONDS = 6 * 3600.0
COMPARED = (
    "records", "record_counters", "hosts", "images", "candidates", "manifests", "manifest_counters", "counters", "sources",
)  # fmt: skip
SPOILING = (
    "UPDATE images SET key_hash = key_hash + 1 WHERE key_hash <> 0",
    "UPDATE candidates SET rank = rank + 1 WHERE rank <> 0",
    "UPDATE manifests SET key_hash = key_hash + 1",
    "UPDATE meta SET value = '0' WHERE key = 'keys_version'",
)
_NOT_COMPARED = {"sources": {"loaded_ms"}}


@dataclass(slots=True)
class Init:
    """What one `asyncdl init` took, watched from outside."""

    seconds: float = 0.0
    cpu_seconds: float = 0.0
    peak_rss_bytes: int = 0
    peak_temporary_bytes: int = 0
    status: int | None = None
    said: str = ""


def main() -> None:
    """Parse, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--kill", type=int, default=0, metavar="K")
    parser.add_argument("--add", type=float, default=0.0, metavar="SHARE")
    parser.add_argument("--rekey", action="store_true")
    parser.add_argument("--memory-limit", default="700MB")
    parser.add_argument("--dirt", type=float, default=0.0005)
    parser.add_argument("--archive", action="store_true")
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--keep", action="store_true")
    chosen = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="asyncdl-ingest-", dir=chosen.folder))
    try:
        _measure(chosen, folder)
    finally:
        if chosen.keep:
            print(f"kept: {folder}")
        else:
            shutil.rmtree(folder, ignore_errors=True)


def _measure(chosen: argparse.Namespace, folder: Path) -> None:
    table = folder / "multimedia.txt"
    Ledger(chosen.rows, dirt=chosen.dirt).write(table)
    print(f"{chosen.rows:,} rows, {table.stat().st_size / 1e6:,.0f} MB")
    bare_seconds = _bare_scan(table, chosen.memory_limit)
    print(f"duckdb's bare scan: {bare_seconds:.2f} s")
    source = _archived(table) if chosen.archive else table
    whole = folder / "whole"
    init = _init(source, whole, chosen.memory_limit)
    if init.status != 0:
        sys.exit(f"init ended with status {init.status}:\n{init.said}")
    _print(init, chosen.rows, bare_seconds, whole)
    if chosen.kill:
        _kill_and_compare(chosen, source, whole, folder / "killed", init.seconds)
    if chosen.rekey:
        _rekey_and_compare(chosen, whole)
    if chosen.add:
        _add_and_compare(chosen, table, whole, init)


def _bare_scan(table: Path, memory_limit: str) -> float:
    began = time.monotonic()
    connection = duckdb.connect(config={"memory_limit": memory_limit, "threads": os.cpu_count() or 1})
    connection.execute(
        "SELECT count(*), sum(length(identifier)) FROM read_csv($table, delim = '\t', quote = '', escape = '', header = true, all_varchar = true,"
        " ignore_errors = true)",
        {"table": str(table)},
    ).fetchone()
    connection.close()
    return time.monotonic() - began


def _archived(table: Path) -> Path:
    fields = "".join(f'<field index="{place}" term="{_term(name)}"/>' for place, name in enumerate(HEADER) if place)
    meta = (
        '<archive xmlns="http://rs.tdwg.org/dwc/text/"><core encoding="UTF-8" fieldsTerminatedBy="\\t" linesTerminatedBy="\\n" fieldsEnclosedBy="" '
        'ignoreHeaderLines="1" rowType="http://rs.tdwg.org/dwc/terms/Occurrence"><files><location>occurrence.txt</location></files><id index="0"/>'
        '<field index="0" term="http://rs.gbif.org/terms/1.0/gbifID"/></core><extension encoding="UTF-8" fieldsTerminatedBy="\\t" linesTerminatedBy="\\n" '
        'fieldsEnclosedBy="" ignoreHeaderLines="1" rowType="http://rs.gbif.org/terms/1.0/Multimedia"><files><location>multimedia.txt</location></files>'
        f'<coreid index="0"/>{fields}</extension></archive>'
    )
    path = table.with_name("download.zip")
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as packed:
        packed.writestr("meta.xml", meta)
        packed.writestr("occurrence.txt", "gbifID\n")
        packed.write(table, "multimedia.txt")
    return path


def _term(name: str) -> str:
    return f"http://purl.org/dc/terms/{name}"


def _init(
    source: Path, root: Path, memory_limit: str, kill_after_seconds: float | None = None, command: tuple[str, ...] = ("init",)
) -> Init:
    """Run `asyncdl init` (or another command with a source), looking at it every tenth of a second; kill it after some time when told to."""
    words = (command[0], str(root), str(source), "--memory-limit", memory_limit, *command[1:])
    return _watched(words, root, kill_after_seconds)


def _watched(words: tuple[str, ...], root: Path, kill_after_seconds: float | None = None) -> Init:
    command = [sys.executable, "-m", "asyncdl", *words]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    began = time.monotonic()
    found = Init()
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen(command, stdout=said, stderr=subprocess.STDOUT, cwd=CHECKOUT, start_new_session=True)
        while (status := process.poll()) is None:
            found.peak_rss_bytes = max(found.peak_rss_bytes, sum(_rss_bytes(pid) for pid in _family(process.pid)))
            found.peak_temporary_bytes = max(found.peak_temporary_bytes, _size_bytes(root / "scratch"))
            seconds = time.monotonic() - began
            if seconds > (MAX_INIT_SECONDS if kill_after_seconds is None else kill_after_seconds):
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
            time.sleep(POLL_SECONDS)  # a sampling interval, no synchronisation
        said.seek(0)
        found.said = said.read().decode(errors="replace")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    found.seconds = time.monotonic() - began
    found.cpu_seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    found.status = status
    return found


def _family(pid: int) -> Iterator[int]:
    """A process and all below it."""
    yield pid
    with contextlib.suppress(OSError):
        for task in Path(f"/proc/{pid}/task").iterdir():
            for child in (task / "children").read_text().split():
                yield from _family(int(child))


def _rss_bytes(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * resource.getpagesize()
    except (OSError, IndexError):
        return 0


def _size_bytes(folder: Path) -> int:
    total = 0
    for path in folder.rglob("*"):
        with contextlib.suppress(OSError):  # it may be gone by now
            total += path.stat().st_size
    return total


def _print(init: Init, rows: int, bare_seconds: float, root: Path) -> None:
    database = root / "asyncdl.sqlite"
    with contextlib.closing(sqlite3.connect(database)) as connection:
        images = connection.execute("SELECT sum(images) FROM counters").fetchone()[0]
    kept = _size_bytes(root / "sources")
    print(f"init: {init.seconds:.1f} s, {rows / init.seconds:,.0f} rows/s, {init.seconds / bare_seconds:.1f} times the bare scan")
    print(f"CPU: {init.cpu_seconds:.1f} s, {init.cpu_seconds / rows * 1e6:.2f} us/row")
    print(f"peak memory, all processes: {init.peak_rss_bytes / 1e6:,.0f} MB")
    print(f"temporary space at its peak: {init.peak_temporary_bytes / 1e6:,.0f} MB, {init.peak_temporary_bytes / rows:.0f} B/row")
    print(f"images: {images:,}; database {database.stat().st_size / 1e6:,.0f} MB, {database.stat().st_size / images:.0f} B/image")
    print(f"rows of the source, kept: {kept / 1e6:,.0f} MB, {kept / rows:.0f} B/row")


def _add_and_compare(chosen: argparse.Namespace, table: Path, whole: Path, init: Init) -> None:
    newer = table.with_name("newer.txt")
    rows = second_state(table, newer, chosen.add)
    source = _archived(newer) if chosen.archive else newer
    for name, command in (("add --dry-run", ("add", "--dry-run")), ("add", ("add",))):
        found = _init(source, whole, chosen.memory_limit, command=command)
        if found.status != 0:
            sys.exit(f"{name} ended with status {found.status}:\n{found.said}")
        print(
            f"{name}: {found.seconds:.1f} s, {rows / found.seconds:,.0f} rows/s, {found.seconds / init.seconds:.2f} times the init"
        )
        print(
            f"CPU: {found.cpu_seconds:.1f} s, {found.cpu_seconds / rows * 1e6:.2f} us/row; peak memory {found.peak_rss_bytes / 1e6:,.0f} MB"
        )
    print("\n".join(line for line in found.said.splitlines() if line.startswith(("replaces", "records", "images"))))


def _kill_and_compare(chosen: argparse.Namespace, source: Path, whole: Path, root: Path, seconds: float) -> None:
    random = Random(chosen.rows)
    killed, spent = 0, 0.0
    for part in range(chosen.kill):
        init = _init(source, root, chosen.memory_limit, kill_after_seconds=seconds * (part + random.random()) / chosen.kill)
        spent += init.seconds
        killed += init.status == -signal.SIGKILL
    last = _init(source, root, chosen.memory_limit)
    spent += last.seconds
    already = "is a collection already" in last.said
    if last.status != 0 and not already:
        sys.exit(f"after {killed} kills init ended with status {last.status}:\n{last.said}")
    print(f"killed {killed} times: {spent:.1f} s in all, {spent / seconds:.2f} times the undisturbed one")
    different = [table for table in COMPARED if _digest(whole, table) != _digest(root, table)]
    print("compared row by row: " + (f"DIFFERENT in {', '.join(different)}" if different else "the same rows"))
    if different:
        sys.exit(1)


def _rekey_and_compare(chosen: argparse.Namespace, root: Path) -> None:
    digests = {table: _digest(root, table) for table in COMPARED}
    with contextlib.closing(sqlite3.connect(root / "asyncdl.sqlite")) as connection, connection:
        for statement in SPOILING:
            connection.execute(statement)
    found = _watched(("rekey", str(root)), root)
    if found.status != 0:
        sys.exit(f"rekey ended with status {found.status}:\n{found.said}")
    print(
        f"rekey: {found.seconds:.1f} s, {chosen.rows / found.seconds:,.0f} rows/s, CPU {found.cpu_seconds / chosen.rows * 1e6:.2f} us/row"
    )
    print(f"peak memory of rekey, all processes: {found.peak_rss_bytes / 1e6:,.0f} MB")
    different = [table for table in COMPARED if digests[table] != _digest(root, table)]
    print("compared row by row: " + (f"DIFFERENT in {', '.join(different)}" if different else "the same rows"))
    if different:
        sys.exit(1)


def _digest(root: Path, table: str) -> str:
    digest = hashlib.sha256()
    with contextlib.closing(sqlite3.connect(root / "asyncdl.sqlite")) as connection:
        names = [row[1] for row in connection.execute(f"PRAGMA table_info({table})")]
        columns = ", ".join(name for name in names if name not in _NOT_COMPARED.get(table, set()))
        for row in connection.execute(f"SELECT {columns} FROM {table} ORDER BY 1, 2"):
            digest.update(repr(row).encode())
    return digest.hexdigest()


if __name__ == "__main__":
    main()

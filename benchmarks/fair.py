"""How politely and how fast `asyncdl get` fetches from hosts with limits and faults: refusals against time, for each degree of caution.

    python -m benchmarks.fair [--cautions low,normal,high] [--runs 1] [--told]
    python -m benchmarks.fair --lab PATH [--told]

Without `--lab` the hosts are those of `faulty_server.py`, on loopback, in a process of its own: twenty hosts, some with limits on requests per second, connections or
requests per ten seconds, slow ones, dead ones, ones that send pages or cut files. With `--lab` they are those of the FAIR scenario of a lab of peers (its
`serve.sh start` must have been called; its variables, `LAB_DIR` among them, come from the environment).

`asyncdl` knows no limit (`--host-rate 0 --host-connections 0 --host-bandwidth 0`) and finds out. With `--told` it is told each host's limit before, by `asyncdl hosts
limit`. Printed per run: refusals, by host, by the server's own count; the time from the first request until the last obtainable image was served, against the ideal from the limits; images obtained; pages and cut files among the files stored. Server and program share the machine: its load is printed.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import math
import os
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

from asyncdl.download.caution import CAUTIONS
from benchmarks.faulty_server import CONTROL, HOSTS, NETWORK, obtainable, path_of
from benchmarks.pictures import jpeg_near

PORT = 18_091
END_SECONDS = 300.0
CHECKOUT = Path(__file__).resolve().parent.parent
FREE = (
    "--allow-private", "127.0.0.0/8", "--host-rate", "0", "--host-connections", "0", "--host-bandwidth", "0", "--first-byte-timeout", "8s",
    "--wait", "12s", "--no-progress", "--contact", "benchmarks@asyncdl.net",
)  # fmt: skip
NOTE = "told by a benchmark"


@dataclass(frozen=True, slots=True)
class Score:
    """One run, by the server's count and by the files. `by_host` are refusals of the limited hosts."""

    obtainable: int
    obtained: int
    refused: int
    by_host: dict[str, int]
    last_seconds: float
    ideal_seconds: float
    pages: int
    cut: int
    wall_seconds: float
    slowest: str = ""


@dataclass(frozen=True, slots=True)
class Limit:
    """What a host is known to admit, for `asyncdl hosts limit`; 0 for no such limit."""

    host: str
    rate_per_second: float
    connections: int


def asyncdl(*words: object) -> list[str]:
    """A command line."""
    return [sys.executable, "-m", "asyncdl", *map(str, words)]


def get(links: Path, collection: Path, caution: str, limits: Sequence[Limit]) -> None:
    """What a user would type. Nothing is asked before the limits are told."""
    environment = {**os.environ, "PYTHONPATH": str(CHECKOUT)}
    log = collection.parent / "log"
    with log.open("ab") as output:

        def call(*words: object) -> int:
            return subprocess.run(
                asyncdl(*words),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env=environment,
                check=False,
                timeout=END_SECONDS,
            ).returncode

        if not limits:
            return require(call("get", links, collection, *FREE, "--caution", caution), log)
        require(call("init", collection, links), log)
        for limit in limits:
            rate = ("--rate", f"{limit.rate_per_second:g}/s") if limit.rate_per_second else ()
            connections = ("--connections", limit.connections) if limit.connections else ()
            require(call("hosts", "limit", collection, limit.host, *rate, *connections, "--note", NOTE), log)
        return require(call("run", collection, *FREE, "--caution", caution), log)


def require(status: int, log: Path) -> None:
    """Raise unless a command ended well. 7: images of dead hosts are left for later."""
    if status not in (0, 7):
        raise RuntimeError(f"asyncdl failed\n{log.read_text(errors='replace')[-3000:]}")


# -- our own hosts -------------------------------------------------------------------------------------------


@contextmanager
def own_hosts(folder: Path) -> Iterator[None]:
    """The server process."""
    picture = folder / "picture"
    picture.write_bytes(jpeg_near(100_000))
    command = [sys.executable, "-m", "benchmarks.faulty_server", str(PORT), str(picture)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, cwd=CHECKOUT)
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n", "the server did not start"
        yield
    finally:
        process.kill()
        process.wait()
        if process.stdout is not None:
            process.stdout.close()


def control(word: str) -> dict[str, Any]:
    """Ask the server about itself."""
    with urllib.request.urlopen(f"http://{CONTROL}:{PORT}/{word}", timeout=10) as answer:
        figures: dict[str, Any] = json.load(answer)
        return figures


def own_run(folder: Path, caution: str, *, told: bool) -> Score:
    """One run against our own hosts."""
    links = folder / "links.txt"
    urls = [f"http://{NETWORK}{host}:{PORT}{path_of(host, n)}" for host, traits in HOSTS.items() for n in range(traits.images)]
    Random(5).shuffle(urls)
    links.write_text("\n".join(urls) + "\n")
    # What counts over a longer time is told as a rate; that a host grows slow is nothing to be told.
    limits = [
        Limit(
            f"{NETWORK}{host}:{PORT}", traits.rate_per_second or traits.window_requests / traits.window_seconds, traits.connections
        )
        for host, traits in HOSTS.items()
        if traits.limited and told
    ]
    control("reset")
    began = time.monotonic()
    get(links, folder / "collection", caution, limits)
    wall = time.monotonic() - began
    figures = control("figures")
    pages, cut = looked_at(folder / "collection" / "files")
    had = {host: figures[str(host)] for host in HOSTS if obtainable(host)}
    last = max(had, key=lambda host: had[host]["last"] or 0.0)
    return Score(
        obtainable=sum(map(obtainable, HOSTS)), obtained=sum(row["had"] for row in had.values()),
        refused=sum(row["refused"] for row in figures.values()),
        by_host={host: row["refused"] for host, row in figures.items() if row["refused"]},
        last_seconds=had[last]["last"] or 0.0,
        ideal_seconds=max(HOSTS[host].ideal_seconds() for host in had), pages=pages, cut=cut, wall_seconds=wall,
        slowest=f"; last: host {last} ({HOSTS[last].kind}, ideal {HOSTS[last].ideal_seconds():.1f} s)",
    )  # fmt: skip


def looked_at(files: Path) -> tuple[int, int]:
    """How many of the files stored are pages, and how many JPEGs have no end."""
    pages = cut = 0
    for path in files.rglob("*"):
        if path.is_file():
            content = path.read_bytes()
            pages += content[:1] == b"<"
            cut += content[:2] == b"\xff\xd8" and b"\xff\xd9" not in content[-200:]
    return pages, cut


# -- the lab -------------------------------------------------------------------------------------------------


def lab_run(lab: Path, lane: int, caution: str, *, told: bool) -> Score:
    """One run of the FAIR scenario by the lab's own runner, which starts this script again as `LAB_ASYNCDL`."""
    scenario = lab_scenario(lab)
    words = [sys.executable, str(Path(__file__).resolve()), "--get", "{list}", "{out}/collection", "--cautions", caution]
    words += ["--lab", str(lab), "--lane", str(lane), "--told"] if told else []
    results = f"asyncdl-{os.getpid()}.jsonl"
    environment = {
        **os.environ, "LAB_HERE": str(lab), "LAB_ASYNCDL": " ".join(words), "LAB_RESULTS": results, "PYTHONPATH": str(CHECKOUT),
    }  # fmt: skip
    command = [os.environ.get("LAB_PY", sys.executable), "run_peer.py", "fair", str(lane), "asyncdl", "--timeout", str(END_SECONDS)]
    log = Path(os.environ["LAB_DIR"]) / f"fair{lane}.log"
    before_bytes = log.stat().st_size if log.exists() else 0
    subprocess.run(command, check=True, cwd=lab, env=environment, stdout=subprocess.DEVNULL)
    written = Path(os.environ["LAB_DIR"]) / results
    found = json.loads(written.read_text().splitlines()[-1])
    written.unlink()
    if found["rc"] != 0:
        raise RuntimeError(f"asyncdl failed in the lab: {found['log']}")
    return Score(
        found["obtainable"], found["ok"], found["refused"], found["refused_by"], lab_seconds(log, before_bytes, scenario),
        max(map(scenario.ideal, scenario.HOSTS)), found["html"], found["cut"], found["wall"],
    )  # fmt: skip


def lab_seconds(log: Path, after_bytes: int, scenario: Any) -> float:
    """From the first request to the last whole answer of a host that has images, by the server's log: time, address, status, bytes, seconds, …, `OK`."""
    began, last = math.inf, -math.inf
    with log.open() as lines:
        lines.seek(after_bytes)
        for line in lines:
            at, address, status, _, seconds, *_, completion = line.split()
            began = min(began, float(at) - float(seconds))
            if status == "200" and completion == "OK" and scenario.HOSTS[int(address.rpartition(".")[2])]["fault"] != "html":
                last = max(last, float(at))
    return last - began


def lab_scenario(lab: Path) -> Any:
    """The lab's module with the FAIR scenario as data."""
    spec = importlib.util.spec_from_file_location("lab_fair", lab / "fair.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def lab_limits(lab: Path, lane: int) -> list[Limit]:
    """What FAIR's hosts admit."""
    scenario, port = lab_scenario(lab), os.environ.get("FAIR_PORT", "8081")
    return [
        Limit(f"{scenario.ip(lane, host)}:{port}", traits["rate"] or 0.0, traits["conns"] or 0)
        for host, traits in scenario.HOSTS.items()
        if traits["rate"] or traits["conns"]
    ]


# -- the table -----------------------------------------------------------------------------------------------


def show(caution: str, score: Score, load: float) -> None:
    """One line per run."""
    refused = sorted(score.by_host.values(), reverse=True)
    print(
        f"{caution:<8}{score.refused:>9}{max(refused, default=0):>9}{score.last_seconds:>9.1f}{score.last_seconds / score.ideal_seconds:>7.2f}"
        f"{f'{score.obtained:,} of {score.obtainable:,}':>18}{score.pages:>7}{score.cut:>5}{score.wall_seconds:>8.1f}{load:>7.1f}   "
        + ", ".join(f"{host}: {count}" for host, count in score.by_host.items())
        + score.slowest,
        flush=True,
    )


def main() -> None:
    """Run and print; or be what the lab starts."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lab", type=Path, help="the lab's folder")
    parser.add_argument("--lane", type=int, default=0, help="which of the lab's copies of the scenario")
    parser.add_argument("--cautions", default=",".join(CAUTIONS), help="with commas")
    parser.add_argument("--runs", type=int, default=1)
    parser.add_argument("--told", action="store_true", help="tell each host's limit before")
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--get", nargs=2, type=Path, metavar=("LIST", "COLLECTION"), help=argparse.SUPPRESS)
    given = parser.parse_args()
    cautions = given.cautions.split(",")
    if given.get:
        links, collection = given.get
        get(links, collection, cautions[0], lab_limits(given.lab, given.lane) if given.told else [])
        return
    print(
        f"limits {'told' if given.told else 'unknown'}; s: until the last obtainable image was served; x: against the ideal; load: of the last minute"
    )
    print(
        f"{'caution':<8}{'refused':>9}{'1 host':>9}{'s':>9}{'x':>7}{'images':>18}{'pages':>7}{'cut':>5}{'wall':>8}{'load':>7}   refusals by host"
    )
    with tempfile.TemporaryDirectory(dir=given.folder) as temporary:
        folder = Path(temporary)
        if given.lab:
            for _ in range(given.runs):
                for caution in cautions:
                    show(caution, lab_run(given.lab.resolve(), given.lane, caution, told=given.told), os.getloadavg()[0])
            return
        with own_hosts(folder):
            for number in range(given.runs):
                for caution in cautions:
                    work = folder / f"{number}-{caution}"
                    work.mkdir()
                    show(caution, own_run(work, caution, told=given.told), os.getloadavg()[0])
                    shutil.rmtree(work)


if __name__ == "__main__":
    main()

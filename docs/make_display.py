"""Draw `docs/display.svg`: the live display of a real run against the embedded museum, as a terminal shows it.

    python docs/make_display.py

The figures are those of the run; only the loopback addresses are replaced by names, since they say nothing to a reader. Takes
about ten seconds.
"""
# ruff: noqa: INP001  a script, no module of a package

from __future__ import annotations

import asyncio
import tempfile
from dataclasses import replace
from io import StringIO
from ipaddress import ip_network
from pathlib import Path

from rich.console import Console
from rich.terminal_theme import TerminalTheme

from asyncdl.app.collections import initialise
from asyncdl.app.jobs import open_job
from asyncdl.collection import Collection
from asyncdl.demo.museum import Museum
from asyncdl.download.figures import Snapshot
from asyncdl.download.progress import live_view
from asyncdl.download.run import StopReason
from asyncdl.ingest import SourceFormat, detect
from asyncdl.settings import IngestSettings, RunSettings

TARGET = Path(__file__).with_name("display.svg")
WATCHED_SECONDS = 7.0
STEP_SECONDS = 0.25
WIDTH, HEIGHT = 100, 27
# Dark grey stays readable: the display dims what matters less, and both themes of a code host show the picture.
THEME = TerminalTheme(
    (24, 26, 31),
    (216, 219, 226),
    [
        (24, 26, 31),
        (240, 113, 120),
        (126, 200, 119),
        (229, 192, 103),
        (97, 175, 239),
        (198, 120, 221),
        (86, 182, 194),
        (216, 219, 226),
    ],
    [
        (92, 99, 112),
        (240, 113, 120),
        (126, 200, 119),
        (229, 192, 103),
        (97, 175, 239),
        (198, 120, 221),
        (86, 182, 194),
        (255, 255, 255),
    ],
)


async def watched(folder: Path) -> tuple[Snapshot, dict[str, str]]:
    """Run for a while and return the figures of the last moment, with the names of the museum's addresses."""
    async with Museum() as museum:
        archive = folder / "archive.zip"
        museum.write_archive(archive)
        root = folder / "herbarium"
        await initialise(root, [detect(str(archive), SourceFormat.DWCA)], IngestSettings(), lambda _: None)
        wanted = museum.recommended
        settings = RunSettings(
            host_rate_per_second=wanted.host_rate_per_second,
            host_connections=wanted.host_connections,
            retry_delays_seconds=wanted.retry_delays_seconds,
            allow_private=tuple(ip_network(network) for network in wanted.allow_private),
            grace_seconds=1,
        )
        async with open_job(Collection.open(root), settings) as job:
            run = asyncio.create_task(job.work())
            for _ in range(round(WATCHED_SECONDS / STEP_SECONDS)):
                await asyncio.sleep(STEP_SECONDS)
                snapshot = job.figures.snapshot(job.scheduler, job.clock.now())
            job.run.stop(StopReason.SIGNAL)
            await run
        names = {base.removeprefix("http://"): f"{slug}.museum.example" for slug, base in museum.base_urls.items()}
    return snapshot, names


def named(snapshot: Snapshot, names: dict[str, str]) -> Snapshot:
    """The same figures with names in the place of addresses."""
    hosts = tuple(replace(host, host=names.get(host.host, host.host)) for host in snapshot.hosts)
    failures = tuple(replace(failure, host=names.get(failure.host, failure.host)) for failure in snapshot.failures)
    return replace(snapshot, hosts=hosts, failures=failures)


def main() -> None:
    """Write the picture."""
    with tempfile.TemporaryDirectory() as folder:
        snapshot, names = asyncio.run(watched(Path(folder)))
    console = Console(file=StringIO(), record=True, width=WIDTH, height=HEIGHT, force_terminal=True, color_system="truecolor")
    console.print(live_view(named(snapshot, names), "asyncdl run herbarium"))
    svg = console.export_svg(title="asyncdl", theme=THEME, unique_id="asyncdl")
    # The fonts are named, not fetched: a picture in a README asks no other server.
    lines = [line.rstrip() for line in _without_web_fonts(svg).splitlines()]
    TARGET.write_text("\n".join(lines) + "\n", encoding="utf-8")


def _without_web_fonts(svg: str) -> str:
    while (begin := svg.find("@font-face")) >= 0:
        svg = svg[:begin].rstrip() + "\n" + svg[svg.index("}", begin) + 1 :]
    return svg.replace(
        "font-family: Fira Code, monospace", "font-family: 'Fira Code', 'DejaVu Sans Mono', Menlo, Consolas, monospace"
    )


if __name__ == "__main__":
    main()

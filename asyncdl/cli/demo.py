"""`asyncdl demo`: the whole job without a network, against the embedded museum, and the story of what happened."""

from __future__ import annotations

import asyncio
import json
import shlex
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from asyncdl.cli.command import Command, Group, run_coroutine
from asyncdl.cli.init import initialise_shown
from asyncdl.cli.run import run_shown
from asyncdl.collection import Collection
from asyncdl.demo.archive import ArchiveSummary
from asyncdl.demo.museum import Museum
from asyncdl.demo.story import AccountLine, Chapter, Seen, account, explain_demo
from asyncdl.download.ending import EXIT_STOPPED, RunReport
from asyncdl.errors import UsageError
from asyncdl.settings import IngestSettings, load_run_settings
from asyncdl.store import Store
from asyncdl.terminal import printable, stderr_console, stdout_console

NAME = Path("asyncdl-demo")
SEED = 42


def demo(
    folder: Annotated[
        Path, typer.Argument(metavar="DIR", help="Where to work; made when it is missing.", show_default=True)
    ] = NAME,
) -> int:
    """See the whole job in about a minute, with no network.

    Starts a museum of fourteen hosts on this machine (slow, moody and dead ones among them), writes its Darwin Core Archive, makes a
    collection of it, downloads it, and tells what happened and what to type next. Stop it at any moment and type it again: it goes on.
    """
    return run_coroutine(_demo(folder))


async def _demo(folder: Path) -> int:
    console = stderr_console()
    notes = _open_folder(folder)
    root, archive = folder / "collection", folder / "archive.zip"
    async with Museum(seed=SEED, ports=notes.get("ports")) as museum:
        if not notes:
            summary = await asyncio.to_thread(museum.write_archive, archive)
            figures = {name: figure for name, figure in asdict(summary).items() if name != "path"}
            notes = {"ports": museum.ports, "summary": figures}
            (folder / "museum.json").write_text(json.dumps(notes))
        summary = ArchiveSummary(path=archive, **notes["summary"])
        _greet(console, museum, summary, folder)
        await initialise_shown(root, [str(archive)], IngestSettings(), None, go_on=True)
        collection = Collection.open(root)
        _keep_settings(collection, museum)
        report = await run_shown(collection, load_run_settings(root, {}))
        if report.exit_status == EXIT_STOPPED:
            _print_last(stdout_console(), report, f"asyncdl demo {shlex.quote(str(folder))}")
            return EXIT_STOPPED
        lines, raw_images = await _account(museum, root)
        chapters = explain_demo(
            summary,
            lines,
            collection=str(root),
            traffic=museum.log.traffic(),
            raw_images=raw_images,
            rejected_rows=await _rejected(root),
        )
    _tell(stdout_console(), report, lines, chapters, root)
    return 0 if all(line.right for line in lines) else report.exit_status


def _open_folder(folder: Path) -> dict[str, dict[str, int]]:
    """What an earlier demo in this folder has noted, or nothing in a new one."""
    notes = folder / "museum.json"
    if notes.is_file():
        found: dict[str, dict[str, int]] = json.loads(notes.read_text())
        return found
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UsageError(f"{folder} holds something else", "name a new folder: asyncdl demo DIR")
    folder.mkdir(parents=True, exist_ok=True)
    return {}


def _keep_settings(collection: Collection, museum: Museum) -> None:
    """Write the demo's settings into its collection, so that what the report tells to type works there too.

    They are faster than the defaults, because every host of the museum is our own.
    """
    wanted = museum.recommended
    networks = ", ".join(f'"{network}"' for network in wanted.allow_private)
    delays = ",".join(f"{seconds:g}s" for seconds in wanted.retry_delays_seconds)
    collection.settings_file.write_text(
        "# The demo's own settings: its museum is on this machine, and fast.\n"
        f"allow_private = [{networks}]\nhost_rate = {wanted.host_rate_per_second:g}\n"
        f'host_connections = {wanted.host_connections}\nretry_delays = "{delays}"\nwait = "{wanted.wait_seconds:g}s"\n'
    )


def _greet(console: Console, museum: Museum, summary: ArchiveSummary, folder: Path) -> None:
    hosts = len(museum.hosts)
    text = (
        f"A museum of {hosts} hosts is open on this machine. Its archive {printable(str(folder / 'archive.zip'))} has {summary.rows:,} rows "
        f"of {summary.records:,} records. Nothing leaves this machine. Stop with Ctrl-C and type the same again: it goes on."
    )
    console.print(Text(text), soft_wrap=True)


async def _account(museum: Museum, root: Path) -> tuple[list[AccountLine], int]:
    """Every image of the collection against what the museum planned for it."""
    seen: list[Seen] = []
    async with await Store.open(Collection.open(root).db, read_only=True) as store:
        for gbif_id in sorted({exhibit.gbif_id for exhibit in museum.exhibits}):
            for record in await store.find_records(gbif_id):
                story = await store.record_story(record.id)
                for image in story.images if story else ():
                    urls = tuple(candidate.url for candidate in image.candidates)
                    seen.append(Seen(urls, image.state.status.label, image.state.error))
    raw_images = sum(image.status == "success" and image.error == "raw_unprocessed" for image in seen)
    return account(museum.exhibits, museum.exhibit_of, seen), raw_images


async def _rejected(root: Path) -> int:
    async with await Store.open(Collection.open(root).db, read_only=True) as store:
        return sum(source.rejected for source in await store.sources())


def _tell(console: Console, report: RunReport, lines: Sequence[AccountLine], chapters: Sequence[Chapter], root: Path) -> None:
    """The report: every image accounted for by host, then the chapters, then the run's last line."""
    table = Table(title="every image, host by host", title_justify="left", box=None, pad_edge=False, header_style="dim")
    for heading in ("host", "planned", "came to", "images", ""):
        table.add_column(heading, justify="right" if heading == "images" else "left")
    for line in lines:
        mark = Text("as planned", style="green") if line.right else Text("not as planned", style="red")
        table.add_row(line.host, line.expected, line.got, str(line.images), mark)
    console.print(table)
    for chapter in chapters:
        body = Text(chapter.happened)
        if chapter.next_command:
            body.append(f"\n$ {chapter.next_command}", style="bold")
        console.print(Panel(body, title=chapter.topic, title_align="left", border_style="dim"))
    _print_last(console, report, f"asyncdl status {shlex.quote(str(root))}")


def _print_last(console: Console, report: RunReport, next_command: str) -> None:
    console.print(Text(f"{report.line()}; next: {printable(next_command)}"), soft_wrap=not console.is_terminal)


COMMAND = Command("demo", demo, Group.EVERY_DAY, "asyncdl demo")

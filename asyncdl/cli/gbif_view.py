"""What `asyncdl gbif` prints in the end: an archive with its citation, and downloads as a table."""

from __future__ import annotations

import json
import shlex
from collections.abc import Sequence
from dataclasses import asdict

import typer
from rich.table import Table

from asyncdl.gbif.downloads import MEANING, UNDER_WAY, Download
from asyncdl.gbif.errand import Archive
from asyncdl.gbif.ordering import AT_ONCE
from asyncdl.terminal import printable, safe, stdout_console
from asyncdl.units import approximate_size

_MAX_CHARS = 1_000


def print_archive(archive: Archive, contact: str, *, as_json: bool) -> None:
    """Where an archive lies, what it holds, how to cite it, and what to type next."""
    follow = f"asyncdl init NAME {shlex.quote(archive.file)} --contact {contact or 'you@institute.edu'}"
    if as_json:
        typer.echo(json.dumps({**asdict(archive), "next": follow}, indent=2, ensure_ascii=False))
        return
    console = stdout_console()
    rows = [
        ("file", f"{archive.file} ({approximate_size(archive.size_bytes)})"),
        ("records", _records(archive)),
        ("licence", f"{archive.licence or 'not said'} (the strictest of the records; images have licences of their own)"),
        (
            "kept",
            f"at GBIF until {archive.erase_after[:10]}, unless it is cited" if archive.erase_after else "at GBIF for six months",
        ),
        ("cite", archive.citation),
    ]
    for name, value in rows:
        console.print(f"{name:<8} {printable(value, _MAX_CHARS)}", markup=False, soft_wrap=True)
    console.print(f"next: {printable(follow, _MAX_CHARS)}", markup=False, soft_wrap=True)


def _records(archive: Archive) -> str:
    if archive.records is None:
        return "not said"
    if archive.records == 0:
        return "none: nothing matches the filter (are the taxon keys of another taxonomy? see --checklist-key)"
    return f"{archive.records:,}" + (f" of {archive.datasets:,} datasets" if archive.datasets else "")


def print_downloads(downloads: Sequence[Download], *, as_json: bool) -> None:
    """Downloads as a table, the newest first, and how many more may be requested."""
    if as_json:
        rows = [
            {name: value for name, value in asdict(one).items() if name != "asked"} | {"citation": one.citation}
            for one in downloads
        ]
        typer.echo(json.dumps(rows, indent=2, ensure_ascii=False))
        return
    console = stdout_console()
    table = Table("key", "requested", "state", "records", "size", "DOI", box=None, pad_edge=False)
    for one in downloads:
        records = f"{one.records:,}" if one.records is not None else ""
        size = approximate_size(one.size_bytes) if one.size_bytes else ""
        table.add_row(safe(one.key), safe(one.created[:16]), safe(one.state.lower()), records, size, safe(one.doi))
    console.print(table)
    if len(downloads) == 1:
        console.print(MEANING[downloads[0].state], markup=False, soft_wrap=True)
        return
    under_way = sum(one.state in UNDER_WAY for one in downloads)
    console.print(f"{under_way} under way; GBIF makes {AT_ONCE} of a user at a time", markup=False, soft_wrap=True)

"""The archive of a download that is ready: fetched with resume, of the length that GBIF says, and a zip file that can be opened."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from pathlib import Path

from asyncdl.errors import SourceError, UsageError
from asyncdl.gbif.downloads import Download
from asyncdl.gbif.request import FORMAT
from asyncdl.resumable import FetchedFile, FetchStep, FetchTools, WantedFile, fetch_file, note_path

_META = "meta.xml"


async def fetch_archive(
    download: Download, api: str, target: Path, tools: FetchTools, watch: Callable[[FetchStep], None]
) -> FetchedFile:
    """Have the archive at `target`, which is left alone when it is there and as long as GBIF says.

    Raises `UsageError` when something else is there or the download has no media, `SourceError` and `EnvironmentStops` as `fetch_file`.
    """
    if download.format and download.format != FORMAT:
        raise UsageError(
            f"download {download.key} has the format {download.format}, which holds no links to images",
            f"request it as {FORMAT}: `asyncdl gbif request` does",
        )
    if (size := _size_there(target, download)) is not None:
        return FetchedFile(target, size, 0)
    wanted = WantedFile(
        url=download.link or f"{api}/occurrence/download/request/{download.key}.zip",
        folder=target.parent,
        slot=target.name,
        name=lambda _: target.name,
        expected_bytes=download.size_bytes,
        immutable=True,  # a key stands for one file
        check=check_archive,
    )
    fetched = await fetch_file(wanted, tools, watch)
    note_path(target.parent, target.name).unlink(missing_ok=True)
    return fetched


def _size_there(target: Path, download: Download) -> int | None:
    """The size of the archive that is there already; None when nothing is."""
    if not target.exists():
        return None
    size = target.stat().st_size
    if size != download.size_bytes:
        raise UsageError(
            f"{target} is there already, and is not download {download.key}", "move it away, or name another file: --to FILE"
        )
    return size


def check_archive(path: Path) -> None:
    """Raise `SourceError` unless a file is a zip with a `meta.xml` whose directory can be read: its end is there, and no web page."""
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
        raise SourceError(
            "what GBIF sent is no whole zip file", "request it again; if it stays, write to helpdesk@gbif.org"
        ) from error
    if _META not in names:
        raise SourceError("what GBIF sent is no Darwin Core Archive: it has no meta.xml", "look at the download's page at gbif.org")

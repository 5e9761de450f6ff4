"""An errand to GBIF, from the request to the archive on the disk. Interrupted anywhere and run again, it goes on where it was."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from asyncdl.clock import iso_utc
from asyncdl.errors import EnvironmentStops, UsageError
from asyncdl.gbif.api import GbifApi
from asyncdl.gbif.archive import fetch_archive
from asyncdl.gbif.downloads import Download
from asyncdl.gbif.ordering import How, Order, order_download, require_what_was_asked
from asyncdl.gbif.receipt import Receipt, read_receipt, receipt_path, write_receipt
from asyncdl.gbif.waiting import Deadline, DownloadEnded, Pace, WaitStep, Watch, wait_for_download
from asyncdl.resumable import FetchStep, FetchTools


@dataclass(frozen=True, slots=True)
class Place:
    """Where an archive goes: into `folder`, under its key's name unless `name` is given."""

    folder: Path
    name: str = ""

    def target(self, key: str) -> Path:
        """The archive's path."""
        return self.folder / (self.name or f"{key}.zip")


@dataclass(frozen=True, slots=True)
class Archive:
    """An archive that is whole, and how it is to be cited. Texts are GBIF's."""

    key: str
    file: str
    size_bytes: int
    records: int | None
    datasets: int | None
    licence: str
    doi: str
    citation: str
    erase_after: str


@dataclass(frozen=True, slots=True)
class Errand:
    """What an errand works with. `watch` is told what is waited for, `fetched` how far the archive is."""

    api: GbifApi
    tools: FetchTools
    pace: Pace
    deadline: Deadline
    watch: Watch
    fetched: Callable[[FetchStep], None]

    async def place_order(self, order: Order, place: Place) -> str:
        """The key of the download that a request came to, by an earlier call, by another tool, or now.

        Raises what `order_download` raises, and `UsageError` when GBIF gives back something else.
        """
        await asyncio.to_thread(_make_folder, place.folder)
        path = receipt_path(place.folder, order.request)
        receipt = None if order.new else await asyncio.to_thread(read_receipt, path, self.api.base)
        if receipt is not None:
            self.watch(WaitStep(f"download {receipt.key} was requested at {receipt.requested_at}: going on with it", news=True))
            return await self._checked(receipt.key, order, path)
        if bool(place.name) and await asyncio.to_thread(place.target("").exists):
            raise UsageError(f"{place.target('')} is there already", "move it away, or name another file: --to FILE")
        ordered = await order_download(self.api, order, self.tools, self.deadline, self.watch)
        asks = order.request.body()
        receipt = Receipt(self.api.base, ordered.key, iso_utc(self.tools.clock.now().utc_ms), asks)
        await asyncio.to_thread(write_receipt, path, receipt)
        how = "requested" if ordered.how is How.REQUESTED else f"{ordered.how}: an equal request is not made twice"
        self.watch(WaitStep(f"download {ordered.key} {how}; interrupted, type the same command again", news=True))
        return await self._checked(ordered.key, order, path)

    async def _checked(self, key: str, order: Order, path: Path) -> str:
        """The key, when what GBIF makes is what was asked for; otherwise its receipt is worth nothing."""
        try:
            require_what_was_asked(await self.api.download(key), order.request)
        except UsageError:
            await asyncio.to_thread(path.unlink, missing_ok=True)
            raise
        return key

    async def archive_of_order(self, order: Order, place: Place) -> Archive:
        """The archive that a request brings. Raises `DownloadEnded` when GBIF could not make it; then the next call requests another."""
        await asyncio.to_thread(_make_folder, place.folder)
        path = receipt_path(place.folder, order.request)
        if not order.new and (there := await asyncio.to_thread(_archive_there, path, self.api.base, place)) is not None:
            return there
        key = await self.place_order(order, place)
        try:
            archive = await self.archive_of(key, place)
        except DownloadEnded:
            await asyncio.to_thread(path.unlink, missing_ok=True)
            raise
        receipt = await asyncio.to_thread(read_receipt, path, self.api.base)
        if receipt is not None:
            done = replace(receipt, file=archive.file, result=asdict(archive))
            await asyncio.to_thread(write_receipt, path, done)
        return archive

    async def archive_of(self, reference: str, place: Place) -> Archive:
        """The archive of a download by its key or DOI, waited for when it is not ready."""
        await asyncio.to_thread(_make_folder, place.folder)
        download = await wait_for_download(self.api, reference, self.tools, self.pace, self.deadline, self.watch)
        target = place.target(download.key)
        fetched = await fetch_archive(download, self.api.base, target, self.tools, self.fetched)
        return _archive(download, fetched.path, fetched.size_bytes)


def _make_folder(folder: Path) -> None:
    """Have the folder there before anything is asked of GBIF. Raises `UsageError` where it cannot be one, `EnvironmentStops` where it may not."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError) as error:
        raise UsageError(f"{folder} is no folder", "name a folder, or a file that ends in .zip") from error
    if not os.access(folder, os.W_OK | os.X_OK):
        raise EnvironmentStops(f"{folder} cannot be written", "choose a folder you may write to")


def _archive(download: Download, path: Path, size_bytes: int) -> Archive:
    return Archive(
        download.key, str(path), size_bytes, download.records, download.datasets, download.licence_name, download.doi, download.citation,
        download.erase_after,
    )  # fmt: skip


def _archive_there(path: Path, api: str, place: Place) -> Archive | None:
    """The archive that an earlier call has brought, when it still lies there."""
    receipt = read_receipt(path, api)
    if receipt is None or not receipt.result:
        return None
    target = place.target(receipt.key)
    size = receipt.result.get("size_bytes")
    if not target.is_file() or target.stat().st_size != size:
        return None
    try:
        return Archive(**{**receipt.result, "file": str(target)})
    except TypeError as error:
        raise UsageError(
            f"{path} is no receipt of this version", "move it away; then an equal request is looked for at GBIF"
        ) from error

"""Sources at an address: fetched once into `COLLECTION/archives/`, then files like any other."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from contextlib import suppress
from email.message import Message
from pathlib import Path
from random import Random
from typing import Final
from urllib.parse import unquote, urlsplit

from asyncdl.app.websettings import file_web_settings
from asyncdl.app.wholeness import WHOLE
from asyncdl.clock import SystemClock
from asyncdl.collection import Collection, archive_name, archive_slot
from asyncdl.contact import require_contact_for
from asyncdl.errors import UsageError
from asyncdl.gbif.downloads import parse_reference
from asyncdl.resumable import FetchedFile, FetchStep, FetchTools, FirstAnswer, WantedFile, fetch_file
from asyncdl.settings import RunSettings
from asyncdl.store import Store
from asyncdl.web import Web

_ADDRESS: Final = re.compile(r"https?://", re.IGNORECASE)
_PAGES: Final = frozenset({"text/html", "application/xhtml+xml"})
_MAX_NAME_CHARS: Final = 200
Arrived = Callable[[FetchedFile], None]


def is_address(source: str) -> bool:
    """Whether a source is to be fetched first."""
    return _ADDRESS.match(source) is not None


async def local_sources(
    root: Path, sources: Sequence[str], settings: RunSettings, watch: Callable[[FetchStep], None], arrived: Arrived = lambda _: None
) -> list[str]:
    """The sources with each address replaced by the path of its file, which is fetched where it is not there yet.

    Raises `EnvironmentStops` for a public host without a contact, a full disk, or a host that is out of reach; `SourceError` for an
    address that brings no file. What has come stays, and the same call goes on with it.
    """
    addresses = [source for source in sources if is_address(source)]
    for address in addresses:
        require_contact_for(address, settings.contact)
    _require_folder(root)
    paths: dict[str, str] = {}
    async with Web(file_web_settings(settings)) as web:
        tools = FetchTools(web, SystemClock(), Random(), settings.max_redirects)
        for address in dict.fromkeys(addresses):
            try:
                fetched = await fetch_file(_wanted(address, Collection(root).archives), tools, watch)
            except BaseException:
                _remove_empty(root)
                raise
            arrived(fetched)
            paths[address] = str(fetched.path)
    return [paths.get(source, source) for source in sources]


async def refuse_whole(root: Path) -> None:
    """Raise `UsageError` when the folder is a whole collection already: before gigabytes are fetched for nothing."""
    if not Collection(root).db.exists():
        return
    async with await Store.open(Collection(root).db, read_only=True) as store:
        if await store.get_meta(WHOLE) is not None:
            raise UsageError(f"{root} is a collection already", f"`asyncdl run {root}` goes on with it; or name another folder")


def _require_folder(root: Path) -> None:
    if root.exists() and not root.is_dir():
        raise UsageError(f"{root} is a file", "name a folder for the collection")


def _remove_empty(root: Path) -> None:
    """Leave no folders behind for an address that brought nothing."""
    for folder in (Collection(root).archives, root):
        with suppress(OSError):  # it holds something
            folder.rmdir()


def _wanted(address: str, folder: Path) -> WantedFile:
    return WantedFile(
        url=address, folder=folder, slot=archive_slot(address),
        name=lambda answer: archive_name(suggested_name(answer, address), address), refuse=why_not,
    )  # fmt: skip


def suggested_name(answer: FirstAnswer, address: str) -> str:
    """What the server calls the file (RFC 6266), else the end of the address it came from, else of the address that was typed."""
    message = Message()
    message["Content-Disposition"] = " ".join(answer.headers.get("Content-Disposition", "").split())
    try:
        given = message.get_filename() or ""
    except (ValueError, LookupError):
        given = ""
    ends = (given, *(unquote(urlsplit(url).path) for url in (answer.url, address)))
    return next((name for end in ends if (name := re.split(r"[/\\]", end)[-1].strip()) not in {"", "request"}), "")[
        :_MAX_NAME_CHARS
    ]


def why_not(begin: bytes, answer: FirstAnswer) -> str | None:
    """What is wrong with a body that is a web page or an answer of a program; None where it may be a source."""
    text = begin.lstrip(b"\xef\xbb\xbf \t\r\n")[:100].lower()
    if text.startswith((b"<!doctype html", b"<html", b"<head", b"<body")) or (
        answer.media_type in _PAGES and text.startswith(b"<")
    ):
        hint = "is a web page, not an archive"
        download = parse_reference(answer.url)
        return f"{hint}; `asyncdl gbif fetch {download}` fetches the download it is about" if download else hint
    if answer.media_type == "application/json" and text.startswith((b"{", b"[")):
        return "is JSON, the answer of a program, not an archive"
    if text.startswith(b"<?xml"):
        return "is XML, not an archive"
    return None

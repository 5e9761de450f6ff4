"""Sources and bodies for the scripted server: lists of links, photos that are no two the same."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from asyncdl.demo.pictures import picture
from tests.scripted import ScriptedServer, Step, answer


def photo(mark: str, *, motif: int = 5, width: int = 160, height: int = 120) -> bytes:
    """A small whole JPEG; another mark gives other bytes."""
    return picture(motif, width, height, mark)


def served(mark: str, headers: Mapping[str, str] | None = None) -> bytes:
    """A whole answer with the photo of that mark."""
    return answer(200, photo(mark), {"Content-Type": "image/jpeg"} | dict(headers or {}))


def hang(server: ScriptedServer, *names: str, before: tuple[Step, ...] = ()) -> list[str]:
    """Put a photo at `/name.jpg` for each name, after the steps in `before`; return the links."""
    return [server.script(f"/{name}.jpg", *before, served(f"{server.port}/{name}")) for name in names]


def list_of(path: Path, urls: Iterable[str]) -> Path:
    """A plain list of links."""
    path.write_text("".join(f"{url}\n" for url in urls))
    return path


def table_of(path: Path, rows: Iterable[tuple[int, str]]) -> Path:
    """A table of record and link."""
    path.write_text("gbifID\tidentifier\n" + "".join(f"{record}\t{url}\n" for record, url in rows))
    return path

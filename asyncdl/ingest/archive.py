"""Bytes of sources: files, gzip, standard input, and the members of an archive in a zip or a folder.

Everything is read as a stream of chunks and nothing is ever unpacked to disk. Every way in which a stream can
end badly becomes a `SourceError` that says what to do. It knows nothing of tables.
"""

from __future__ import annotations

import gzip
import sys
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, nullcontext
from itertools import chain
from pathlib import Path, PurePosixPath
from typing import IO, Protocol, cast

from asyncdl.errors import SourceError
from asyncdl.ingest.options import Bounds

CHUNK_BYTES = 1_000_000
MAX_FOLDER_FILES = 10_000
GZIP_MAGIC = b"\x1f\x8b"
ZIP_MAGIC = b"PK"
_SMALL_MEMBER_BYTES = 10_000_000
_NOT_DATA = ("__MACOSX/", ".")
_FETCH_AGAIN = "fetch it again: it broke off, or was changed on its way"


class Archive(Protocol):
    """Named members below one root, whatever holds them."""

    name: str

    def members(self) -> dict[str, int]:
        """Names, relative to the root, with sizes in bytes."""
        ...

    def chunks(self, member: str) -> Iterator[bytes]:
        """The content of a member."""
        ...


class ZipArchive:
    """A zip file. Raises `SourceError` for one that is cut, unsafe, encrypted, or that unpacks to unreasonable sizes."""

    def __init__(self, path: Path, bounds: Bounds) -> None:
        self.name = path.name
        self._bounds = bounds
        try:
            self._zip = zipfile.ZipFile(path)
        except (zipfile.BadZipFile, NotImplementedError, EOFError, ValueError) as error:
            raise SourceError(f"{path} is a zip file that is cut or damaged: {error}", _FETCH_AGAIN) from error
        except OSError as error:
            raise SourceError(f"{path} cannot be read: {error.strerror or error}", "look at its rights and at the disk") from error
        self._infos = {info.filename: info for info in self._zip.infolist() if not info.is_dir()}
        for name in self._infos:
            check_member_name(name)
        self._root = _root([name for name in self._infos if _is_data(name)])

    def members(self) -> dict[str, int]:
        """Names, relative to the root, with unpacked sizes in bytes."""
        return {
            name[len(self._root) :]: info.file_size
            for name, info in self._infos.items()
            if name.startswith(self._root) and _is_data(name)
        }

    def chunks(self, member: str) -> Iterator[bytes]:
        """The content of a member, unpacked as it is read."""
        info = self._infos[self._root + member]
        self._refuse_bomb(info)
        return read_chunks(lambda: self._zip.open(info), f"{self.name}:{member}")

    def _refuse_bomb(self, info: zipfile.ZipInfo) -> None:
        ratio = info.file_size / max(info.compress_size, 1)
        if info.file_size > self._bounds.max_archive_bytes or (
            info.file_size > _SMALL_MEMBER_BYTES and ratio > self._bounds.max_zip_ratio
        ):
            raise SourceError(
                f"{self.name}:{info.filename} would unpack to {info.file_size} bytes, {ratio:.0f} times its packed size",
                "no real table packs like that; unpack it yourself if you trust it, and name the folder",
            )


class FolderArchive:
    """An unpacked archive in a folder; links out of the folder are not followed."""

    def __init__(self, root: Path) -> None:
        self.name = root.name or str(root)
        self._root = root

    def members(self) -> dict[str, int]:
        """Names, relative to the root, with sizes in bytes."""
        return folder_files(self._root)

    def chunks(self, member: str) -> Iterator[bytes]:
        """The content of a member."""
        check_member_name(member)
        return read_chunks(lambda: (self._root / member).open("rb"), f"{self.name}/{member}")


def check_member_name(name: str) -> None:
    """Raise `SourceError` for a name that would lead out of its archive."""
    plain = PurePosixPath(name.replace("\\", "/"))
    if plain.is_absolute() or ".." in plain.parts or (plain.parts and plain.parts[0].endswith(":")) or "\0" in name:
        raise SourceError(f"the archive names a file outside itself: {name!r}", "do not trust it; ask its publisher")


def file_chunks(path: str, *, head: bytes = b"") -> Iterator[bytes]:
    """The content of a text file, unpacked when it is gzip; `-` is standard input, of which `head` was read before."""
    if path == "-":
        return chain([head] if head else [], read_chunks(lambda: nullcontext(sys.stdin.buffer), "standard input"))
    packed = read_head(path, len(GZIP_MAGIC)) == GZIP_MAGIC
    return read_chunks(lambda: _opened(path, packed=packed), path)


def read_head(path: str, size: int) -> bytes:
    """The first bytes of a file as they are, or of standard input. Raises `SourceError` when it cannot be read."""
    try:
        if path == "-":
            return sys.stdin.buffer.read(size)
        with Path(path).open("rb") as file:
            return file.read(size)
    except OSError as error:
        raise SourceError(f"{path} cannot be read: {error.strerror or error}", "look at its name and its rights") from error


def peeked(chunks: Iterator[bytes]) -> tuple[bytes, Iterable[bytes]]:
    """The first chunk, and all chunks."""
    first = next(chunks, b"")
    return first, chain([first], chunks)


_Opens = Callable[[], AbstractContextManager[IO[bytes]]]


def read_chunks(opens: _Opens, shown: str) -> Iterator[bytes]:
    """Chunks of what `opens` gives. Raises `SourceError`, naming it as `shown`, when the stream is cut or damaged."""
    try:
        with opens() as file:
            while chunk := file.read(CHUNK_BYTES):
                yield chunk
    except (EOFError, zlib.error, zipfile.BadZipFile, gzip.BadGzipFile) as error:
        raise SourceError(f"{shown} is cut or damaged: {error}", _FETCH_AGAIN) from error
    except (NotImplementedError, RuntimeError) as error:  # what zipfile says of encryption and of odd compression
        raise SourceError(f"{shown} cannot be unpacked: {error}", "unpack it yourself and name the folder") from error
    except OSError as error:
        raise SourceError(f"{shown} cannot be read: {error.strerror or error}", "look at its rights and at the disk") from error


def _opened(path: str, *, packed: bool) -> AbstractContextManager[IO[bytes]]:
    return cast("IO[bytes]", gzip.open(path)) if packed else Path(path).open("rb")


def folder_files(root: Path) -> dict[str, int]:
    """The files of a folder and of the folders in it, with their sizes; deeper no archive goes, but a home folder does."""
    found: dict[str, int] = {}
    for path in chain(root.glob("*"), root.glob("*/*")):
        name = path.relative_to(root).as_posix()
        if _is_data(name) and path.is_file() and path.resolve().is_relative_to(root.resolve()):
            found[name] = path.stat().st_size
        if len(found) > MAX_FOLDER_FILES:
            raise SourceError(
                f"{root} holds more than {MAX_FOLDER_FILES} files", "name the folder or the file of the archive itself"
            )
    return dict(sorted(found.items()))


def _is_data(name: str) -> bool:
    return not name.startswith(_NOT_DATA) and "/." not in name


def _root(names: list[str]) -> str:
    """The folder inside a zip that holds everything: some zips wrap the archive in one."""
    if "meta.xml" in names:
        return ""
    nested = [name for name in names if name.count("/") == 1 and name.endswith("/meta.xml")]
    return nested[0].removesuffix("meta.xml") if len(nested) == 1 else ""

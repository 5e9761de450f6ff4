"""Bytes of sources: files, packed or not, standard input, and the members of an archive in a zip or a folder (in a tar: `tarballs`).

Everything is read as a stream of chunks and nothing is unpacked to disk. Every way in which a stream can
end badly becomes a `SourceError` that says what to do. It knows nothing of tables.
"""

from __future__ import annotations

import lzma
import os
import struct
import sys
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from itertools import chain
from pathlib import Path, PurePosixPath
from typing import IO, Protocol

from asyncdl.errors import SourceError
from asyncdl.ingest.dialect import HEAD_BYTES
from asyncdl.ingest.magic import is_parquet
from asyncdl.ingest.options import Bounds
from asyncdl.ingest.packed import FETCH_AGAIN, SMALL_BYTES, unpacked

CHUNK_BYTES = 1_000_000
MAX_FOLDER_FILES = 10_000
_DAMAGE = (zipfile.BadZipFile, zlib.error, lzma.LZMAError, struct.error, EOFError, ValueError)
"""What zipfile and its packings say of a file that is cut or changed."""
_OTHERS_PER_FILE = 10
_NOT_DATA = ("__MACOSX/", ".")
_PARQUET_ENDINGS = frozenset({".parquet", ".parq", ".pq"})


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

    def __init__(self, path: Path, bounds: Bounds, name: str = "") -> None:
        self.name = name or path.name
        self._bounds = bounds
        try:
            self._zip = zipfile.ZipFile(path)
        except (*_DAMAGE, NotImplementedError) as error:
            raise SourceError(f"{self.name} is a zip file that is cut or damaged: {error}", FETCH_AGAIN) from error
        except OSError as error:
            raise SourceError(
                f"{self.name} cannot be read: {error.strerror or error}", "look at its rights and at the disk"
            ) from error
        self._infos = {_with_slashes(info.filename): info for info in self._zip.infolist() if _names_file(info.filename)}
        for member in self._infos:
            check_member_name(member)
        self._root = common_root(self._infos)

    def members(self) -> dict[str, int]:
        """Names, relative to the root, with unpacked sizes in bytes."""
        return below_root(self._root, {name: info.file_size for name, info in self._infos.items()})

    def chunks(self, member: str) -> Iterator[bytes]:
        """The content of a member, unpacked as it is read."""
        info = self._infos[self._root + member]
        self._refuse_bomb(info)
        return read_chunks(lambda: self._zip.open(info), f"{self.name}:{member}")

    def _refuse_bomb(self, info: zipfile.ZipInfo) -> None:
        ratio = info.file_size / max(info.compress_size, 1)
        if info.file_size > self._bounds.max_archive_bytes or (info.file_size > SMALL_BYTES and ratio > self._bounds.max_zip_ratio):
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


def _names_file(name: str) -> bool:
    """A damaged directory may hold no name at all, of which `ZipInfo.is_dir` makes an IndexError."""
    return bool(name) and not name.endswith("/")


def _with_slashes(name: str) -> str:
    """Some packers of Windows write backslashes, and one before the first name."""
    return name.replace("\\", "/").removeprefix("/") if "\\" in name else name


def check_member_name(name: str) -> None:
    """Raise `SourceError` for a name that would lead out of its archive."""
    plain = PurePosixPath(name.replace("\\", "/"))
    if plain.is_absolute() or ".." in plain.parts or (plain.parts and plain.parts[0].endswith(":")) or "\0" in name:
        raise SourceError(f"the archive names a file outside itself: {name!r}", "do not trust it; ask its publisher")


def file_chunks(path: str, bounds: Bounds, *, head: bytes = b"") -> Iterator[bytes]:
    """The content of a file, unpacked when it is packed; `-` is standard input, of which `head` was read before."""
    return unpacked(raw_chunks(path, head=head), "standard input" if path == "-" else path, bounds)


def raw_chunks(path: str, *, head: bytes = b"") -> Iterator[bytes]:
    """The content of a file, or what is left of standard input behind `head`, as it is."""
    if path == "-":
        return chain([head] if head else [], read_chunks(lambda: nullcontext(sys.stdin.buffer), "standard input"))
    return read_chunks(lambda: Path(path).open("rb"), path)


def member_chunks(archive: Archive, member: str, bounds: Bounds) -> Iterator[bytes]:
    """The content of a member, unpacked when it is packed once more."""
    return unpacked(archive.chunks(member), f"{archive.name}:{member}", bounds)


def read_head(path: str, size: int) -> bytes:
    """The first bytes of a file as they are, or of standard input. Raises `SourceError` when it cannot be read."""
    try:
        if path == "-":
            return sys.stdin.buffer.read(size)
        with Path(path).open("rb") as file:
            return file.read(size)
    except OSError as error:
        raise SourceError(f"{path} cannot be read: {error.strerror or error}", "look at its name and its rights") from error


def peeked(chunks: Iterator[bytes]) -> tuple[bytes, Iterator[bytes]]:
    """The beginning (`HEAD_BYTES`, or all there is), and all chunks."""
    parts: list[bytes] = []
    size = 0
    while size < HEAD_BYTES and (chunk := next(chunks, b"")):
        parts.append(chunk)
        size += len(chunk)
    head = b"".join(parts)
    return head, chain([head] if head else [], chunks)


_Opens = Callable[[], AbstractContextManager[IO[bytes]]]


def read_chunks(opens: _Opens, shown: str) -> Iterator[bytes]:
    """Chunks of what `opens` gives. Raises `SourceError`, naming it as `shown`, when the stream is cut or damaged."""
    try:
        with opens() as file:
            while chunk := file.read(CHUNK_BYTES):
                yield chunk
    except _DAMAGE as error:
        raise SourceError(f"{shown} is cut or damaged: {error}", FETCH_AGAIN) from error
    except (NotImplementedError, RuntimeError) as error:  # what zipfile says of encryption and of odd compression
        raise SourceError(f"{shown} cannot be unpacked: {error}", "unpack it yourself and name the folder") from error
    except OSError as error:
        raise SourceError(f"{shown} cannot be read: {error.strerror or error}", "look at its rights and at the disk") from error


def folder_files(root: Path) -> dict[str, int]:
    """The files of a folder and of the folders in it, with their sizes; deeper no archive goes, but a home folder does."""
    found: dict[str, int] = {}
    for path in chain(root.glob("*"), root.glob("*/*")):
        name = path.relative_to(root).as_posix()
        if is_data(name) and path.is_file() and path.resolve().is_relative_to(root.resolve()):
            found[name] = path.stat().st_size
        if len(found) > MAX_FOLDER_FILES:
            raise SourceError(
                f"{root} holds more than {MAX_FOLDER_FILES} files", "name the folder or the file of the archive itself"
            )
    return dict(sorted(found.items()))


def size_on_disk(place: Path) -> int:
    """Of a file, or of the files of a folder together."""
    return sum({**parquet_files(place), **folder_files(place)}.values()) if place.is_dir() else place.stat().st_size


def parquet_files(root: Path) -> dict[str, int]:
    """The Parquet files of a folder and of three levels below, with their sizes: by their names, or, where no name says so, by their content."""
    found: dict[str, int] = {}
    unnamed: dict[str, int] = {}
    for looked_at, path in enumerate(chain(*(root.glob("*/" * depth + "*") for depth in range(4)))):
        if max(looked_at // _OTHERS_PER_FILE, len(found), len(unnamed)) > MAX_FOLDER_FILES:
            raise SourceError(
                f"{root} holds more than {MAX_FOLDER_FILES} files", "name the folder or the files of the source itself"
            )
        name = path.relative_to(root).as_posix()
        if not is_data(name) or path.name.startswith("_") or not path.is_file():
            continue
        if path.suffix.lower() in _PARQUET_ENDINGS:
            found[name] = path.stat().st_size
        elif not path.suffix and os.access(path, os.R_OK):
            unnamed[name] = path.stat().st_size
    by_content = {} if found else {name: size for name, size in unnamed.items() if is_parquet(read_head(str(root / name), 4))}
    return dict(sorted((found or by_content).items()))


def is_data(name: str) -> bool:
    """Whether a member may matter: not what a Mac or a hidden file adds."""
    return not name.startswith(_NOT_DATA) and "/." not in name


def common_root(names: Iterable[str]) -> str:
    """The folder that holds the archive inside a zip or a tar: some wrap it in one, or in the whole path to it. Ends with a slash, or is empty."""
    data = [name for name in names if is_data(name)]
    if "meta.xml" in data:
        return ""
    nested = [name for name in data if name.count("/") == 1 and name.endswith("/meta.xml")]
    if len(nested) == 1:
        return nested[0].removesuffix("meta.xml")
    folder = os.path.commonpath([PurePosixPath(name).parent for name in data]) if data else ""
    return "" if folder in {"", "."} else f"{folder}/"


def below_root(root: str, sizes: Mapping[str, int]) -> dict[str, int]:
    """The members of an archive by their names relative to its root."""
    return {name[len(root) :]: size for name, size in sizes.items() if name.startswith(root) and is_data(name)}

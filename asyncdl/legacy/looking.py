"""One old file looked at: is it a regular file, what is it by content, and, when asked, is it whole and which digest has it.

The first 4 kB decide, as for a body that a server sends. Blocks on the disk: run it in threads.
"""

from __future__ import annotations

import hashlib
import os
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

from asyncdl.imaging import HEAD_BYTES, check_structure, dimensions, sniff, sniff_file
from asyncdl.legacy.account import Reason, Refused

MIN_FILE_BYTES: Final = 1024
"""Smaller ones are icons, cut bodies and messages: the earlier tools called them truncated, too."""

_CHUNK_BYTES: Final = 1 << 20
_STRUCTURE: Final = {"truncated": Reason.TRUNCATED, "damaged": Reason.DAMAGED, "empty_body": Reason.EMPTY}


@dataclass(frozen=True, slots=True)
class Seen:
    """An old file that may be adopted. `sha256` is empty when it was not read as a whole."""

    path: str
    size_bytes: int
    sha256: bytes
    extension: str
    media_type: str
    raw: bool
    width: int | None
    height: int | None


def look(root: Path, path: str, *, read: bool) -> Seen | Refused:
    """What a file below `root` is; with `read` every byte is read. Never raises for a state of the disk."""
    try:
        # Not blocking: a pipe among the files must not hold us up.
        descriptor = os.open(root / path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode):
            os.close(descriptor)
            return Refused(path, Reason.NOT_A_FILE, stat.filemode(found.st_mode))
        with os.fdopen(descriptor, "rb") as file:
            return _content(file, path, found.st_size, read=read)
    except OSError as error:
        is_link = (root / path).is_symlink()
        return Refused(path, Reason.NOT_A_FILE if is_link else Reason.UNREADABLE, error.strerror or str(error))


def _content(file: BinaryIO, path: str, size_bytes: int, *, read: bool) -> Seen | Refused:
    if size_bytes < MIN_FILE_BYTES:
        return Refused(path, Reason.TOO_SMALL if size_bytes else Reason.EMPTY, f"{size_bytes} bytes")
    sniffed = sniff(file.read(HEAD_BYTES))
    if sniffed.extension == "tif":  # whether a TIFF is a raw file stands in its first directory, which may lie anywhere
        sniffed = sniff_file(file, size_bytes)
    if sniffed.kind in {"text", "unknown"}:
        return Refused(path, Reason.PAGE if sniffed.kind == "text" else Reason.NOT_AN_IMAGE, sniffed.media_type)
    if read and (problem := check_structure(file, size_bytes, sniffed)) is not None:
        return Refused(path, _STRUCTURE.get(problem, Reason.NOT_AN_IMAGE), f"{sniffed.extension} file of {size_bytes} bytes")
    width, height = dimensions(file, size_bytes, sniffed) or (None, None)
    digest = _sha256(file) if read else b""
    return Seen(path, size_bytes, digest, sniffed.extension, sniffed.media_type, sniffed.kind == "raw", width, height)


def _sha256(file: BinaryIO) -> bytes:
    file.seek(0)
    digest = hashlib.sha256()
    while chunk := file.read(_CHUNK_BYTES):
        digest.update(chunk)
    return digest.digest()

"""What a file is, by its first bytes: packed, an archive, a table in binary, or something that no source is. Pure."""

from __future__ import annotations

import re
import tarfile
from enum import StrEnum
from typing import Final


class Packing(StrEnum):
    """How a stream of bytes is packed."""

    GZIP = "gzip"
    ZSTD = "zstd"
    BZIP2 = "bzip2"
    XZ = "xz"


ENOUGH_BYTES: Final = 512
"""So many first bytes settle every question here."""

# RFC 1952; RFC 8878 with its skippable frames; the first block or the end behind the level of bzip2; the header of the xz format.
_PACKINGS: Final = (
    (re.compile(rb"\x1f\x8b\x08"), Packing.GZIP),
    (re.compile(rb"\x28\xb5\x2f\xfd|[\x50-\x5f]\x2a\x4d\x18", re.DOTALL), Packing.ZSTD),
    (re.compile(rb"BZh[1-9](?:1AY&SY|\x17\x72\x45\x38\x50\x90)"), Packing.BZIP2),
    (re.compile(rb"\xfd7zXZ\x00"), Packing.XZ),
)
_FOREIGN: Final = (
    (b"%PDF", "a PDF"), (b"\xff\xd8\xff", "a JPEG picture"), (b"\x89PNG", "a PNG picture"), (b"SQLite format 3\0", "an SQLite database"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive"), (b"Rar!\x1a\x07", "a RAR archive"), (b"\x04\x22\x4d\x18", "packed with lz4"),
    (b"LZIP", "packed with lzip"), (b"\x1f\x9d", "packed with compress"), (b"ARROW1", "an Arrow or Feather file"), (b"ORC", "an ORC file"),
    (b"Obj\x01", "an Avro file"), (b"\xd0\xcf\x11\xe0", "an old Office document"), (b"\x7fELF", "a program"), (b"DUCK", "a duckdb database"),
)  # fmt: skip
_PARQUET: Final = b"PAR1"
_LOCKED_PARQUET: Final = b"PARE"


def packing_of(head: bytes) -> Packing | None:
    """How a stream with this beginning is packed; None for one that is not."""
    return next((packing for pattern, packing in _PACKINGS if pattern.match(head)), None)


def is_zip(head: bytes) -> bool:
    """A zip file: its first member, the end of one without members, or the first volume of several."""
    return head.startswith((b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08"))


def is_tar(head: bytes) -> bool:
    """A tar file: its first block is a header with a right checksum."""
    try:
        tarfile.TarInfo.frombuf(head[:512], "utf-8", "surrogateescape")
    except tarfile.HeaderError:
        return False
    return True


def is_parquet(head: bytes) -> bool:
    """A Parquet file."""
    return head.startswith((_PARQUET, _LOCKED_PARQUET))


def is_whole_parquet(tail: bytes) -> bool:
    """Whether these last bytes end a Parquet file: it repeats its first four."""
    return tail.endswith((_PARQUET, _LOCKED_PARQUET))


def foreign(head: bytes) -> str | None:
    """In words what it is that can be no source; None when nothing speaks against it."""
    return next((what for magic, what in _FOREIGN if head.startswith(magic)), None)

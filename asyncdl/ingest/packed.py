"""Packed streams unpacked as they are read: gzip, zstd, bzip2 and xz, recognised by their first bytes, one inside another too.

One loop serves them all. It gives pieces of bounded size, whatever a packed byte stands for; it goes on through streams of several members, as
parallel packers and `cat` make them; a stream that ends in the middle, that holds damage, or that unpacks to unreasonable sizes is a `SourceError`.
"""

from __future__ import annotations

import bz2
import lzma
import sys
import zlib
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Final, Protocol

from asyncdl.errors import SourceError
from asyncdl.ingest.magic import Packing, packing_of
from asyncdl.ingest.options import Bounds

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

PIECE_BYTES: Final = 1_000_000
MAX_LAYERS: Final = 3
"""A server that packs what is packed already makes two."""
SMALL_BYTES: Final = 10_000_000
"""What unpacks to less than this cannot hurt, however well it was packed."""
FETCH_AGAIN: Final = "fetch it again: it broke off, or was changed on its way"
_ENDINGS: Final = (".gz", ".zst", ".bz2", ".xz")
_XZ_MEMORY_BYTES: Final = 200_000_000
_ERRORS: Final = (zlib.error, lzma.LZMAError, zstd.ZstdError, EOFError, OSError, ValueError)


def unpacked(chunks: Iterable[bytes], shown: str, bounds: Bounds) -> Iterator[bytes]:
    """The content of a stream, unpacked if it is packed. Reads its beginning at once.

    Raises `SourceError`, naming it as `shown`, here and while it is read.
    """
    stream = iter(chunks)
    for _ in range(MAX_LAYERS):
        first = next(stream, b"")
        stream = chain([first], stream) if first else stream
        packing = packing_of(first)
        if packing is None:
            return stream
        stream = _members(stream, packing, shown, bounds)
    raise SourceError(f"{shown} is packed more than {MAX_LAYERS - 1} times over", "unpack it yourself, and name the file")


def unpacked_head(head: bytes, max_bytes: int, bounds: Bounds) -> bytes:
    """What the beginning of a packed stream unpacks to, as far as it goes: here it may end in the middle."""
    for _ in range(MAX_LAYERS):
        packing = packing_of(head)
        if packing is None:
            return head
        pieces, size = [], 0
        try:
            for piece in _members([head], packing, "", bounds):
                pieces.append(piece)
                size += len(piece)
                if size >= max_bytes:
                    break
        except SourceError:  # it is only a beginning; whoever reads it all will meet the trouble again
            pass
        head = b"".join(pieces)[:max_bytes]
    return head


def without_packing(name: str) -> str:
    """The name of a file as it will be once it is unpacked."""
    for ending in _ENDINGS:
        name = name.removesuffix(ending)
    return name


class _Unpacker(Protocol):
    """What the decompressors of the standard library have in common: never more than `max_length` bytes come out at once."""

    @property
    def eof(self) -> bool: ...
    @property
    def needs_input(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: bytes, max_length: int) -> bytes: ...


class _Gunzip:
    """zlib in the manner of the others."""

    def __init__(self) -> None:
        self._zlib = zlib.decompressobj(wbits=31)

    @property
    def eof(self) -> bool:
        return self._zlib.eof

    @property
    def needs_input(self) -> bool:
        return not self._zlib.unconsumed_tail

    @property
    def unused_data(self) -> bytes:
        return self._zlib.unused_data

    def decompress(self, data: bytes, max_length: int) -> bytes:
        return self._zlib.decompress(self._zlib.unconsumed_tail + data, max_length)


def _unpacker(packing: Packing) -> _Unpacker:
    match packing:
        case Packing.GZIP:
            return _Gunzip()
        case Packing.ZSTD:
            return zstd.ZstdDecompressor()
        case Packing.BZIP2:
            return bz2.BZ2Decompressor()
        case Packing.XZ:
            return lzma.LZMADecompressor(format=lzma.FORMAT_XZ, memlimit=_XZ_MEMORY_BYTES)


class _Gauge:
    """Watches what goes in and what comes out."""

    def __init__(self, shown: str, bounds: Bounds) -> None:
        self._shown = shown
        self._bounds = bounds
        self.taken_bytes = 0
        self._given_bytes = 0

    def give(self, piece: bytes) -> bytes:
        """A piece that may be handed on. Raises `SourceError` when it is too much."""
        self._given_bytes += len(piece)
        ratio = self._given_bytes / max(self.taken_bytes, 1)
        too_well = self._given_bytes > SMALL_BYTES and ratio > self._bounds.max_zip_ratio
        if too_well or self._given_bytes > self._bounds.max_archive_bytes:
            raise SourceError(
                f"{self._shown} unpacks to over {self._given_bytes:,} bytes, {ratio:.0f} times its packed size",
                "no real table packs like that; unpack it yourself if you trust it, and name the file",
            )
        return piece


def _members(chunks: Iterable[bytes], packing: Packing, shown: str, bounds: Bounds) -> Iterator[bytes]:
    """All members of a packed stream, one after the other; zero bytes between and behind them are padding."""
    gauge = _Gauge(shown, bounds)
    member: _Unpacker | None = None
    members = 0
    for chunk in chunks:
        gauge.taken_bytes += len(chunk)
        data = chunk
        while data or (member is not None and not member.needs_input):
            if member is None:
                data = data.lstrip(b"\0") if members else data
                if not data:
                    break
                member = _unpacker(packing)
                members += 1
            if piece := _step(member, data, shown):
                yield gauge.give(piece)
            data = b""
            if member.eof:
                data, member = member.unused_data, None
    while member is not None and (piece := _step(member, b"", shown)):
        yield gauge.give(piece)
        member = None if member.eof else member
    if member is not None:
        raise SourceError(f"{shown} is cut or damaged: it ends in the middle of its {packing} data", FETCH_AGAIN)


def _step(member: _Unpacker, data: bytes, shown: str) -> bytes:
    try:
        return member.decompress(data, PIECE_BYTES)
    except _ERRORS as error:
        raise SourceError(
            f"{shown} is cut or damaged: {error}", f"{FETCH_AGAIN}; if that does not help, unpack it yourself"
        ) from error

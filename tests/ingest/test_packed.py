"""Packed streams: what comes out, in bounded pieces, and how a stream that is cut, damaged or a bomb ends."""

from __future__ import annotations

import bz2
import gzip
import lzma
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from asyncdl.errors import SourceError
from asyncdl.ingest.magic import Packing, packing_of
from asyncdl.ingest.options import Bounds
from asyncdl.ingest.packed import PIECE_BYTES, unpacked, unpacked_head
from tests.ingest.ingesting import ingested

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

Pack = Callable[[bytes], bytes]
PACKERS: dict[Packing, Pack] = {
    Packing.GZIP: gzip.compress, Packing.ZSTD: zstd.compress, Packing.BZIP2: bz2.compress, Packing.XZ: lzma.compress,
}  # fmt: skip
TABLE = ("id\turl\n" + "".join(f"{n}\thttps://example.org/{n * 7919 % 10007}.jpg\n" for n in range(3_000))).encode()


def read(data: bytes, chunk: int = 10_000, bounds: Bounds | None = None) -> bytes:
    pieces = list(unpacked((data[at : at + chunk] for at in range(0, len(data), chunk)), "it", bounds or Bounds()))
    assert all(len(piece) <= max(PIECE_BYTES, chunk) for piece in pieces)
    return b"".join(pieces)


@pytest.mark.parametrize("packing", Packing)
def test_what_was_packed_comes_out(packing: Packing) -> None:
    pack = PACKERS[packing]
    assert packing_of(pack(b"x")) is packing_of(pack(b"")) is packing
    assert read(pack(TABLE)) == TABLE
    assert read(pack(b"")) == b""
    assert read(pack(TABLE[:9]) + pack(b"") + bytes(40) + pack(TABLE[9:]) + bytes(12)) == TABLE, "several members, and padding"
    assert read(pack(gzip.compress(TABLE))) == TABLE, "packed twice"


def test_zstd_of_parallel_packers_begins_with_a_frame_to_be_skipped() -> None:
    assert read(b"\x50\x2a\x4d\x18\x04\x00\x00\x00\x10\x00\x00\x00" + zstd.compress(TABLE)) == TABLE


@settings(max_examples=40)
@given(st.sampled_from(list(Packing)), st.lists(st.binary(max_size=40_000), min_size=1, max_size=3), st.integers(1, 5_000))
def test_members_come_out_whatever_the_chunks(packing: Packing, members: list[bytes], chunk: int) -> None:
    packed = b"".join(map(PACKERS[packing], members))
    stream = unpacked((packed[at : at + chunk] for at in range(0, len(packed), chunk)), "it", Bounds())
    if chunk >= 12 and all(packing_of(member) is None for member in members):
        assert b"".join(stream) == b"".join(members)


@pytest.mark.parametrize("packing", Packing)
def test_a_cut_stream_is_said_wherever_it_is_cut(packing: Packing) -> None:
    packed = PACKERS[packing](TABLE)
    for end in (len(packed) - 1, len(packed) // 2, 13):
        with pytest.raises(SourceError, match="cut or damaged") as caught:
            read(packed[:end], chunk=1_000)
        assert "fetch it again" in str(caught.value)
    whole_then_cut = packed + packed[:40]
    with pytest.raises(SourceError, match="cut or damaged"):
        read(whole_then_cut)


@pytest.mark.parametrize("packing", Packing)
def test_damage_and_what_is_appended_are_said(packing: Packing) -> None:
    packed = bytearray(PACKERS[packing](TABLE))
    packed[len(packed) // 2] ^= 0x55
    for data in (bytes(packed), PACKERS[packing](TABLE) + b"<html>404</html>"):
        with pytest.raises(SourceError, match="cut or damaged"):
            read(data)


@pytest.mark.parametrize("packing", Packing)
def test_a_bomb_ends_before_it_is_unpacked(packing: Packing) -> None:
    bomb = PACKERS[packing](bytes(30_000_000))
    pieces: list[int] = []
    with pytest.raises(SourceError, match="times its packed size"):
        pieces.extend(len(piece) for piece in unpacked([bomb], "it", Bounds()))
    assert sum(pieces) < 12_000_000
    with pytest.raises(SourceError, match="unpacks to over"):
        read(PACKERS[packing](TABLE), bounds=Bounds(max_archive_bytes=len(TABLE) // 2))


def test_layers_without_end_are_refused() -> None:
    data = TABLE
    for _ in range(4):
        data = gzip.compress(data)
    with pytest.raises(SourceError, match="packed more than 2 times over"):
        read(data)


def test_a_window_or_a_dictionary_larger_than_any_memory_is_refused() -> None:
    options = {int(zstd.CompressionParameter.window_log): 30, int(zstd.CompressionParameter.enable_long_distance_matching): 1}
    packer = zstd.ZstdCompressor(options=options)
    with pytest.raises(SourceError, match="unpack it yourself"):
        read(packer.compress(TABLE * 30) + packer.flush())


def test_the_head_of_a_stream_may_end_in_the_middle() -> None:
    for pack in PACKERS.values():
        assert TABLE.startswith(unpacked_head(pack(TABLE)[:8_000], 1_000, Bounds())[:1_000])
    assert unpacked_head(gzip.compress(gzip.compress(TABLE))[:5_000], 500, Bounds()) == TABLE[:500]
    assert unpacked_head(TABLE, 500, Bounds()) == TABLE


@pytest.mark.parametrize("packing", Packing)
async def test_a_packed_table_is_the_table(tmp_path: Path, packing: Packing) -> None:
    path = tmp_path / "table"
    path.write_bytes(PACKERS[packing](TABLE + b"3000\n"))
    found = await ingested(path, tmp_path / "job", [7])
    assert (found.source.format, found.source.counts.rows_read) == ("tsv", 3_001)
    assert found.images[7] == [["https://example.org/5398.jpg"]]
    assert found.rejects == [("", 3_002, "wrong_field_count")]


async def test_a_stream_that_ends_in_the_middle_leaves_no_images(tmp_path: Path) -> None:
    path = tmp_path / "table.gz"
    path.write_bytes(gzip.compress(TABLE)[:-500])
    with pytest.raises(SourceError, match="is cut or damaged: it ends in the middle of its gzip data"):
        await ingested(path, tmp_path / "job")


def test_what_the_usual_programs_pack(tmp_path: Path) -> None:
    plain = tmp_path / "table"
    plain.write_bytes(TABLE)
    for program in ("gzip", "bzip2", "xz", "zstd"):
        try:
            packed = subprocess.run([program, "-c", str(plain)], check=True, capture_output=True).stdout
        except FileNotFoundError:
            continue
        assert read(packed) == TABLE

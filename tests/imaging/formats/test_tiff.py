from __future__ import annotations

import struct
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asyncdl.imaging.bytesource import MemorySource
from asyncdl.imaging.formats import tiff
from tests.imaging.pictures import encode, make_tiff


def check(body: bytes) -> str | None:
    return tiff.check(MemorySource(body))


def directory(*tags: tuple[int, int, int, int], following: int = 0) -> bytes:
    """A directory of tags: number, type, count, value."""
    rows = b"".join(struct.pack("<HHII", *tag) for tag in tags)
    return struct.pack("<H", len(tags)) + rows + struct.pack("<I", following)


@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("big", [False, True])
def test_a_strip_outside_the_file_is_cut(order: str, big: bool) -> None:
    body = make_tiff(order, big=big)
    assert check(body) is None
    assert check(body[:-1]) == "truncated"
    assert check(make_tiff(order, big=big, strip_offset=1 << 30)) == "truncated"
    assert check(make_tiff(order, big=big, strip_bytes=65)) == "truncated"
    assert tiff.dimensions(MemorySource(body)) == (16, 4)


def test_every_page_counts() -> None:
    body = make_tiff()
    second = directory((256, 4, 1, 16), (257, 4, 1, 4), (273, 4, 1, 8), (279, 4, 1, 10))
    whole = make_tiff(next_directory=len(body)) + second
    assert check(whole) is None
    assert check(whole[:-6]) == "truncated"
    assert check(make_tiff(next_directory=len(body) + 1000)) == "truncated"


def test_a_sub_directory_counts() -> None:
    below = directory((273, 4, 1, 8), (279, 4, 1, 4000))
    body = b"II*\0\x08\0\0\0" + directory((330, 4, 1, 26)) + below
    assert check(body) == "truncated"
    assert check(body.ljust(5000, b"\0")) is None


def test_a_loop_of_directories_ends() -> None:
    assert check(make_tiff(next_directory=8)) is None


def test_a_directory_without_a_picture_is_damaged() -> None:
    assert check(b"II*\0\x08\0\0\0" + directory((256, 4, 1, 16))) == "damaged"


def test_a_tile_that_was_never_written_is_no_fault() -> None:
    offsets = struct.pack("<4I", 8, 0, 1 << 31, 8)
    sizes = struct.pack("<4I", 4, 0, 0, 4)
    start = 8 + 2 + 24 + 4
    body = b"II*\0\x08\0\0\0" + directory((324, 4, 4, start), (325, 4, 4, start + 16)) + offsets + sizes
    assert check(body) is None


def test_one_strip_without_its_size_must_hold_the_pixels() -> None:
    tags = ((256, 4, 1, 100), (257, 4, 1, 10), (258, 4, 1, 8), (259, 4, 1, 1), (273, 4, 1, 74))
    body = b"II*\0\x08\0\0\0" + directory(*tags)
    assert check(body.ljust(74 + 1000, b"\0")) is None
    assert check(body.ljust(74 + 999, b"\0")) == "truncated"


def test_a_hostile_file_is_bounded() -> None:
    # Directories that overlap, each pointing one entry on, and lists that claim millions of values of the same bytes.
    rows = b"".join(struct.pack("<HHII", 273 + n % 2 * 6, 4, 1_000_000, 8) for n in range(20_000))
    body = b"II*\0\x08\0\0\0" + struct.pack("<H", 20_000) + rows + bytes(4_000_000)
    chain = b"II*\0\x08\0\0\0" + b"".join(struct.pack("<HI", 0, 8 + 6 * (n + 1)) for n in range(100_000))
    start = time.process_time()
    assert check(body) in {"damaged", "truncated", None}
    assert check(chain) == "damaged"
    assert time.process_time() - start < 3.0


@given(st.binary(max_size=200), st.sampled_from([b"II*\0\x08\0\0\0", b"MM\0*\0\0\0\x08", b"II+\0\x08\0\0\0\x10\0\0\0\0\0\0\0"]))
def test_any_directory_gets_a_verdict(rest: bytes, head: bytes) -> None:
    assert check(head + rest) in {None, "truncated", "damaged"}
    tiff.dimensions(MemorySource(head + rest), largest=True)


@given(st.data())
def test_any_changed_byte_gets_a_verdict(data: st.DataObject) -> None:
    body = bytearray(encode("TIFF", size=(16, 16)))
    body[data.draw(st.integers(0, len(body) - 1))] = data.draw(st.integers(0, 255))
    assert check(bytes(body)) in {None, "truncated", "damaged"}

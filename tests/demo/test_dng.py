from __future__ import annotations

import io
import struct

import pytest
import rawpy

from asyncdl.demo.dng import JPEG_XL, dng_bytes


def tags_of(dng: bytes) -> dict[int, tuple[int, int, bytes]]:
    """Tag -> (type, count, the four bytes of value or offset) of the first directory."""
    order, magic, first = struct.unpack_from("<2sHI", dng)
    assert (order, magic) == (b"II", 42)
    (count,) = struct.unpack_from("<H", dng, first)
    rows = [struct.unpack_from("<HHI4s", dng, first + 2 + 12 * n) for n in range(count)]
    assert [row[0] for row in rows] == sorted({row[0] for row in rows})
    return {tag: (kind, number, value) for tag, kind, number, value in rows}


def test_it_is_developed_by_libraw() -> None:
    with rawpy.imread(io.BytesIO(dng_bytes(7))) as raw:
        assert raw.postprocess(half_size=False).shape == (96, 128, 3)


def test_it_carries_the_tags_of_a_colour_filter_array() -> None:
    tags = tags_of(dng_bytes(7))
    assert set(tags) >= {50706, 50707, 50708, 33421, 33422, 50714, 50717, 50721, 50778, 50728}
    assert struct.unpack("<H", tags[262][2][:2]) == (32803,)


def test_half_a_file_is_an_input_error() -> None:
    whole = dng_bytes(7)
    with pytest.raises(rawpy.LibRawIOError), rawpy.imread(io.BytesIO(whole[: len(whole) // 2])) as raw:
        raw.postprocess()


def test_with_jpeg_xl_it_is_a_container_that_cannot_be_developed() -> None:
    dng = dng_bytes(7, compression=JPEG_XL)
    assert struct.unpack("<H", tags_of(dng)[259][2][:2]) == (JPEG_XL,)
    with pytest.raises(rawpy.LibRawFileUnsupportedError), rawpy.imread(io.BytesIO(dng)) as raw:
        raw.postprocess()


def test_seed_and_title_name_the_bytes() -> None:
    assert dng_bytes(7, title="a") == dng_bytes(7, title="a")
    assert len({dng_bytes(7, title="a"), dng_bytes(8, title="a"), dng_bytes(7, title="b")}) == 3

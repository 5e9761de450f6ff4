from __future__ import annotations

import io
import struct

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from asyncdl.demo.dng import dng_bytes
from asyncdl.imaging import (
    HEAD_BYTES,
    Sniffed,
    check_structure,
    check_structure_bytes,
    dimensions,
    dimensions_bytes,
    sniff,
)
from tests.imaging.pictures import DAMAGES, box, encode, make_tiff, png_header

WHOLE = {
    "JPEG": encode("JPEG"),
    "progressive JPEG": encode("JPEG", progressive=True),
    "JPEG with thumbnail and profile": encode("JPEG", exif=b"Exif\0\0" + encode("JPEG", size=(64, 48)), icc_profile=bytes(200_000)),
    "MPO": encode("MPO", save_all=True),
    "PNG": encode("PNG"),
    "GIF": encode("GIF", "P"),
    "WebP": encode("WEBP"),
    "WebP lossless": encode("WEBP", lossless=True),
    "WebP extended": encode("WEBP", "RGBA", exif=b"Exif\0\0II*\0"),
    "TIFF": encode("TIFF"),
    "TIFF, compressed": encode("TIFF", compression="tiff_lzw"),
    "TIFF, big-endian": make_tiff(">"),
    "BigTIFF": make_tiff(big=True),
    "DNG": dng_bytes(1, width=640, height=480),
    "BMP": encode("BMP"),
    "JP2": encode("JPEG2000"),
    "J2K": encode("JPEG2000", no_jp2=True),
    "AVIF": encode("AVIF"),
}
MEASURED = {name: body for name, body in WHOLE.items() if name not in {"JP2", "J2K", "AVIF"}}


def check(body: bytes) -> str | None:
    """The verdict from memory, after making sure that the one from a file is the same."""
    sniffed = sniff(body[:HEAD_BYTES])
    verdict = check_structure_bytes(body, sniffed)
    assert check_structure(io.BytesIO(body), len(body), sniffed) == verdict
    return verdict


@pytest.mark.parametrize("name", WHOLE)
def test_a_whole_file_is_whole(name: str) -> None:
    assert check(WHOLE[name]) is None


@pytest.mark.parametrize("name", WHOLE)
@pytest.mark.parametrize("share", [0.999, 0.9, 0.5, 0.05])
def test_a_cut_file_is_cut(name: str, share: float) -> None:
    body = WHOLE[name]
    assert check(body[: min(int(len(body) * share), len(body) - 2)]) == "truncated"


@pytest.mark.parametrize("name", [name for name in WHOLE if name != "AVIF"])
def test_junk_after_the_end_is_no_fault(name: str) -> None:
    assert check(WHOLE[name] + b"\r\n<html>appended by a broken server</html>") is None


@pytest.mark.parametrize("name", [name for name in WHOLE if "JPEG" in name])
@pytest.mark.parametrize("damage", DAMAGES)
def test_what_structure_can_and_cannot_see_in_a_jpeg(name: str, damage: str) -> None:
    unseen = damage in {"cut, end marker re-added", "20 kB zeroed in the middle"}
    verdict = check(DAMAGES[damage](WHOLE[name]))
    if name == "JPEG with thumbnail and profile":  # the middle of this one is its profile
        assert verdict in {"truncated", "damaged", None}
    else:
        assert verdict == (None if unseen else "truncated")


@pytest.mark.parametrize("name", MEASURED)
def test_the_size_is_read_from_the_headers(name: str) -> None:
    body = MEASURED[name]
    sniffed = sniff(body[:HEAD_BYTES])
    expected = (16, 4) if name in {"TIFF, big-endian", "BigTIFF"} else (640, 480)
    assert dimensions_bytes(body, sniffed) == expected
    assert dimensions(io.BytesIO(body), len(body), sniffed) == expected


def test_nothing_and_what_is_no_image() -> None:
    assert check(b"") == "empty_body"
    for body in (b"<html>", b"%PDF-1.4", bytes(100)):
        assert check(body) == "not_an_image"


def test_memory_of_any_kind_is_taken() -> None:
    body = WHOLE["JPEG"]
    for form in (bytearray(body), memoryview(body)):
        assert check_structure_bytes(form, sniff(body)) is None


def test_a_png_with_a_wrong_checksum_in_its_header_is_damaged() -> None:
    body = bytearray(WHOLE["PNG"])
    body[20] ^= 1  # the width
    assert check(bytes(body)) == "damaged"


def test_a_png_bomb_is_whole_and_says_how_large_it_is() -> None:
    body = png_header(65535, 65535)
    assert check(body) is None
    assert dimensions_bytes(body, sniff(body)) == (65535, 65535)


def test_a_gif_that_does_not_end_as_most_do_is_walked() -> None:
    body = WHOLE["GIF"]
    assert check(body + b"\x01" * 600) is None
    assert check(body[:-1] + b"\x01" * 600) == "damaged"


def test_a_codestream_without_its_end_marker_is_cut() -> None:
    assert check(WHOLE["J2K"][:-2]) == "truncated"
    assert check(WHOLE["JP2"][:-2]) == "truncated"


def test_boxes_without_a_picture_are_cut_before_it() -> None:
    assert check(box(b"ftyp", b"heic\0\0\0\0mif1")) == "truncated"
    assert check(box(b"ftyp", b"heic\0\0\0\0mif1") + box(b"meta", bytes(9))) is None
    assert check(box(b"ftyp", b"heic\0\0\0\0mif1") + b"\0\0\0\x04meta") == "damaged"
    assert check(box(b"ftyp", b"heic\0\0\0\0mif1") + struct.pack(">I4sQ", 1, b"meta", 1 << 60)) == "truncated"


def test_a_raf_whose_areas_lie_outside_is_cut() -> None:
    head = b"FUJIFILMCCD-RAW ".ljust(84, b"0") + struct.pack(">6I", 148, 100, 248, 10, 258, 1000)
    assert check(head.ljust(1258, b"\0")) is None
    assert check(head.ljust(1257, b"\0")) == "truncated"


ANY_TYPE = st.sampled_from(
    ["jpg", "png", "gif", "webp", "tif", "dng", "nef", "bmp", "jp2", "j2k", "heic", "avif", "cr3", "raf", "rw2", "?"]
)
VERDICTS = {None, "truncated", "damaged", "empty_body", "not_an_image"}


@given(body=st.binary(max_size=300), extension=ANY_TYPE)
def test_any_bytes_get_a_verdict(body: bytes, extension: str) -> None:
    sniffed = Sniffed("image", extension, "image/x")
    assert check_structure_bytes(body, sniffed) in VERDICTS
    size = dimensions_bytes(body, sniffed)
    assert size is None or min(size) > 0


@settings(suppress_health_check=[HealthCheck.too_slow], max_examples=300)
@given(data=st.data())
def test_any_damaged_file_gets_a_verdict(data: st.DataObject) -> None:
    body = bytearray(WHOLE[data.draw(st.sampled_from(sorted(WHOLE)))][:3000])
    for _ in range(data.draw(st.integers(1, 8))):
        body[data.draw(st.integers(0, len(body) - 1))] = data.draw(st.integers(0, 255))
    sniffed = sniff(bytes(body))
    assert check_structure_bytes(body, sniffed) in VERDICTS
    dimensions_bytes(body, sniffed)

from __future__ import annotations

import pytest

from asyncdl.imaging.bytesource import MemorySource
from asyncdl.imaging.formats import jpeg
from tests.imaging.pictures import encode

BODY = encode("JPEG")


def check(body: bytes) -> str | None:
    return jpeg.check(MemorySource(body))


def test_fill_bytes_before_a_marker_are_allowed() -> None:
    assert check(BODY[:2] + b"\xff\xff\xff" + BODY[2:]) is None


def test_an_end_marker_in_the_thumbnail_does_not_count() -> None:
    with_thumbnail = encode("JPEG", exif=b"Exif\0\0" + encode("JPEG", size=(64, 48)))
    assert with_thumbnail.count(b"\xff\xd9") == 2
    assert check(with_thumbnail[:-2]) == "truncated"


def test_the_second_picture_of_a_multi_picture_file_counts() -> None:
    first = encode("JPEG", extra=b"\xff\xe2\x00\x08MPF\0\0\0")
    second = encode("JPEG", size=(64, 48))
    assert check(first + second) is None
    assert check(first + second[:-2]) == "truncated"
    assert check(BODY + second[:-2]) is None  # junk, for all that the header says


def test_a_film_behind_the_picture_is_no_fault() -> None:
    assert check(BODY + bytes(3_000_000)) is None


@pytest.mark.parametrize(
    "body",
    [
        b"\xff\xd8\xff\xd9\0\0",  # an end before any picture
        b"\xff\xd8\xff\xda\x00\x08" + bytes(20) + b"\xff\xd9",  # a scan without a frame
        b"\xff\xd8\xff\xe0\x00\x01" + bytes(20),  # a length that does not count itself
        BODY[:2] + b"junk" + BODY[2:],
        b"not a JPEG at all",
    ],
)
def test_what_cannot_be_a_jpeg_is_damaged(body: bytes) -> None:
    assert check(body) == "damaged"
    assert jpeg.dimensions(MemorySource(body)) is None


def test_endless_segments_are_bounded() -> None:
    assert check(b"\xff\xd8" + b"\xff\xe1\x00\x02" * 50_000) == "damaged"

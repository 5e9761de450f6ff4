from __future__ import annotations

import pytest

from asyncdl.imaging.jpegdecode import Unsupported, check_jpeg
from tests.imaging.pictures import DAMAGES, encode

KINDS = {
    "baseline": encode("JPEG", quality=85),
    "progressive": encode("JPEG", quality=85, progressive=True),
    "4:4:4": encode("JPEG", quality=85, subsampling=0),
    "restart markers": encode("JPEG", quality=85, restart_marker_blocks=8),
    "grey": encode("JPEG", "L", quality=95),
    "CMYK": encode("JPEG", "CMYK", quality=85),
}
BASELINE = KINDS["baseline"]


@pytest.mark.parametrize("kind", KINDS)
def test_a_whole_picture_has_no_fault(kind: str) -> None:
    assert check_jpeg(KINDS[kind]) is None
    assert check_jpeg(KINDS[kind] + b"<html>junk after the end</html>") is None


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("damage", DAMAGES)
def test_every_damage_is_seen(kind: str, damage: str) -> None:
    failure = check_jpeg(DAMAGES[damage](KINDS[kind]))
    assert failure is not None
    assert failure.error in {"truncated", "damaged"}
    assert failure.detail


def test_a_plain_cut_is_called_a_cut() -> None:
    failure = check_jpeg(BASELINE[: len(BASELINE) // 2])
    assert failure is not None
    assert failure.error == "truncated"


def with_strange_revision(body: bytes) -> bytes:
    return body.replace(b"JFIF\0\x01\x01", b"JFIF\0\x09\x09", 1)


def with_strange_scan_parameters(body: bytes) -> bytes:
    scan = body.index(b"\xff\xda")
    end = scan + 2 + int.from_bytes(body[scan + 2 : scan + 4], "big")
    return body[: end - 3] + b"\0\0\0" + body[end:]


def with_half_a_profile(body: bytes) -> bytes:
    return body[:2] + b"\xff\xe2\x00\x14ICC_PROFILE\0\x02\x03abcd" + body[2:]


@pytest.mark.parametrize("oddity", [with_strange_revision, with_strange_scan_parameters, with_half_a_profile])
def test_a_header_oddity_is_no_damage_and_hides_none(oddity: object) -> None:
    assert callable(oddity)
    odd = oddity(BASELINE)
    assert odd != BASELINE
    assert check_jpeg(odd) is None
    failure = check_jpeg(DAMAGES["20 kB zeroed in the middle"](odd))
    assert failure is not None


@pytest.mark.parametrize(
    ("padding", "whole"),
    [(b"\0" * 4, True), (b"\xff" * 9, True), (b"\x20" * 16, True), (b"\0" * 40, False), (b"\0\x55\0\x55\0\x55\0\x55", False)],
)
def test_a_few_bytes_of_padding_before_the_end_are_no_damage(padding: bytes, whole: bool) -> None:
    assert (check_jpeg(BASELINE[:-2] + padding + b"\xff\xd9") is None) is whole


def test_a_precision_that_the_library_does_not_know_is_no_damage() -> None:
    frame = BASELINE.index(b"\xff\xc0")
    with pytest.raises(Unsupported):
        check_jpeg(BASELINE[: frame + 4] + b"\x0c" + BASELINE[frame + 5 :])

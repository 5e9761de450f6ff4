from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from asyncdl.demo.dng import dng_bytes
from asyncdl.errors import error_type
from asyncdl.imaging import Decoded, DecodeFailure, sniff
from asyncdl.imaging.decode import decode
from tests.imaging.pictures import DAMAGES, box, encode, make_tiff, png_header

MANY = 256_000_000
WHOLE = {
    "JPEG": encode("JPEG"),
    "MPO": encode("MPO", save_all=True),
    "CMYK JPEG": encode("JPEG", "CMYK"),
    "PNG": encode("PNG"),
    "PNG with transparency": encode("PNG", "RGBA"),
    "GIF": encode("GIF", "P"),
    "WebP": encode("WEBP"),
    "TIFF": encode("TIFF"),
    "TIFF, LZW": encode("TIFF", compression="tiff_lzw"),
    "TIFF, JPEG": encode("TIFF", compression="jpeg"),
    "BMP": encode("BMP"),
    "JP2": encode("JPEG2000"),
    "J2K": encode("JPEG2000", no_jp2=True),
    "AVIF": encode("AVIF"),
}


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return tmp_path / "body"


def decode_bytes(place: Path, body: bytes, max_pixels: int = MANY) -> Decoded | DecodeFailure:
    place.write_bytes(body)
    return decode(place, sniff(body[:4096]).extension, max_pixels)


def error_of(result: Decoded | DecodeFailure) -> str:
    assert isinstance(result, DecodeFailure), result
    assert error_type(result.error).code, "a name of the error table"
    return result.error


@pytest.mark.parametrize("name", WHOLE)
def test_a_whole_file_decodes(place: Path, name: str) -> None:
    sniffed = sniff(WHOLE[name][:4096])
    assert decode_bytes(place, WHOLE[name]) == Decoded(sniffed.extension, sniffed.media_type, 640, 480)


@pytest.mark.parametrize("name", WHOLE)
@pytest.mark.parametrize("share", [0.999, 0.9, 0.5, 0.05])
def test_a_cut_file_is_cut(place: Path, name: str, share: float) -> None:
    body = WHOLE[name]
    assert error_of(decode_bytes(place, body[: int(len(body) * share)])) == "truncated"


@pytest.mark.parametrize("damage", DAMAGES)
def test_every_damage_of_a_jpeg_is_found(place: Path, damage: str) -> None:
    assert error_of(decode_bytes(place, DAMAGES[damage](WHOLE["JPEG"]))) in {"truncated", "damaged"}


def test_a_page_behind_a_jpeg_is_no_damage(place: Path) -> None:
    assert isinstance(decode_bytes(place, WHOLE["JPEG"] + b"<html>appended</html>" * 1000), Decoded)


@pytest.mark.parametrize("name", ["PNG", "PNG with transparency", "TIFF, LZW"])
def test_a_block_of_zeros_in_the_middle_is_damage(place: Path, name: str) -> None:
    assert error_of(decode_bytes(place, DAMAGES["20 kB zeroed in the middle"](WHOLE[name]))) in {"damaged", "truncated"}


def test_one_wrong_bit_in_a_png_is_damage(place: Path) -> None:
    body = bytearray(WHOLE["PNG"])
    body[-30] ^= 1  # in the last rows, or in the checksum behind them
    assert error_of(decode_bytes(place, bytes(body))) == "damaged"


def test_a_bomb_is_refused_by_its_header(place: Path) -> None:
    result = decode_bytes(place, png_header(65535, 65535))
    assert error_of(result) == "too_many_pixels"
    assert result == DecodeFailure("too_many_pixels", "65535 x 65535 pixels")


@pytest.mark.parametrize("name", WHOLE)
def test_the_bound_on_pixels_holds_for_every_format(place: Path, name: str) -> None:
    assert error_of(decode_bytes(place, WHOLE[name], max_pixels=640 * 480 - 1)) == "too_many_pixels"
    assert isinstance(decode_bytes(place, WHOLE[name], max_pixels=640 * 480), Decoded)


def test_more_pixels_than_pillow_likes_are_fine_when_we_allow_them(place: Path) -> None:
    Image.new("1", (13_400, 13_400)).save(place, "PNG")
    assert decode(place, "png", MANY) == Decoded("png", "image/png", 13_400, 13_400)


def test_a_raw_file_is_opened_and_flagged(place: Path) -> None:
    result = decode_bytes(place, dng_bytes(5))
    assert result == Decoded("dng", "image/x-adobe-dng", 128, 96, "raw_unprocessed")


@pytest.mark.parametrize("compression", [52546, 65000])
def test_a_raw_file_no_decoder_here_knows_is_kept(place: Path, compression: int) -> None:
    result = decode_bytes(place, dng_bytes(5, compression=compression))
    assert isinstance(result, Decoded)
    assert (result.extension, result.flag) == ("dng", "raw_unprocessed")


@pytest.mark.parametrize("compression", [1, 52546])
@pytest.mark.parametrize("share", [0.99, 0.5, 0.05, 0.001])
def test_a_cut_raw_file_is_not_kept(place: Path, compression: int, share: float) -> None:
    body = dng_bytes(5, compression=compression)
    place.write_bytes(body[: max(60, int(len(body) * share))])
    assert error_of(decode(place, "dng", MANY)) == "truncated"


def test_a_raw_file_that_does_not_unpack_is_damaged(place: Path) -> None:
    assert error_of(decode_bytes(place, dng_bytes(5, compression=8))) == "damaged"


def test_the_bound_on_pixels_holds_for_raw_files(place: Path) -> None:
    assert error_of(decode_bytes(place, dng_bytes(5), max_pixels=1000)) == "too_many_pixels"


def test_formats_without_a_decoder_here_are_kept_when_whole(place: Path) -> None:
    heic = box(b"ftyp", b"heic\0\0\0\0mif1heic") + box(b"meta", bytes(30)) + box(b"mdat", bytes(30))
    assert decode_bytes(place, heic) == Decoded("heic", "image/heic", None, None, "raw_unprocessed")
    assert error_of(decode_bytes(place, heic[:-1])) == "truncated"


def test_a_kind_of_tiff_that_pillow_does_not_know_is_kept(place: Path) -> None:
    odd = bytearray(make_tiff())
    at = odd.index(b"\x02\x01\x04\0\x01\0\0\0\x08")  # 8 bits per sample
    odd[at + 8] = 11
    result = decode_bytes(place, bytes(odd))
    assert result == Decoded("tif", "image/tiff", 16, 4, "raw_unprocessed")


def test_a_twelve_bit_jpeg_is_kept(place: Path) -> None:
    body = WHOLE["JPEG"]
    frame = body.index(b"\xff\xc0")
    body = body[: frame + 4] + b"\x0c" + body[frame + 5 :]
    assert decode_bytes(place, body) == Decoded("jpg", "image/jpeg", 640, 480, "raw_unprocessed")
    assert error_of(decode_bytes(place, body[:-2])) == "truncated"


@pytest.mark.parametrize("extension", ["jpg", "png", "tif", "dng"])
def test_what_is_no_image_is_said_to_be_none(place: Path, extension: str) -> None:
    place.write_bytes(b"")
    assert error_of(decode(place, extension, MANY)) == "empty_body"
    place.write_bytes(b"<html>not found</html>")
    assert error_of(decode(place, extension, MANY)) in ({"damaged", "truncated"} if extension == "jpg" else {"not_an_image"})


def test_a_file_this_machine_cannot_read_is_a_local_fault(tmp_path: Path) -> None:
    for extension in ("jpg", "png"):
        assert error_of(decode(tmp_path / "missing", extension, MANY)) == "local_io"
        assert error_of(decode(tmp_path, extension, MANY)) == "local_io"


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_bytes_get_a_result(place: Path, data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(sorted(WHOLE)))
    body = bytearray(WHOLE[name] if data.draw(st.booleans()) else WHOLE[name][:64] + data.draw(st.binary(max_size=64)))
    for _ in range(data.draw(st.integers(0, 5))):
        body[data.draw(st.integers(0, min(len(body), 400) - 1))] = data.draw(st.integers(0, 255))
    place.write_bytes(body)
    result = decode(place, sniff(WHOLE[name][:4096]).extension, 1_000_000)
    assert isinstance(result, DecodeFailure | Decoded)
    assert not isinstance(result, DecodeFailure) or result.error != "local_io"
    assert all(value is None or isinstance(value, str | int) for value in dataclasses.asdict(result).values())

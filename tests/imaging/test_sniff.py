from __future__ import annotations

import io
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asyncdl.demo.dng import dng_bytes
from asyncdl.imaging import HEAD_BYTES, announces_page, sniff, sniff_file
from tests.imaging.pictures import box, encode, make_tiff


def ftyp(*brands: bytes) -> bytes:
    return box(b"ftyp", brands[0] + b"\0\0\0\0" + b"".join(brands[1:])) + box(b"meta", bytes(20))


def tiff_with(*tags: tuple[int, int, int, bytes]) -> bytes:
    """A TIFF whose only directory holds these tags: number, type, count, the four bytes of value."""
    rows = b"".join(struct.pack("<HHI", tag, kind, count) + value.ljust(4, b"\0") for tag, kind, count, value in tags)
    return b"II*\0" + struct.pack("<IH", 8, len(tags)) + rows + bytes(4)


def camera(make: bytes, *signs: tuple[int, int, int, bytes]) -> bytes:
    """A TIFF of a maker (the text lies after the directory) with other tags."""
    offset = 8 + 2 + 12 * (len(signs) + 1) + 4
    return tiff_with((271, 2, len(make) + 1, struct.pack("<I", offset)), *signs) + make + b"\0"


PREVIEW_FIRST = ((254, 4, 1, b"\x01"), (330, 4, 1, b"\x08"))
SENSOR = ((262, 3, 1, struct.pack("<H", 32803)),)

IMAGES = [
    (encode("JPEG"), "image", "jpg"),
    (encode("MPO"), "image", "jpg"),
    (encode("PNG"), "image", "png"),
    (encode("GIF", "P"), "image", "gif"),
    (encode("WEBP"), "image", "webp"),
    (encode("AVIF", size=(64, 48)), "image", "avif"),
    (encode("BMP"), "image", "bmp"),
    (encode("JPEG2000"), "image", "jp2"),
    (encode("JPEG2000", no_jp2=True), "image", "j2k"),
    (encode("TIFF"), "image", "tif"),
    (make_tiff(">"), "image", "tif"),
    (make_tiff("<", big=True), "image", "tif"),
    (make_tiff(">", big=True), "image", "tif"),
    (ftyp(b"heic", b"mif1"), "image", "heic"),
    (ftyp(b"mif1", b"heic"), "image", "heic"),
    (ftyp(b"mif1", b"miaf", b"avif"), "image", "avif"),
    (b"\0\0\0\x0cJXL \r\n\x87\n" + bytes(20), "image", "jxl"),
    (dng_bytes(1), "raw", "dng"),
    (b"II*\0\x10\0\0\0CR\x02\0" + bytes(40), "raw", "cr2"),
    (ftyp(b"crx ", b"isom"), "raw", "cr3"),
    (camera(b"NIKON CORPORATION", *PREVIEW_FIRST), "raw", "nef"),
    (camera(b"SONY", *PREVIEW_FIRST), "raw", "arw"),
    (camera(b"PENTAX", *SENSOR), "raw", "pef"),
    (camera(b"NIKON CORPORATION", (262, 3, 1, b"\x02")), "image", "tif"),
    (camera(b"Phase One", *SENSOR), "image", "tif"),
    (b"IIU\0" + bytes(40), "raw", "rw2"),
    (b"IIRO" + bytes(40), "raw", "orf"),
    (b"IIRS" + bytes(40), "raw", "orf"),
    (b"MMOR" + bytes(40), "raw", "orf"),
    (b"FUJIFILMCCD-RAW 0201FF383501" + bytes(100), "raw", "raf"),
    (b"II\x1a\0\0\0HEAPCCDR" + bytes(40), "raw", "crw"),
    (ftyp(b"isom", b"mp41"), "unknown", "mp4"),
    (ftyp(b"qt  "), "unknown", "mov"),
    (b"%PDF-1.7\n", "unknown", "pdf"),
    (b"RIFF\x24\0\0\0WAVEfmt ", "unknown", ""),
    (b"BM is not a bitmap, but \x01\x02 neither a text", "unknown", ""),
    (b"", "unknown", ""),
    (b" \r\n", "unknown", ""),
    (bytes(500), "unknown", ""),
]

TEXTS = [
    (b"<!DOCTYPE html><html>", "html"),
    (b"<!doctype HTML PUBLIC '-//W3C//DTD HTML 4.01//EN'>", "html"),
    (b"\xef\xbb\xbf  \r\n<HTML lang=en>", "html"),
    (b"<!-- a\ncomment --> <!-- another --><head>", "html"),
    (b"<!-- never closed " + b"x" * 5000, "html"),
    (b"\n\n<body onload='x'>", "html"),
    (b"<script>location='/'</script>", "html"),
    (b"<h1>503 Service Unavailable</h1>", "html"),
    (b"<?xml version='1.0'?>\n<!DOCTYPE html PUBLIC 'x' 'y'><html>", "html"),
    (b"<?xml version='1.0'?><Error><Code>SlowDown</Code></Error>", "xml"),
    (b"<Error><Code>AccessDenied</Code></Error>", "xml"),
    (b"<?xml version='1.0'?><svg xmlns='http://www.w3.org/2000/svg'/>", "svg"),
    (b"<svg viewBox='0 0 1 1'>", "svg"),
    (b'{"error": "not found"}', "json"),
    (b'\xef\xbb\xbf\n[{"@id": 1}]', "json"),
    ("{'é': 'latin-1 inside'}".encode("latin-1"), "json"),
    ("<html><p>déjà vu".encode("cp1252"), "html"),
    (b"<html>\x00\x01 stray bytes", "html"),
    ("\ufeff<html>".encode("utf-16-le"), "html"),
    ("\ufeff<html>".encode("utf-16-be"), "html"),
    ("<!doctype html><p>x".encode("utf-16-le"), "html"),
    ("<!doctype html><p>x".encode("utf-16-be"), "html"),
    (b"Too many requests, please slow down\n", "txt"),
    ("Datei nicht verfügbar".encode(), "txt"),
]


@pytest.mark.parametrize(("body", "kind", "extension"), IMAGES)
def test_a_body_is_what_its_first_bytes_say(body: bytes, kind: str, extension: str) -> None:
    found = sniff(body[:HEAD_BYTES])
    assert (found.kind, found.extension) == (kind, extension)


@pytest.mark.parametrize(("body", "extension"), TEXTS)
def test_text_is_known_under_marks_space_comments_and_encodings(body: bytes, extension: str) -> None:
    found = sniff(body)
    assert (found.kind, found.extension) == ("text", extension)


def test_a_character_cut_at_the_end_of_the_head_is_still_text() -> None:
    text = ("a" * (HEAD_BYTES - 1) + "é").encode()
    assert sniff(text[:HEAD_BYTES]).extension == "txt"


def test_a_tiff_is_followed_to_its_first_directory_wherever_that_lies() -> None:
    body = bytearray(dng_bytes(3))
    far = len(body) + len(body) % 2
    # The same directory once more at the end, as writers that append it there do.
    (first,) = struct.unpack_from("<I", body, 4)
    (count,) = struct.unpack_from("<H", body, first)
    moved = bytes(body) + bytes(far - len(body)) + bytes(body[first : first + 2 + 12 * count + 4])
    moved = moved[:4] + struct.pack("<I", far) + moved[8:]
    assert far > HEAD_BYTES
    assert sniff(moved[:HEAD_BYTES]).extension == "tif"
    assert sniff_file(io.BytesIO(moved), len(moved)).extension == "dng"


@pytest.mark.parametrize(
    ("content_type", "believed"),
    [
        ("text/html; charset=utf-8", True),
        ("TEXT/HTML", True),
        ("application/json", True),
        ("application/ld+json", True),
        ("application/xml", True),
        ("application/xhtml+xml", True),
        ("application/octet-stream", False),
        ("text/plain", False),
        ("image/jpeg", False),
        ("", False),
    ],
)
def test_only_pages_are_believed_by_their_header(content_type: str, believed: bool) -> None:
    assert announces_page(content_type) is believed


STARTS = st.sampled_from([b"", b"II*\0", b"MM\0*", b"II+\0", b"\0\0\0\x18ftyp", b"RIFF", b"BM", b"<", b"<!--", b"\xff\xfe", b"\0<"])


@given(start=STARTS, rest=st.binary(max_size=300))
def test_any_bytes_are_something(start: bytes, rest: bytes) -> None:
    body = start + rest
    assert sniff(body).kind in {"image", "raw", "text", "unknown"}
    assert sniff_file(io.BytesIO(body), len(body)).kind in {"image", "raw", "text", "unknown"}


@given(st.text(min_size=1))
def test_text_is_never_an_image(text: str) -> None:
    assert sniff(b"<html>" + text.encode("utf-8", "replace")).kind == "text"

"""The type of a body by its content: the first 4 kB decide, whatever the server or the URL says.

Pure. Knows signatures, never whether the body is whole (`structure`) or decodes (`decode`).
"""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass
from typing import BinaryIO, Literal

from asyncdl.imaging.bytesource import ByteSource, FileSource, MemorySource
from asyncdl.imaging.formats import bmp, boxes, png, raf, tiff

HEAD_BYTES = 4096

Kind = Literal["image", "raw", "text", "unknown"]


@dataclass(frozen=True, slots=True)
class Sniffed:
    """What a body is by content. `unknown` may still carry a name (PDF, MP4): known, but no image."""

    kind: Kind
    extension: str
    media_type: str


def _image(extension: str, media_type: str) -> Sniffed:
    return Sniffed("image", extension, media_type)


def _raw(extension: str, media_type: str) -> Sniffed:
    return Sniffed("raw", extension, media_type)


JPEG = _image("jpg", "image/jpeg")
TIFF = _image("tif", "image/tiff")
DNG = _raw("dng", "image/x-adobe-dng")
UNKNOWN = Sniffed("unknown", "", "application/octet-stream")

_SIGNATURES: tuple[tuple[bytes, Sniffed], ...] = (
    (b"\xff\xd8\xff", JPEG),
    (png.SIGNATURE, _image("png", "image/png")),
    (b"GIF87a", _image("gif", "image/gif")),
    (b"GIF89a", _image("gif", "image/gif")),
    (b"\x00\x00\x00\x0cjP  \r\n\x87\n", _image("jp2", "image/jp2")),
    (boxes.CODESTREAM, _image("j2k", "image/j2c")),
    (b"\x00\x00\x00\x0cJXL \r\n\x87\n", _image("jxl", "image/jxl")),
    (raf.SIGNATURE, _raw("raf", "image/x-fuji-raf")),
    (b"IIU\x00", _raw("rw2", "image/x-panasonic-rw2")),
    (b"IIRO", _raw("orf", "image/x-olympus-orf")),
    (b"IIRS", _raw("orf", "image/x-olympus-orf")),
    (b"MMOR", _raw("orf", "image/x-olympus-orf")),
    (b"FOVb", _raw("x3f", "image/x-sigma-x3f")),
    (b"\x00MRM", _raw("mrw", "image/x-minolta-mrw")),
    (b"%PDF-", Sniffed("unknown", "pdf", "application/pdf")),
    (b"PK\x03\x04", Sniffed("unknown", "zip", "application/zip")),
    (b"\x1f\x8b", Sniffed("unknown", "gz", "application/gzip")),
)
_TIFF_STARTS = (b"II*\x00", b"MM\x00*", b"II+\x00", b"MM\x00+")

# ISO/IEC 14496-12 brands: the first row that shares one with the file wins.
_BRANDS: tuple[tuple[frozenset[bytes], Sniffed], ...] = (
    (frozenset({b"crx "}), _raw("cr3", "image/x-canon-cr3")),
    (frozenset({b"avif", b"avis"}), _image("avif", "image/avif")),
    (
        frozenset({b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs", b"mif1", b"msf1"}),
        _image("heic", "image/heic"),
    ),
    (frozenset({b"qt  "}), Sniffed("unknown", "mov", "video/quicktime")),
)
_FILM = Sniffed("unknown", "mp4", "video/mp4")

# Cameras whose raw file is a TIFF without a mark of its own: by maker, and only with one of the signs below.
_MAKERS: tuple[tuple[str, Sniffed], ...] = (
    ("NIKON", _raw("nef", "image/x-nikon-nef")),
    ("SONY", _raw("arw", "image/x-sony-arw")),
    ("PENTAX", _raw("pef", "image/x-pentax-pef")),
    ("RICOH", _raw("pef", "image/x-pentax-pef")),
    ("SAMSUNG", _raw("srw", "image/x-samsung-srw")),
)
_SENSOR_COMPRESSIONS = frozenset({32767, 32769, 32770, 34713, 65535})  # Sony, Samsung, Nikon, Pentax
_COLOUR_FILTER_ARRAY = 32803

_HTML = Sniffed("text", "html", "text/html")
_XML = Sniffed("text", "xml", "application/xml")
_SVG = Sniffed("text", "svg", "image/svg+xml")
_JSON = Sniffed("text", "json", "application/json")
_PLAIN = Sniffed("text", "txt", "text/plain")
_XML_PREAMBLE = re.compile(r"(?:\s+|<!--.*?-->|<\?.*?\?>)+", re.DOTALL)
_HTML_START = re.compile(
    r"<(?:!doctype\s+html|(?:html|head|body|title|meta|link|script|style|base|div|span|p|h[1-6]|table|center|font|a|img|b|br|hr)\b)"
)
_CONTROL = re.compile(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f\x7f]")
_PAGE_TYPES = frozenset({"text/html", "application/xhtml+xml", "application/json", "text/json", "application/xml", "text/xml"})


def sniff(head: bytes) -> Sniffed:
    """The type of a body from its first `HEAD_BYTES` (fewer when it is shorter)."""
    return _sniff(head[:HEAD_BYTES], None)


def sniff_file(file: BinaryIO, size_bytes: int) -> Sniffed:
    """The type of a file; unlike `sniff` it follows a TIFF to its first directory, wherever that lies."""
    source = FileSource(file, size_bytes)
    return _sniff(source.read_at(0, HEAD_BYTES), source)


def announces_page(content_type: str) -> bool:
    """Whether a Content-Type says HTML, JSON or XML: the only ones believed, since images come under any other."""
    media_type = content_type.partition(";")[0].strip().lower()
    return media_type in _PAGE_TYPES or media_type.endswith(("+json", "+xml"))


def _sniff(head: bytes, whole: ByteSource | None) -> Sniffed:
    for signature, sniffed in _SIGNATURES:
        if head.startswith(signature):
            return sniffed
    if head.startswith(_TIFF_STARTS):
        return _tiff_family(head, whole or MemorySource(head))
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return _image("webp", "image/webp")
    if head[4:8] == b"ftyp":
        return _by_brand(head)
    if head[6:14] == b"HEAPCCDR":
        return _raw("crw", "image/x-canon-crw")
    if head[:2] == b"BM" and len(head) >= 18 and struct.unpack_from("<I", head, 14)[0] in bmp.HEADER_SIZES:
        return _image("bmp", "image/bmp")
    return _text(head)


def _tiff_family(head: bytes, source: ByteSource) -> Sniffed:
    if head[8:10] == b"CR" and head[:2] == b"II":
        return _raw("cr2", "image/x-canon-cr2")
    first = tiff.first_directory(source)
    if first is None:
        return TIFF
    if tiff.DNG_VERSION in first:
        return DNG
    maker = first.text(tiff.MAKE).upper()
    # Photographers' tools write the maker into plain TIFFs too; a raw file shows a reduced picture first, or its sensor.
    is_preview = first.number(tiff.SUBFILE_TYPE) == 1 and tiff.SUB_DIRECTORIES in first
    is_sensor = first.number(tiff.PHOTOMETRIC) == _COLOUR_FILTER_ARRAY or first.number(tiff.COMPRESSION) in _SENSOR_COMPRESSIONS
    if is_preview or is_sensor:
        return next((sniffed for name, sniffed in _MAKERS if maker.startswith(name)), TIFF)
    return TIFF


def _by_brand(head: bytes) -> Sniffed:
    size = min(int.from_bytes(head[:4], "big"), len(head))
    # Major brand, minor version (never four letters of a known brand), compatible brands.
    brands = {head[at : at + 4] for at in range(8, size - 3, 4)}
    return next((sniffed for known, sniffed in _BRANDS if known & brands), _FILM)


def _text(head: bytes) -> Sniffed:
    text = _as_text(head)
    if text is None:
        return UNKNOWN
    start = _XML_PREAMBLE.match(text)
    rest = text[start.end() :] if start else text
    if rest.startswith(("{", "[")):
        return _JSON
    if _HTML_START.match(rest):
        return _HTML
    if rest.startswith(("<svg", "<!doctype svg")):
        return _SVG
    if rest.startswith("<") or "<?xml" in text[: len(text) - len(rest)]:
        return _HTML if rest.startswith("<!--") else _XML
    return _PLAIN if rest.strip() else UNKNOWN


def _as_text(head: bytes) -> str | None:
    """The head in lower case when it is text (UTF-8, UTF-16, or a page in an 8-bit encoding), else None."""
    encoding = _wide_encoding(head)
    if encoding:
        return head[: len(head) & ~1].decode(encoding, "replace").lstrip("\ufeff").lower()
    body = head.removeprefix(b"\xef\xbb\xbf")
    if not body or _CONTROL.search(body):
        # A page may hold a stray control byte; what begins as markup is markup all the same.
        body = body if body.lstrip()[:1] == b"<" else b""
    elif not _is_utf8(body) and body.lstrip()[:1] not in {b"<", b"{", b"["}:
        body = b""
    return body.decode("latin-1").lower() if body else None


def _wide_encoding(head: bytes) -> str | None:
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "utf-16"
    if len(head) >= 4 and head[1] == head[3] == 0 and head[0] in b"<{[ \t\r\n":
        return "utf-16-le"
    if len(head) >= 4 and head[0] == head[2] == 0 and head[1] in b"<{[ \t\r\n" and head[3]:
        return "utf-16-be"
    return None


def _is_utf8(body: bytes) -> bool:
    try:
        body.decode()
    except UnicodeDecodeError as error:
        return error.end == len(body) and error.reason == "unexpected end of data"
    return True

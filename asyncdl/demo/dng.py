"""A camera raw file made from nothing: a small DNG, built field by field.

Pure: numbers in, bytes out. Tags are those of TIFF 6.0 and of the Adobe DNG specification 1.4; LibRaw opens and
develops the result. With `JPEG_XL` as its compression the same file is a valid container that LibRaw
builds without the Adobe SDK cannot develop (DNG 1.7).
"""

from __future__ import annotations

import array
import random
import struct
import sys
from collections.abc import Sequence

UNCOMPRESSED = 1
JPEG_XL = 52546
COLOUR_FILTER_ARRAY = 32803

_BYTE, _ASCII, _SHORT, _LONG, _RATIONAL, _SRATIONAL = 1, 2, 3, 4, 5, 10
_HEADER = struct.pack("<2sHI", b"II", 42, 8)
_XYZ_TO_CAMERA = (0.61, -0.13, -0.07, -0.41, 1.22, 0.21, -0.06, 0.15, 0.58)


def _rationals(values: Sequence[float], code: str) -> bytes:
    return b"".join(struct.pack(f"<2{code}", round(value * 10_000), 10_000) for value in values)


def _shorts(*values: int) -> bytes:
    return struct.pack(f"<{len(values)}H", *values)


def _longs(*values: int) -> bytes:
    return struct.pack(f"<{len(values)}I", *values)


def _entries(width: int, height: int, compression: int, strip_bytes: int, title: str) -> list[tuple[int, int, int, bytes]]:
    """The directory as (tag, type, count, payload), ascending by tag; the strip's offset is filled in by `dng_bytes`."""
    model = b"Asyncdl Museum One\0"
    text = title.encode("ascii", "replace") + b"\0"
    return [
        (254, _LONG, 1, _longs(0)),  # the main picture
        (256, _LONG, 1, _longs(width)),
        (257, _LONG, 1, _longs(height)),
        (258, _SHORT, 1, _shorts(16)),
        (259, _SHORT, 1, _shorts(compression)),
        (262, _SHORT, 1, _shorts(COLOUR_FILTER_ARRAY)),
        (270, _ASCII, len(text), text),
        (271, _ASCII, 8, b"Asyncdl\0"),
        (272, _ASCII, len(model), model),
        (273, _LONG, 1, _longs(0)),
        (274, _SHORT, 1, _shorts(1)),
        (277, _SHORT, 1, _shorts(1)),
        (278, _LONG, 1, _longs(height)),
        (279, _LONG, 1, _longs(strip_bytes)),
        (284, _SHORT, 1, _shorts(1)),
        (33421, _SHORT, 2, _shorts(2, 2)),  # CFARepeatPatternDim
        (33422, _BYTE, 4, bytes((0, 1, 1, 2))),  # CFAPattern: RGGB
        (50706, _BYTE, 4, bytes((1, 4, 0, 0))),  # DNGVersion
        (50707, _BYTE, 4, bytes((1, 1, 0, 0))),  # DNGBackwardVersion
        (50708, _ASCII, len(model), model),  # UniqueCameraModel
        (50714, _LONG, 1, _longs(0)),  # BlackLevel
        (50717, _LONG, 1, _longs(65535)),  # WhiteLevel
        (50721, _SRATIONAL, 9, _rationals(_XYZ_TO_CAMERA, "i")),  # ColorMatrix1
        (50728, _RATIONAL, 3, _rationals((0.5, 1.0, 0.7), "I")),  # AsShotNeutral
        (50778, _SHORT, 1, _shorts(21)),  # CalibrationIlluminant1: D65
    ]


def _sensor(width: int, height: int, seed: int) -> bytes:
    """What a sensor might see: two soft gradients and some grain, 16 bits, little-endian."""
    rng = random.Random(seed)
    grain = rng.randbytes(width * height)
    tilt = rng.randrange(8, 24)
    pixels = array.array(
        "H",
        (
            min(65535, 6000 + x * 30_000 // width + y * tilt * 1000 // height + grain[y * width + x] * 8)
            for y in range(height)
            for x in range(width)
        ),
    )
    if sys.byteorder == "big":
        pixels.byteswap()
    return pixels.tobytes()


def dng_bytes(seed: int, *, width: int = 128, height: int = 96, compression: int = UNCOMPRESSED, title: str = "") -> bytes:
    """One DNG of `width` x `height` pixels, the same for the same arguments.

    `compression` only names the method in tag 259; the pixels always lie there uncompressed.
    """
    strip = _sensor(width, height, seed)
    entries = _entries(width, height, compression, len(strip), title)
    outside_at = len(_HEADER) + 2 + 12 * len(entries) + 4
    outside = bytearray()
    rows = bytearray()
    strip_row_at = 0
    for tag, kind, count, payload in entries:
        if tag == 273:
            strip_row_at = len(rows)
        value = payload.ljust(4, b"\0")
        if len(payload) > 4:
            value = _longs(outside_at + len(outside))
            outside += payload + b"\0" * (len(payload) % 2)  # values start on a word boundary (TIFF 6.0)
        rows += struct.pack("<HHI", tag, kind, count) + value
    rows[strip_row_at + 8 : strip_row_at + 12] = _longs(outside_at + len(outside))
    return _HEADER + _shorts(len(entries)) + bytes(rows) + _longs(0) + bytes(outside) + strip

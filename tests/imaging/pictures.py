"""Pictures made on the spot, whole and damaged."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable
from functools import cache

import numpy as np
from PIL import Image


@cache
def picture(width: int = 640, height: int = 480) -> Image.Image:
    """A gradient under fixed noise: compresses to about as many bytes as a photo of that size."""
    y, x = np.mgrid[0:height, 0:width]
    noise = np.random.default_rng(7).integers(-14, 14, (height, width, 1))
    planes = np.stack([x * 255 // width, y * 255 // height, (x + y) % 256], -1) + noise
    return Image.fromarray(planes.clip(0, 255).astype(np.uint8))


def encode(image_format: str, mode: str = "RGB", size: tuple[int, int] = (640, 480), **options: object) -> bytes:
    """The picture in a Pillow format."""
    buffer = io.BytesIO()
    picture(*size).convert(mode).save(buffer, image_format, **options)
    return buffer.getvalue()


def png_header(width: int, height: int) -> bytes:
    """A PNG that announces any size in a hundred bytes: whole by its chunks, and a bomb."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0" * 100)) + chunk(b"IEND", b"")


def make_tiff(order: str = "<", *, big: bool = False, **changed: int) -> bytes:
    """A TIFF or BigTIFF of 16 x 4 grey pixels in one strip; `strip_offset`, `strip_bytes` or `next_directory` can be falsified."""
    number, entry, lead = ("Q", "HHQQ", 16) if big else ("I", "HHII", 8)
    count = "Q" if big else "H"
    tags = {256: 16, 257: 4, 258: 8, 259: 1, 262: 1, 273: 0, 277: 1, 278: 4, 279: 64}
    directory_bytes = struct.calcsize("<" + count) + struct.calcsize("<" + entry) * len(tags) + struct.calcsize("<" + number)
    tags |= {273: changed.get("strip_offset", lead + directory_bytes), 279: changed.get("strip_bytes", 64)}
    mark = b"II" if order == "<" else b"MM"
    head = struct.pack(order + ("HHHQ" if big else "HI"), *((43, 8, 0, 16) if big else (42, 8)))
    kind = 16 if big else 4
    directory = b"".join(struct.pack(order + entry, tag, kind, 1, value) for tag, value in tags.items())
    end = struct.pack(order + number, changed.get("next_directory", 0))
    return mark + head + struct.pack(order + count, len(tags)) + directory + end + bytes(range(64))


def box(kind: bytes, content: bytes) -> bytes:
    """An ISO base media box."""
    return struct.pack(">I", 8 + len(content)) + kind + content


# What can happen to a body on its way, or has happened to it at its source.
DAMAGES: dict[str, Callable[[bytes], bytes]] = {
    "cut at 99.9 %": lambda body: body[: int(len(body) * 0.999)],
    "cut at 90 %": lambda body: body[: int(len(body) * 0.9)],
    "cut at 50 %": lambda body: body[: len(body) // 2],
    "cut at 5 %": lambda body: body[: len(body) // 20],
    "cut, end marker re-added": lambda body: body[: len(body) // 2] + b"\xff\xd9",
    "20 kB zeroed in the middle": lambda body: body[: len(body) // 2] + bytes(20_000) + body[len(body) // 2 + 20_000 :],
    "second half zeroed": lambda body: body[: len(body) // 2] + bytes(len(body) - len(body) // 2),
}

"""The pictures of the museum, drawn on the spot: a few dozen motifs, each copy marked so that no two are the same bytes.

Pure: (motif, size, mark) in, bytes out, the same for the same arguments and the same Pillow. Knows no host and no path.
Drawing and encoding are cached per motif and size; marking a JPEG costs a copy of its bytes.
"""

from __future__ import annotations

import io
import math
import random
from functools import lru_cache
from hashlib import blake2b

from PIL import Image, ImageDraw, ImageFont

MOTIFS = 30
FULL_SIZES = ((1200, 900), (800, 600), (640, 480), (480, 640), (400, 300), (160, 120))
JPEG_QUALITY = 82
MEDIA_TYPES = {"JPEG": "image/jpeg", "PNG": "image/png", "TIFF": "image/tiff", "WEBP": "image/webp", "GIF": "image/gif"}


def full_size(motif: int) -> tuple[int, int]:
    """Width and height of a motif at its largest."""
    return FULL_SIZES[motif % len(FULL_SIZES)]


def _paper(width: int, height: int, rng: random.Random) -> Image.Image:
    """Paper with a grain, so that the files weigh what photos weigh."""
    grain = Image.frombytes("L", (width // 4, height // 4), rng.randbytes((width // 4) * (height // 4)))
    grain = grain.resize((width, height), Image.Resampling.BILINEAR)
    tint = Image.new("RGB", (width, height), (rng.randrange(215, 245), rng.randrange(210, 235), rng.randrange(185, 215)))
    return Image.blend(tint, Image.merge("RGB", (grain, grain, grain)), 0.14)


@lru_cache(maxsize=MOTIFS)
def _draw(motif: int) -> Image.Image:
    """A pressed plant on its sheet, with a label."""
    width, height = full_size(motif)
    rng = random.Random(motif * 7919 + 13)
    sheet = _paper(width, height, rng)
    pen = ImageDraw.Draw(sheet)
    green = (rng.randrange(40, 110), rng.randrange(90, 140), rng.randrange(30, 80))
    x, y, lean = width * 0.45, height * 0.95, rng.uniform(-0.25, 0.25)
    length = height / 110
    for step in range(90):
        nx, ny = x + lean * length, y - length
        pen.line((x, y, nx, ny), fill=green, width=max(1, width // 160))
        if step % 8 == 4:
            side = 1 if step % 16 == 4 else -1
            reach = width * rng.uniform(0.08, 0.2)
            tip = (nx + side * reach, ny - reach * rng.uniform(0.1, 0.6))
            pen.polygon(((nx, ny), (nx + side * reach * 0.5, ny - reach * 0.35), tip, (nx + side * reach * 0.6, ny)), fill=green)
        lean += math.sin(step * 0.3 + motif) * 0.02
        x, y = nx, ny
    _label(pen, width, height, f"sheet {motif:02d}")
    return sheet


def _label(pen: ImageDraw.ImageDraw, width: int, height: int, text: str) -> None:
    box = (width * 0.62, height * 0.8, width * 0.97, height * 0.96)
    pen.rectangle(box, fill=(250, 248, 240), outline=(90, 80, 70))
    pen.text((box[0] + 4, box[1] + 2), text, fill=(40, 35, 30), font=ImageFont.load_default())


@lru_cache(maxsize=512)
def _jpeg(motif: int, width: int, height: int) -> bytes:
    sheet = _draw(motif)
    if (width, height) != sheet.size:
        sheet = sheet.resize((width, height), Image.Resampling.BILINEAR)
    return _encode(sheet, "JPEG")


def _encode(picture: Image.Image, form: str, comment: str = "") -> bytes:
    out = io.BytesIO()
    if form == "JPEG":
        picture.save(out, form, quality=JPEG_QUALITY)
    elif form == "GIF":
        picture.quantize(64).save(out, form, comment=comment.encode())
    elif form == "WEBP":
        picture.save(out, form, lossless=True, method=0)
    elif form == "PNG":
        picture.save(out, form, compress_level=1)
    else:
        picture.save(out, form)
    return out.getvalue()


def _with_comment(jpeg: bytes, text: str) -> bytes:
    """The same JPEG with a COM segment behind its JFIF header (ITU-T T.81, B.2.4.5)."""
    header_end = 4 + int.from_bytes(jpeg[4:6], "big")
    comment = text.encode()[:4000]
    segment = b"\xff\xfe" + (len(comment) + 2).to_bytes(2, "big") + comment
    return jpeg[:header_end] + segment + jpeg[header_end:]


def picture(motif: int, width: int, height: int, mark: str, form: str = "JPEG") -> bytes:
    """A motif at a size, as JPEG, PNG, TIFF, WEBP or GIF; another `mark` (a host and path, say) gives other bytes."""
    if form == "JPEG":
        return _with_comment(_jpeg(motif, width, height), mark)
    sheet = _draw(motif).resize((width, height), Image.Resampling.BILINEAR)
    sheet.paste(Image.frombytes("RGB", (5, 1), blake2b(mark.encode(), digest_size=15).digest()), (0, 0))
    return _encode(sheet, form, mark)


@lru_cache(maxsize=1)
def no_image_available() -> bytes:
    """The stand-in picture: the same bytes whatever was asked for."""
    card = Image.new("RGB", (320, 240), (228, 228, 228))
    pen = ImageDraw.Draw(card)
    pen.rectangle((8, 8, 311, 231), outline=(150, 150, 150), width=3)
    pen.text((100, 112), "No image available", fill=(90, 90, 90), font=ImageFont.load_default())
    return _encode(card, "JPEG")


def damaged_jpeg(motif: int, mark: str) -> bytes:
    """A JPEG of the right length with its end in place and a stretch of its middle overwritten with zeros.

    Pillow opens and loads such a file without complaint; a strict decoder reports it.
    """
    whole = picture(motif, *full_size(motif), mark)
    start, stop = len(whole) // 2, len(whole) * 4 // 5
    return whole[:start] + b"\0" * (stop - start) + whole[stop:]

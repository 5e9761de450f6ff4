"""JPEG files of a wanted size for the benchmarks. Knows nothing of what they are used for."""

from __future__ import annotations

import io

from PIL import Image

PIXELS = {4_000: (160, 120), 100_000: (800, 600), 2_500_000: (2600, 1950)}
"""Width and height of the pictures, by their size in bytes: the sizes of thumbnails, of views, and of originals."""


def jpeg_near(size_bytes: int) -> bytes:
    """A JPEG of about `size_bytes` that decodes like a photograph: a gradient, with as much noise as the size asks for."""
    width, height = PIXELS[size_bytes]
    slope = Image.linear_gradient("L").resize((width, height))
    best = b""
    for sigma in (4, 8, 16, 32, 48):
        noise = Image.effect_noise((width, height), sigma)
        picture = Image.merge("RGB", (Image.blend(slope, noise, 0.5), slope, Image.blend(slope, noise, 0.3)))
        for quality in range(40, 96, 5):
            buffer = io.BytesIO()
            picture.save(buffer, "JPEG", quality=quality)
            if abs(buffer.tell() - size_bytes) < abs(len(best) - size_bytes):
                best = buffer.getvalue()
        if abs(len(best) - size_bytes) < size_bytes / 10:
            break
    return best

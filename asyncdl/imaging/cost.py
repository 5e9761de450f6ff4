"""What checking a picture costs on this machine, measured on a picture of our own. Loads the decoder: not for the process that downloads."""

from __future__ import annotations

import io
import time
from typing import Final

from PIL import Image

from asyncdl.imaging.jpegdecode import check_jpeg

_SIDE_PIXELS: Final = 1_000
_SIGMA: Final = 40.0
_ROUNDS: Final = 3


def decode_seconds_per_byte() -> float:
    """Processor seconds that the strict decode of a JPEG takes per byte; the best of a few rounds, some 50 ms in all.

    Entropy decoding dominates, so the cost follows the bytes more closely than the pixels.
    """
    picture = io.BytesIO()
    Image.effect_noise((_SIDE_PIXELS, _SIDE_PIXELS), _SIGMA).convert("RGB").save(picture, "JPEG", quality=85)
    body = picture.getvalue()
    best = float("inf")
    for _ in range(_ROUNDS):
        began = time.process_time()
        check_jpeg(body)
        best = min(best, time.process_time() - began)
    return best / len(body)

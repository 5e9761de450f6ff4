"""What a decode comes to, and the limits it runs under: values that cross between run and worker process.

Imports no decoder, so that the process that downloads never loads one.
"""

from __future__ import annotations

from dataclasses import dataclass

from asyncdl.model import ImageFacts

# The facts of a file that decoded whole. `raw_unprocessed` flags one that is a valid container and was not developed.
Decoded = ImageFacts

RAW_UNPROCESSED = "raw_unprocessed"


@dataclass(frozen=True, slots=True)
class DecodeFailure:
    """Why a file did not decode: a name of the error table, and the decoder's own words (unescaped)."""

    error: str
    detail: str


@dataclass(frozen=True, slots=True)
class DecodeLimits:
    """What one worker process may use. Wall and CPU seconds count per file, the rest per process."""

    max_pixels: int = 256_000_000
    memory_bytes: int = 3 << 30
    wall_seconds: float = 90.0
    cpu_seconds: float = 60.0
    open_files: int = 64
    files_per_worker: int = 1000  # then it is replaced: what a codec leaked goes with it

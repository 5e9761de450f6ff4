"""JPEG: the marker segments up to the first scan, and the end-of-image marker (ITU-T T.81 annex B).

Knows nothing of what the scans hold: that takes a decoder.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from asyncdl.imaging.bytesource import ByteSource

_SOI, _EOI, _SOS, _APP2 = 0xD8, 0xD9, 0xDA, 0xE2
_STANDALONE = frozenset({0x01, *range(0xD0, 0xD8)})
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}  # DHT, JPG and DAC share the range
_MAX_SEGMENTS = 10_000


class Segment(NamedTuple):
    """One marker segment: `offset` is where its two length bytes stand, `size_bytes` counts them too."""

    marker: int
    offset: int
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Headers:
    """Everything before the first scan; `scan_offset` is where the scan header's length bytes stand."""

    segments: tuple[Segment, ...]
    frame: Segment
    scan_offset: int


def headers(source: ByteSource) -> Headers | str:
    """Walk the segments from SOI to the first SOS; an error type where that is not possible."""
    if source.read_at(0, 2) != b"\xff\xd8":
        return "damaged" if source.size_bytes >= 2 else "truncated"
    segments: list[Segment] = []
    frame: Segment | None = None
    position = 2
    for _ in range(_MAX_SEGMENTS):
        lead = source.read_at(position, 4)
        if len(lead) < 4:
            return "truncated"
        if lead[0] != 0xFF:
            return "damaged"
        marker = lead[1]
        if marker == 0xFF:  # a fill byte: any number of them may precede a marker
            position += 1
            continue
        if marker in _STANDALONE:
            position += 2
            continue
        if marker in {_SOI, _EOI, 0x00}:
            return "damaged"
        segment = Segment(marker, position + 2, lead[2] << 8 | lead[3])
        if segment.size_bytes < 2:
            return "damaged"
        if marker == _SOS:
            return Headers(tuple(segments), frame, segment.offset) if frame else "damaged"
        if marker in _FRAMES and frame is None:
            frame = segment
        segments.append(segment)
        position = segment.offset + segment.size_bytes
    return "damaged"


def check(source: ByteSource) -> str | None:
    """Whole header segments, a frame, a scan, and an end-of-image marker after it.

    What follows the last end marker is no fault of the picture (servers append pages, cameras append films).
    A multi-picture file (CIPA DC-007) is cut when a picture begins after the last end marker.
    """
    found = headers(source)
    if isinstance(found, str):
        return found
    end = source.rfind(b"\xff\xd9", found.scan_offset)
    if end < 0:
        return "truncated"
    if _is_multi_picture(source, found) and source.rfind(b"\xff\xd8\xff", end) >= 0:
        return "truncated"
    return None


def dimensions(source: ByteSource) -> tuple[int, int] | None:
    """Width and height of the frame header."""
    found = headers(source)
    if isinstance(found, str):
        return None
    frame = source.read_at(found.frame.offset, 7)
    if len(frame) < 7:
        return None
    height, width = frame[3] << 8 | frame[4], frame[5] << 8 | frame[6]
    return (width, height) if width and height else None


def _is_multi_picture(source: ByteSource, found: Headers) -> bool:
    return any(s.marker == _APP2 and source.read_at(s.offset + 2, 4) == b"MPF\0" for s in found.segments)

"""Figures and times in words for people: the few phrases that several reports share.

Pure. Nothing here escapes text from outside; who prints does.
"""

from __future__ import annotations

import shlex
from pathlib import Path

from asyncdl.clock import iso_utc
from asyncdl.errors import Blame, ErrorType
from asyncdl.store import SourceState
from asyncdl.terminal import printable
from asyncdl.units import approximate_duration

_MAX_PLACE_CHARS = 200
_LAST_MS = 253_402_300_799_000  # 9999-12-31T23:59:59Z, the last time that has a name


def time_text(utc_ms: int) -> str:
    """A stored time as ISO 8601; a time beyond the calendar is the last one in it."""
    return iso_utc(min(max(utc_ms, 0), _LAST_MS))


def time_or_none(utc_ms: int | None) -> str | None:
    """`time_text`, or None where the rows have none (0 stands for never)."""
    return None if not utc_ms else time_text(utc_ms)


def when(utc_ms: int, now_ms: int) -> str:
    """A time with its distance from now: `2026-11-21T09:30:00Z (in 3m05s)`."""
    distance = approximate_duration(abs(utc_ms - now_ms) / 1000)
    return f"{time_text(utc_ms)} ({f'in {distance}' if utc_ms > now_ms else f'{distance} ago'})"


def counted(count: int, noun: str) -> str:
    """A count with its noun: `1 image`, `12,000 images`."""
    return f"{count:,} {noun if count == 1 else noun + 's'}"


def place_text(root: Path) -> str:
    """A collection's folder as it can be typed after a command, harmless on a terminal."""
    return printable(shlex.quote(str(root)), _MAX_PLACE_CHARS)


def gone_text(source: SourceState | None) -> str:
    """Since when an image is named by no source: the addition that no longer named it."""
    if source is None:
        return "no source names it any more"
    since = f"since {time_text(source.loaded_ms)}" if source.loaded_ms else "since its addition, which is unfinished"
    return f"no longer in {source.name} (source {source.id}), {since}"


def verdict_text(error: ErrorType, attempt: int) -> str:
    """What a failure of this type cost, and whom. `attempt` is the number of the attempt that was paid; 0 means that none was."""
    if error.name == "robots_disallowed":
        return "nothing was asked, and nobody pays: asked again when the rules may have changed"
    if error.blame is Blame.HOST:
        return "the host's fault: the host is left alone for a while, the image pays nothing"
    if error.blame is Blame.LOCAL:
        return "this machine's fault: nobody pays"
    if attempt == 0:
        return "nobody pays: the host refused everything it was asked, so the answer is not about this image"
    return "cost the image an attempt; asked again later" if error.transient else "rules this link out for good"

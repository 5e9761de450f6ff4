"""The `Retry-After` header as seconds from now. Pure: the present moment is an argument."""

from __future__ import annotations

import re
from datetime import UTC
from email.utils import parsedate_to_datetime

MAX_RETRY_AFTER_SECONDS = 90 * 86_400.0
_MAX_HEADER_CHARACTERS = 100
_SECONDS = re.compile(r"[0-9]+(?:\.[0-9]*)?")


def parse_retry_after(value: str | None, now_utc_ms: int) -> float | None:
    """Seconds to wait as `Retry-After` asks (RFC 9110, 10.2.3), at most 90 days; None when it says nothing usable.

    Delta seconds may have a fraction, which servers send although the RFC has none. A date that has passed
    means now: 0. Negative numbers and anything else are ignored.
    """
    text = (value or "").strip()
    if not text or len(text) > _MAX_HEADER_CHARACTERS or not text.isascii():
        return None
    if _SECONDS.fullmatch(text):
        return min(float(text), MAX_RETRY_AFTER_SECONDS)
    if not text[0].isalpha():
        return None  # every HTTP-date form begins with the name of a day
    try:
        date = parsedate_to_datetime(text)
    except (ValueError, OverflowError, IndexError):
        return None
    if date.tzinfo is None:
        date = date.replace(tzinfo=UTC)  # asctime form: UTC by definition
    return min(max(0.0, date.timestamp() - now_utc_ms / 1000), MAX_RETRY_AFTER_SECONDS)

"""What an answer's `X-Robots-Tag` asks of us. Pure.

The form is Google's (https://developers.google.com/search/docs/crawling-indexing/robots-meta-tag): directives with commas between, in one field or several, for everybody or, after
`name:`, for the robot of that name. `noai` and `noimageai` are DeviantArt's additions, which others have taken over. Directives for search engines (`noindex`, `none`,
`noimageindex`) are no refusal: we index nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from asyncdl.download.robots import PRODUCT_TOKEN

REFUSING: Final = frozenset({"noai", "noimageai"})
MAX_TAG_CHARACTERS: Final = 8_192

# Directives that have a value after a colon; any other word before a colon is the name of a robot.
_VALUED: Final = frozenset({"unavailable_after", "max-snippet", "max-image-preview", "max-video-preview"})
_NAMED: Final = re.compile(r"\s*([A-Za-z0-9_*./-]+)\s*:(.*)", re.DOTALL)


def refusal(fields: Iterable[str], product_token: str = PRODUCT_TOKEN) -> str | None:
    """The first directive of these fields that asks us not to use the file for machine learning; None when none does."""
    for field in fields:
        for_us = True
        for part in field[:MAX_TAG_CHARACTERS].split(","):
            directive = part
            if (named := _NAMED.fullmatch(part)) and named[1].lower() not in _VALUED:
                for_us = named[1].lower() in ("*", product_token)
                directive = named[2]
            if for_us and directive.strip().lower() in REFUSING:
                return directive.strip().lower()
    return None

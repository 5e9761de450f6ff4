"""Answers that are made to keep programs out: challenges of the services that stand before a host. Pure.

Sources: https://developers.cloudflare.com/cloudflare-challenges/challenge-types/challenge-pages/detect-response/ (the header `cf-mitigated`),
https://docs.aws.amazon.com/waf/latest/developerguide/waf-captcha-and-challenge-how-it-works.html (`x-amzn-waf-action`). We never try to pass one.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

_HEADERS: Final = ("cf-mitigated", "x-amzn-waf-action")
_STATUSES: Final = frozenset({401, 403, 503})
_MARKS: Final = re.compile(rb"_cf_chl_opt|/cdn-cgi/challenge-platform/|Attention Required! \| Cloudflare|_Incapsula_Resource")


def is_challenge(status: int, headers: Mapping[str, str], page: bytes) -> bool:
    """Whether an answer other than 200 is a challenge or a block of such a service; `page` is the beginning of its body."""
    if status == 429:
        return False  # a limit, whoever says so
    if any(name in headers for name in _HEADERS):
        return True
    return status in _STATUSES and _MARKS.search(page) is not None

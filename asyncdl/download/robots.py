"""What a host's robots.txt lets us ask for (RFC 9309). Pure: bodies and times come in, decisions go out.

The grammar is protego's, the parser the large crawlers use. Fetching the file, following its redirects and
waiting for it to come back are the business of the fetch stage.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

from protego import Protego

PRODUCT_TOKEN = "asyncdl"  # noqa: S105  a name in robots.txt, no secret
MAX_ROBOTS_BYTES = 512_000  # RFC 9309, 2.5: at least 500 KiB must be parsed
MAX_CRAWL_DELAY_SECONDS = 86_400.0
FRESH_SECONDS = 86_400  # RFC 9309, 2.4: not to be used for more than 24 hours
FRESH_AFTER_TROUBLE_SECONDS = 3_600
_UNREACHABLE_MARK = "# asyncdl: robots.txt could not be read\n"


@dataclass(frozen=True)
class RobotsPolicy:
    """The rules of one host as they were at `fetched_ms`; `text` is all that has to be stored with it.

    `reachable` is False after trouble: then nothing may be asked until the file could be read (RFC 9309,
    2.3.1.4), and the policy is fresh for an hour only.
    """

    text: str
    fetched_ms: int
    reachable: bool = True

    @classmethod
    def from_answer(cls, status: int | None, body: bytes, fetched_ms: int) -> RobotsPolicy:
        """The policy that follows from an answer; `status` None means that there was none.

        2xx is parsed. Other answers below 500 mean "no rules" (2.3.1.3), among them redirects that lead
        nowhere; 429 does not: a host that is overloaded has not said that it has no rules.
        """
        if status is None or status >= 500 or status == 429:
            return cls(_UNREACHABLE_MARK, fetched_ms, reachable=False)
        if not 200 <= status < 300:
            return cls("", fetched_ms)
        text = body[:MAX_ROBOTS_BYTES].decode("utf-8-sig", errors="replace").replace("\x00", "")
        return cls(text, fetched_ms)

    @classmethod
    def from_stored(cls, text: str, fetched_ms: int) -> RobotsPolicy:
        """The policy whose `text` and `fetched_ms` were stored."""
        return cls(text, fetched_ms, reachable=text != _UNREACHABLE_MARK)

    @cached_property
    def _rules(self) -> Protego:
        return Protego.parse(self.text)

    def allows(self, url: str, product_token: str = PRODUCT_TOKEN) -> bool:
        """Whether the URL may be asked for. Always False while the file is unreachable."""
        return self.reachable and bool(self._rules.can_fetch(url, product_token))

    def crawl_delay_seconds(self, product_token: str = PRODUCT_TOKEN) -> float | None:
        """Seconds between two requests as the file asks, at most a day; None when it does not say."""
        delay = self._rules.crawl_delay(product_token)
        if delay is None or not math.isfinite(delay) or delay <= 0:
            return None
        return min(float(delay), MAX_CRAWL_DELAY_SECONDS)

    def fresh_until_ms(self) -> int:
        """When the file has to be read again, UTC milliseconds."""
        return self.fetched_ms + (FRESH_SECONDS if self.reachable else FRESH_AFTER_TROUBLE_SECONDS) * 1000

    def fresh(self, now_ms: int) -> bool:
        """Whether the policy may still be used. One that claims to come from the future may not."""
        return self.fetched_ms <= now_ms < self.fresh_until_ms()

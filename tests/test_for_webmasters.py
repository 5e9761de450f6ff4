"""What `docs/for-webmasters.md` promises is what the code does: every number in it is a constant of the code."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from asyncdl.download.backoff import BackoffPolicy
from asyncdl.download.bans import BanPolicy
from asyncdl.download.breaker import BreakerPolicy
from asyncdl.download.caution import Caution
from asyncdl.download.robots import (
    FRESH_SECONDS,
    MAX_CRAWL_DELAY_SECONDS,
    MAX_ROBOTS_BYTES,
    PRODUCT_TOKEN,
    RobotsPolicy,
)
from asyncdl.download.robots_tag import REFUSING
from asyncdl.retry_after import MAX_RETRY_AFTER_SECONDS
from asyncdl.settings import RunSettings

PAGE = (Path(__file__).parents[1] / "docs" / "for-webmasters.md").read_text(encoding="utf-8")
HOUR, DAY = 3_600, 86_400
RUN, CAUTION, BACKOFF, BAN, BREAKER = RunSettings(), Caution(), BackoffPolicy(), BanPolicy(), BreakerPolicy()
_ONE, _SIX, _LATE = (seconds / HOUR for seconds in BAN.probes_after_seconds)

CLAIMS = [
    f"begins with {CAUTION.first_rate_per_second:g} request a second over {CAUTION.first_connections} connection",
    (f"at or below {RUN.host_rate_per_second:g} requests a second, {RUN.host_connections} connections and "
    f"{RUN.host_bandwidth_bits_per_second / 1e6:g} Mbit/s"),
    "after 5 s, 10 min and 12 h, four times in all" if (RUN.retry_delays_seconds, RUN.max_attempts) == ((5, 600, 12 * HOUR), 4) else "?",
    f"up to {MAX_RETRY_AFTER_SECONDS / DAY:g} days",
    (f"for {BACKOFF.first_pause_seconds:g} s ({BACKOFF.crowded_pause_seconds:g} s where it is answering others), then twice as long each time, "
    "up to a day"),
    (f"when answers take {CAUTION.slow_factor:g} times as long as the first ones did, and goes slower when they take "
    f"{CAUTION.crowded_factor:g} times as long"),
    f"within {FRESH_SECONDS / HOUR:g} hours",
    f"the first {MAX_ROBOTS_BYTES:,} bytes",
    f"after {BAN.refusals_in_a_row} refusals in a row ({BAN.first_refusals} where it never had a good answer)",
    f"once after {_ONE:g} h, {_SIX:g} h and {_LATE:g} h",
    f"tries {BREAKER.connection_errors_in_a_row} times with growing pauses, then once an hour for a day, then once a day, and gives up after 14 days",
    f"User-agent: {PRODUCT_TOKEN}",
]  # fmt: skip


@pytest.mark.parametrize("claim", CLAIMS)
def test_what_is_promised_is_what_the_code_does(claim: str) -> None:
    assert claim in PAGE


def test_words_for_numbers_are_those_numbers() -> None:
    assert (BACKOFF.factor, BACKOFF.max_pause_seconds, MAX_CRAWL_DELAY_SECONDS) == (2, DAY, DAY)
    assert (BREAKER.probe_seconds, BREAKER.late_probe_seconds, BREAKER.late_after_seconds) == (HOUR, DAY, DAY)
    assert RUN.give_up_after_seconds == 14 * DAY
    assert all(f"`X-Robots-Tag: {word}`" in PAGE or f"`{word}`" in PAGE for word in REFUSING)


def test_the_user_agent_shown_is_ours() -> None:
    shown = re.search(r"^User-Agent: (.*)$", PAGE, re.MULTILINE)
    assert shown is not None
    assert shown[1] == RunSettings(contact="curator@museum-of-plants.org").user_agent


def test_the_rules_shown_are_understood() -> None:
    rules = re.search(r"```\n(User-agent: asyncdl\n.*?)```", PAGE, re.DOTALL)
    assert rules is not None
    policy = RobotsPolicy.from_answer(200, rules[1].encode(), 0)
    assert policy.crawl_delay_seconds() == 10
    assert (policy.allows("https://museum.org/originals/1.jpg"), policy.allows("https://museum.org/small/1.jpg")) == (False, True)

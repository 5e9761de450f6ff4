from __future__ import annotations

import pytest

from asyncdl.download.robots import MAX_CRAWL_DELAY_SECONDS, MAX_ROBOTS_BYTES, RobotsPolicy

HOUR_MS = 3_600_000
RULES = b"""# museum
User-agent: *
Disallow: /private/
Allow: /private/pictures/
Crawl-delay: 2.5

User-agent: asyncdl
User-agent: other
Disallow: /*.tif$
Crawl-delay: 7
"""


def test_the_group_of_our_own_name_is_used_alone() -> None:
    policy = RobotsPolicy.from_answer(200, RULES, 0)
    assert policy.allows("https://a.org/private/x.jpg")
    assert not policy.allows("https://a.org/x.tif")
    assert policy.allows("https://a.org/x.tif?y=1")
    assert policy.crawl_delay_seconds() == 7


def test_without_it_the_rules_for_all_and_the_longest_match() -> None:
    policy = RobotsPolicy.from_answer(200, RULES, 0)
    assert not policy.allows("https://a.org/private/x.jpg", "somebody")
    assert policy.allows("https://a.org/private/pictures/x.jpg", "somebody")
    assert policy.crawl_delay_seconds("somebody") == 2.5


@pytest.mark.parametrize("status", [301, 304, 400, 401, 403, 404, 410, 451])
def test_no_file_means_no_rules(status: int) -> None:
    policy = RobotsPolicy.from_answer(status, b"User-agent: *\nDisallow: /", 0)
    assert policy.allows("https://a.org/x")
    assert policy.reachable


@pytest.mark.parametrize("status", [None, 429, 500, 503, 599])
def test_an_unreachable_file_forbids_everything_for_an_hour(status: int | None) -> None:
    policy = RobotsPolicy.from_answer(status, b"", 1000)
    assert not policy.reachable
    assert not policy.allows("https://a.org/x")
    assert policy.crawl_delay_seconds() is None
    assert policy.fresh(1000 + HOUR_MS - 1)
    assert not policy.fresh(1000 + HOUR_MS)


def test_rules_are_fresh_for_a_day_and_never_from_the_future() -> None:
    policy = RobotsPolicy.from_answer(200, RULES, 1000)
    assert policy.fresh(1000)
    assert policy.fresh(1000 + 24 * HOUR_MS - 1)
    assert not policy.fresh(1000 + 24 * HOUR_MS)
    assert not policy.fresh(999)


@pytest.mark.parametrize("answer", [(200, RULES), (404, b""), (500, b"")])
def test_a_stored_policy_is_the_same_policy(answer: tuple[int, bytes]) -> None:
    policy = RobotsPolicy.from_answer(*answer, 5)
    assert RobotsPolicy.from_stored(policy.text, policy.fetched_ms) == policy


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html><body>Welcome</body></html>",
        b"\x00\xff\xfe\x80" * 100,
        b"Disallow: /",
        b"User-agent: *\nDisallow:",
        b"User-agent: *",
    ],
)
def test_what_is_no_rule_forbids_nothing(body: bytes) -> None:
    assert RobotsPolicy.from_answer(200, body, 0).allows("https://a.org/x")


def test_a_byte_order_mark_and_carriage_returns_are_no_part_of_the_rules() -> None:
    assert not RobotsPolicy.from_answer(200, b"\xef\xbb\xbfUser-agent: *\r\nDisallow: /\r\n", 0).allows("https://a.org/x")


def test_only_the_first_500_kilobytes_count() -> None:
    filler = b"# " + b"x" * 98 + b"\n"
    long = filler * (MAX_ROBOTS_BYTES // len(filler) + 1)
    assert RobotsPolicy.from_answer(200, long + b"User-agent: *\nDisallow: /\n", 0).allows("https://a.org/x")
    assert not RobotsPolicy.from_answer(200, b"User-agent: *\nDisallow: /\n" + long, 0).allows("https://a.org/x")


@pytest.mark.parametrize(
    ("written", "seconds"), [("0", None), ("-3", None), ("soon", None), ("nan", None), ("1e9", MAX_CRAWL_DELAY_SECONDS)]
)
def test_crawl_delays_are_bounded(written: str, seconds: float | None) -> None:
    policy = RobotsPolicy.from_answer(200, f"User-agent: *\nCrawl-delay: {written}\n".encode(), 0)
    assert policy.crawl_delay_seconds() == seconds

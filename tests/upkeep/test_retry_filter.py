import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asyncdl.errors import UsageError, all_error_types
from asyncdl.status import ImageStatus
from asyncdl.store import RetryFilter
from asyncdl.upkeep.retry_filter import MAX_NAMES, describe_filter, filter_of, parse_filter, parse_since_ms, retry_command_body

NOW_MS = 1_780_000_000_000
DAY_MS = 86_400_000


def test_nothing_said_means_all_that_ended_without_a_file() -> None:
    assert parse_filter(now_ms=NOW_MS) == RetryFilter()
    assert parse_filter(waiting_too=True, now_ms=NOW_MS).statuses == {ImageStatus.FAILED, ImageStatus.EXHAUSTED, ImageStatus.RETRY}


def test_values_are_lists_with_commas_and_hosts_may_be_urls() -> None:
    found = parse_filter(
        ["http_404, timeout", "http_410"],
        ["A.example.org,b.example.org:8080", "https://C.example.org/x.jpg"],
        ["Failed"],
        now_ms=NOW_MS,
    )
    assert found.error_types == {"http_404", "timeout", "http_410"}
    assert found.hosts == {"a.example.org", "b.example.org:8080", "c.example.org"}
    assert found.statuses == {ImageStatus.FAILED}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2d", NOW_MS - 2 * DAY_MS),
        ("12h30m", NOW_MS - 45_000_000),
        ("2026-05-28", 1_779_926_400_000),
        ("2026-05-28T20:26:40", NOW_MS),
        ("2026-05-28T22:26:40+02:00", NOW_MS),
        (" 2026-05-28T20:26:40Z ", NOW_MS),
        ("100000d", 0),
        ("0001-01-01", 0),
    ],
)
def test_since_is_a_date_a_time_or_so_long_ago(text: str, expected: int) -> None:
    assert parse_since_ms(text, NOW_MS) == expected


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ({"error_types": ["timeut"]}, "did you mean timeout"),
        ({"error_types": ["\x1b[31m"]}, "is no error type"),
        ({"statuses": ["success"]}, "cannot be re-opened"),
        ({"statuses": ["pending"]}, "--status takes failed, exhausted and retry"),
        ({"hosts": ["a/b"]}, "is no host"),
        ({"hosts": ["https://"]}, "is no host"),
        ({"hosts": ["x" * 300]}, "is no host"),
        ({"hosts": [f"h{n}.org" for n in range(MAX_NAMES + 1)]}, "too many"),
        ({"since": "yesterday"}, "is no time"),
        ({"since": "2026-13-01"}, "is no time"),
    ],
)
def test_a_wrong_value_is_refused_with_a_reason(arguments: dict[str, object], complaint: str) -> None:
    with pytest.raises(UsageError, match=complaint):
        parse_filter(**arguments, now_ms=NOW_MS)  # type: ignore[arg-type]


NAMES = st.sampled_from([row.name for row in all_error_types()] + ["http_404", "http_599"])
HOSTS = st.from_regex(r"[a-z0-9]{1,10}\.example\.org(:[0-9]{2,4})?", fullmatch=True)
FILTERS = st.builds(
    RetryFilter,
    error_types=st.frozensets(NAMES, max_size=5),
    hosts=st.frozensets(HOSTS, max_size=5),
    statuses=st.frozensets(st.sampled_from([ImageStatus.FAILED, ImageStatus.EXHAUSTED, ImageStatus.RETRY]), min_size=1),
    since_ms=st.none() | st.integers(0, 1 << 61),
)


@given(FILTERS)
def test_a_filter_survives_the_way_through_the_inbox(wanted: RetryFilter) -> None:
    assert filter_of(json.loads(json.dumps(retry_command_body(wanted)))) == wanted
    assert describe_filter(wanted)


@given(st.dictionaries(st.sampled_from(["command", "error_types", "hosts", "statuses", "since_ms"]), st.one_of(
    st.just("retry"), st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5), st.lists(st.one_of(st.text(max_size=5), st.integers())),
)))  # fmt: skip
def test_whatever_is_posted_is_a_filter_or_refused(body: dict[str, object]) -> None:
    try:
        found = filter_of(body)
    except UsageError:
        return
    assert found.statuses <= {ImageStatus.FAILED, ImageStatus.EXHAUSTED, ImageStatus.RETRY}


def test_a_full_filter_of_longest_hosts_fits_into_a_command() -> None:
    hosts = [f"{number:04d}" + "x" * 249 + ":65535" for number in range(MAX_NAMES)]
    body = retry_command_body(parse_filter(hosts=hosts, now_ms=NOW_MS))
    assert len(json.dumps(body)) < 64 * 1024

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from asyncdl.retry_after import MAX_RETRY_AFTER_SECONDS, parse_retry_after

NOW_MS = int(datetime(2026, 11, 21, 9, 30, tzinfo=UTC).timestamp() * 1000)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("0", 0.0),
        ("120", 120.0),
        (" 120 ", 120.0),
        ("1.5", 1.5),
        ("2.", 2.0),
        ("1000000000000", MAX_RETRY_AFTER_SECONDS),
        ("9" * 100, MAX_RETRY_AFTER_SECONDS),
        ("Sat, 21 Nov 2026 09:31:00 GMT", 60.0),
        ("Saturday, 21-Nov-26 09:31:00 GMT", 60.0),
        ("Sat Nov 21 09:31:00 2026", 60.0),
        ("Sat, 21 Nov 2026 10:31:00 +0100", 60.0),
        ("Sat, 21 Nov 2026 09:29:00 GMT", 0.0),
        ("Sat, 21 Nov 1970 09:29:00 GMT", 0.0),
        ("Fri, 31 Dec 9999 23:59:59 GMT", MAX_RETRY_AFTER_SECONDS),
    ],
)
def test_seconds_and_dates(value: str, seconds: float) -> None:
    assert parse_retry_after(value, NOW_MS) == seconds


@pytest.mark.parametrize(
    "value",
    [
        None,
        "",
        " ",
        "-1",
        "-0.5",
        "+5",
        "soon",
        "1e9",
        "nan",
        "inf",
        "1_000",
        "0x10",
        "٣",
        "120 seconds",
        "1,5",
        "9" * 101,
        "Sat, 99 Nov 2026 09:31:00 GMT",
        "Sat, 21 Nov 99999 09:31:00 GMT",
        "Sat",
        "2026-11-21T09:31:00Z",
        "GMT GMT GMT GMT",
    ],
)
def test_anything_else_says_nothing(value: str | None) -> None:
    assert parse_retry_after(value, NOW_MS) is None

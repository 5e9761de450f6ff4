import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asyncdl import units


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("90s", 90), ("90", 90), (90, 90), (1.5, 1.5), ("1.5h", 5_400), ("11h30m", 41_400), ("2d", 172_800), ("1w", 604_800),
        ("11H 30M", 41_400), (" 15m ", 900), ("15min", 900), ("250ms", 0.25), ("0", 0), ("0s", 0), (".5s", 0.5), ("1_000s", 1_000),
    ],
)  # fmt: skip
def test_durations_are_read(text: object, seconds: float) -> None:
    assert units.parse_duration_seconds(text) == seconds


@pytest.mark.parametrize(
    "text",
    ["", " ", "h", "abc", "-5s", "5 parsecs", "30m11h", "1h1h", "1h,5m", "1h5", "nan", "inf", "1e3s", "5m!", "٣s", "9" * 65, None, True, [],
     math.nan, math.inf, -1, "99999999999w", "1m30min"],
)  # fmt: skip
def test_what_is_no_duration_is_refused(text: object) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        units.parse_duration_seconds(text)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0s"),
        (0.25, "250ms"),
        (60.5, "1m0.5s"),
        (41_400, "11h30m"),
        (172_800, "2d"),
        (900, "15m"),
        (0.0015, "2ms"),
        (100, "1m40s"),
    ],
)
def test_durations_are_written(seconds: float, text: str) -> None:
    assert units.format_duration(seconds) == text


@given(st.integers(min_value=0, max_value=10**12))
def test_a_duration_survives_the_round_trip_to_the_millisecond(milliseconds: int) -> None:
    seconds = milliseconds / 1000
    assert units.parse_duration_seconds(units.format_duration(seconds)) == seconds


@pytest.mark.parametrize(
    ("text", "size"),
    [("200MB", 200_000_000), ("1.5GiB", 1_610_612_736), ("64k", 64_000), ("64KiB", 65_536), ("1_000", 1_000), ("7 B", 7), ("1tb", 10**12),
     ("0", 0), (12, 12), ("200 mb", 200_000_000), ("1Mi", 1_048_576)],
)  # fmt: skip
def test_sizes_are_read(text: object, size: int) -> None:
    assert units.parse_size_bytes(text) == size


@pytest.mark.parametrize("text", ["", "MB", "-1MB", "200Mbit", "1.5.5k", "12 parsecs", "1e6", False, None, "9999TB"])
def test_what_is_no_size_is_refused(text: object) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        units.parse_size_bytes(text)


@given(st.integers(min_value=0, max_value=10**15))
def test_a_size_survives_the_round_trip_exactly(size: int) -> None:
    assert units.parse_size_bytes(units.format_size(size)) == size


@pytest.mark.parametrize(
    ("size", "text"), [(200_000_000, "200MB"), (2**28, "256MiB"), (1_234_567, "1234567B"), (0, "0B"), (1_500_000, "1.5MB")]
)
def test_sizes_are_written(size: int, text: str) -> None:
    assert units.format_size(size) == text


@pytest.mark.parametrize(
    ("text", "bits"),
    [
        ("25M", 25e6),
        ("2.5Mbit", 2.5e6),
        ("25Mbit/s", 25e6),
        ("800kbps", 8e5),
        ("1G", 1e9),
        ("0", 0),
        (1000, 1000),
        ("500 bit/s", 500),
    ],
)
def test_bit_rates_are_read(text: object, bits: float) -> None:
    assert units.parse_bit_rate(text) == bits


@pytest.mark.parametrize("text", ["25MB", "25MB/s", "25MiB", "fast", "-1M", ""])
def test_what_is_no_bit_rate_is_refused(text: object) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        units.parse_bit_rate(text)


@given(st.integers(min_value=0, max_value=10**15))
def test_a_bit_rate_survives_the_round_trip(bits: int) -> None:
    assert units.parse_bit_rate(units.format_bit_rate(float(bits))) == bits


@pytest.mark.parametrize(
    ("text", "rate"),
    [("3", 3), ("0.5", 0.5), ("3/s", 3), ("20/min", 1 / 3), ("1000/h", 1000 / 3600), ("86400/d", 1), (0, 0), (2.5, 2.5)],
)
def test_rates_are_read(text: object, rate: float) -> None:
    assert units.parse_rate_per_second(text) == pytest.approx(rate)


@pytest.mark.parametrize("text", ["", "fast", "3/year", "-3", "nan", True])
def test_what_is_no_rate_is_refused(text: object) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        units.parse_rate_per_second(text)


@given(st.sampled_from(["/s", "/min", "/h", "/d"]), st.integers(min_value=0, max_value=10**7))
def test_a_rate_survives_the_round_trip(unit: str, count: int) -> None:
    rate = units.parse_rate_per_second(f"{count}{unit}")
    assert units.parse_rate_per_second(units.format_rate(rate)) == pytest.approx(rate, rel=1e-9)


@given(st.integers(min_value=0, max_value=10**15))
def test_a_count_survives_the_round_trip(count: int) -> None:
    assert units.parse_count(units.format_count(count)) == count


@pytest.mark.parametrize(("text", "count"), [("256M", 256_000_000), ("1.5k", 1_500), ("1_000", 1_000), (7, 7)])
def test_counts_are_read(text: object, count: int) -> None:
    assert units.parse_count(text) == count


@pytest.mark.parametrize("text", ["1.5", 1.5, "many", "", "-1", True])
def test_what_is_no_count_is_refused(text: object) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        units.parse_count(text)


@given(st.text(max_size=80))
def test_no_text_makes_a_parser_fail_otherwise(text: str) -> None:
    for parse in (
        units.parse_duration_seconds,
        units.parse_size_bytes,
        units.parse_bit_rate,
        units.parse_rate_per_second,
        units.parse_count,
    ):
        try:
            assert parse(text) >= 0
        except ValueError as error:
            assert str(error)  # noqa: PT017  either outcome is right; the message must not be empty


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (0, "0 B"),
        (812, "812 B"),
        (999, "999 B"),
        (1_230_000, "1.23 MB"),
        (45_600_000_000, "45.6 GB"),
        (999_600, "1.00 MB"),
        (10**16, "10000 TB"),
    ],
)
def test_sizes_for_people(size: int, text: str) -> None:
    assert units.approximate_size(size) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0s"), (42, "42s"), (59.6, "1m00s"), (185, "3m05s"), (41_400, "11h30m"), (187_200, "2d04h"), (-3, "0s")],
)
def test_durations_for_people(seconds: float, text: str) -> None:
    assert units.approximate_duration(seconds) == text

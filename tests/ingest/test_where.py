from decimal import Decimal

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from asyncdl.errors import UsageError
from asyncdl.ingest.wheresql import Predicates
from asyncdl.where import Anything, Between, Bound, Condition, Shape, Value, Wanted, number_of, parse_condition

CONNECTION = duckdb.connect(config={"threads": 1})
CELLS = ["", " ", "DE", "de", "at", "Bellis perennis L., 1753", "0012", "12", "12.0", "1.2e1", "-3", "1900", "1950", "1951", "1949-12-31",
         "2005", "2005-03", "2005-03-14", "2010-07-04T10:00", "unknown", "s. d.", "19th century", "9007199254740993", "Änd", "*", 'a"b']  # fmt: skip


def passes(text: str, cell: str | None) -> bool:
    predicates = Predicates()
    sql = predicates.of_condition(parse_condition(text), "$cell::VARCHAR")
    found = CONNECTION.execute(f"SELECT {sql}", {"cell": cell, **predicates.values}).fetchone()
    assert found is not None
    assert found[0] is not None
    return bool(found[0])


def what_passes(text: str) -> set[str]:
    return {cell for cell in CELLS if passes(text, cell)}


def test_equal_means_the_same_text_or_the_same_number() -> None:
    assert what_passes("countryCode=DE") == {"DE", "de"}
    assert what_passes("countryCode = DE , at") == {"DE", "de", "at"}
    assert what_passes("catalogNumber=12") == {"12", "12.0", "1.2e1"}
    assert what_passes("catalogNumber=0012") == {"0012"}
    assert what_passes("id=9007199254740992") == set()


def test_a_value_in_quotes_may_hold_anything() -> None:
    assert what_passes('scientificName="Bellis perennis L., 1753"') == {"Bellis perennis L., 1753"}
    assert what_passes('x="*","a""b"') == {"*", 'a"b'}


def test_not_equal_lets_empty_cells_pass() -> None:
    assert what_passes("countryCode!=DE,at") == {*CELLS} - {"DE", "de", "at"}
    assert passes("countryCode!=DE", None)


def test_presence_and_absence() -> None:
    assert what_passes("x=") == {"", " "}
    assert what_passes("x=*") == what_passes("x!=") == {*CELLS} - {"", " "}
    assert passes("x=", None)
    assert not passes("x=*", None)


def test_a_range_of_years_takes_numbers_and_dates() -> None:
    assert what_passes("year=1900..1950") == {"1900", "1950", "1949-12-31"}
    assert what_passes("year=..1950") == {"0012", "12", "12.0", "1.2e1", "-3", "1900", "1950", "1949-12-31"} - {"0012"}
    assert what_passes("year>1950") == {"1951", "2005", "2005-03", "2005-03-14", "2010-07-04T10:00", "9007199254740993"}


def test_a_range_of_dates_includes_what_begins_with_its_end() -> None:
    assert what_passes("eventDate=2005-03..2010") == {"2005-03", "2005-03-14", "2010-07-04T10:00"}
    assert what_passes("eventDate=2005-01-01..2005-03") == {"2005-03", "2005-03-14"}
    assert what_passes("eventDate<2005-03-14") == {"0012", "1900", "1950", "1951", "1949-12-31", "2005", "2005-03"}


def test_column_names_are_local_names() -> None:
    assert parse_condition("dwc:countryCode=DE").column == parse_condition("COUNTRYCODE=DE").column == "countrycode"
    assert parse_condition("occurrence.license=x").place == "occurrence"
    assert parse_condition("multimedia.license=x").place == "media"


@pytest.mark.parametrize("text", ["", "DE", "=DE", "year=..", "year=1950..1900", "year=1..2..3", 'a="x"y', "year>", "genus=B..A"])
def test_what_cannot_be_understood_is_refused_with_how_to_write_it(text: str) -> None:
    with pytest.raises(UsageError, match="--where") as caught:
        parse_condition(text)
    assert "COLUMN=VALUE" in caught.value.todo


def reference(condition: Condition, cell: str) -> bool:
    """What a condition means, said once more in Python."""
    text = cell.strip(" ").lower()
    return any(_matches(wanted, text) for wanted in condition.wanted) != condition.negated


def _matches(wanted: Wanted, text: str) -> bool:
    match wanted:
        case Anything():
            return text != ""
        case Value(value):
            mine, other = number_of(text), number_of(value)
            return text == value.lower() or (mine is not None and mine == other)
        case Between(low, high):
            return text != "" and (low is None or _beyond(low, text, 1)) and (high is None or _beyond(high, text, -1))


def _beyond(bound: Bound, text: str, direction: int) -> bool:
    """Whether a text lies above (1) or below (-1) a bound."""
    dated = text[:4].isdigit() and (len(text) == 4 or text[4:5] == "-")
    shape = bound.shape
    if shape in {Shape.NUMBER, Shape.YEAR} and not (shape is Shape.YEAR and dated and len(text) > 4):
        number = number_of(text)
        if number is None:
            return False
        difference = (number - Decimal(bound.text)) * direction
        return difference > 0 or (difference == 0 and bound.inclusive)
    if shape is Shape.DATE and not dated:
        return False
    end = bound.text.lower()
    if direction > 0:
        return text >= end and (bound.inclusive or not text.startswith(end))
    return text < end or (bound.inclusive and text.startswith(end))


TEXTS = st.one_of(
    st.integers(-2100, 2100).map(str),
    st.decimals(-100, 100, places=2).map(str),
    st.integers(1890, 2030).flatmap(
        lambda year: st.sampled_from([f"{year}", f"{year}-05", f"{year}-05-03", f"{year}-11-30T08:00"])
    ),
    st.text("abAB 0.9-'$é", max_size=5).filter(lambda text: ".." not in text),
)
ENDS = TEXTS.map(str.strip)
WANTED = st.one_of(
    ENDS.map(Value),
    st.just(Anything()),
    st.builds(Bound, ENDS.filter(bool), st.booleans()).map(lambda bound: Between(bound, None)),
    st.builds(Bound, ENDS.filter(bool), st.booleans()).map(lambda bound: Between(None, bound)),
    st.builds(Between, st.builds(Bound, ENDS.filter(bool)), st.builds(Bound, ENDS.filter(bool))),
)


@given(st.lists(WANTED, min_size=1, max_size=3), st.booleans(), st.lists(TEXTS, min_size=1, max_size=8))
def test_the_sql_says_what_the_words_say(wanted: list[Wanted], negated: bool, cells: list[str]) -> None:
    condition = Condition("x", tuple(wanted), negated, "x")
    predicates = Predicates()
    sql = predicates.of_condition(condition, "cell")
    rows = "unnest($cells::VARCHAR[]) WITH ORDINALITY AS t(cell, place)"
    found = CONNECTION.execute(f"SELECT {sql} FROM {rows} ORDER BY place", {"cells": cells, **predicates.values}).fetchall()
    assert [row[0] for row in found] == [reference(condition, cell) for cell in cells]

"""Conditions become GBIF's predicates, and what asks the same has one form."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asyncdl.errors import UsageError
from asyncdl.gbif.predicates import all_of, normal_form, predicate_of
from asyncdl.where import parse_condition

COL = "7ddf754f-d193-4cc9-b351-99906754a03b"


def predicate(text: str, checklist: str = "") -> Any:
    return predicate_of(parse_condition(text), checklist)


def equals(key: str, value: str) -> dict[str, Any]:
    return {"type": "equals", "key": key, "value": value}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("taxonKey=7228684", equals("TAXON_KEY", "7228684")),
        ("taxon_key=1,2,1", {"type": "in", "key": "TAXON_KEY", "values": ["1", "2"]}),
        ("TAXON-KEY=1", equals("TAXON_KEY", "1")),
        ("countryCode=de", equals("COUNTRY", "DE")),
        ("occurrence.countryCode=de", equals("COUNTRY", "DE")),
        ("http://rs.tdwg.org/dwc/terms/countryCode=de", equals("COUNTRY", "DE")),
        ("basisOfRecord=preserved-specimen", equals("BASIS_OF_RECORD", "PRESERVED_SPECIMEN")),
        ("basisOfRecord=PreservedSpecimen", equals("BASIS_OF_RECORD", "PRESERVED_SPECIMEN")),
        ("continent=North America", equals("CONTINENT", "NORTH_AMERICA")),
        ("hasCoordinate=Yes", equals("HAS_COORDINATE", "true")),
        ("license=open", {"type": "in", "key": "LICENSE", "values": ["CC0_1_0", "CC_BY_4_0"]}),
        ("licence=CC_BY_NC_4_0", equals("LICENSE", "CC_BY_NC_4_0")),
        ("mediaType=stillimage,Sound", {"type": "in", "key": "MEDIA_TYPE", "values": ["StillImage", "Sound"]}),
        ("datasetKey=50C9509D-22C7-4A22-A47D-8C48425EF4A7", equals("DATASET_KEY", "50c9509d-22c7-4a22-a47d-8c48425ef4a7")),
        ('recordedBy="Bolle, C."', equals("RECORDED_BY", "Bolle, C.")),
        ("catalogNumber=*", {"type": "isNotNull", "parameter": "CATALOG_NUMBER"}),
        ("catalogNumber=", {"type": "isNull", "parameter": "CATALOG_NUMBER"}),
        ("catalogNumber!=", {"type": "not", "predicate": {"type": "isNull", "parameter": "CATALOG_NUMBER"}}),
        ("year>=1900", {"type": "greaterThanOrEquals", "key": "YEAR", "value": "1900"}),
        ("year<1900", {"type": "lessThan", "key": "YEAR", "value": "1900"}),
        ("eventDate>2010", {"type": "greaterThan", "key": "EVENT_DATE", "value": "2010-12-31"}),
        ("eventDate<=2012-02", {"type": "lessThanOrEquals", "key": "EVENT_DATE", "value": "2012-02-29"}),
        ("NEW_PARAMETER_OF_GBIF=x", equals("NEW_PARAMETER_OF_GBIF", "x")),
    ],
)
def test_what_a_condition_means_to_gbif(text: str, expected: dict[str, Any]) -> None:
    assert predicate(text) == expected


def test_ranges_have_two_ends_and_lists_may_mix() -> None:
    first = {"type": "greaterThanOrEquals", "key": "YEAR", "value": "1900"}
    last = {"type": "lessThanOrEquals", "key": "YEAR", "value": "1950"}
    assert predicate("year=1900..1950") == {"type": "and", "predicates": [first, last]}
    mixed = predicate("year=1850,1900..1950,")
    assert mixed == {
        "type": "or",
        "predicates": [
            equals("YEAR", "1850"),
            {"type": "and", "predicates": [first, last]},
            {"type": "isNull", "parameter": "YEAR"},
        ],
    }


def test_an_empty_cell_passes_not() -> None:
    """As it does in `init --where`; a database would let nothing empty through."""
    assert predicate("country!=DE,AT") == {
        "type": "or",
        "predicates": [
            {"type": "not", "predicate": {"type": "in", "key": "COUNTRY", "values": ["DE", "AT"]}},
            {"type": "isNull", "parameter": "COUNTRY"},
        ],
    }


def test_a_taxonomy_is_named_with_the_keys_that_are_of_it() -> None:
    assert predicate("taxonKey=59R5F", COL) == equals("TAXON_KEY", "59R5F") | {"checklistKey": COL}
    assert predicate("country=DE", COL) == equals("COUNTRY", "DE")
    with pytest.raises(UsageError, match="no key of the GBIF backbone") as refused:
        predicate("taxonKey=59R5F")
    assert "--checklist-key col" in refused.value.todo


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("country=Germany", "two letters"),
        ("year=last", "a number"),
        ("year=1900..x", "a number"),
        ("eventDate=2005-13", "a date"),
        ("eventDate=2005-02-30..", "a date"),
        ("hasCoordinate=perhaps", "true or false"),
        ("mediaType=Picture", "StillImage"),
        ("datasetKey=herbarium", "a key such as"),
        ("license=cc-by-sa", "cc-by-nc"),
        ("institutionCode=A..K", "write PARAMETER="),
        ("kountry=DE", "did you mean COUNTRY"),
        ("xyzzy=DE", "https://techdocs.gbif.org"),
        ("media.license=cc0", "asyncdl init"),
        ("GEOMETRY=POLYGON", "--predicate FILE"),
    ],
)
def test_what_gbif_could_not_answer_is_refused(text: str, says: str) -> None:
    with pytest.raises(UsageError) as refused:
        predicate(text)
    assert says in f"{refused.value.what} {refused.value.todo}"


def test_all_of_joins_without_nesting() -> None:
    one, two = equals("COUNTRY", "DE"), predicate("year=1900..1950")
    assert all_of([one]) == one
    assert all_of([one, two]) == {"type": "and", "predicates": [one, *two["predicates"]]}


def test_one_form_for_what_asks_the_same() -> None:
    ours = all_of([predicate("country=DE,AT"), predicate("taxonKey=1"), predicate("hasCoordinate=true")])
    theirs = {
        "type": "and",
        "predicates": [
            {"type": "and", "predicates": [{"type": "equals", "key": "HAS_COORDINATE", "value": True, "matchCase": "false"}]},
            {"type": "in", "key": "TAXON_KEY", "values": [1], "checklistKey": None},
            {"type": "in", "key": "COUNTRY", "values": ["AT", "DE"], "matchCase": False},
            {"type": "in", "key": "COUNTRY", "values": ["DE", "AT"]},
        ],
    }
    assert normal_form(ours) == normal_form(theirs)


@pytest.mark.parametrize(
    "other",
    [
        {"type": "in", "key": "COUNTRY", "values": ["DE"]},
        {"type": "in", "key": "COUNTRY", "values": ["DE", "AT"], "matchCase": True},
        {"type": "in", "key": "PUBLISHING_COUNTRY", "values": ["DE", "AT"]},
        {"type": "not", "predicate": {"type": "in", "key": "COUNTRY", "values": ["DE", "AT"]}},
        None,
        {},
        [],
    ],
)
def test_what_asks_for_something_else_has_another_form(other: Any) -> None:
    assert normal_form(other) != normal_form(predicate("country=DE,AT"))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["type", "predicates", "predicate", "key", "value", "values", "matchCase"]), inner, max_size=4
        )
        | st.fixed_dictionaries(
            {"type": st.sampled_from(["and", "or", "not", "in", "equals"]), "predicates": inner, "values": inner}
        )
    ),
    max_leaves=12,
)


@given(JSON)
def test_no_json_of_others_makes_the_comparison_fail(document: Any) -> None:
    assert isinstance(json.loads(normal_form(document)), object)

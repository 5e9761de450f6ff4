"""What GBIF says of a download, read with suspicion."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asyncdl.gbif.downloads import MEANING, UNDER_WAY, WHAT_HELPS, Download, State, parse_download, parse_reference

# As the API answers, with the account left out.
REAL: dict[str, Any] = {
    "key": "0108986-200613084148143", "doi": "10.15468/dl.hx3uzz", "license": "http://creativecommons.org/licenses/by-nc/4.0/legalcode",
    "request": {"predicate": {"type": "greaterThanOrEquals", "key": "ELEVATION", "value": "5400", "matchCase": False},
                "sendNotification": False, "format": "DWCA", "type": "OCCURRENCE", "verbatimExtensions": []},
    "created": "2020-11-11T16:47:40.736+00:00", "modified": "2020-11-11T16:48:30.842+00:00", "eraseAfter": "2021-05-11T16:47:40.654+00:00",
    "status": "SUCCEEDED", "downloadLink": "https://api.gbif.org/v1/occurrence/download/request/0108986-200613084148143.zip",
    "size": 38857, "totalRecords": 21, "numberDatasets": 8,
}  # fmt: skip


def download(**changes: Any) -> Download:
    found = parse_download(REAL | changes)
    assert isinstance(found, Download), found
    return found


def test_a_real_answer() -> None:
    found = download()
    assert (found.key, found.state, found.size_bytes, found.records, found.datasets) == (REAL["key"], State.SUCCEEDED, 38857, 21, 8)
    assert (found.licence_name, found.format, found.created_ms) == ("CC BY-NC 4.0", "DWCA", 1_605_113_260_736)
    assert found.citation == "GBIF.org (11 November 2020) GBIF Occurrence Download https://doi.org/10.15468/dl.hx3uzz"


def test_what_is_missing_or_odd_is_left_out() -> None:
    found = download(
        doi="10.15468/dl.x\x1b[31m", size=0, totalRecords=-1, numberDatasets="8", created="soon", license=None, request=None
    )
    assert (found.doi, found.size_bytes, found.records, found.datasets, found.licence, found.format) == (
        "",
        None,
        None,
        None,
        "",
        "",
    )
    assert found.citation == "GBIF.org GBIF Occurrence Download https://www.gbif.org/occurrence/download/0108986-200613084148143"


@pytest.mark.parametrize(
    ("document", "says"),
    [
        (None, "no description"),
        ([], "no description"),
        ({"key": "../x"}, "without a key"),
        (REAL | {"status": "NEW"}, "NEW"),
        (REAL | {"status": 1}, "none"),
    ],
)
def test_what_is_no_download(document: Any, says: str) -> None:
    found = parse_download(document)
    assert isinstance(found, str)
    assert says in found


@given(
    st.dictionaries(
        st.sampled_from(list(REAL)), st.none() | st.integers() | st.text(max_size=8) | st.lists(st.integers(), max_size=2)
    )
)
def test_no_answer_makes_the_reader_fail(changes: dict[str, Any]) -> None:
    found = parse_download(REAL | changes)
    assert isinstance(found, str) or found.citation.isprintable()


def test_every_state_has_its_words_and_every_bad_end_its_remedy() -> None:
    assert set(MEANING) == set(State)
    assert set(WHAT_HELPS) == set(State) - UNDER_WAY - {State.SUCCEEDED}


@pytest.mark.parametrize(
    ("text", "reference"),
    [
        ("0108986-200613084148143", "0108986-200613084148143"),
        (" https://www.gbif.org/occurrence/download/0108986-200613084148143 ", "0108986-200613084148143"),
        ("https://www.gbif.org/de/occurrence/download/0108986-200613084148143?page=2", "0108986-200613084148143"),
        ("https://api.gbif.org/v1/occurrence/download/request/0108986-200613084148143.zip", "0108986-200613084148143"),
        ("10.15468/dl.hx3uzz", "10.15468/dl.hx3uzz"),
        ("doi:10.15468/dl.hx3uzz", "10.15468/dl.hx3uzz"),
        ("https://doi.org/10.15468/DL.hx3uzz", "10.15468/DL.hx3uzz"),
        ("10.15468/../../user", None),
        ("10.15468/dl.x?y=z", None),
        ("00108986-200613084148143", None),
        ("herbarium.zip", None),
        ("", None),
    ],
)
def test_a_download_is_named_in_many_ways(text: str, reference: str | None) -> None:
    assert parse_reference(text) == reference

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from asyncdl.errors import CollectionError
from asyncdl.ingest.comparing import Comparison, Vanished
from asyncdl.sourcerows import NAMED, NUMBERED, Range

ALL = Range(NUMBERED)
Said = Mapping[int, list[str]]


def parts(folder: Path, said: Said, kind: str = NUMBERED) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    connection = duckdb.connect(":memory:")
    identifier = "BIGINT" if kind == NUMBERED else "VARCHAR"
    connection.execute(f"CREATE TABLE said(record {identifier}, photos VARCHAR)")
    for record, rows in said.items():
        for photos in rows:
            connection.execute("INSERT INTO said VALUES (?, ?)", [record if kind == NUMBERED else str(record), photos])
    connection.execute(f"COPY (SELECT * FROM said ORDER BY record) TO '{folder}/{kind}-000.parquet' (FORMAT parquet)")
    connection.close()
    return folder


def test_only_records_whose_rows_differ_are_changed(tmp_path: Path) -> None:
    old = parts(tmp_path / "1", {1: ["a", "b"], 2: ["c"], 3: ["d"]})
    new = parts(tmp_path / "2", {1: ["b", "a"], 2: ["c", "x"], 4: ["e"]})
    with Comparison(new, [old]) as comparison:
        assert comparison.changed(ALL) == {2, 4}
        assert comparison.changed(Range(NUMBERED, 3, 5)) == {4}


def test_a_record_must_stand_whole_in_one_of_the_others(tmp_path: Path) -> None:
    one = parts(tmp_path / "1", {1: ["a"]})
    two = parts(tmp_path / "2", {1: ["b"], 2: ["c"]})
    new = parts(tmp_path / "3", {1: ["a", "b"], 2: ["c"]})
    with Comparison(new, [one, two]) as comparison:
        assert comparison.changed(ALL) == {1}


def test_what_no_living_source_names_has_vanished(tmp_path: Path) -> None:
    replaced = parts(tmp_path / "1", {1: ["a\x1da_small", "b"], 2: ["c"], 3: ["d"]})
    other = parts(tmp_path / "2", {3: ["d"]})
    new = parts(tmp_path / "3", {1: ["a\x1eother"]})
    with Comparison(new, [other], replaced) as comparison:
        found = sorted(comparison.vanished(ALL), key=lambda lost: str(lost.record))
    assert found == [
        Vanished(1, frozenset({"a_small", "b"}), frozenset({"a", "other"})),
        Vanished(2, frozenset({"c"}), frozenset()),
    ]


def test_nothing_vanishes_where_nothing_is_replaced(tmp_path: Path) -> None:
    old, new = parts(tmp_path / "1", {1: ["a"]}), parts(tmp_path / "2", {2: ["b"]})
    with Comparison(new, [old]) as comparison:
        assert comparison.vanished(ALL) == ()


def test_text_ids_are_compared_among_themselves(tmp_path: Path) -> None:
    old, new = parts(tmp_path / "1", {1: ["a"]}, NAMED), parts(tmp_path / "2", {1: ["a"], 2: ["b"]}, NAMED)
    with Comparison(new, [old]) as comparison:
        assert comparison.changed(Range(NAMED)) == {"2"}
        assert comparison.changed(ALL) == frozenset()


@pytest.mark.parametrize(("again", "alike"), [(9, True), (1, False)])
def test_a_newer_state_of_a_source_is_known_by_its_records(tmp_path: Path, again: int, alike: bool) -> None:
    old = parts(tmp_path / "1", {record: ["a"] for record in range(10)})
    new = parts(tmp_path / "2", {record: ["b"] for record in range(again)} | {99: ["c"]})
    with Comparison(new, [], old) as comparison:
        assert comparison.comes_again(old, [Range(NUMBERED, 0, 5), Range(NUMBERED, 5, None)]) is alike


def test_damaged_parts_are_named(tmp_path: Path) -> None:
    new = parts(tmp_path / "2", {1: ["a"]})
    (new / "rows-001.parquet").write_bytes(b"no parquet")
    with Comparison(new, []) as comparison, pytest.raises(CollectionError, match="cannot be read"):
        comparison.changed(ALL)


SAID = st.dictionaries(st.integers(0, 5), st.lists(st.sampled_from("abcd"), min_size=1, max_size=3, unique=True), max_size=4)


@given(SAID, SAID)
def test_ranges_together_say_what_the_whole_says(tmp_path_factory: pytest.TempPathFactory, before: Said, after: Said) -> None:
    folder = tmp_path_factory.mktemp("parts")
    old, new = parts(folder / "1", before), parts(folder / "2", after)
    ranges = [Range(NUMBERED, None, 2), Range(NUMBERED, 2, 4), Range(NUMBERED, 4, None)]
    with Comparison(new, [], old) as comparison:
        assert frozenset().union(*(comparison.changed(one) for one in ranges)) == comparison.changed(ALL)
        assert {lost for one in ranges for lost in comparison.vanished(one)} == set(comparison.vanished(ALL))
    expected = {record for record, rows in after.items() if set(rows) != set(before.get(record, []))}
    with Comparison(new, [], old) as comparison:
        assert comparison.changed(ALL) == expected

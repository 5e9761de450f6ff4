from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asyncdl.errors import CollectionError
from asyncdl.ingest.comparing import Comparison, Difference
from asyncdl.sourcerows import NAMED, NUMBERED, Range, RowColumns
from tests.ingest.parts import Said, write_parts

ALL = Range(NUMBERED)


def ids(columns: RowColumns) -> set[int | str]:
    return set(columns.records if isinstance(columns.records, list) else columns.records.tolist())


def test_only_records_whose_rows_differ_are_changed(tmp_path: Path) -> None:
    old = write_parts(tmp_path / "1", {1: ["a", "b"], 2: ["c"], 3: ["d"]})
    new = write_parts(tmp_path / "2", {1: ["b", "a", "a"], 2: ["c", "x"], 4: ["e"]})
    with Comparison(new, [old]) as comparison:
        found = comparison.difference(ALL)
        assert ids(found.changed) == {2, 4}
        assert found.changed.photos == ["c", "x", "e"]
        assert (found.records, found.rows, found.links) == (3, 6, 6)
        assert ids(comparison.difference(Range(NUMBERED, 3, 5)).changed) == {4}


def test_a_record_must_stand_whole_in_one_of_the_others(tmp_path: Path) -> None:
    one = write_parts(tmp_path / "1", {1: ["a"]})
    two = write_parts(tmp_path / "2", {1: ["b"], 2: ["c"]})
    new = write_parts(tmp_path / "3", {1: ["a", "b"], 2: ["c"]})
    with Comparison(new, [one, two]) as comparison:
        assert ids(comparison.difference(ALL).changed) == {1}


def test_records_of_the_replaced_source_that_differ_are_to_be_judged_after_what_the_living_say(tmp_path: Path) -> None:
    replaced = write_parts(tmp_path / "1", {1: ["a", "b"], 2: ["c"], 3: ["d"], 5: ["e"]})
    other = write_parts(tmp_path / "2", {3: ["d"], 5: ["e"]})
    new = write_parts(tmp_path / "3", {1: ["a", "b", "more"], 3: ["d"], 4: ["f"]})
    with Comparison(new, [other], replaced) as comparison:
        found = comparison.difference(ALL)
    assert set(found.unsettled) == {1, 2, 5}
    assert ids(found.changed) == {1, 4}
    assert [ids(rows) for rows in found.beside] == [{5}]


def test_another_format_is_something_new(tmp_path: Path) -> None:
    old = write_parts(tmp_path / "1", {1: ["https://a.example.org/m"]})
    new = write_parts(tmp_path / "2", {1: ["https://a.example.org/m"]}, formats={"https://a.example.org/m": "application/ld+json"})
    with Comparison(new, [], old) as comparison:
        assert ids(comparison.difference(ALL).changed) == {1}


def test_text_ids_are_compared_among_themselves(tmp_path: Path) -> None:
    old, new = write_parts(tmp_path / "1", {1: ["a"]}, NAMED), write_parts(tmp_path / "2", {1: ["a"], 2: ["b"]}, NAMED)
    with Comparison(new, [], old) as comparison:
        assert ids(comparison.difference(Range(NAMED)).changed) == {"2"}
        assert comparison.difference(ALL).records == 0


@pytest.mark.parametrize("again", [9, 1, 0])
def test_how_many_records_come_again(tmp_path: Path, again: int) -> None:
    old = write_parts(tmp_path / "1", {record: ["a"] for record in range(10)})
    new = write_parts(tmp_path / "2", {record: ["b"] for record in range(again)} | {99: ["c"]})
    with Comparison(new, [], old) as comparison:
        assert comparison.share_again(old, [Range(NUMBERED, 0, 5), Range(NUMBERED, 5, None)]) == again / 10


def test_damaged_parts_are_named(tmp_path: Path) -> None:
    new = write_parts(tmp_path / "2", {1: ["a"]})
    (new / "rows-001.parquet").write_bytes(b"no parquet")
    with Comparison(new, []) as comparison, pytest.raises(CollectionError, match="cannot be read"):
        comparison.difference(ALL)


SAID = st.dictionaries(st.integers(0, 5), st.lists(st.sampled_from("abcd"), min_size=1, max_size=3, unique=True), max_size=4)


@given(SAID, SAID, SAID)
def test_ranges_together_say_what_the_whole_says(
    tmp_path_factory: pytest.TempPathFactory, before: Said, after: Said, beside: Said
) -> None:
    folder = tmp_path_factory.mktemp("parts")
    old, new, other = (write_parts(folder / name, said) for name, said in (("1", before), ("2", after), ("3", beside)))
    ranges = [Range(NUMBERED, None, 2), Range(NUMBERED, 2, 4), Range(NUMBERED, 4, None)]
    with Comparison(new, [other], old) as comparison:
        whole, parts = comparison.difference(ALL), [comparison.difference(one) for one in ranges]

    def differs(one: Said, record: int) -> bool:
        return set(one.get(record, ())) != set(after.get(record, ()))

    changed = {record for record in after if differs(before, record) and (record in before or differs(beside, record))}
    unsettled = {record for record in before if differs(before, record)}
    assert ids(whole.changed) == changed == set().union(*(ids(one.changed) for one in parts))
    assert set(whole.unsettled) == unsettled == {record for one in parts for record in one.unsettled}
    assert {record for rows in whole.beside for record in ids(rows)} == unsettled & set(beside)
    assert figures([whole]) == figures(parts) == (len(after), *[sum(map(len, after.values()))] * 2)


def figures(found: list[Difference]) -> tuple[int, int, int]:
    return sum(one.records for one in found), sum(one.rows for one in found), sum(one.links for one in found)

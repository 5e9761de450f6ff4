"""What rows say beside their links: written beside the sorted parts, and found again by member, line and place in the line."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pytest

from asyncdl.ingest import texts
from asyncdl.ingest.rows import Identified, MediaRow
from asyncdl.ingest.rowtable import RowTable
from asyncdl.ingest.texts import SaidTexts
from asyncdl.saidfiles import RowKey, Texts, said_files, texts_of

MEMORY_BYTES = 200_000_000


@pytest.fixture
def rows(tmp_path: Path) -> Iterator[RowTable]:
    with RowTable(tmp_path / "scratch", MEMORY_BYTES, 1) as table:
        yield table


def row(line: int, creator: str, *, table: int = 0, record: int = 1) -> Identified:
    return Identified(record, MediaRow(table, line, ((f"https://a.example/{line}-{creator}.jpg",),), creator=creator))


def found(rows: RowTable, folder: Path, wanted: Sequence[RowKey]) -> Mapping[RowKey, Texts]:
    return texts_of(rows.connection, folder, wanted)


def creator(name: str) -> Texts:
    return ("", "", name, "", "")


def test_a_row_is_found_by_its_table_line_and_place(rows: RowTable, tmp_path: Path) -> None:
    rows.insert([row(3, "Ada"), row(3, "Bell"), row(4, ""), row(3, "Curie", table=1)])
    SaidTexts(rows, tmp_path).settle(everything=True)
    wanted = [(0, 3, 0), (0, 3, 1), (0, 4, 0), (1, 3, 0), (1, 9, 0)]
    assert found(rows, tmp_path, wanted) == {(0, 3, 0): creator("Ada"), (0, 3, 1): creator("Bell"), (1, 3, 0): creator("Curie")}


def test_few_rows_wait_and_many_become_a_file(rows: RowTable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(texts, "_ROWS_PER_FILE", 3)
    said = SaidTexts(rows, tmp_path)
    rows.insert([row(1, "Ada"), row(2, "Bell")])
    said.settle(everything=False)
    assert said_files(tmp_path) == []
    rows.insert([row(7, "Curie")])
    said.settle(everything=False)
    assert [file[1:] for file in said_files(tmp_path)] == [(0, 1, 7)]
    said.settle(everything=True)
    assert len(said_files(tmp_path)) == 1, "nothing waits any more"


def test_files_whose_lines_lie_between_each_other(rows: RowTable, tmp_path: Path) -> None:
    said = SaidTexts(rows, tmp_path)
    for lines in ((1, 9), (4, 5)):
        rows.insert([row(line, f"of {line}") for line in lines])
        said.settle(everything=True)
    assert found(rows, tmp_path, [(0, 4, 0), (0, 9, 0)]) == {(0, 4, 0): creator("of 4"), (0, 9, 0): creator("of 9")}


@pytest.mark.parametrize(("left", "files"), [(1, 1), (6, 4)])
def test_a_narrow_selection_throws_away_what_the_others_said(rows: RowTable, tmp_path: Path, left: int, files: int) -> None:
    said = SaidTexts(rows, tmp_path)
    for line in range(1, 9, 2):
        rows.insert([row(line, f"of {line}"), row(line + 1, f"of {line + 1}")])
        said.settle(everything=True)
    rows.execute(f"DELETE FROM rows WHERE line > {left}")
    list(said.narrow(left / 8))
    assert len(said_files(tmp_path)) == files
    every = found(rows, tmp_path, [(0, line, 0) for line in range(1, 9)])
    assert set(every) == ({(0, 1, 0)} if left == 1 else {(0, line, 0) for line in range(1, 9)})
    assert every[0, 1, 0] == creator("of 1")

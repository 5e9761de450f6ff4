"""Sorting out of core."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from asyncdl.ingest.sort import RowSorter


def groups(sorter: RowSorter) -> list[tuple[int | str, list[str]]]:
    return [(record, list(texts)) for record, texts in sorter.groups()]


def test_numbers_as_numbers_then_texts_each_in_the_order_they_came(tmp_path: Path) -> None:
    with RowSorter(tmp_path / "sort", 200_000_000, 1) as sorter:
        sorter.add([(10, "a"), ("b", "c"), (9, "d"), (10, "e"), ("10", "f")])
        sorter.add([(9, "g"), ("B", "h"), ("b", "i")])
        assert sorter.rows == 8
        assert groups(sorter) == [(9, ["d", "g"]), (10, ["a", "e"]), ("10", ["f"]), ("B", ["h"]), ("b", ["c", "i"])]


def test_odd_texts_come_back_unchanged(tmp_path: Path) -> None:
    odd = ["", "'", '"', "\\", "NULL", "\x1d\x1e\x1f", "ä\u2028😀", "x" * 100_000]
    with RowSorter(tmp_path / "sort", 200_000_000, 1) as sorter:
        sorter.add([(1, text) for text in odd])
        sorter.add([(text or "e", text) for text in odd])
        found = groups(sorter)
    assert found[0] == (1, odd)
    assert {text for _, texts in found[1:] for text in texts} == set(odd)


def test_more_than_memory_holds_spills_to_its_own_folder_which_is_gone_afterwards(tmp_path: Path) -> None:
    folder = tmp_path / "scratch" / "sort"
    folder.mkdir(parents=True)
    (folder / "left by a killed ingest").write_text("x")
    ids = list(range(200_000))
    random.Random(1).shuffle(ids)
    with RowSorter(folder, 100_000_000, 1) as sorter:
        assert not (folder / "left by a killed ingest").exists()
        for at in range(0, len(ids), 10_000):
            sorter.add([(record, f"{record:>1000}") for record in ids[at : at + 10_000]])
        assert any((folder / "spill").iterdir())
        assert [record for record, texts in sorter.groups() if [text.strip() for text in texts] == [str(record)]] == list(
            range(200_000)
        )
    assert not folder.exists()


def test_its_folder_is_gone_after_an_error_too(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), RowSorter(tmp_path / "sort", 200_000_000, 1) as sorter:
        sorter.add([(1, str(1 // 0))])
    assert not (tmp_path / "sort").exists()

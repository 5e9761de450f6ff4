import csv
import io

import pytest

from asyncdl.report import hostlog
from asyncdl.report.hostlog import COLUMNS, cell, write_host_log
from asyncdl.store import Store
from asyncdl.store import hostlog as windows
from tests.report.samples import NOW_MS, Sample, terminal_safe


async def log_of(sample: Sample, host: str, since_ms: int = 0) -> list[dict[str, str]]:
    file = io.StringIO()
    async with await Store.open(sample.collection.db, read_only=True) as store:
        assert await write_host_log(store, host, since_ms, file) is not None
    assert terminal_safe(file.getvalue())
    return list(csv.DictReader(io.StringIO(file.getvalue())))


async def test_files_and_failures_of_a_host_and_of_no_other(sample: Sample) -> None:
    lines = await log_of(sample, "good.example.org")
    assert {line["outcome"] for line in lines} == {"saved", "http_404"}
    saved = [line for line in lines if line["outcome"] == "saved"]
    assert sorted(int(line["bytes"]) for line in saved) == [800, 1500]
    assert all(line["url"].startswith("https://good.example.org/") for line in lines)
    assert [line["time"] for line in lines] == sorted(line["time"] for line in lines)
    slow = await log_of(sample, "slow.example.org")
    assert {line["outcome"] for line in slow} == {"timeout"}


async def test_what_was_before_a_time_is_left_out(sample: Sample) -> None:
    assert await log_of(sample, "good.example.org", NOW_MS * 2) == []


async def test_in_small_windows_and_chunks_it_is_the_same(sample: Sample, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = await log_of(sample, "good.example.org")
    monkeypatch.setattr(windows, "WINDOW_ROWS", 1)
    monkeypatch.setattr(hostlog, "CHUNK_ANSWERS", 1)
    assert await log_of(sample, "good.example.org") == whole
    assert len(whole) >= 3


async def test_of_an_unknown_host_nothing_is_written(sample: Sample) -> None:
    file = io.StringIO()
    async with await Store.open(sample.collection.db, read_only=True) as store:
        assert await write_host_log(store, "nowhere.org", 0, file) is None
    assert file.getvalue() == ""


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", '=HYPERLINK("http://x")'])
def test_no_cell_is_a_formula(text: str) -> None:
    assert not cell(text).startswith(("=", "+", "-", "@", "\t", "\r"))


def test_cells_are_one_harmless_line() -> None:
    assert cell("a\x1b[2J\nb") == "a\\x1b[2J\\nb"
    assert (cell(None), cell(7)) == ("", "7")
    assert len(COLUMNS) == 12

"""The rejects file."""

from __future__ import annotations

from pathlib import Path

import pytest

from asyncdl.ingest.rejects import MAX_SAMPLES_PER_REASON, RejectReason, RejectsFile, escape, rejects_path


def test_rows_are_kept_escaped_and_counted(tmp_path: Path) -> None:
    with RejectsFile(tmp_path / "rejects" / "a.tsv", 100) as rejects:
        rejects.add("multimedia.txt", 7, RejectReason.UNDECODABLE, b"1\t\xff\x1b[31m")
        rejects.add("multimedia.txt", 9, RejectReason.UNUSABLE_LINK, "data:,")
    assert rejects.path.read_text().splitlines() == [
        "member\tline\treason\trow",
        "multimedia.txt\t7\tundecodable\t1\\t\\\\xff\\x1b[31m",
        "multimedia.txt\t9\tunusable_link\tdata:,",
    ]
    assert rejects.counts == {RejectReason.UNDECODABLE: 1, RejectReason.UNUSABLE_LINK: 1}
    assert [sample.line for sample in rejects.samples] == [7, 9]


def test_without_rejects_there_is_no_file_and_an_old_one_goes(tmp_path: Path) -> None:
    path = tmp_path / "a.tsv"
    path.write_text("of an earlier reading")
    with RejectsFile(path, 100) as rejects:
        rejects.begin()
    assert not path.exists()


def test_it_goes_back_to_where_it_stood(tmp_path: Path) -> None:
    path = tmp_path / "a.tsv"
    with RejectsFile(path, 100) as rejects:
        rejects.add("t", 1, RejectReason.NO_LINK, "one")
        rejects.flush()
        before, size_bytes = path.read_bytes(), rejects.size_bytes
        rejects.add("t", 2, RejectReason.NO_LINK, "two")
    with RejectsFile(path, 100) as rejects:
        rejects.go_back({RejectReason.NO_LINK: 1}, size_bytes)
        assert path.read_bytes() == before
        rejects.add("t", 2, RejectReason.NO_LINK, "two")
        assert rejects.counts == {RejectReason.NO_LINK: 2}
    assert [line.split("\t")[1] for line in path.read_text().splitlines()] == ["line", "1", "2"]


def test_file_and_samples_are_bounded_and_the_count_is_not(tmp_path: Path) -> None:
    with RejectsFile(tmp_path / "a.tsv", 10) as rejects:
        for line in range(50):
            rejects.add("", line, RejectReason.NO_LINK, "x" * 10_000)
    lines = rejects.path.read_text().splitlines()
    assert len(lines) == 1 + 10 + 1
    assert max(map(len, lines)) < 2_100
    assert rejects.counts[RejectReason.NO_LINK] == 50
    assert len(rejects.samples) == MAX_SAMPLES_PER_REASON


@pytest.mark.parametrize("raw", [b"\x00\x1b\x9f\r\n\t", "\u2028\u2029\x85", b"\xf0\x9f"])
def test_escaped_text_is_one_harmless_line(raw: bytes | str) -> None:
    assert escape(raw).isprintable()


@pytest.mark.parametrize(
    ("name", "source", "expected"),
    [
        ("0001-2.zip", 1, "0001-2.zip.tsv"), ("a/b\\..\x00c", 2, "a-b-..-c-2.tsv"), ("...", 1, "source.tsv"), ("ä" * 300, 1, "source.tsv"),
        ("x" * 300, 3, "x" * 80 + "-3.tsv"),
    ],
)  # fmt: skip
def test_names_of_files(tmp_path: Path, name: str, source: int, expected: str) -> None:
    assert rejects_path(tmp_path, name, source) == tmp_path / expected


def test_every_reason_has_a_meaning() -> None:
    assert all(reason.meaning for reason in RejectReason)
    assert [reason for reason in RejectReason if not reason.of_row] == [RejectReason.UNUSABLE_LINK]

"""Choices on the command line, from the archive to the account of what became of each row."""

from __future__ import annotations

import csv
import io
import re
import zipfile
from pathlib import Path

from asyncdl.sourcerows import SourceRows
from tests.e2e.program import status_of, type_in


def occurrences(archive: Path) -> dict[str, dict[str, str]]:
    with zipfile.ZipFile(archive) as file:
        text = file.read("occurrence.txt").decode()
    rows = csv.DictReader(io.StringIO(text), delimiter="\t", quoting=csv.QUOTE_NONE)
    return {row["gbifID"]: row for row in rows}


def media(archive: Path) -> list[list[str]]:
    """The rows that are whole."""
    with zipfile.ZipFile(archive) as file:
        lines = file.read("multimedia.txt").decode().splitlines()[1:]
    return [cells for line in lines if len(cells := line.split("\t")) == 15]


def rows_said(out: str) -> dict[str, int]:
    """`--where …` leaves out so many rows."""
    return {
        name: int(rows.replace(",", "")) for name, rows in re.findall(r"^\s*(--\S+).* leaves out ([\d,]+) rows$", out, re.MULTILINE)
    }


async def test_an_archive_is_filtered_by_what_only_its_occurrences_say(archive: Path, collection: Path) -> None:
    known = occurrences(archive)
    expected = [row for row in media(archive) if known[row[0]]["countryCode"] in {"DE", "IS"}]
    ended = await type_in(
        "init", collection, archive, "--where", "countryCode=DE,IS", "--where", "year!=1900", "--keep-columns", "countryCode"
    )
    assert ended.status == 2
    assert "no column year" in ended.err
    ended = await type_in("init", collection, archive, "--where", "countryCode=DE,IS", "--keep-columns", "countryCode,species")
    assert ended.status == 2
    assert "no column species" in ended.err
    ended = await type_in("init", collection, archive, "--where", "countryCode=DE,IS", "--keep-columns", "countryCode")
    assert ended.status == 0, ended.err
    rows = SourceRows(next((collection / "sources").iterdir()))
    counts = rows.about.counts
    left_out = rows_said(ended.out)["--where"]
    assert left_out == counts["rows_filtered"] > 0
    assert counts["rows_read"] == sum(
        counts[name] for name in ("rows_taken", "rows_without_media", "rows_rejected", "rows_filtered")
    )
    records = {row[0] for row in expected}
    kept = {record: dict(rows.kept(int(record))) for record in known}
    assert {record for record, said in kept.items() if said} <= records
    assert all(said == {"countryCode": known[record]["countryCode"]} for record, said in kept.items() if said)
    assert "cite: When using this dataset please cite" in ended.out
    assert (await status_of(collection))["records"]


async def test_what_cannot_be_understood_makes_nothing(archive: Path, collection: Path) -> None:
    for flags in (("--where", "countryCode"), ("--licence", "free"), ("--max-per", "speciesKey")):
        ended = await type_in("init", collection, archive, *flags)
        assert ended.status == 2, ended.err
        assert flags[1] in ended.err
        assert not collection.exists()  # noqa: ASYNC240  one look at a local folder


async def test_a_second_collection_takes_what_the_first_does_not_hold(archive: Path, collection: Path, tmp_path: Path) -> None:
    first = await type_in("init", collection, archive, "--licence", "open", "--sample", "10", "--seed", "3")
    assert first.status == 0, first.err
    said = rows_said(first.out)
    assert list(said) == ["--licence", "--sample"]
    second = await type_in("init", tmp_path / "second", archive, "--exclude-ledger", collection)
    assert second.status == 0, second.err
    counts = SourceRows(next((collection / "sources").iterdir())).about.counts
    assert rows_said(second.out)["--exclude-ledger"] >= counts["rows_taken"] > 0

"""Choices as a source keeps them: read back they are the same, and said in the words of a command line they can be typed."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

import pytest

from asyncdl.ingest.choices import Choices, as_options, parse_choices

ALL = parse_choices(
    where=["countryCode=DE,AT", "year=1900..1950"],
    licence="open",
    exclude=["/data/old ids.txt"],
    max_per="speciesKey:300",
    sample=5,
    seed=7,
    keep_columns=["species", "year"],
    occurrences="occurrence.txt",
)


@pytest.mark.parametrize(
    "choices",
    [
        Choices(),
        ALL,
        parse_choices(keep_columns=["none"]),
        parse_choices(keep_columns=["all"]),
        parse_choices(licence="other,none"),
    ],
)
def test_what_is_kept_reads_back_but_for_the_occurrences_of_one_source(choices: Choices) -> None:
    said = json.loads(json.dumps(choices.said()))
    assert parse_choices(**said, occurrences=choices.occurrences or "") == choices
    assert "occurrences" not in said


def test_nothing_chosen_says_nothing() -> None:
    assert (Choices().said(), as_options({})) == ({}, "")


def test_a_ledger_is_found_from_anywhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert parse_choices(exclude=["ids.txt"]).said() == {"exclude": [str(tmp_path / "ids.txt")]}


def test_they_are_said_as_they_are_typed() -> None:
    assert shlex.split(as_options(ALL.said())) == [
        "--where", "countryCode=DE,AT", "--where", "year=1900..1950", "--licence", "cc-by,cc-by-sa,cc0,ogl,pdm",
        "--exclude-ledger", "/data/old ids.txt", "--max-per", "speciesKey:300", "--sample", "5", "--seed", "7",
        "--keep-columns", "species,year",
    ]  # fmt: skip

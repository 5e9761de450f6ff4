import asyncio
import json
from pathlib import Path

import pytest

from tests.cli.runner import type_in
from tests.report.samples import HOSTILE_ID, HOSTILE_URL, MANIFEST_URL, SAVED_URL, Sample, build, terminal_safe

Capsys = pytest.CaptureFixture[str]


@pytest.fixture
def sample(tmp_path: Path) -> Sample:
    return asyncio.run(build(tmp_path / "herbarium"))


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ("1000001", "saved: 1 file, 800 B"),
        ("1000002", r"\x1b]0;owned\x07<b>Not [bold]found[/bold]\u202e here second line"),
        ("1000003", "waits for its IIIF manifest"),
        ("1000004", "the host is left alone until 2096-10-02"),
        (HOSTILE_ID, "given up after 4 attempts"),
        (SAVED_URL, "<- asked for"),
        (MANIFEST_URL, "record 1000003"),
        ("busy.example.org", "3 incidents"),
    ],
)
def test_the_story_is_told_without_anything_a_terminal_acts_on(sample: Sample, capsys: Capsys, asked: str, told: str) -> None:
    ended = type_in(capsys.readouterr, "explain", sample.root, asked)
    assert (ended.status, ended.err) == (0, "")
    assert terminal_safe(ended.out)
    assert told in ended.out


def test_what_goes_to_a_pipe_is_not_cut(sample: Sample, capsys: Capsys) -> None:
    note = "their server room is being rebuilt, and nothing may be asked; " * 4
    assert type_in(capsys.readouterr, "hosts", "pause", sample.root, "busy.example.org", "--note", note).status == 0
    assert note.strip() in type_in(capsys.readouterr, "explain", sample.root, "1000004").out


def test_hostile_urls_are_shown_disarmed_and_given_whole_in_json(sample: Sample, capsys: Capsys) -> None:
    ended = type_in(capsys.readouterr, "explain", sample.root, "1000002")
    assert r"a\x1b[31m\u202egpj.exe?x=[red]" in ended.out
    ended = type_in(capsys.readouterr, "explain", sample.root, "1000002", "--json")
    assert terminal_safe(ended.out)
    assert json.loads(ended.out)["records"][0]["images"][0]["candidates"][1]["url"] == HOSTILE_URL


def test_nothing_found_says_what_was_looked_for(sample: Sample, capsys: Capsys) -> None:
    ended = type_in(capsys.readouterr, "explain", sample.root, "no\x1b[1msuch")
    assert (ended.status, ended.out) == (2, "")
    assert terminal_safe(ended.err)
    assert "no record has that id, no image or manifest that URL or its key, and no host that name" in ended.err


def test_it_tells_while_a_run_holds_the_collection(sample: Sample, capsys: Capsys) -> None:
    with sample.collection.lock():
        assert type_in(capsys.readouterr, "explain", sample.root, "1000001").status == 0

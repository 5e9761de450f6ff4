import asyncio
import json
from pathlib import Path

import pytest

from tests.cli.runner import type_in
from tests.report.samples import Sample, build, terminal_safe

Capsys = pytest.CaptureFixture[str]


@pytest.fixture
def sample(tmp_path: Path) -> Sample:
    return asyncio.run(build(tmp_path / "herbarium"))


def test_json_has_what_is_promised(sample: Sample, capsys: Capsys) -> None:
    ended = type_in(capsys.readouterr, "plan", sample.root, "--json", "--hosts", "1")
    assert (ended.status, ended.err) == (0, "")
    found = json.loads(ended.out)
    assert {"images", "requests", "bytes", "floor", "bounds", "disk", "hosts", "other_hosts", "write_to"} <= found.keys()
    assert len(found["hosts"]) == 1
    assert found["other_hosts"]["hosts"] == 2


def test_settings_are_limits(sample: Sample, capsys: Capsys) -> None:
    def seconds(*words: str) -> dict[str, float]:
        ended = type_in(capsys.readouterr, "plan", sample.root, "--json", *words)
        return {host["host"]: host["seconds"] for host in json.loads(ended.out)["hosts"]}

    assert seconds("--host-rate", "1", "--host-bandwidth", "0")["slow.example.org"] == 2
    assert seconds("--host-rate", "4/min", "--host-bandwidth", "0")["slow.example.org"] == 30


def test_a_plan_changes_nothing(sample: Sample, capsys: Capsys) -> None:
    before = sample.collection.db.read_bytes()
    ended = type_in(capsys.readouterr, "plan", sample.root)
    assert ended.status == 0
    assert terminal_safe(ended.out)
    assert sample.collection.db.read_bytes() == before


def test_without_a_collection_it_says_what_to_do(tmp_path: Path, capsys: Capsys) -> None:
    ended = type_in(capsys.readouterr, "plan", tmp_path / "nothing")
    assert ended.status == 5
    assert "asyncdl init" in ended.err

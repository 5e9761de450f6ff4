import asyncio
import json
from dataclasses import asdict
from pathlib import Path

import pytest

from asyncdl.collection import Holder
from asyncdl.store import Store, StoredEvent
from tests.cli.runner import type_in
from tests.report.samples import Sample, build

Capsys = pytest.CaptureFixture[str]
ELSEWHERE = Holder("another-node", 77, "123", "another-boot", 1_780_000_000_000)


@pytest.fixture
def sample(tmp_path: Path) -> Sample:
    return asyncio.run(build(tmp_path / "herbarium"))


def events(sample: Sample) -> list[StoredEvent]:
    async def read() -> list[StoredEvent]:
        async with await Store.open(sample.collection.db, read_only=True) as store:
            return await store.events(10)

    return asyncio.run(read())


def test_a_lock_of_another_machine_is_cleared_and_the_reason_kept(sample: Sample, capsys: Capsys) -> None:
    sample.collection.lock_file.write_text(json.dumps(asdict(ELSEWHERE)))
    assert type_in(capsys.readouterr, "verify", sample.root, "--fix").status == 4
    ended = type_in(capsys.readouterr, "unlock", sample.root, "--message", "the node was reinstalled")
    assert (ended.status, ended.err) == (0, "")
    assert "unlocked: process 77 on another-node since 2026-05-28T20:26:40Z is forgotten" in ended.out
    (event,) = events(sample)
    assert (event.kind, event.subject, event.detail) == ("unlock", str(ELSEWHERE), "the node was reinstalled")
    assert type_in(capsys.readouterr, "verify", sample.root, "--fix").status == 0


def test_a_run_that_lives_here_is_never_overridden(sample: Sample, capsys: Capsys) -> None:
    with sample.collection.lock():
        ended = type_in(capsys.readouterr, "unlock", sample.root, "--message", "I want to")
    assert ended.status == 4
    assert events(sample) == []


def test_a_free_collection_has_nothing_to_unlock(sample: Sample, capsys: Capsys) -> None:
    ended = type_in(capsys.readouterr, "unlock", sample.root, "-m", "just in case")
    assert (ended.status, events(sample)) == (0, [])
    assert "nothing to unlock" in ended.out


@pytest.mark.parametrize("arguments", [(), ("--message", " ")])
def test_a_reason_is_needed(sample: Sample, capsys: Capsys, arguments: tuple[str, ...]) -> None:
    ended = type_in(capsys.readouterr, "unlock", sample.root, *arguments)
    assert ended.status == 2
    assert "--message" in ended.err

import asyncio
import json
import re
import sqlite3
from pathlib import Path

import pytest

from asyncdl.cli import opening
from asyncdl.cli.opening import ask_figures, ask_rows
from asyncdl.collection import Collection
from asyncdl.errors import AsyncdlError, CollectionLocked, EnvironmentStops
from asyncdl.store import Store
from asyncdl.store.filesystem import FileSystem
from tests.cli.runner import type_in
from tests.report.samples import Sample, build, terminal_safe

Capsys = pytest.CaptureFixture[str]


@pytest.fixture
def sample(tmp_path: Path) -> Sample:
    return asyncio.run(build(tmp_path / "herbarium"))


def test_json_has_what_is_promised(sample: Sample, capsys: Capsys) -> None:
    ended = type_in(capsys.readouterr, "status", sample.root, "--json")
    assert (ended.status, ended.err) == (0, "")
    found = json.loads(ended.out)
    assert found["images"] == {"total": 8, "pending": 2, "retry": 1, "success": 2, "exhausted": 1, "failed": 2}
    assert {"records", "by_error_type", "hosts", "next_due_at"} <= found.keys()
    assert {host["host"] for host in found["hosts"]} >= {"good.example.org", "busy.example.org"}


def test_people_get_lines_without_control_characters(sample: Sample, capsys: Capsys) -> None:
    ended = type_in(capsys.readouterr, "status", sample.root)
    assert (ended.status, ended.err) == (0, "")
    assert terminal_safe(ended.out)
    assert "2 of 8 saved" in ended.out
    assert re.search(r"busy\.example\.org: .* 429: slow \[b\]down", ended.out)


def test_the_current_folder_is_the_collection(sample: Sample, capsys: Capsys, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(sample.root)
    ended = type_in(capsys.readouterr, "status")
    assert ended.status == 0
    assert "asyncdl run ." in ended.out


def test_it_works_while_a_run_holds_the_collection_and_says_who(sample: Sample, capsys: Capsys) -> None:
    async def hold() -> None:
        async with await Store.open(sample.collection.db) as store:
            await store.set_meta("a", "b")
            ended = await asyncio.to_thread(type_in, capsys.readouterr, "status", sample.root, "--json")
            assert ended.status == 0
            assert json.loads(ended.out)["running"]["pid"] > 0

    with sample.collection.lock():
        asyncio.run(hold())


@pytest.mark.parametrize("make", [lambda _path: None, lambda path: path.mkdir(), lambda path: path.write_text("x")])
def test_what_is_no_collection_is_one_sentence_and_status_5(tmp_path: Path, capsys: Capsys, make: object) -> None:
    make(tmp_path / "x")  # type: ignore[operator]
    ended = type_in(capsys.readouterr, "status", tmp_path / "x")
    assert (ended.status, ended.out) == (5, "")
    assert ended.err.startswith("asyncdl: ")
    assert "asyncdl init" in ended.err
    assert "Traceback" not in ended.err


def test_a_file_that_is_no_database_is_status_5(sample: Sample, capsys: Capsys, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opening, "RETRY_PAUSES_SECONDS", ())
    sample.collection.db.write_bytes(b"not sqlite" * 1000)
    ended = type_in(capsys.readouterr, "status", sample.root)
    assert ended.status == 5
    assert "is not a database" in ended.err


def passing(code: int) -> EnvironmentStops:
    cause = sqlite3.OperationalError("disk I/O error")
    cause.sqlite_errorcode = code
    error = EnvironmentStops("could not be read")
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(("failures", "answered"), [(0, True), (2, True), (3, False)])
async def test_a_passing_fault_of_the_file_system_is_asked_again_twice(tmp_path: Path, failures: int, answered: bool) -> None:
    sample = await build(tmp_path / "herbarium")
    left = [passing(sqlite3.SQLITE_IOERR_SHORT_READ) for _ in range(failures)]

    async def question(store: Store) -> int:
        if left:
            raise left.pop()
        return (await store.counts()).total

    if answered:
        assert await ask_figures(sample.root, question, (0, 0)) == 8
    else:
        with pytest.raises(EnvironmentStops):
            await ask_figures(sample.root, question, (0, 0))


async def test_a_lasting_fault_is_not_asked_again(tmp_path: Path) -> None:
    sample = await build(tmp_path / "herbarium")
    asked = []

    async def question(store: Store) -> None:
        asked.append(store)
        raise passing(sqlite3.SQLITE_CORRUPT)

    with pytest.raises(AsyncdlError):
        await ask_figures(sample.root, question, (0, 0))
    assert len(asked) == 1


async def test_where_only_a_snapshot_can_be_read_rows_need_a_free_collection(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sample = await build(tmp_path / "herbarium")
    async with await Store.open(sample.collection.db) as store:
        await store.snapshot()
    network = FileSystem("nfs4", network=True, refused=False)
    monkeypatch.setattr("asyncdl.store.database.file_system_of", lambda _path: network)

    async def question(store: Store) -> tuple[bool, int]:
        return store.path == sample.collection.db, len(await store.image_states(range(1, 9)))

    async with await Store.open(sample.collection.db):  # held as a run on a network file system holds it
        assert await ask_figures(sample.root, question) == (False, 0)
    assert await ask_rows(sample.root, question) == (True, 8)
    with Collection(sample.root).lock():
        async with await Store.open(sample.collection.db):
            with pytest.raises(CollectionLocked, match="holds the collection") as caught:
                await ask_rows(sample.root, question)
    assert "only `asyncdl status`" in caught.value.todo

import asyncio
import json
import shutil
from pathlib import Path

import pytest

from asyncdl.app.additions import AddOptions, add_sources
from asyncdl.app.collections import initialise
from asyncdl.collection import Collection
from asyncdl.ingest import IngestProgress, Stage, detect
from asyncdl.settings import IngestSettings
from asyncdl.store import Store
from asyncdl.urls import KEYS_VERSION
from tests.cli.runner import type_in

Capsys = pytest.CaptureFixture[str]
LINKS = ("https://a.example.org/1.jpg", "https://a.example.org/2.jpg")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A collection of one record with two photos."""
    table = tmp_path / "t.tsv"
    table.write_text("gbifID\tidentifier\n" + "".join(f"7\t{link}\n" for link in LINKS))
    asyncio.run(initialise(tmp_path / "job", [detect(table)], IngestSettings(), lambda _: None))
    return tmp_path / "job"


def changed(root: Path, *statements: str) -> None:
    async def write() -> None:
        async with await Store.open(Collection(root).db) as store:
            for statement in statements:
                await store._db.write(lambda raw, sql=statement: raw.execute(sql).rowcount)  # type: ignore[misc]

    asyncio.run(write())


def of_version(root: Path, version: object) -> None:
    changed(root, "UPDATE images SET key_hash = key_hash + 1", f"UPDATE meta SET value = '{version}' WHERE key = 'keys_version'")


def test_up_to_date_it_says_so(root: Path, capsys: Capsys) -> None:
    ended = type_in(capsys.readouterr, "rekey", root)
    assert (ended.status, ended.err) == (0, "")
    assert ended.out == f"up to date: its keys are those of version {KEYS_VERSION} of the rules; next: asyncdl run {root}\n"
    assert json.loads(type_in(capsys.readouterr, "rekey", root, "--json").out)["up_to_date"] is True


def test_it_says_what_it_changed_and_what_to_type_next(root: Path, capsys: Capsys) -> None:
    of_version(root, 0)
    dry = type_in(capsys.readouterr, "rekey", root, "--dry-run")
    assert dry.status == 0, dry.err
    assert "1 of 1 records would change" in dry.out
    assert dry.out.endswith("a dry run: nothing was changed\n")
    real = type_in(capsys.readouterr, "rekey", root)
    assert "1 of 1 records changed" in real.out
    assert "           2 images have another key" in real.out
    assert real.out.endswith(f"next: asyncdl run {root}\n")
    assert "up to date" in type_in(capsys.readouterr, "rekey", root).out


def test_json_has_every_figure(root: Path, capsys: Capsys) -> None:
    of_version(root, "none of ours")
    found = json.loads(type_in(capsys.readouterr, "rekey", root, "--json").out)
    assert (found["made_with"], found["keys_version"], found["up_to_date"], found["dry_run"]) == (0, KEYS_VERSION, False, False)
    assert (found["counts"]["images_keyed"], found["counts"]["images_merged"]) == (2, 0)


def test_what_newer_rules_made_is_left_to_them(root: Path, capsys: Capsys) -> None:
    of_version(root, KEYS_VERSION + 1)
    for command in ("rekey", "run"):
        ended = type_in(capsys.readouterr, command, root)
        assert ended.status == 5
        assert f"version {KEYS_VERSION + 1} of the key rules" in ended.err


def test_without_the_rows_of_its_sources_it_says_what_to_do(root: Path, capsys: Capsys) -> None:
    of_version(root, 0)
    shutil.rmtree(root / "sources")
    ended = type_in(capsys.readouterr, "rekey", root)
    assert ended.status == 5
    assert f"{root}/sources/1 is missing" in ended.err
    assert f"asyncdl init {root} SOURCE... --reset" in ended.err
    changed(root, "UPDATE sources SET loaded = 0")
    assert "keeps no rows of its sources" in type_in(capsys.readouterr, "rekey", root).err


def test_beside_a_run_it_is_refused(root: Path, capsys: Capsys) -> None:
    of_version(root, 0)
    with Collection(root).lock():
        assert type_in(capsys.readouterr, "rekey", root).status == 4


def test_an_addition_waits_until_the_keys_are_of_today(root: Path, tmp_path: Path, capsys: Capsys) -> None:
    of_version(root, 0)
    newer = tmp_path / "newer.tsv"
    newer.write_text((tmp_path / "t.tsv").read_text() + "8\thttps://a.example.org/8.jpg\n")
    ended = type_in(capsys.readouterr, "add", root, newer)
    assert ended.status == 5
    assert f"asyncdl rekey {root}" in ended.err
    assert type_in(capsys.readouterr, "rekey", root).status == 0
    assert type_in(capsys.readouterr, "add", root, newer).status == 0


def test_an_unfinished_addition_is_to_be_finished_first(root: Path, tmp_path: Path, capsys: Capsys) -> None:
    def stop(step: IngestProgress) -> None:
        if step.stage is Stage.COMPARE and step.done:
            raise KeyboardInterrupt

    (tmp_path / "newer.tsv").write_text("gbifID\tidentifier\n7\thttps://a.example.org/3.jpg\n")
    with pytest.raises(KeyboardInterrupt):
        asyncio.run(add_sources(root, [str(tmp_path / "newer.tsv")], IngestSettings(), AddOptions(), stop))
    of_version(root, 0)
    ended = type_in(capsys.readouterr, "rekey", root)
    assert ended.status == 5
    assert "the addition of newer.tsv is unfinished" in ended.err
    assert f"asyncdl add {root}" in ended.err


def test_after_an_addition_only_the_living_source_says_what_is_wanted(root: Path, tmp_path: Path, capsys: Capsys) -> None:
    (tmp_path / "newer.tsv").write_text(f"gbifID\tidentifier\n7\t{LINKS[0]}\n")
    assert type_in(capsys.readouterr, "add", root, tmp_path / "newer.tsv").status == 0
    before = json.loads(type_in(capsys.readouterr, "status", root, "--json").out)
    of_version(root, 0)
    shutil.rmtree(root / "sources/1")  # its place is taken: nobody asks it any more
    found = json.loads(type_in(capsys.readouterr, "rekey", root, "--json").out)["counts"]
    assert (found["images_keyed"], found["images_gone"], found["images_named_again"], found["images_reopened"]) == (2, 0, 0, 0)
    after = json.loads(type_in(capsys.readouterr, "status", root, "--json").out)
    assert (after["images"], after["gone"]) == (before["images"], before["gone"])
    assert after["gone"] == {"images": 1, "withdrawn": 1}

import asyncio
import json
from pathlib import Path

import pytest

from asyncdl.store import Store
from tests.cli.runner import type_in
from tests.legacy.trees import World, build, jpeg, snapshot
from tests.report.samples import terminal_safe

Capsys = pytest.CaptureFixture[str]


@pytest.fixture
def world(tmp_path: Path) -> World:
    return asyncio.run(_whole(tmp_path))


async def _whole(place: Path) -> World:
    world = await build(place)
    async with await Store.open(world.collection.db) as store:
        await store.set_meta("ingested_at", "2026-11-21T09:30:00Z")
    world.put("1000001.jpg", jpeg("1"))
    world.put("evil\x1b[31m[red].jpg", jpeg("evil"))
    return world


def test_the_figures_say_what_became_of_what_and_what_to_type(world: World, capsys: Capsys) -> None:
    root = world.collection.root
    ended = type_in(capsys.readouterr, "import-legacy", root, "--files", world.old)
    assert (ended.status, ended.err) == (0, "")
    assert terminal_safe(ended.out)
    assert "           1 adopted (linked)" in ended.out
    assert "           1 not a name: not named like a file of a record" in ended.out
    assert f"next: `asyncdl run {root}` fetches the rest" in ended.out
    story = type_in(capsys.readouterr, "explain", root, "1000001")
    assert "adopted from an earlier tool; which photo" in story.out
    assert "adopted from 1000001.jpg" in story.out
    assert "sha256 not known" in story.out
    status = type_in(capsys.readouterr, "status", root)
    assert "1 of them adopted from an earlier tool" in status.out


def test_json_has_every_figure(world: World, capsys: Capsys) -> None:
    found = json.loads(
        type_in(capsys.readouterr, "import-legacy", world.collection.root, "--files", world.old, "--json", "--hash").out
    )
    assert (found["adopted"], found["looked_at"], found["already_there"], found["mode"]) == (1, 2, 0, "link")
    assert found["refused"]["not_a_name"] == 1
    assert found["refused"]["missing"] == 0
    assert found["bytes_read"] == len(jpeg("1"))
    assert Path(found["rejects"]).read_text().count("\n") == 2


def test_a_dry_run_may_look_beside_a_run_and_changes_nothing(world: World, capsys: Capsys) -> None:
    with world.collection.lock():
        before = snapshot(world.old.parent)
        dry = type_in(capsys.readouterr, "import-legacy", world.collection.root, "--files", world.old, "--dry-run")
        assert snapshot(world.old.parent) == before
        real = type_in(capsys.readouterr, "import-legacy", world.collection.root, "--files", world.old)
    assert (dry.status, real.status) == (0, 4)
    assert "1 would be adopted (linked)" in dry.out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--files", "@nowhere"), "is no folder"),
        (("--files", "@collection"), "lie inside each other"),
        (("--files", "@"), "lie inside each other"),
        (("--files", "@collection/files", "--move"), "lie inside each other"),
        (("--files", "@collection/files", "--copy"), "lie inside each other"),
        (("--files", "@old", "--copy", "--move"), "only one of --copy, --move and --link"),
        (("--files", "@old", "--processed", "@nowhere.txt"), "cannot be read"),
        (("--files", "@old", "--database", "@old/1000001.jpg"), "status database"),
        (("--files", "@old", "--processed", "@a", "--database", "@b"), "cannot go together"),
        ((), "--files"),
    ],
)
def test_what_cannot_be_is_refused_with_what_to_do(world: World, capsys: Capsys, words: tuple[str, ...], said: str) -> None:
    place = world.old.parent
    typed = [str(place / word[1:]) if word.startswith("@") else word for word in words]
    ended = type_in(capsys.readouterr, "import-legacy", world.collection.root, *typed)
    assert (ended.status, ended.out) == (2, "")
    assert said in ended.err
    assert len(ended.err.splitlines()) >= 2
    assert world.on_disk() == set()


def test_a_collection_that_is_not_whole_is_refused(tmp_path: Path, capsys: Capsys) -> None:
    world = asyncio.run(build(tmp_path))
    ended = type_in(capsys.readouterr, "import-legacy", world.collection.root, "--files", world.old)
    assert ended.status == 5
    assert "is not whole" in ended.err

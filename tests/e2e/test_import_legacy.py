"""The files of an earlier tool become files of a collection: by the real program, killed in the middle, over a hostile tree."""

from __future__ import annotations

import hashlib
import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.e2e.holdings import ask, check_order, final_files, images
from tests.e2e.program import RUN, started, status_of, type_in
from tests.e2e.sources import hang, photo, table_of
from tests.legacy.trees import PAGE, snapshot, status_database
from tests.scripted import ScriptedServer

RECORDS = 3000
FIRST = 1_000_000


def old_tree(place: Path, records: int = RECORDS) -> Path:
    """A tree and its list: hashed and flat names by turns, every tenth record listed without a file."""
    old = place / "old"
    for record in range(FIRST, FIRST + records):
        if record % 10:
            text = str(record)
            path = old / (f"{text[:3]}/{text[3:6]}/{text}-00.jpg" if record % 2 else f"{text}.jpg")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(body_of(record))
    (place / "processed_ids.txt").write_text("".join(f"{record}\r\n" for record in range(FIRST, FIRST + records)))
    return old


TEMPLATE = photo("template")


def body_of(record: int) -> bytes:
    """A whole photo of its own per record, made in no time: a JPEG may hold any comment."""
    comment = str(record).encode()
    return TEMPLATE[:2] + b"\xff\xfe" + (len(comment) + 2).to_bytes(2, "big") + comment + TEMPLATE[2:]


async def made(place: Path, records: int = RECORDS) -> Path:
    table = table_of(
        place / "table.tsv", ((record, f"https://a.example.org/{record}.jpg") for record in range(FIRST, FIRST + records))
    )
    assert (await type_in("init", place / "collection", table)).status == 0
    return place / "collection"


async def test_adopted_files_are_not_fetched_and_the_rest_is(tmp_path: Path, origin: ScriptedServer) -> None:
    kept, fresh = hang(origin, "kept", "fresh")
    table = table_of(tmp_path / "table.tsv", [(1000001, kept), (1000002, fresh)])
    collection = tmp_path / "collection"
    assert (await type_in("init", collection, table)).status == 0
    (tmp_path / "old").mkdir()
    (tmp_path / "old/1000001.jpg").write_bytes(photo("an earlier day"))
    ended = await type_in("import-legacy", collection, "--files", tmp_path / "old", "--hash")
    assert ended.status == 0, ended.err
    assert (await type_in("run", collection, *RUN)).status == 0
    assert check_order(collection) == 2
    assert "/kept.jpg" not in {request.path for request in origin.requests}
    assert (await status_of(collection))["flags"] == {"legacy_unverified_index": 1}
    assert (await type_in("verify", collection, "--hash", "--db")).status == 0


@pytest.mark.parametrize("mode", ["--link", "--copy", pytest.param("--move", marks=pytest.mark.slow)])
async def test_killed_in_the_middle_and_repeated_it_comes_to_the_same(tmp_path: Path, mode: str) -> None:
    collection, old = await made(tmp_path), old_tree(tmp_path)
    before = {path.name: hashlib.sha256(path.read_bytes()).digest() for path in old.rglob("*.jpg")}
    words = ("import-legacy", collection, "--files", old, "--processed", tmp_path / "processed_ids.txt", mode, "--json")
    killed = 0

    def so_many(files: int) -> Callable[[], bool]:
        return lambda: len(final_files(collection)) >= files

    for files in (20, 900):
        async with started(*words) as program:
            await program.until_or_end(so_many(files), f"{files} files")
            program.signal(signal.SIGKILL)
            killed += (await program.end()).status == -signal.SIGKILL
        rows = {path for (path,) in ask(collection, "SELECT path FROM files")}
        held = {name: path.read_bytes() for name, path in final_files(collection).items()}
        assert rows <= held.keys(), "a row without its file"
        assert all(hashlib.sha256(content).digest() in before.values() for content in held.values()), "a file that is cut"
    assert killed
    ended = await type_in(*words)
    assert ended.status == 0, ended.err
    assert ended.json["adopted"] + ended.json["already_there"] == len(before)
    assert ended.json["refused"]["missing"] == RECORDS - len(before)
    again = (await type_in(*words)).json
    assert (again["adopted"], again["already_there"]) == (0, len(before))
    assert (await type_in("verify", collection, "--hash", "--db", "--fix")).status == 0
    assert check_order(collection) == len(before)
    assert not list(old.rglob("*.jpg")) if mode == "--move" else len(list(old.rglob("*.jpg"))) == len(before)


async def test_a_dry_run_leaves_everything_untouched(tmp_path: Path) -> None:
    collection, old = await made(tmp_path, 50), old_tree(tmp_path, 50)
    before = snapshot(tmp_path)
    words = ("import-legacy", collection, "--files", old, "--processed", tmp_path / "processed_ids.txt", "--json")
    dry = await type_in(*words, "--dry-run")
    assert dry.status == 0, dry.err
    assert snapshot(tmp_path) == before
    real = await type_in(*words)
    apart = ("dry_run", "rejects", "seconds")
    assert {key: value for key, value in dry.json.items() if key not in apart} == {
        key: value for key, value in real.json.items() if key not in apart
    }
    assert real.json["adopted"] == 45


async def test_a_hostile_tree_costs_nothing(tmp_path: Path) -> None:
    collection = await made(tmp_path, 20)
    old = tmp_path / "old"
    (old / "100/000").mkdir(parents=True)
    secret = tmp_path / "secret"
    secret.mkdir()
    (secret / "1000000.jpg").write_bytes(photo("secret"))
    (old / "1000000.jpg").symlink_to(secret / "1000000.jpg")
    (old / "away").symlink_to(secret)
    (old / "loop").symlink_to(old)
    (old / ("1" * 240 + ".jpg")).write_bytes(photo("huge name"))
    (old / "1000001\n.jpg").write_bytes(photo("line"))
    (old / os.fsdecode(b"\xff\xfe.jpg")).write_bytes(photo("bytes"))
    (old / "..jpg").write_bytes(photo("dots"))
    os.mkfifo(old / "1000002.jpg")
    (old / "100/000/1000003-00.jpg").write_bytes(photo("hashed"))
    (old / "1000003.jpg").write_bytes(photo("flat"))
    (old / "1000004.jpg").write_bytes(PAGE)
    (old / "999999999999999999.jpg").write_bytes(photo("far"))
    (old / "1000005-99.jpg").write_bytes(photo("99"))
    (old / "1000006.jpg").write_bytes(photo("closed"))
    (old / "1000006.jpg").chmod(0)
    (old / "shut").mkdir()
    (old / "shut/1000007.jpg").write_bytes(photo("shut"))
    (old / "shut").chmod(0)
    try:
        ended = await type_in("import-legacy", collection, "--files", old, "--json", obeying=True)
    finally:
        (old / "shut").chmod(0o755)
    assert ended.status == 0, ended.err
    assert ended.json["adopted"] == 1
    assert {reason: count for reason, count in ended.json["refused"].items() if count} == {
        "not_a_file": 4, "not_a_name": 4, "image_saved": 1, "page": 1, "no_such_record": 1, "no_image_left": 1, "unreadable": 2,
    }  # fmt: skip
    assert list(final_files(collection)) == ["files/100/000/1000003-00.jpg"]
    assert next(iter(final_files(collection).values())).read_bytes() == photo("hashed")
    assert [path.name for path in secret.iterdir()] == ["1000000.jpg"]


async def test_the_database_of_the_earlier_tool_is_exact(tmp_path: Path) -> None:
    urls = {1000001: ("https://a.example.org/1a.jpg", "https://a.example.org/1b.jpg")}
    table = table_of(tmp_path / "table.tsv", [(record, url) for record, both in urls.items() for url in both])
    collection, old = tmp_path / "collection", tmp_path / "old"
    assert (await type_in("init", collection, table)).status == 0
    old.mkdir()
    (old / "1000001-00.jpg").write_bytes(photo("b"))
    database = status_database(tmp_path / "download.sqlite", [(1000001, 0, urls[1000001][1], "success", "1000001-00.jpg", None)])
    ended = await type_in("import-legacy", collection, "--files", old, "--database", database, "--json", "--copy")
    assert (ended.status, ended.json["adopted"], ended.json["unverified"]) == (0, 1, 0), ended.err
    (saved,) = [image for image in images(collection) if image.status == "success"]
    assert saved.urls == (urls[1000001][1],)
    assert saved.error is None
    assert check_order(collection) == 1

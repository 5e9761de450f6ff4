"""`init --reset` by the real program: what is on the disk is not fetched again, killed anywhere it ends the same, nothing is lost."""

from __future__ import annotations

import json
import shutil
import signal
from collections.abc import Callable
from pathlib import Path

from tests.e2e.holdings import ask, check_order, check_successes, final_files, images
from tests.e2e.ingests import asked, content
from tests.e2e.program import RUN, started, status_of, type_in
from tests.e2e.sources import hang, table_of
from tests.e2e.test_import_legacy import FIRST, old_tree
from tests.scripted import ScriptedServer, answer

RECORDS = 12_000
"""Enough for several pages of `asyncdl.upkeep.readopting.PAGE_FILES` files, so that a kill can come between two."""


async def test_what_is_on_the_disk_is_not_fetched_again_and_keeps_its_number(tmp_path: Path, origin: ScriptedServer) -> None:
    one, two, three, gone, new = hang(origin, "one", "two", "three", "gone", "0new")
    slow = origin.script("/slow.jpg", answer(503, b"", {"Retry-After": "3600"}))
    table, collection = tmp_path / "table.tsv", tmp_path / "collection"
    table_of(table, [(1000001, two), (1000001, three), (1000002, one), (1000003, gone)])
    assert (await type_in("init", collection, table)).status == 0
    assert (await type_in("run", collection, *RUN, "--wait", "0s")).status == 0
    before = {image.won: image.number for image in images(collection)}
    first = len(origin.requests)

    table_of(table, [(1000001, new), (1000001, three), (1000001, two), (1000002, one), (1000004, slow)])
    ended = await type_in("init", collection, table, "--reset")
    assert ended.status == 0, ended.err
    assert "adopted again: 3 of 4 files" in ended.out
    assert "1 file on the disk belong to no image" in ended.out
    assert "kept in" in ended.err
    assert check_successes(collection) == 3
    assert {image.won: image.number for image in images(collection) if image.status == "success"} == {
        url: number for url, number in before.items() if url != gone
    }
    assert [image.number for image in images(collection) if image.won == new] == [2]

    assert (await type_in("run", collection, *RUN, "--wait", "0s")).status == 7
    asked_again = {request.path for request in origin.requests[first:]} - {"/robots.txt"}
    assert asked_again == {"/0new.jpg", "/slow.jpg"}
    paused = (await status_of(collection))["hosts"][0]["paused_until"]
    assert paused is not None
    assert (await type_in("init", collection, table, "--reset")).status == 0
    assert (await status_of(collection))["hosts"][0]["paused_until"] == paused
    assert (await type_in("verify", collection, "--fix")).status == 0
    assert check_order(collection) == 4
    assert len(list((collection / "before").iterdir())) == 2


def moments(collection: Path) -> list[tuple[str, Callable[[], object]]]:
    """What is to be seen from outside when `init --reset` is killed, in the order of its stages."""
    building = collection / "asyncdl.sqlite.building"

    def pages() -> int:
        rows = asked(building, "SELECT value FROM meta WHERE key = 'readopted'")
        return json.loads(str(rows[0][0]))["files"] if rows else 0

    return [
        ("the old database is away", lambda: not (collection / "asyncdl.sqlite").exists()),
        ("it reads", (collection / "scratch" / "ingest").is_dir),
        ("the parts are there", (collection / "sources" / "1").is_dir),
        ("the rows are loaded", lambda: asked(building, "SELECT 1 FROM images LIMIT 1")),
        ("the first files are adopted", lambda: pages() > 0),
        ("more files are adopted", lambda: pages() > 2500),
    ]


async def test_killed_in_every_stage_it_ends_as_an_undisturbed_one(tmp_path: Path) -> None:
    urls = [(record, f"https://a.example.org/{record}.jpg") for record in range(FIRST, FIRST + RECORDS)]
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    table = table_of(tmp_path / "table.tsv", urls)
    assert (await type_in("init", whole, table)).status == 0
    old_tree(tmp_path, RECORDS)
    given = ("--files", tmp_path / "old", "--processed", tmp_path / "processed_ids.txt", "--hash")
    assert (await type_in("import-legacy", whole, *given)).status == 0
    for path in sorted(final_files(whole).values())[::1000]:
        path.unlink()  # it is a second name of the old file
        path.write_bytes(b"damaged since")
    shutil.copytree(whole, killed)
    table_of(table, urls[: RECORDS - 100])  # and some records are in it no more
    undisturbed = await type_in("init", whole, table, "--reset")
    assert undisturbed.status == 0, undisturbed.err
    files = {name: path.read_bytes() for name, path in final_files(killed).items()}
    kills = 0
    for nth, (what, moment) in enumerate(moments(killed)):
        async with started("init", killed, table, *(("--reset",) if nth % 2 == 0 else ())) as program:
            await program.until_or_end(moment, what)
            kills += await program.kill()
        assert not (killed / "asyncdl.sqlite").exists(), f"it was over before: {what}"
        for words in (("run", "--contact", "somebody@example.org"), ("status",), ("verify", "--fix"))[nth % 4 :]:
            refused = await type_in(words[0], killed, *words[1:])
            assert refused.status == 5, refused.err
            assert f"asyncdl init {killed} {table}" in refused.err
    assert kills == len(moments(killed))
    last = await type_in("init", killed, table)
    assert last.status == 0, last.err
    assert content(killed / "asyncdl.sqlite") == content(whole / "asyncdl.sqlite")
    assert {name: path.read_bytes() for name, path in final_files(killed).items()} == files
    assert len(list((killed / "before").iterdir())) == 1
    rejects = [next((root / "rejects").glob("reset-*.tsv")).read_text() for root in (whole, killed)]
    assert rejects[0] == rejects[1]
    assert (rejects[0].count("wrong_size"), rejects[0].count("no_record")) == (11, 90)
    assert ask(killed, "SELECT count(*) FROM files") == [(len(files) - 11 - 90,)]


async def test_ctrl_c_stops_it_and_it_goes_on(tmp_path: Path) -> None:
    table = table_of(tmp_path / "t.tsv", [(n, f"https://a.example.org/{n}.jpg") for n in range(60_000)])
    collection = tmp_path / "collection"
    assert (await type_in("init", collection, table)).status == 0
    async with started("init", collection, table, "--reset") as program:
        await program.until(lambda: not (collection / "asyncdl.sqlite").exists(), "the old database is away")
        program.signal(signal.SIGINT)
        assert (await program.end()).status == 3
    assert (await type_in("init", collection, table)).status == 0
    assert ask(collection, "SELECT count(*) FROM images") == [(60_000,)]


async def test_without_a_usable_source_nothing_is_moved(tmp_path: Path) -> None:
    table = table_of(tmp_path / "t.tsv", [(1, "https://a.example.org/1.jpg")])
    collection = tmp_path / "collection"
    assert (await type_in("init", collection, table)).status == 0
    before = {path: path.read_bytes() for path in collection.rglob("*") if path.is_file()}
    (tmp_path / "page.html").write_text("<!doctype html><title>no table</title>")
    for source in (tmp_path / "nowhere.zip", tmp_path / "page.html"):
        ended = await type_in("init", collection, source, "--reset")
        assert ended.status == 2, ended.err
        assert {path: path.read_bytes() for path in collection.rglob("*") if path.is_file()} == before


async def test_files_whose_database_is_damaged_are_adopted_as_the_report_says(tmp_path: Path) -> None:
    table = table_of(tmp_path / "t.tsv", [(FIRST + n, f"https://a.example.org/{n}.jpg") for n in range(30)])
    collection = tmp_path / "collection"
    assert (await type_in("init", collection, table)).status == 0
    old_tree(tmp_path, 30)
    assert (await type_in("import-legacy", collection, "--files", tmp_path / "old", "--hash")).status == 0
    files = {name: path.read_bytes() for name, path in final_files(collection).items()}
    (collection / "asyncdl.sqlite").write_bytes(b"\0" * 10_000)
    ended = await type_in("init", collection, table, "--reset")
    assert ended.status == 0, ended.err
    (line,) = [line for line in ended.out.splitlines() if "import-legacy" in line]
    command = line.partition("asyncdl ")[2].split()
    assert (await type_in(*command)).status == 0
    assert check_order(collection) == len(files) == 27
    assert {name: path.read_bytes() for name, path in final_files(collection).items()} == files

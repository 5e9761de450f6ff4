"""Sources added to a collection with real files: what is done stays as it is, and only what is new is asked for."""

from __future__ import annotations

from pathlib import Path

import pytest

from asyncdl.app.additions import AddOptions, add_sources
from asyncdl.ingest import IngestProgress, Stage
from asyncdl.settings import load_ingest_settings
from tests.e2e.holdings import ask, check_order, final_files, images
from tests.e2e.program import RUN, status_of, type_in
from tests.e2e.sources import hang, table_of
from tests.scripted import ScriptedServer

WAIT = ("--wait", "0s")


def look(collection: Path) -> dict[str, tuple[int, int, bytes]]:
    """Every file with what would tell that somebody touched it."""
    return {
        name: ((found := path.stat()).st_ino, found.st_mtime_ns, path.read_bytes())
        for name, path in final_files(collection).items()
    }


async def test_a_newer_state_touches_no_file_and_asks_only_for_what_is_new(tmp_path: Path, origin: ScriptedServer) -> None:
    one, two, three, four, five = hang(origin, "one", "two", "three", "four", "five")
    lost = origin.url("/lost.jpg")
    collection = tmp_path / "herbarium"
    old = table_of(tmp_path / "old.tsv", [(1, one), (1, two), (2, three), (3, lost)])
    assert (await type_in("init", collection, old)).status == 0
    await type_in("run", collection, *RUN, *WAIT)
    before, asked = look(collection), len(origin.requests)
    assert sorted(before) == [f"files/000/00{name}.jpg" for name in ("1/000001-00", "1/000001-01", "2/000002-00")]

    new = table_of(tmp_path / "new.tsv", [(1, four), (1, two), (4, five), (3, lost)])
    tried = await type_in("add", collection, new, "--dry-run", "--json")
    added = await type_in("add", collection, new, "--json")
    assert (tried.status, added.status) == (0, 0)
    assert tried.json["sources"][0]["images"] == added.json["sources"][0]["images"]
    assert added.json["sources"][0]["images"] == {
        "new": 2, "changed": 0, "known": 2, "gone": 2, "withdrawn": 0, "named_again": 0, "reopened": 0,
    }  # fmt: skip
    assert (look(collection), len(origin.requests)) == (before, asked)

    assert (await type_in("run", collection, *RUN, *WAIT)).status == 0
    after = look(collection)
    assert {name: after[name] for name in before} == before
    assert sorted(set(after) - set(before)) == ["files/000/001/000001-02.jpg", "files/000/004/000004-00.jpg"]
    assert {request.path for request in origin.requests[asked:]} <= {"/four.jpg", "/five.jpg", "/robots.txt"}
    figures = await status_of(collection)
    assert (figures["images"]["success"], figures["images"]["failed"], figures["gone"]) == (5, 1, {"images": 2, "withdrawn": 0})
    assert check_order(collection) == 5
    assert (await type_in("verify", collection, "--hash", "--db")).status == 0


async def test_what_is_withdrawn_is_not_asked_until_it_is_named_again(tmp_path: Path, origin: ScriptedServer) -> None:
    one, two, three = hang(origin, "one", "two", "three")
    collection = tmp_path / "herbarium"
    old = table_of(tmp_path / "old.tsv", [(1, one), (2, two), (3, three)])
    assert (await type_in("init", collection, old)).status == 0
    assert (await type_in("add", collection, table_of(tmp_path / "new.tsv", [(1, one), (2, two)]))).status == 0
    assert (await type_in("run", collection, *RUN, *WAIT)).status == 0
    assert not any(request.path == "/three.jpg" for request in origin.requests)
    assert [(image.record, image.status) for image in images(collection)] == [("1", "success"), ("2", "success"), ("3", "failed")]
    again = await type_in("add", collection, old, "--json")
    assert again.json["sources"][0]["images"]["reopened"] == 1
    assert (await type_in("run", collection, *RUN, *WAIT)).status == 0
    assert check_order(collection) == 3
    assert ask(collection, "SELECT count(*) FROM gone") == [(0,)]


class Stopped(Exception):
    """The process that adds is gone."""


async def test_a_run_works_beside_an_unfinished_addition_and_says_so(tmp_path: Path, origin: ScriptedServer) -> None:
    one, two, three = hang(origin, "one", "two", "three")
    collection = tmp_path / "herbarium"
    assert (await type_in("init", collection, table_of(tmp_path / "old.tsv", [(1, one), (2, two)]))).status == 0

    def stop(step: IngestProgress) -> None:
        if step.stage is Stage.COMPARE and step.done:
            raise Stopped

    new = table_of(tmp_path / "new.tsv", [(1, one), (3, three)])
    with pytest.raises(Stopped):
        await add_sources(collection, [str(new)], load_ingest_settings(collection, {}), AddOptions(), stop)
    run = await type_in("run", collection, *RUN, *WAIT)
    assert (run.status, check_order(collection)) == (0, 2)
    assert f"the addition of new.tsv is unfinished; afterwards: asyncdl add {collection}" in run.err
    finished = await type_in("add", collection, "--json")
    assert finished.json["sources"][0]["images"]["new"] == 1
    assert "unfinished" not in (await type_in("run", collection, *RUN, *WAIT)).err

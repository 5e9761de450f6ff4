"""`add` killed in each of its stages and typed again makes what an undisturbed one makes, and leaves a collection that works in between."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

from tests.e2e.ingests import asked, content, table, told
from tests.e2e.program import started, status_of, type_in


def moments(collection: Path) -> list[tuple[str, Callable[[], object]]]:
    """What is to be seen from outside when `add` is killed, in the order of its stages."""
    database = collection / "asyncdl.sqlite"

    def ranges_done(number: int) -> bool:
        rows = asked(database, "SELECT cursor FROM sources WHERE cursor IS NOT NULL")
        return bool(rows) and json.loads(str(rows[0][0]))["next_range"] >= number

    return [
        ("it reads", lambda: any((collection / "scratch" / "ingest").rglob("chunk-*"))),
        ("it sorts", lambda: any((collection / "scratch" / "ingest").rglob("rows-*.parquet"))),
        ("the parts are there", (collection / "sources" / "2").is_dir),
        ("the first range is compared", lambda: ranges_done(1)),
        ("the third range is compared", lambda: ranges_done(3)),
    ]


async def test_an_add_killed_in_every_stage_makes_what_an_undisturbed_one_makes(tmp_path: Path) -> None:
    old, new = table(tmp_path / "old.tsv"), table(tmp_path / "new.tsv", state=2)
    whole, killed, tried = tmp_path / "whole", tmp_path / "killed", tmp_path / "tried"
    assert (await type_in("init", whole, old)).status == 0
    shutil.copytree(whole, killed)
    shutil.copytree(whole, tried)
    undisturbed = await type_in("add", whole, new)
    assert undisturbed.status == 0, undisturbed.err
    assert "8,500 new, 8,500 changed, 153,000 known, 8,500 gone" in undisturbed.out
    kills = 0
    for what, moment in moments(killed):
        async with started("add", killed, new) as program:
            await program.until_or_end(moment, what)
            kills += await program.kill()
    assert kills == len(moments(killed))
    figures = await status_of(killed)
    assert [source["living"] for source in figures["sources"]] == [True, False]
    checked = await type_in("verify", killed, "--db")
    assert checked.status == 0, checked.out
    last = await type_in("add", killed)
    assert last.status == 0, last.err
    assert content(killed / "asyncdl.sqlite") == content(whole / "asyncdl.sqlite")
    for file in (whole / "rejects").iterdir():
        assert (killed / "rejects" / file.name).read_bytes() == file.read_bytes()
    assert told(last.out) == told(undisturbed.out)
    assert not list((killed / "scratch").iterdir())


async def test_a_dry_run_that_is_killed_leaves_everything_as_it_was(tmp_path: Path) -> None:
    old, new = table(tmp_path / "old.tsv"), table(tmp_path / "new.tsv", state=2)
    collection = tmp_path / "collection"
    assert (await type_in("init", collection, old)).status == 0
    before = content(collection / "asyncdl.sqlite")
    async with started("add", collection, new, "--dry-run") as program:
        await program.until((collection / "scratch" / "trial" / "parts").is_dir, "it compares")
        assert await program.kill()
    assert content(collection / "asyncdl.sqlite") == before
    whole = await type_in("add", collection, new, "--dry-run", "--json")
    assert whole.json["sources"][0]["records"] == {"new": 8500, "changed": 8500, "known": 153000, "gone": 8500, "unusable": 0}
    assert content(collection / "asyncdl.sqlite") == before
    assert not list((collection / "scratch").iterdir())

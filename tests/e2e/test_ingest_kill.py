"""`init` killed in each of its stages and typed again makes what an undisturbed one makes: row by row, number by number."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from tests.e2e.ingests import asked, content, table, told
from tests.e2e.program import started, type_in


def moments(collection: Path) -> list[tuple[str, Callable[[], object]]]:
    """What is to be seen from outside when `init` is killed, in the order of its stages."""
    building = collection / "asyncdl.sqlite.building"

    def ranges_loaded(number: int) -> bool:
        rows = asked(building, "SELECT cursor FROM sources WHERE cursor IS NOT NULL")
        return bool(rows) and json.loads(str(rows[0][0]))["next_range"] >= number

    def indexes_made() -> int:
        return len(asked(building, "SELECT 1 FROM sqlite_schema WHERE name IN ('images_number', 'images_due')"))

    return [
        ("it reads", lambda: any((collection / "scratch" / "ingest").rglob("chunk-*"))),
        ("it sorts", lambda: any((collection / "scratch" / "ingest").rglob("rows-*.parquet"))),
        ("the parts are there", (collection / "sources" / "1").is_dir),
        ("the first range is loaded", lambda: ranges_loaded(1)),
        ("the third range is loaded", lambda: ranges_loaded(3)),
        ("an index is made", lambda: indexes_made() >= 1),
    ]


async def test_an_init_killed_in_every_stage_makes_what_an_undisturbed_one_makes(tmp_path: Path) -> None:
    source = table(tmp_path / "links.tsv")
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    undisturbed = await type_in("init", whole, source)
    assert undisturbed.status == 0, undisturbed.err
    kills = 0
    for what, moment in moments(killed):
        async with started("init", killed, source) as program:
            await program.until_or_end(moment, what)
            kills += await program.kill()
        assert not (killed / "asyncdl.sqlite").exists(), f"it was over before: {what}"
    assert kills == len(moments(killed))
    refused = await type_in("run", killed, "--contact", "somebody@example.org")
    assert refused.status != 0
    assert "asyncdl init" in refused.err
    last = await type_in("init", killed, source)
    assert last.status == 0, last.err
    assert content(killed / "asyncdl.sqlite") == content(whole / "asyncdl.sqlite")
    for file in (whole / "rejects").iterdir():
        assert (killed / "rejects" / file.name).read_bytes() == file.read_bytes()
    assert told(last.out) == told(undisturbed.out)
    assert not list((killed / "scratch").iterdir())

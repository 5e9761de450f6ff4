"""`rekey` by the real program: killed between ranges and typed again it makes what today's rules make; until then nothing runs."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from tests.e2e.holdings import ask, check_order, final_files, images
from tests.e2e.ingests import asked, content, table
from tests.e2e.program import RUN, started, type_in
from tests.e2e.sources import hang, table_of
from tests.scripted import ScriptedServer

SPOILING = (
    "UPDATE images SET key_hash = key_hash + 1 WHERE key_hash <> 0",
    "UPDATE candidates SET rank = rank + 1 WHERE rank <> 0",
    "UPDATE manifests SET key_hash = key_hash + 1",
    "UPDATE meta SET value = '0' WHERE key = 'keys_version'",
)


def spoil(collection: Path) -> None:
    """Give every key another value, as older key rules would have."""
    with closing(sqlite3.connect(collection / "asyncdl.sqlite")) as connection, connection:
        for statement in SPOILING:
            connection.execute(statement)


def rows(collection: Path) -> dict[str, list[object]]:
    """Every row, but for what says when it was done."""
    return {name: found for name, found in content(collection / "asyncdl.sqlite").items() if name != "sqlite_stat1"}


async def test_killed_between_ranges_and_typed_again_it_makes_what_todays_rules_make(tmp_path: Path) -> None:
    collection = tmp_path / "collection"
    assert (await type_in("init", collection, table(tmp_path / "links.tsv"))).status == 0
    assert (await type_in("add", collection, table(tmp_path / "newer.tsv", state=2))).status == 0
    gone = ask(collection, "SELECT sum(images_gone) FROM sources")
    assert gone == ask(collection, "SELECT count(*) FROM gone")
    expected = rows(collection)
    spoil(collection)

    def ranges_done(number: int) -> Callable[[], bool]:
        def done() -> bool:
            found = asked(collection / "asyncdl.sqlite", "SELECT value FROM meta WHERE key = 'rekeyed_up_to'")
            return bool(found) and json.loads(str(found[0][0]))["counts"]["records"] > 51_000 * (number - 1)

        return done

    for number in (1, 2):
        async with started("rekey", collection) as program:
            await program.until_or_end(ranges_done(number), f"{number} ranges")
            assert await program.kill(), "it was over before"
        refused = await type_in("run", collection, *RUN)
        assert refused.status == 5
        assert f"asyncdl rekey {collection}" in refused.err
    last = await type_in("rekey", collection, "--json")
    assert last.status == 0, last.err
    assert (last.json["made_with"], last.json["up_to_date"]) == (0, False)
    counts = last.json["counts"]
    assert counts["records"] == 170_000 + 170_000 // 20
    assert (counts["images_gone"], counts["images_named_again"], counts["images_reopened"], counts["images_merged"]) == (0, 0, 0, 0)
    assert rows(collection) == expected
    again = await type_in("rekey", collection)
    assert (again.status, again.out.partition(":")[0]) == (0, "up to date")


async def test_files_stay_and_a_run_goes_on_with_what_is_new(tmp_path: Path, origin: ScriptedServer) -> None:
    one, two, three = hang(origin, "one", "two", "three")
    source = table_of(tmp_path / "t.tsv", [(1000001, one), (1000001, two), (1000002, three)])
    collection = tmp_path / "collection"
    assert (await type_in("init", collection, source)).status == 0
    assert (await type_in("run", collection, *RUN)).status == 0
    files, before = final_files(collection), images(collection)
    # Older rules took one and two for the same photo: one image, whose file came from two.
    with closing(sqlite3.connect(collection / "asyncdl.sqlite")) as connection, connection:
        (kept, lost) = [
            row[0]
            for row in connection.execute("SELECT image FROM candidates WHERE url IN (?, ?) ORDER BY url = ?", (one, two, one))
        ]
        connection.execute("UPDATE candidates SET image = ?, position = 1 WHERE image = ?", (kept, lost))
        for statement in ("DELETE FROM files WHERE image = ?", "DELETE FROM images WHERE id = ?"):
            connection.execute(statement, (lost,))
        connection.execute("UPDATE meta SET value = '0' WHERE key = 'keys_version'")
    assert (await type_in("verify", collection, "--fix")).status == 0  # the counters, and the file that has no row
    dry = await type_in("rekey", collection, "--dry-run", "--json")
    assert (dry.json["counts"]["images_new"], dry.json["counts"]["links_moved"]) == (1, 1)
    ended = await type_in("rekey", collection)
    assert ended.status == 0, ended.err
    assert "1 images are new" in ended.out
    first = len(origin.requests)
    assert (await type_in("run", collection, *RUN)).status == 0
    assert [request.path for request in origin.requests[first:]] == ["/one.jpg"]  # the rules of the host are known
    assert check_order(collection) == 3
    assert len(set(final_files(collection)) - set(files)) == 1, "a number that was never given"
    assert {image.won for image in images(collection)} == {image.won for image in before}
    assert ask(collection, "SELECT value FROM meta WHERE key = 'keys_version'") != [("0",)]

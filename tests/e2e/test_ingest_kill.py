"""`init` killed in each of its stages and typed again makes what an undisturbed one makes: row by row, number by number."""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from tests.e2e.program import started, type_in

RECORDS = 170_000
"""Enough for several ranges of `asyncdl.sourcerows.ROWS_PER_GROUP` rows, so that a load can be killed between two."""

IIIF = "https://iiif.example.org/iiif/2/sheet"


def table(path: Path) -> Path:
    """A table whose ids ascend in no order, with records of several rows, sizes, manifests, doubled and unusable links."""
    with path.open("w") as file:
        file.write("gbifID\tidentifier\n")
        for number in range(RECORDS):
            record = 1_000_000 + number * 7_919 % RECORDS
            file.write(f"{record}\thttps://host{number % 50}.example.org/{record}.jpg\n")
            if number % 10 == 0:
                file.write(f"{record}\t{IIIF}{record}/full/300,/0/default.jpg\n{record}\t{IIIF}{record}/manifest\n")
            if number % 1000 == 1:
                file.write(f"{record}\thttp://654355.jpg\nbroken\n\thttps://host.example.org/lost.jpg\n")
    return path


def content(database: Path) -> dict[str, list[object]]:
    """Every row of every table, but for the time at which the ingest ended."""
    with closing(sqlite3.connect(database)) as connection:
        names = [name for (name,) in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name")]
        found = {name: sorted(connection.execute(f"SELECT * FROM {name}"), key=repr) for name in names}
    found["meta"] = [row for row in found["meta"] if row[0] != "ingested_at"]
    return found


def asked(database: Path, question: str) -> list[tuple[object, ...]]:
    """What a database that another process writes says; nothing while it is not there yet."""
    if not database.exists():
        return []
    try:
        with closing(sqlite3.connect(f"{database.as_uri()}?mode=ro", uri=True, timeout=5)) as connection:
            return connection.execute(question).fetchall()
    except sqlite3.OperationalError:  # it is being made, or was renamed under our hands
        return []


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


def told(out: str) -> list[str]:
    """The report without what depends on speed."""
    return [re.sub(r"in [\d.]+ s( \([\d,]+ rows/s\))?", "", line.replace("killed", "whole")) for line in out.splitlines()]


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

"""What tests of ingests that are killed share: a large source in two states, and the rows that it came to."""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing
from pathlib import Path

RECORDS = 170_000
"""Enough for several ranges of `asyncdl.sourcerows.ROWS_PER_GROUP` rows, so that a load can be killed between two."""

IIIF = "https://iiif.example.org/iiif/2/sheet"


def table(path: Path, state: int = 1) -> Path:
    """A table whose ids ascend in no order, with records of several rows, sizes, manifests, doubled and unusable links.

    In its second state every twentieth record is gone, another has another link, and as many are new.
    """
    with path.open("w") as file:
        file.write("gbifID\tidentifier\n")
        for number in range(RECORDS):
            record = 1_000_000 + number * 7_919 % RECORDS
            if state > 1 and number % 20 == 3:
                record += RECORDS
            page = f"v{state}/" if number % 20 == 5 else ""
            file.write(f"{record}\thttps://host{number % 50}.example.org/{page}{record}.jpg\n")
            if number % 10 == 0:
                file.write(f"{record}\t{IIIF}{record}/full/300,/0/default.jpg\n{record}\t{IIIF}{record}/manifest\n")
            if number % 1000 == 1:
                file.write(f"{record}\thttp://654355.jpg\nbroken\n\thttps://host.example.org/lost.jpg\n")
    return path


def content(database: Path) -> dict[str, list[object]]:
    """Every row of every table, but for times, and what was noted of calls."""
    with closing(sqlite3.connect(database)) as connection:
        names = [name for (name,) in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table' AND name <> 'events'")]
        found = {}
        for name in names:
            columns = [row[1] for row in connection.execute(f"PRAGMA table_info({name})") if not row[1].endswith("_ms")]
            found[name] = sorted(connection.execute(f"SELECT {', '.join(columns)} FROM {name}"), key=repr)
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


def told(out: str) -> list[str]:
    """The report without what depends on speed."""
    return [re.sub(r"in [\d.]+ s( \([\d,]+ rows/s\))?", "", line.replace("killed", "whole")) for line in out.splitlines()]

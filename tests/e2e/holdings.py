"""What a collection really holds, looked at with nothing of the product: sqlite3, hashlib and the folder itself."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Collection, Iterable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

DATABASE = "asyncdl.sqlite"
SUCCESS = 2
STATUSES = ("pending", "retry", "success", "exhausted", "failed")
ORIGINAL = "original"


@dataclass(frozen=True, slots=True)
class Image:
    """One image row. `key` tells it from the other images of its record; `urls` are its candidates, best first."""

    record: str
    number: int
    key: int
    status: str
    due: int | None
    attempts: int
    error: int | None
    urls: tuple[str, ...]
    won: str


def ask(collection: Path, query: str, *values: object) -> list[tuple[Any, ...]]:
    """The rows of a query, read beside whatever holds the collection."""
    with closing(sqlite3.connect(f"{(collection / DATABASE).as_uri()}?mode=ro", uri=True, timeout=10)) as connection:
        return connection.execute(query, values).fetchall()


def images(collection: Path) -> list[Image]:
    """Every image, by record and number."""
    urls: dict[int, list[tuple[int, str]]] = {}
    for image, position, url in ask(collection, "SELECT image, position, url FROM candidates ORDER BY image, position"):
        urls.setdefault(image, []).append((position, url))
    rows = ask(
        collection,
        "SELECT i.id, coalesce(r.external_id, r.id), i.number, i.key_hash, i.status, i.due, i.attempts, i.error, i.candidate "
        "FROM images AS i JOIN records AS r ON r.id = i.record ORDER BY r.id, i.number",
    )
    return [
        Image(
            str(record), number, key, STATUSES[status], due, attempts, error,
            tuple(url for _, url in urls.get(row, ())), dict(urls.get(row, ())).get(candidate, ""),
        )
        for row, record, number, key, status, due, attempts, error, candidate in rows
    ]  # fmt: skip


def identities(found: Iterable[Image]) -> dict[tuple[str, int], str]:
    """Status by (record, key); fails when an image is there twice."""
    found = list(found)
    statuses = {(image.record, image.key): image.status for image in found}
    assert len(statuses) == len(found), "an image is doubled"
    return statuses


def final_files(collection: Path) -> dict[str, Path]:
    """Every file under a final name, by its path relative to the collection."""
    return {
        str(path.relative_to(collection)): path
        for path in (collection / "files").rglob("*")
        if path.is_file() and ".part" not in path.parts
    }


def unfinished_files(collection: Path) -> list[Path]:
    """What lies in `files/.part`."""
    return list((collection / "files" / ".part").iterdir())


def check_successes(collection: Path) -> int:
    """Every success row has exactly one whole file with its digest, no other row has any. Returns how many there are."""
    files = ask(collection, "SELECT image, path, size_bytes, sha256 FROM files WHERE role = ?", ORIGINAL)
    successes = [row[0] for row in ask(collection, "SELECT id FROM images WHERE status = ?", SUCCESS)]
    assert sorted(image for image, *_ in files) == sorted(successes), "success rows and file rows do not agree"
    for _, path, size_bytes, sha256 in files:
        content = (collection / path).read_bytes()
        assert len(content) == size_bytes, f"{path} is cut"
        assert hashlib.sha256(content).digest() == sha256, f"{path} is not what its row says"
    return len(successes)


def check_whole(collection: Path, served: Collection[str]) -> None:
    """No file under a final name is anything but a whole body that a server has sent (hex digests)."""
    for name, path in final_files(collection).items():
        assert hashlib.sha256(path.read_bytes()).hexdigest() in served, f"{name} is no whole body"


def check_order(collection: Path) -> int:
    """All of a collection that nobody holds: database sound, rows and files agree both ways, nothing unfinished."""
    assert ask(collection, "PRAGMA integrity_check") == [("ok",)]
    assert ask(collection, "PRAGMA foreign_key_check") == []
    found = check_successes(collection)
    known = {path for (path,) in ask(collection, "SELECT path FROM files")}
    assert set(final_files(collection)) == known, "files without a row, or rows without a file"
    assert unfinished_files(collection) == []
    totals = dict(ask(collection, "SELECT status, sum(images) FROM counters GROUP BY status HAVING sum(images) > 0"))
    assert totals == dict(ask(collection, "SELECT status, count(*) FROM images GROUP BY status"))
    return found

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from asyncdl.errors import CollectionError
from asyncdl.store import Store, schema
from asyncdl.store.schema import APPLICATION_ID, Migration, migrate, migrations, version_of
from tests.store.makers import image, new_store, record


@pytest.fixture
def raw() -> Iterator[sqlite3.Connection]:
    connection = sqlite3.connect(":memory:", isolation_level=None)
    yield connection
    connection.close()


def shape(connection: sqlite3.Connection) -> list[tuple[str, ...]]:
    """What a schema is, apart from the history of it: tables with their columns, indexes, keys."""
    found: list[tuple[str, ...]] = []
    tables = connection.execute("SELECT name, strict, wr FROM pragma_table_list WHERE schema = 'main'").fetchall()
    for name, *flags in sorted(tables):
        found.append((name, *map(str, flags)))
        for source in ("table_xinfo", "foreign_key_list", "index_list"):
            found.extend(sorted(tuple(map(str, row)) for row in connection.execute(f"SELECT * FROM pragma_{source}('{name}')")))
    indexes = connection.execute("SELECT name, sql FROM sqlite_schema WHERE type = 'index' AND sql IS NOT NULL ORDER BY name")
    return found + [tuple(row) for row in indexes]


def folder_with(folder: Path, **files: str) -> Path:
    folder.mkdir(exist_ok=True)
    for step in migrations():
        (folder / f"{step.number:04d}_{step.name}.sql").write_text(step.sql)
    for name, sql in files.items():
        (folder / f"{name.lstrip('m')}.sql").write_text(sql)
    return folder


def next_number() -> str:
    return f"m{len(migrations()) + 1:04d}"


def test_a_migrated_schema_is_the_fresh_one(tmp_path: Path, raw: sqlite3.Connection) -> None:
    """One step at a time with rows in between, or all at once: the same schema."""
    added = {
        f"{next_number()}_etag": "ALTER TABLE files ADD COLUMN etag TEXT;\nCREATE INDEX files_etag ON files(etag) WHERE etag IS NOT NULL;"
    }
    steps = migrations(folder_with(tmp_path / "steps", **added))
    for step in steps:
        assert migrate(raw, [step]) == 1
        raw.execute("INSERT OR REPLACE INTO meta VALUES ('a', 'b')")
    fresh = sqlite3.connect(":memory:", isolation_level=None)
    assert migrate(fresh, steps) == len(steps)
    assert shape(raw) == shape(fresh)
    assert version_of(raw) == version_of(fresh) == len(steps)
    assert raw.execute("SELECT value FROM meta").fetchall() == [("b",)]
    fresh.close()


def test_the_shape_tells_schemas_apart(raw: sqlite3.Connection) -> None:
    migrate(raw, migrations())
    before = shape(raw)
    raw.execute("ALTER TABLE files ADD COLUMN etag TEXT")
    assert shape(raw) != before


def test_steps_are_applied_once(raw: sqlite3.Connection) -> None:
    assert migrate(raw, migrations()) == len(migrations())
    assert migrate(raw, migrations()) == 0
    assert raw.execute("PRAGMA application_id").fetchone() == (APPLICATION_ID,)


def test_a_step_that_fails_leaves_nothing_of_itself(raw: sqlite3.Connection) -> None:
    migrate(raw, migrations())
    before = shape(raw)
    broken = Migration(len(migrations()) + 1, "broken", "CREATE TABLE t(x INTEGER) STRICT; INSERT INTO t VALUES ('text');")
    with pytest.raises(sqlite3.Error):
        migrate(raw, [broken])
    assert shape(raw) == before
    assert version_of(raw) == len(migrations())


@pytest.mark.parametrize("name", ["m0009_gap", "m0001_twice"])
def test_numbers_have_no_gaps_and_no_repeats(tmp_path: Path, name: str) -> None:
    with pytest.raises(ValueError, match="not numbered"):
        migrations(folder_with(tmp_path / "steps", **{name: "SELECT 1;"}))


def test_a_script_that_ends_in_the_middle_is_refused(raw: sqlite3.Connection) -> None:
    with pytest.raises(ValueError, match="middle"):
        migrate(raw, [Migration(1, "cut", "CREATE TABLE t(x INTEGER) STRICT;\nCREATE TABLE u(")])
    assert version_of(raw) == 0
    assert raw.execute("SELECT count(*) FROM sqlite_schema").fetchone() == (0,)


def test_every_table_is_strict(raw: sqlite3.Connection) -> None:
    migrate(raw, migrations())
    loose = raw.execute(
        "SELECT name FROM pragma_table_list WHERE schema = 'main' AND NOT strict AND name NOT LIKE 'sqlite_%'"
    ).fetchall()
    assert loose == []


async def test_opening_brings_an_older_collection_up_to_date(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    await (await new_store(tmp_path, record(1, image(1, "https://a.org/1.jpg")))).close()
    newer = migrations(folder_with(tmp_path / "steps", **{f"{next_number()}_note": "ALTER TABLE records ADD COLUMN note TEXT;"}))
    monkeypatch.setattr("asyncdl.store.connection.migrations", lambda: newer)
    monkeypatch.setattr("asyncdl.store.connection.newest_version", lambda: len(newer))
    path = tmp_path / "collection.sqlite"
    with pytest.raises(CollectionError, match="older asyncdl"):
        await Store.open(path, read_only=True)
    async with await Store.open(path) as store:
        assert (await store.counts()).total == 1
    async with await Store.open(path, read_only=True) as store:
        assert (await store.counts()).total == 1


def test_the_newest_version_is_the_number_of_the_last_step() -> None:
    assert schema.newest_version() == migrations()[-1].number


def test_pictures_of_manifests_that_were_read_earlier_are_noted_as_theirs(raw: sqlite3.Connection) -> None:
    migrate(raw, migrations()[:2])
    raw.execute("INSERT INTO hosts VALUES (1, 'm.org', 'm.org')")
    raw.executemany("INSERT INTO records VALUES (?, NULL, 1, 0, 1, 1, 0, NULL)", [(7,), (8,)])
    raw.executemany("INSERT INTO images VALUES (?, ?, ?, 0, 1, 0, 0, 0, 0, NULL)", [(1, 7, 0), (2, 7, 1), (3, 8, 0)])
    raw.executemany(
        "INSERT INTO manifests(id, record, url, key_hash, host, status, attempts) VALUES (?, ?, 'u', 0, 1, ?, 1)",
        [(5, 7, 2), (6, 8, 0)],
    )
    migrate(raw, migrations())
    assert raw.execute("SELECT image, manifest FROM canvases ORDER BY 1").fetchall() == [(1, 5), (2, 5)]

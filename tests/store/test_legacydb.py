import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from asyncdl.errors import UsageError
from asyncdl.store import LegacyDatabase, LegacyRow
from tests.legacy.trees import status_database


def test_saved_images_come_page_by_page(tmp_path: Path) -> None:
    path = status_database(tmp_path / "old.sqlite", [(record, 0, "u", "success", "p", None) for record in range(5)])
    with LegacyDatabase(path) as database:
        assert database.count() == 5
        first = database.page((-1, -1), 3)
        assert [row.record for row in first] == [0, 1, 2]
        assert [row.record for row in database.page((2, 0), 3)] == [3, 4]
        assert database.page((4, 0), 3) == []


def test_columns_that_an_older_tool_did_not_have_are_empty(tmp_path: Path) -> None:
    path = status_database(tmp_path / "old.sqlite", [(1, 0, None, "success", None)], flags=False)
    with LegacyDatabase(path) as database:
        assert database.page((-1, -1), 3) == [LegacyRow(1, 0, ("",), "", "")]


def test_the_database_is_never_written(tmp_path: Path) -> None:
    path = status_database(tmp_path / "old.sqlite", [(1, 0, "u", "success", "p", None)])
    before = path.read_bytes()
    path.chmod(0o444)
    with LegacyDatabase(path) as database:
        assert database.count() == 1
        with pytest.raises(sqlite3.OperationalError, match="readonly"):
            database._connection.execute("DELETE FROM images")
    assert path.read_bytes() == before
    assert [found.name for found in tmp_path.iterdir()] == ["old.sqlite"]


@pytest.mark.parametrize("make", ["missing", "text", "empty", "other"])
def test_what_is_no_such_database_is_refused_with_what_to_do(tmp_path: Path, make: str) -> None:
    path = tmp_path / "old.sqlite"
    if make == "text":
        path.write_text("no database\n" * 1000)
    elif make == "empty":
        path.write_bytes(b"")
    elif make == "other":
        with closing(sqlite3.connect(path)) as connection:
            connection.execute("CREATE TABLE images(gbif_id INTEGER, name TEXT)")
    with pytest.raises(UsageError, match="status database") as refused:
        LegacyDatabase(path)
    assert "--database" in refused.value.todo

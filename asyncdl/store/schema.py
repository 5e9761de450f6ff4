"""Which schema a database has, and how it gets the newest one: numbered files, each applied once.

`PRAGMA user_version` is the number of the last migration applied; it is written in the same transaction as
the migration's own statements, so a kill leaves the one or the other schema, never a mixture.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources
from importlib.resources.abc import Traversable
from typing import Final

APPLICATION_ID: Final = 0x61444C31
"""`aDL1`: what `file` and we recognise a collection's database by (PRAGMA application_id)."""

_MIGRATIONS: Final = resources.files("asyncdl.store") / "migrations"


@dataclass(frozen=True, slots=True)
class Migration:
    """One step of the schema. Numbers ascend without gaps from 1."""

    number: int
    name: str
    sql: str


def migrations(folder: Traversable = _MIGRATIONS) -> tuple[Migration, ...]:
    """The migrations in a folder of `NNNN_name.sql` files, in order. Raises `ValueError` when one is missing."""
    found = []
    for entry in folder.iterdir():
        number, _, name = entry.name.removesuffix(".sql").partition("_")
        if entry.name.endswith(".sql") and number.isdigit():
            found.append(Migration(int(number), name, entry.read_text("utf-8")))
    found.sort(key=lambda migration: migration.number)
    if [migration.number for migration in found] != list(range(1, len(found) + 1)):
        raise ValueError(f"the migrations in {folder} are not numbered 1, 2, 3 …")
    return tuple(found)


def newest_version() -> int:
    """The schema version this program writes."""
    return len(migrations())


def version_of(connection: sqlite3.Connection) -> int:
    """The schema version of an open database; 0 for an empty one."""
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def migrate(connection: sqlite3.Connection, steps: Sequence[Migration]) -> int:
    """Apply the steps that are still missing, each in a transaction of its own; returns how many there were.

    Raises `sqlite3.Error` with the failing step undone and all earlier ones kept.
    """
    applied = 0
    for step in steps:
        if step.number <= version_of(connection):
            continue
        connection.execute("BEGIN IMMEDIATE")
        try:
            for statement in _statements(step.sql):
                connection.execute(statement)
            # PRAGMA takes no parameters; both are integers of our own.
            connection.execute(f"PRAGMA application_id = {APPLICATION_ID:d}")
            connection.execute(f"PRAGMA user_version = {step.number:d}")
        except BaseException:
            connection.execute("ROLLBACK")
            raise
        connection.execute("COMMIT")
        applied += 1
    return applied


def _statements(script: str) -> list[str]:
    """The statements of a script one by one, because `executescript` would commit between them."""
    statements = []
    pending = ""
    for line in script.splitlines(keepends=True):
        pending += line
        if sqlite3.complete_statement(pending):
            statements.append(pending)
            pending = ""
    if pending.strip() and not all(line.startswith("--") for line in pending.strip().splitlines()):
        raise ValueError(f"a migration ends in the middle of a statement: {pending.strip()[:80]}")
    return statements

"""Rows are deleted by whether something of theirs stands in another table; in passes, since duckdb holds what it compares with in memory."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from asyncdl.ingest.rowtable import RowTable

KEYS_PER_PASS: Final = 4_000_000
"""How many ids are compared with at a time: some 200 MB."""


def delete_records(
    rows: RowTable, relation: str, values: Mapping[str, object] | None = None, *, listed: bool, among: str = "true"
) -> None:
    """Delete the rows whose record is `listed`, or is not, in a relation with record and name; only `among` those, a condition on rows.

    All SQL is ours; `values` are bound in `relation`.
    """
    rows.execute(f"CREATE OR REPLACE TEMP TABLE matching AS SELECT record, name FROM {relation}", values)
    for key in ("record", "name"):
        _delete(rows, key, f"hash({key})", listed=listed, among=f"{key} IS NOT NULL AND {among}")
    rows.execute("DROP TABLE matching")


def keep_lines(rows: RowTable, member: int, relation: str, values: Mapping[str, object]) -> None:
    """Delete the rows of a table of the source whose line does not stand in a relation."""
    rows.execute(f"CREATE OR REPLACE TEMP TABLE matching AS SELECT line FROM {relation}", values)
    _delete(rows, "line", "line", listed=False, among=f"member = {member:d}")
    rows.execute("DROP TABLE matching")


def _delete(rows: RowTable, key: str, spread: str, *, listed: bool, among: str) -> None:
    count = int(rows.execute(f"SELECT count({key}) FROM matching").fetchall()[0][0])
    passes = 1 + count // KEYS_PER_PASS
    for number in range(passes):
        part = f"{spread} % {passes:d} = {number:d}"
        rows.execute(
            f"DELETE FROM rows WHERE {among} AND {part} AND {key} {'IN' if listed else 'NOT IN'}"
            f" (SELECT {key} FROM matching WHERE {key} IS NOT NULL AND {part})"
        )

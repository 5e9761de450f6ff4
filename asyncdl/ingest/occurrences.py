"""What a table says of records, in the database of the rows: read in part, one row per record, and kept of those that remain.

Of a table with 250 columns only those are read that somebody asks for. The table `FACTS` has record, name, line and one column of text per
fact, named by `cell_of`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from asyncdl.ingest.accounts import Tally
from asyncdl.ingest.columns import Columns
from asyncdl.ingest.facts import FactTable, key_of
from asyncdl.ingest.intake import take_columns
from asyncdl.ingest.options import IngestOptions
from asyncdl.ingest.rowtable import RowTable
from asyncdl.saidfiles import WRITTEN_AS
from asyncdl.sourcerows import KEPT, NUMBERED, ROWS_PER_GROUP

FACTS: Final = "occurrences"
_BYTES_PER_CELL: Final = 24
_SORTABLE_DIVISOR_BYTES: Final = 100_000_000
_SAMPLE_ROWS: Final = 50_000
_RECORDS_PER_PART: Final = 4_000_000


def cell_of(key: str) -> str:
    """The column that holds a fact, as SQL; names from outside are quoted here."""
    return _quoted(f"x_{key}")


def take_facts(rows: RowTable, facts: FactTable, into: str, keys: set[str], options: IngestOptions, tally: Tally) -> Iterator[None]:
    """Read columns of a table as `x_<key>`; a column without a place says its default everywhere."""
    if facts.more is not None:
        yield from _take_joined(rows, facts, facts.more, into, keys, options, tally)
        return
    columns = {key: facts.columns[key].column for key in sorted(keys)}
    places = {f"x_{key}": column.index for key, column in columns.items() if column.index >= 0}
    table = facts.table
    if into != FACTS and table.columns is not None:
        table = replace(table, columns=Columns(table.columns.id, ()))
    yield from take_columns(rows, table, into, places, options, tally)
    for key, column in columns.items():
        name = cell_of(key)
        if column.index < 0:
            rows.execute(f"ALTER TABLE {into} ADD COLUMN {name} VARCHAR")
        if column.default:
            rows.execute(f"UPDATE {into} SET {name} = $default WHERE coalesce(trim({name}), '') = ''", {"default": column.default})


def _take_joined(
    rows: RowTable, facts: FactTable, more: FactTable, into: str, keys: set[str], options: IngestOptions, tally: Tally
) -> Iterator[None]:
    """Read the table's own columns, and join those of the second one, of whose rows the first of each record counts."""
    own = replace(facts, more=None)
    others = sorted(key for key in keys if key in more.columns and key != facts.by)
    yield from take_facts(rows, own, into, keys - set(others) | {facts.by}, options, tally)
    if not others:
        return
    yield from take_facts(rows, more, "more", set(others), options, Tally())
    cells = ", ".join(f"more.{cell_of(key)}" for key in others)
    rows.execute(
        f"CREATE TABLE joined AS SELECT {into}.*, {cells} FROM {into}"
        f" LEFT JOIN (SELECT DISTINCT ON (record) * FROM more WHERE record IS NOT NULL ORDER BY record, line) AS more"
        f" ON more.record = try_cast(trim({into}.{cell_of(facts.by)}) AS BIGINT)"
    )
    rows.execute(f"DROP TABLE {into}")
    rows.execute(f"ALTER TABLE joined RENAME TO {into}")
    rows.execute("DROP TABLE more")
    yield


def drop_doubles(rows: RowTable) -> None:
    """Leave the first row of each record; downloads with a record twice have been met."""
    for key in ("record", "name"):
        doubled = f"SELECT {key} FROM {FACTS} WHERE {key} IS NOT NULL GROUP BY {key} HAVING count(*) > 1"
        rows.execute(
            f"DELETE FROM {FACTS} WHERE {key} IN ({doubled}) AND rowid NOT IN"
            f" (SELECT min(rowid) FROM {FACTS} WHERE {key} IN ({doubled}) GROUP BY {key})"
        )


def write_kept(rows: RowTable, names: Sequence[str], folder: Path, memory_limit_bytes: int) -> Iterator[None]:
    """Write some columns of the records that remain, sorted, beside the parts. Yields after each file."""
    columns = ", ".join(f"{cell_of(key_of(name))} AS {_quoted(name)}" for name in names)
    for kind, target in KEPT.items():
        key = "record" if kind == NUMBERED else "name"
        for number, (low, high) in enumerate(_ranges(rows, key, len(names), memory_limit_bytes)):
            values = {name: bound for name, bound in (("low", low), ("high", high)) if bound is not None}
            limits = f"{f' AND {key} >= $low' if low is not None else ''}{f' AND {key} < $high' if high is not None else ''}"
            path = str(folder / f"{target}-{number:03d}.parquet").replace("'", "''")
            rows.execute(
                f"COPY (SELECT {key} AS record, {columns} FROM {FACTS} WHERE {key} IN (SELECT {key} FROM rows WHERE {key} IS NOT NULL{limits}){limits}"
                f" ORDER BY {key}) TO '{path}' ({WRITTEN_AS}, ROW_GROUP_SIZE {ROWS_PER_GROUP})",
                values,
            )
            yield


def _ranges(rows: RowTable, key: str, columns: int, memory_limit_bytes: int) -> list[tuple[object, object]]:
    """Ranges of ids whose kept columns the memory limit can sort (see `RowTable.write`)."""
    count = int(rows.execute(f"SELECT count(*) FROM {FACTS} WHERE {key} IS NOT NULL").fetchall()[0][0])
    if not count:
        return []
    parts = 1 + count // _RECORDS_PER_PART
    parts += count * _BYTES_PER_CELL * (1 + columns) // (memory_limit_bytes**2 // _SORTABLE_DIVISOR_BYTES)
    cuts = [part / parts for part in range(1, parts)]
    if not cuts:
        return [(None, None)]
    sample = f"SELECT {key} AS id FROM {FACTS} WHERE {key} IS NOT NULL USING SAMPLE {_SAMPLE_ROWS} ROWS"
    found = rows.execute(f"SELECT quantile_disc(id, {cuts}) FROM ({sample})").fetchall()
    bounds = sorted(set(found[0][0]))
    return list(zip([None, *bounds], [*bounds, None], strict=True))


def _quoted(name: str) -> str:
    """A name from outside as an identifier of SQL."""
    return '"' + name.replace('"', '""') + '"'

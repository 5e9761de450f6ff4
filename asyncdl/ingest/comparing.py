"""A newer source held against those that a collection has: which records say something new, and which of the replaced one have to be judged.

Both sides are sorted parts (`asyncdl.sourcerows`), so any range of records is looked at by itself, in the memory of a range: a download of
60 million rows of which a hundredth is new costs a scan, and rules for that hundredth only. duckdb reads; nothing is written.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import duckdb
import numpy as np

from asyncdl.errors import CollectionError
from asyncdl.sourcerows import NUMBERED, PHOTO_BORDER, URL_BORDER, Range, RowColumns, reader_config

_PROBED_RANGES: Final = 16

# What a source says of a record for our purpose: the set of its links with the formats they claim. Order, doubles and all else do not count.
_SAID: Final = "record, photos, media_format"
_ROWS: Final = "record, member, line, photos, plain, coalesce(media_format, '') AS media_format"
_DIFFERING: Final = f"""
CREATE OR REPLACE TEMP TABLE differing AS
SELECT record FROM (SELECT {_SAID} FROM given EXCEPT SELECT {_SAID} FROM earlier)
UNION SELECT record FROM (SELECT {_SAID} FROM earlier EXCEPT SELECT {_SAID} FROM given)
"""
# Records that only the new source and another one name: those whose rows are the same in both.
_THE_SAME: Final = f"""
DELETE FROM differing WHERE record IN (SELECT record FROM beside) AND record NOT IN (
  SELECT record FROM (SELECT {_SAID} FROM fresh EXCEPT SELECT {_SAID} FROM beside)
  UNION SELECT record FROM (SELECT {_SAID} FROM beside EXCEPT SELECT {_SAID} FROM fresh))
"""
_LINKS: Final = f"1 + length(photos) - length(translate(photos, '{PHOTO_BORDER}{URL_BORDER}', ''))"


@dataclass(frozen=True, slots=True)
class Difference:
    """What a range of records comes to. `records`, `rows` and `links` are those of the new source.

    `changed` holds the rows of its records that say something new: only these need the rules. `unsettled` are the records of the replaced source
    that the new one says otherwise, or not at all: what of them is still named has to be found out, from `changed` and from what the
    other living sources say of them (`beside`, one for each that says anything).
    """

    records: int
    rows: int
    links: int
    changed: RowColumns
    unsettled: tuple[int | str, ...]
    beside: tuple[RowColumns, ...]


class Comparison:
    """A new source against the others of its collection. `others` are living and stay; `replaced` is what the new one takes the place of.

    A context manager; folders are those of parts. Every method is bounded by the range it is given. Raises `CollectionError` for
    parts that cannot be read.
    """

    def __init__(self, new: Path, others: Sequence[Path], replaced: Path | None = None) -> None:
        self._new = new
        self._others = tuple(others)
        self._replaced = replaced
        self._connection: duckdb.DuckDBPyConnection | None = None

    def __enter__(self) -> Self:
        self._connection = duckdb.connect(":memory:", config=reader_config())
        self._connection.execute("SET parquet_metadata_cache = true")  # the same files are asked range by range
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def difference(self, records: Range) -> Difference:
        """How the new source differs in a range of records."""
        self._read("given", self._new, records)
        self._read("earlier", self._replaced, records)
        self._run(_DIFFERING)
        others = [folder for folder in self._others if _files(folder, records.kind)]
        if others:
            self._run(
                f"CREATE OR REPLACE TEMP TABLE fresh AS SELECT DISTINCT {_SAID} FROM given WHERE record NOT IN (SELECT record FROM earlier)"
            )
        for folder in others:
            self._read("beside", folder, records, among="fresh")
            self._run(_THE_SAME)
        unsettled = self._run("SELECT DISTINCT record FROM earlier WHERE record IN (SELECT record FROM differing)").fetchall()
        ((in_all, rows, links),) = self._run(
            f"SELECT count(DISTINCT record), count(*), coalesce(sum({_LINKS}), 0) FROM given"
        ).fetchall()
        return Difference(
            in_all,
            rows,
            int(links),
            self._rows("given WHERE record IN (SELECT record FROM differing)", records.kind),
            tuple(record for (record,) in unsettled),
            tuple(self._beside(others, records)) if unsettled else (),
        )

    def share_again(self, folder: Path, ranges: Sequence[Range]) -> float:
        """The share of the records of an older source that stand in the new one too: near 1 for a newer state of the same thing.

        `ranges` are those of the older source; some, evenly spread, are looked at.
        """
        step = max(1, len(ranges) // _PROBED_RANGES)
        there = again = 0
        for records in ranges[::step]:
            self._read("earlier", folder, records)
            self._read("given", self._new, records, among="earlier")
            found = self._run("SELECT (SELECT count(DISTINCT record) FROM earlier), (SELECT count(DISTINCT record) FROM given)")
            old, both = found.fetchall()[0]
            there, again = there + old, again + both
        return again / there if there else 0.0

    def _beside(self, others: Sequence[Path], records: Range) -> list[RowColumns]:
        self._run(
            "CREATE OR REPLACE TEMP TABLE judged AS SELECT DISTINCT record FROM earlier WHERE record IN (SELECT record FROM differing)"
        )
        found = []
        for folder in others:
            self._read("beside", folder, records, among="judged")
            found.append(self._rows("beside", records.kind))
        return [rows for rows in found if len(rows.photos)]

    def _rows(self, source: str, kind: str) -> RowColumns:
        found = self._run(f"SELECT * FROM {source} ORDER BY record, member, line").fetchnumpy()
        return RowColumns.of(kind, {name: np.ma.getdata(column) for name, column in found.items()})

    def _read(self, table: str, folder: Path | None, records: Range, *, among: str = "") -> None:
        """The rows of a folder in a range as a table; with `among` only records that another table has. Without any file it is empty."""
        files = _files(folder, records.kind) if folder is not None else []
        record = "BIGINT" if records.kind == NUMBERED else "VARCHAR"
        none = f"(SELECT NULL::{record} AS record, 0 AS member, 0 AS line, '' AS photos, false AS plain, '' AS media_format)"
        conditions = [] if files else ["false"]
        values: dict[str, object] = {"files": files} if files else {}
        for name, sign, bound in (("first", ">=", records.first), ("after", "<", records.after)):
            if bound is not None and files:
                conditions.append(f"record {sign} ${name}")
                values[name] = bound
        if among:
            conditions.append(f"record IN (SELECT record FROM {among})")
        where = f" WHERE {' AND '.join(conditions)}" if conditions else ""
        source = "read_parquet($files)" if files else none
        self._run(f"CREATE OR REPLACE TEMP TABLE {table} AS SELECT {_ROWS} FROM {source}{where}", values)

    def _run(self, sql: str, values: Mapping[str, object] | None = None) -> duckdb.DuckDBPyConnection:
        """One statement, put together of names of ours; texts from outside are bound."""
        assert self._connection is not None, "the comparison is not open"
        try:
            return self._connection.execute(sql, dict(values or {}))
        except duckdb.Error as error:
            folders = ", ".join(str(folder) for folder in (self._new, *self._others, self._replaced) if folder is not None)
            raise CollectionError(
                f"{folders} cannot be read: {str(error).splitlines()[0][:200]}",
                "restore a copy of it, or make the collection anew from its source",
            ) from error


def _files(folder: Path, kind: str) -> list[str]:
    return [str(path) for path in sorted(folder.glob(f"{kind}-*.parquet"))]

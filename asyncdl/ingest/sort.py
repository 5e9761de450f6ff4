"""Sorting more rows than memory holds: (id, text) pairs in, the texts of one record after the other out.

duckdb does it, with its memory bounded and its temporary files in a folder of ours that is removed at the
end. Whole numbers sort as numbers, other ids as text; both keep the order in which rows came. It knows nothing
of what the texts say.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Self

import duckdb
import numpy as np

from asyncdl.errors import EnvironmentStops

_FETCH_ROWS = 5_000
_SAMPLE_ROWS = 50_000
_SORTABLE_DIVISOR_BYTES = 100_000_000
_TABLES = (("numbered", "BIGINT"), ("named", "VARCHAR"))


class RowSorter:
    """Takes rows in any order, gives them back grouped by record. A context manager: leaving it removes its files."""

    def __init__(self, folder: Path, memory_limit_bytes: int, threads: int) -> None:
        self._folder = folder
        self._memory_limit_bytes = memory_limit_bytes
        self._threads = threads
        self._rows = 0
        self._chars = 0
        self._connection: duckdb.DuckDBPyConnection | None = None

    def __enter__(self) -> Self:
        shutil.rmtree(self._folder, ignore_errors=True)  # what a killed ingest left
        self._folder.mkdir(parents=True)
        self._connection = connection = duckdb.connect(":memory:")
        connection.execute("SET temp_directory = $folder", {"folder": str(self._folder / "spill")})
        connection.execute("SET memory_limit = $limit", {"limit": f"{self._memory_limit_bytes}B"})
        connection.execute("SET threads = $threads", {"threads": self._threads})
        connection.execute("SET preserve_insertion_order = false")  # the order is in a column; keeping it twice costs memory
        for table, kind in _TABLES:
            connection.execute(f"CREATE TABLE {table}(id {kind}, place BIGINT, said VARCHAR)")
        return self

    def __exit__(self, *_: object) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        shutil.rmtree(self._folder, ignore_errors=True)

    @property
    def rows(self) -> int:
        """How many rows were taken."""
        return self._rows

    def add(self, pairs: Sequence[tuple[int | str, str]]) -> None:
        """Take rows, some ten thousand at a time. Raises `EnvironmentStops` when memory or disk do not suffice."""
        numbers = [(place, pair) for place, pair in enumerate(pairs, self._rows) if isinstance(pair[0], int)]
        names = [(place, pair) for place, pair in enumerate(pairs, self._rows) if not isinstance(pair[0], int)]
        self._rows += len(pairs)
        self._chars += sum(len(said) for _, said in pairs)
        self._insert("numbered", np.dtype(np.int64), numbers)
        self._insert("named", np.dtype(object), names)

    def _insert(
        self, table: str, kind: np.dtype[np.int64] | np.dtype[np.object_], rows: Sequence[tuple[int, tuple[int | str, str]]]
    ) -> None:
        if not rows:
            return
        columns = {
            "id": np.array([pair[0] for _, pair in rows], dtype=kind),
            "place": np.array([place for place, _ in rows], dtype=np.int64),
            "said": np.array([pair[1] for _, pair in rows], dtype=object),
        }
        connection = self._open()
        try:
            connection.register("chunk", columns)
            connection.execute(f"INSERT INTO {table} SELECT id, place, said FROM chunk")  # noqa: S608  a name of ours
            connection.unregister("chunk")
        except duckdb.Error as error:
            raise _stops(error) from error

    def groups(self) -> Iterator[tuple[int | str, Iterator[str]]]:
        """Each record's id with its texts, in order. The texts must be taken before the next record is asked for."""
        for table, _ in _TABLES:
            for record, rows in groupby(self._sorted(table), key=itemgetter(0)):
                yield record, (said for _, said in rows)

    def _sorted(self, table: str) -> Iterator[tuple[int | str, str]]:
        connection = self._open()
        try:
            for low, high in self._ranges(table):
                # fmt: off
                cursor = connection.execute(
                    f"SELECT id, said FROM {table} WHERE ($low IS NULL OR id >= $low) AND ($high IS NULL OR id < $high) "  # noqa: S608  ours
                    "ORDER BY id, place",
                    {"low": low, "high": high},
                )
                # fmt: on
                while rows := cursor.fetchmany(_FETCH_ROWS):
                    yield from rows
        except duckdb.Error as error:
            raise _stops(error) from error

    def _ranges(self, table: str) -> list[tuple[int | str | None, int | str | None]]:
        """Ranges of ids, each of which the memory limit can sort.

        duckdb merges sorted runs, and needs memory for each run at once: what it can sort grows with the square
        of its memory (measured), and beyond that it fails.
        """
        parts = 1 + self._chars // (self._memory_limit_bytes**2 // _SORTABLE_DIVISOR_BYTES)
        if parts == 1:
            return [(None, None)]
        cuts = [part / parts for part in range(1, parts)]
        sampled = f"SELECT quantile_disc(id, {cuts}) FROM (SELECT id FROM {table} USING SAMPLE {_SAMPLE_ROWS} ROWS)"  # noqa: S608  ours
        found = self._open().execute(sampled).fetchone()
        bounds = sorted(set(found[0])) if found and found[0] else []
        return list(zip([None, *bounds], [*bounds, None], strict=True))

    def interrupt(self) -> None:
        """Make a sort that another thread is waiting for end at once."""
        if self._connection is not None:
            self._connection.interrupt()

    def _open(self) -> duckdb.DuckDBPyConnection:
        if self._connection is None:
            raise RuntimeError("the sorter is not open")
        return self._connection


def _stops(error: duckdb.Error) -> EnvironmentStops:
    """In duckdb's own words, shortened: what failed is memory or the disk of the temporary folder."""
    first = str(error).strip().splitlines()[0][:300]
    return EnvironmentStops(
        f"the rows could not be sorted: {first}", "give the sort more memory, or free disk space, and start again"
    )

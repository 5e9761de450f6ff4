"""The rows of a source on their way to order: taken in any order (`intake`), given out as sorted parts (`asyncdl.sourcerows`).

duckdb holds them, on disk, in a folder of ours, with its memory bounded. Everything blocks and is meant for a thread; the steps are generators, so
that whoever drives them may stop in between.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, Self

import duckdb
import numpy as np

from asyncdl.errors import EnvironmentStops
from asyncdl.ingest.blocks import LineShape
from asyncdl.ingest.chunks import Chunk
from asyncdl.ingest.rows import Identified
from asyncdl.saidfiles import KEY, TEXTS, WRITTEN_AS
from asyncdl.sourcerows import COLUMNS, KINDS, NUMBERED, PHOTO_BORDER, ROWS_PER_GROUP, URL_BORDER
from asyncdl.urls.plain import is_plain_host

_SAMPLE_ROWS: Final = 50_000
_SORTABLE_DIVISOR_BYTES: Final = 100_000_000
_MAX_PLAIN_HOSTS: Final = 200_000
"""Hosts whose links may be left unlooked at; where a source has more, the links of the rarer ones are looked at."""
_COLUMN_NAMES: Final = ", ".join(COLUMNS)
_SAID_NAMES: Final = ", ".join([*KEY, *TEXTS])


class RowTable:
    """Takes the rows of a source and gives them back sorted. A context manager: leaving it removes its files.

    Its table `rows` holds what is sorted, with the column `licence` where a choice asks for it (`licences`); its table `waiting` what rows that came through
    `RowRules` say besides (`texts` takes it from there).
    """

    def __init__(self, folder: Path, memory_limit_bytes: int, threads: int, *, licences: bool = False) -> None:
        self.folder = folder
        self.licences = licences
        self._memory_limit_bytes = memory_limit_bytes
        self._threads = threads
        self._bytes = 0
        self._connection: duckdb.DuckDBPyConnection | None = None
        self.numbered_tables: set[int] = set()
        """Tables without a column of ids, by number: their rows are named by line."""

    def __enter__(self) -> Self:
        shutil.rmtree(self.folder, ignore_errors=True)  # what a killed ingest left
        self.folder.mkdir(parents=True)
        self._connection = connection = duckdb.connect(
            str(self.folder / "rows.duckdb"),
            config={
                "memory_limit": f"{self._memory_limit_bytes}B",
                "threads": self._threads,
                "temp_directory": str(self.folder / "spill"),
                "autoinstall_known_extensions": False,
                "autoload_known_extensions": False,
            },
        )
        connection.execute(
            "PRAGMA force_compression = 'zstd'"
        )  # a third of the room and of the time that choosing per column takes
        columns = {"record": "BIGINT", "name": "VARCHAR", **COLUMNS, **({"licence": "VARCHAR"} if self.licences else {})}
        self.columns = ", ".join(columns)
        connection.execute(f"CREATE TABLE rows({', '.join(f'{name} {kind}' for name, kind in columns.items())})")
        self.empty_waiting()
        return self

    def __exit__(self, *_: object) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        shutil.rmtree(self.folder, ignore_errors=True)

    @property
    def connection(self) -> duckdb.DuckDBPyConnection:
        """The database, for whoever selects among the rows. Its table `rows` has the columns of a part, with `record` and `name`."""
        if self._connection is None:
            raise RuntimeError("the table of rows is not open")
        return self._connection

    def interrupt(self) -> None:
        """Make what another thread waits for end at once."""
        if self._connection is not None:
            self._connection.interrupt()

    def count(self) -> int:
        """How many rows there are."""
        return int(self.execute("SELECT count(*) FROM rows").fetchall()[0][0])

    def read_chunk(
        self, chunk: Chunk, shape: LineShape, places: Sequence[int], judge: str = "0", once: Mapping[str, str] = MappingProxyType({}),
        values: Mapping[str, object] | None = None,
    ) -> None:  # fmt: skip
        """Make some cells of a chunk the table `chunk`: columns `c0`…, the `line`, `gone` where a line was taken out, and `state`, which `judge` tells.

        `judge` may use the columns of `once`, by their names, besides the cells.
        """
        columns = ", ".join(f"'f{index}': 'VARCHAR'" for index in range(shape.width))
        cells = [*(f"f{index} AS c{at}" for at, index in enumerate(places)), "CASE WHEN f0 = chr(1) THEN 1 END AS gone"]
        cells += [f"{expression} AS {name}" for name, expression in once.items()]
        kept = f"* EXCLUDE ({', '.join(once)})" if once else "*"
        self._bytes += chunk.size_bytes
        # Read with all cores, and yet a row's number is its place in the file: duckdb keeps the order of insertion.
        self.execute(
            f"CREATE OR REPLACE TEMP TABLE chunk_cells AS SELECT {kept}, {judge} AS state FROM (SELECT {', '.join(cells)} FROM read_csv($path,"
            f" delim = $delimiter, quote = '', escape = '', header = false, auto_detect = false, columns = {{{columns}}}, new_line = '\\n',"
            " max_line_size = $longest, strict_mode = false))",
            {"path": str(chunk.path), "delimiter": shape.delimiter.decode(), "longest": shape.max_row_bytes, **(values or {})},
        )
        self.execute(f"CREATE OR REPLACE TEMP VIEW chunk AS SELECT *, rowid + {chunk.first_line:d} AS line FROM chunk_cells")

    def insert(self, rows: Sequence[Identified]) -> None:
        """Add rows that `RowRules` understood. The rows of one line come together, in one call."""
        if not rows:
            return
        said = [row for _, row in rows]
        columns: dict[str, np.ndarray[Any, Any]] = {
            "record": np.array([record if isinstance(record, int) else 0 for record, _ in rows], np.int64),
            "name": np.array([record if isinstance(record, str) else None for record, _ in rows], object),
            "member": np.array([row.table for row in said], np.int16),
            "line": np.array([row.line for row in said], np.int64),
            "nth": _places_in_line([row.line for row in said]),
            "photos": np.array([PHOTO_BORDER.join([URL_BORDER.join(photo) for photo in row.photos]) for row in said], object),
            "plain": np.zeros(len(said), np.bool_),
            "licence": np.array([row.licence for row in said], object),
            "rights_holder": np.array([row.rights_holder for row in said], object),
            "creator": np.array([row.creator for row in said], object),
            "media_format": np.array([row.media_format for row in said], object),
            "reference": np.array([row.references for row in said], object),
            "title": np.array([row.title for row in said], object),
        }
        self._bytes += sum(len(text) for text in columns["photos"])
        # A mask would say which of `record` are none, but some versions of duckdb do not look at it.
        self.insert_columns(
            f"INSERT INTO rows SELECT {self.columns} FROM (SELECT * REPLACE (CASE WHEN name IS NULL THEN record END AS record) FROM given)",
            columns,
        )
        self.insert_columns(f"INSERT INTO waiting SELECT {_SAID_NAMES} FROM given WHERE concat({', '.join(TEXTS)}) <> ''", columns)

    def empty_waiting(self) -> None:
        """Make the table `waiting` anew: what was in it is in a file."""
        columns = ", ".join([*(f"{name} {kind}" for name, kind in KEY.items()), *(f"{name} VARCHAR" for name in TEXTS)])
        self.execute(f"CREATE OR REPLACE TABLE waiting({columns})")

    def insert_columns(self, sql: str, columns: Mapping[str, np.ndarray[Any, Any]]) -> None:
        """Run a statement that selects from `given`: these columns."""
        self.connection.register("given", columns)
        self.execute(sql)
        self.connection.unregister("given")

    def settle_hosts(self) -> None:
        """Find the hosts whose links need no rules: `plain` holds only there."""
        found = self.execute(
            "SELECT authority FROM (SELECT split_part(photos, '/', 3) AS authority, count(*) AS n FROM rows WHERE plain GROUP BY 1)"
            f" ORDER BY n DESC, authority LIMIT {_MAX_PLAIN_HOSTS}"
        ).fetchall()
        hosts = np.array([authority for (authority,) in found if is_plain_host(authority)], object)
        self.execute("CREATE OR REPLACE TEMP TABLE plain_hosts(authority VARCHAR)")
        if len(hosts):
            self.insert_columns("INSERT INTO plain_hosts SELECT authority FROM given", {"authority": hosts})

    def write(self, folder: Path) -> Iterator[None]:
        """Write the sorted parts; yields after each. Whole numbers sort as numbers, other ids as text."""
        self.settle_hosts()
        self.execute("SET preserve_insertion_order = false")  # the order is in the columns; keeping it twice costs memory
        names = _COLUMN_NAMES.replace(
            "plain", "plain AND split_part(photos, '/', 3) IN (SELECT authority FROM plain_hosts) AS plain"
        )
        for kind in KINDS:
            key = "record" if kind == NUMBERED else "name"
            for number, (low, high) in enumerate(self._key_ranges(key)):
                conditions, values = self._bounds_sql(key, low, high)
                target = str(folder / f"{kind}-{number:03d}.parquet").replace("'", "''")
                self.execute(
                    f"COPY (SELECT {key} AS record, {names} FROM rows WHERE {conditions} ORDER BY {key}, member, line)"
                    f" TO '{target}' ({WRITTEN_AS}, ROW_GROUP_SIZE {ROWS_PER_GROUP})",
                    values,
                )
                yield

    def _bounds_sql(self, key: str, low: object, high: object) -> tuple[str, dict[str, object]]:
        conditions, values = [f"{key} IS NOT NULL"], {}
        for name, sign, bound in (("low", ">=", low), ("high", "<", high)):
            if bound is not None:
                conditions.append(f"{key} {sign} ${name}")
                values[name] = bound
        return " AND ".join(conditions), values

    def _key_ranges(self, key: str) -> list[tuple[object, object]]:
        """Ranges of ids, each of which the memory limit can sort.

        duckdb merges sorted runs, and needs memory for each run at once: what it can sort grows with the square
        of its memory (measured), and beyond that it fails.
        """
        if not self.execute(f"SELECT 1 FROM rows WHERE {key} IS NOT NULL LIMIT 1").fetchall():
            return []
        parts = 1 + self._bytes // (self._memory_limit_bytes**2 // _SORTABLE_DIVISOR_BYTES)
        if parts == 1:
            return [(None, None)]
        cuts = [part / parts for part in range(1, parts)]
        sample = f"SELECT {key} AS id FROM rows WHERE {key} IS NOT NULL USING SAMPLE {_SAMPLE_ROWS} ROWS"
        found = self.execute(f"SELECT quantile_disc(id, {cuts}) FROM ({sample})").fetchall()
        bounds = sorted(set(found[0][0])) if found and found[0][0] else []
        return list(zip([None, *bounds], [*bounds, None], strict=True))

    def execute(self, sql: str, values: Mapping[str, object] | None = None) -> duckdb.DuckDBPyConnection:
        """Run one statement. Every name in it must be ours; texts from outside are bound. Raises `EnvironmentStops`."""
        try:
            return self.connection.execute(sql, dict(values or {}))
        except duckdb.Error as error:
            first = str(error).strip().splitlines()[0][:300]
            raise EnvironmentStops(
                f"the rows could not be sorted: {first}",
                "give it more memory (--memory-limit), or free disk space, and start again",
            ) from error


def _places_in_line(lines: Sequence[int]) -> np.ndarray[Any, Any]:
    """Of each row the how manieth of its line it is, from 0."""
    numbers = np.array(lines, np.int64)
    starts = np.flatnonzero(np.diff(numbers, prepend=-1))
    return np.arange(len(numbers), dtype=np.int32) - np.repeat(starts, np.diff(starts, append=len(numbers))).astype(np.int32)

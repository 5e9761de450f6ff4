"""Parquet files as tables: duckdb reads them by ranges of rows, in bounded memory, and each row becomes a line of text.

From there on it is a table like any other, so that rules, selections and accounts are the same; a row's number in its file serves as its line.
Columns that can hold no link and no word (structures, maps) are left out, and of the others those are read that have a role.
"""

from __future__ import annotations

import glob
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Final

import duckdb

from asyncdl.errors import EnvironmentStops, SourceError
from asyncdl.ingest.archive import parquet_files
from asyncdl.ingest.columns import ID_HEADINGS, Column, Columns, columns_of_header
from asyncdl.ingest.dialect import Dialect
from asyncdl.ingest.plainsql import needed_of
from asyncdl.ingest.sources import SourceSpec
from asyncdl.ingest.table import Table
from asyncdl.terms import local_name

ROWS_PER_RANGE: Final = 250_000
MEMORY_BYTES: Final = 512_000_000
"""Of the reader, beside what the sort has: enough for groups of two million rows."""
_ROWS_PER_CHUNK: Final = 10_000
_SAMPLE_ROWS: Final = 100
_SAMPLE_CHARS: Final = 2_000
_FLOATS: Final = frozenset({"FLOAT", "DOUBLE"})
_NO_TEXT: Final = ("STRUCT", "MAP", "UNION", "BLOB")
_DIALECT: Final = Dialect("\t")
_SCAN: Final = "read_parquet($path, file_row_number = true, hive_partitioning = false, binary_as_string = $binary)"


def parquet_tables(spec: SourceSpec) -> tuple[Table, ...]:
    """The tables of a Parquet file or of a folder of them. Raises `SourceError` when one cannot be read or has no links.

    Of a folder, files without a column of links (of names, say) are left out where others have one.
    """
    place = Path(spec.path)
    if not place.is_dir():
        return (_table(spec, place, ""),)
    tables: list[Table] = []
    refused: SourceError | None = None
    for name in parquet_files(place):
        apart = replace(spec, id_prefix=f"{spec.id_prefix}{name}:") if tables else spec
        try:
            tables.append(_table(apart, place / name, name))
        except SourceError as error:
            if not isinstance(error, _NoLinksError):
                raise
            refused = refused or error
    if not tables:
        raise refused or SourceError(f"{spec.path} holds no Parquet file", "name the folder that does")
    return tuple(tables)


def id_table(spec: SourceSpec) -> Table:
    """A Parquet file whose ids count, whatever else it holds. Raises `SourceError` when it has none."""
    file = ParquetText(Path(spec.path))
    places = {local_name(name): place for place, name in reversed(list(enumerate(file.names)))}
    found = next((places[heading] for heading in ID_HEADINGS if heading in places), None)
    if found is None:
        raise SourceError(f"{spec.path} has no column of ids", "name one gbifID, id or occurrenceID")
    return Table("", partial(file.chunks, [found]), None, _DIALECT, Columns(Column(0), ()), spec)


class _NoLinksError(SourceError):
    """The file can be read, and no column of it holds links."""


def _table(spec: SourceSpec, path: Path, member: str) -> Table:
    file = ParquetText(path)
    try:
        columns = columns_of_header(file.names, file.sample(), spec.id_column, spec.url_column)
    except SourceError as error:
        raise _NoLinksError(f"{path}: {error}", error.todo) from error
    needed = needed_of(columns)
    read = [file.names[place] for place in needed.places]
    return Table(
        member, partial(file.chunks, needed.places), None, _DIALECT, needed.columns, spec, tuple(read),
        wide=lambda: Table(member, file.chunks, None, _DIALECT, columns, spec, file.names),
    )  # fmt: skip


class ParquetText:
    """One file as lines of text. `names` are the columns that can be read as text."""

    def __init__(self, path: Path) -> None:
        self._path = path
        # Names of files may hold what duckdb takes for a pattern. Old writers keep texts as bytes: then all of them.
        self._values: dict[str, object] = {"path": glob.escape(str(path)), "binary": False}
        described = self._described()
        if not any(kind.startswith("VARCHAR") for _, kind in described):
            self._values["binary"] = True
            described = self._described()
        cells = [(name, _cell(name, kind)) for name, kind in described]
        self.names = tuple(name for name, cell in cells if cell)
        self._cells = tuple(cell for _, cell in cells if cell)
        if not self.names:
            raise SourceError(f"{path} has no column of text or numbers", "name a file that has links to media")

    def _described(self) -> list[tuple[str, str]]:
        """The columns and their types."""
        with self._open() as connection:
            found = connection.execute(f"DESCRIBE SELECT * EXCLUDE (file_row_number) FROM {_SCAN}", self._values).fetchall()
        return [(str(name), str(kind).upper()) for name, kind, *_ in found]

    def sample(self) -> list[list[str]]:
        """The first rows; long cells are cut."""
        cells = ", ".join(f"left({cell}, {_SAMPLE_CHARS})" for cell in self._cells)
        with self._open() as connection:
            found = connection.execute(f"SELECT {cells} FROM {_SCAN} WHERE file_row_number < {_SAMPLE_ROWS}", self._values)
            return [list(row) for row in found.fetchall()]

    def chunks(self, places: Sequence[int] | None = None) -> Iterator[bytes]:
        """Some columns of all rows as tab-separated lines in UTF-8, in the order of the file.

        One line per row, whatever is in it: what would end a cell or a line becomes a blank.
        """
        cells = [self._cells[place] for place in (range(len(self._cells)) if places is None else places)]
        cells += ["''"] if len(cells) == 1 else []  # a line with nothing in it would count as none
        line = " || chr(9) || ".join(cells)
        sql = f"SELECT {line} FROM {_SCAN} WHERE file_row_number >= $first AND file_row_number < $after"
        with self._open() as connection:
            known = connection.execute("SELECT sum(num_rows) FROM parquet_file_metadata($path)", {"path": self._values["path"]})
            for first in range(0, int(known.fetchall()[0][0] or 0), ROWS_PER_RANGE):
                found = connection.execute(sql, {**self._values, "first": first, "after": first + ROWS_PER_RANGE})
                while some := found.fetchmany(_ROWS_PER_CHUNK):
                    yield ("\n".join([text for (text,) in some]) + "\n").encode("utf-8", "surrogatepass")

    @contextmanager
    def _open(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """A connection of its own. Raises `SourceError` for a file that cannot be read, `EnvironmentStops` when memory does not suffice."""
        config: dict[str, str | bool | int | float | list[str]] = {
            "memory_limit": f"{MEMORY_BYTES}B", "threads": 1, "temp_directory": "", "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
        }  # fmt: skip
        connection = duckdb.connect(":memory:", config=config)
        try:
            yield connection
        except duckdb.OutOfMemoryException as error:
            raise EnvironmentStops(
                f"{self._path} has groups of rows that are too large to read", "write it anew with smaller row groups"
            ) from error
        except duckdb.Error as error:
            first = str(error).strip().splitlines()[0][:300]
            raise SourceError(f"{self._path} cannot be read as Parquet: {first}", "fetch it again, or write it anew") from error
        finally:
            connection.close()


def _cell(name: str, kind: str) -> str:
    """The SQL of a cell as text, never NULL; empty for a column that is none. Several texts in a cell are parted as `urls.split_urls` parts them."""
    column = '"' + name.replace('"', '""') + '"'
    if kind.startswith(_NO_TEXT) or "][" in kind:
        return ""
    if kind.endswith("]"):
        text = f"array_to_string(CAST({column} AS VARCHAR[]), ' | ')"
    elif kind in _FLOATS:  # whole numbers that a missing value turned into floats are ids again
        whole = f"isfinite({column}) AND abs({column}) < 9e15 AND {column} = trunc({column})"
        text = f"CASE WHEN {whole} THEN CAST(CAST({column} AS BIGINT) AS VARCHAR) ELSE CAST({column} AS VARCHAR) END"
    else:
        text = f"CAST({column} AS VARCHAR)"
    return f"coalesce(translate({text}, chr(9) || chr(10) || chr(13), '   '), '')"

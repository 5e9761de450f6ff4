"""How the rows of a table come into the table of rows: clean lines by SQL, all others by the rules in Python.

Clean lines reach duckdb as chunk files that it reads with all cores; it understands the ordinary rows itself (`plainsql`) and hands back the
others, which `rows.RowRules`, the reference, interprets. Every row is counted, and every one that is no media row is kept with its reason.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

import numpy as np

from asyncdl.ingest.accounts import Tally
from asyncdl.ingest.chunks import STEP_ROWS, Chunk
from asyncdl.ingest.columns import Column, Columns
from asyncdl.ingest.options import IngestOptions
from asyncdl.ingest.pieces import PieceReader, reader_of
from asyncdl.ingest.plainsql import Needed, PlainSql, State, needed_of
from asyncdl.ingest.rejects import RejectsFile
from asyncdl.ingest.rows import Identified, RowRules
from asyncdl.ingest.rowtable import RowTable
from asyncdl.ingest.sources import SourceFormat
from asyncdl.ingest.table import Table
from asyncdl.ingest.tabular import BadRow, Row
from asyncdl.ingest.texts import SaidTexts
from asyncdl.saidfiles import KEY, TEXTS

_PIECES_AHEAD: Final = 2
"""A chunk, and the few rows that came through the careful reader beside it."""


def take(
    rows: RowTable, said: SaidTexts, table: Table, number: int, options: IngestOptions, rejects: RejectsFile, tally: Tally
) -> Iterator[None]:
    """Take the media rows of a table, and what they say; `number` is the table's within the source. Yields after each piece.

    Raises `SourceError` when the table cannot be read, `EnvironmentStops` when memory or disk do not suffice.
    """
    reader = reader_of(table, options.bounds, rows.folder, tally)
    intake = _Intake(rows, said, table, number, reader, options, rejects, tally)
    with ThreadPoolExecutor(1, "sift") as ahead:  # duckdb reads one chunk while the next is sifted
        pieces = reader.pieces()
        upcoming = deque(ahead.submit(next, pieces, None) for _ in range(_PIECES_AHEAD))
        while (piece := upcoming.popleft().result()) is not None:
            upcoming.append(ahead.submit(next, pieces, None))
            if isinstance(piece, Chunk):
                intake.chunk(piece)
            else:
                intake.rows(piece)
            said.settle(everything=False)
            yield
    said.settle(everything=True)


def take_columns(
    rows: RowTable, table: Table, into: str, names: Mapping[str, int], options: IngestOptions, tally: Tally
) -> Iterator[None]:
    """Take some columns of any table as texts into a new table `into`: the id as `record` or `name`, the `line`, then `names` by their places.

    Rows that cannot be read are left out and counted as rejected. `into` is a name of ours; the others are quoted here.
    """
    reader = reader_of(table, options.bounds, rows.folder, tally)
    needed = needed_of(Columns(reader.columns.id, tuple(Column(place) for place in names.values())), reader.shape.width)
    sql = PlainSql(needed, options.bounds, only_images=False, id_prefix="")
    cells_of = zip(names, needed.columns.photo, strict=True)
    cells = {name: f"c{column.index}" if column.index >= 0 else "CAST(NULL AS VARCHAR)" for name, column in cells_of}
    chosen = ", ".join(["line", *(f"{cell} AS {_quoted(name)}" for name, cell in cells.items())])
    select = f"SELECT {sql.record()} AS record, {sql.name()} AS name, {chosen} FROM "
    empty = ", ".join([*(f"CAST(NULL AS VARCHAR) AS {name}" for name in needed.names()), "CAST(0 AS BIGINT) AS line"])
    rows.execute(f"CREATE TABLE {into} AS {select}(SELECT {empty}) WHERE false")
    for piece in reader.pieces():
        if isinstance(piece, Chunk):
            rows.read_chunk(piece, reader.shape, needed.places)
            piece.path.unlink()
            rows.execute(f"INSERT INTO {into} {select}chunk WHERE gone IS NULL")
            tally.rows_read += piece.lines
        else:
            good = [row for row in piece if isinstance(row, Row)]
            tally.rows_rejected += len(piece) - len(good)
            given = {
                f"c{at}": np.array([row.cells[place].strip() or None for row in good], object)
                for at, place in enumerate(needed.places)
            }
            if good:
                rows.insert_columns(
                    f"INSERT INTO {into} {select}given", given | {"line": np.array([row.line for row in good], np.int64)}
                )
        yield


def _quoted(name: str) -> str:
    """A name from outside as an identifier of SQL."""
    return '"' + name.replace('"', '""') + '"'


class _Intake:
    """How the rows of one table come in."""

    def __init__(
        self, rows: RowTable, said: SaidTexts, table: Table, number: int, reader: PieceReader, options: IngestOptions,
        rejects: RejectsFile, tally: Tally,
    ) -> None:  # fmt: skip
        prefix = table.spec.id_prefix
        needed = needed_of(reader.columns, reader.shape.width)
        if reader.columns.id is None:
            rows.numbered_tables.add(number)
        self._rows = rows
        self._said = said
        self._table = table
        self._number = number
        self._reader = reader
        self._needed: Needed = needed
        self._rejects = rejects
        self._tally = tally
        self._is_list = table.spec.format is SourceFormat.URLS
        self._rules = RowRules(number, reader.columns, options.bounds, only_images=options.only_images, id_prefix=prefix)
        self._needed_rules = RowRules(number, needed.columns, options.bounds, only_images=options.only_images, id_prefix=prefix)
        sql = PlainSql(needed, options.bounds, only_images=options.only_images, id_prefix=prefix)
        skipped = "gone IS NOT NULL" + (" OR coalesce(trim(c0), '') = '' OR starts_with(ltrim(c0), '#')" if self._is_list else "")
        self._judge = f"CASE WHEN {skipped} THEN {State.NO_ROW:d} ELSE {sql.state()} END"
        self._once = sql.once()
        ordinary = f"FROM chunk WHERE state IN ({State.ORDINARY:d}, {State.PLAIN:d})"
        key, texts = f"{number:d}::SMALLINT, line, 0", sql.texts()
        columns = [sql.record(), sql.name(), key, sql.photo(), f"state = {State.PLAIN:d}", sql.media_format()]
        columns += [texts[TEXTS.index("licence")]] if rows.licences else []
        self._ordinary = f"INSERT INTO rows({rows.columns}) SELECT {', '.join(columns)} {ordinary}"
        named = ", ".join(f"{text} AS {name}" for text, name in zip((*key.split(", "), *texts), (*KEY, *TEXTS), strict=True))
        self._texts = "" if sql.says_nothing() else f"SELECT {named} {ordinary}"
        self._values = sql.values

    def chunk(self, chunk: Chunk) -> None:
        """A chunk of clean lines."""
        rows, tally = self._rows, self._tally
        used = self._used(" ".join((self._judge, *self._once.values())))
        rows.read_chunk(chunk, self._reader.shape, self._needed.places, self._judge, self._once, used)
        rows.execute(self._ordinary, self._used(self._ordinary))
        counts = Counter(dict(rows.execute("SELECT state, count(*) FROM chunk WHERE state >= 0 GROUP BY state").fetchall()))
        taken = counts[State.ORDINARY] + counts[State.PLAIN]
        tally.rows_read += counts.total()
        tally.rows_without_media += counts[State.WITHOUT_MEDIA]
        tally.rows_taken += taken
        tally.links += taken
        if taken and self._texts:
            self._said.take_chunk(chunk, self._number, self._texts, self._used(self._texts))
        if counts[State.ODD]:
            names = "".join(f", coalesce({name}, '')" for name in self._needed.names())
            for first in range(chunk.first_line, chunk.first_line + chunk.lines, STEP_ROWS):
                some = f"SELECT line{names} FROM chunk WHERE state = {State.ODD:d} AND line >= {first:d} AND line < {first + STEP_ROWS:d} ORDER BY line"
                self._others(rows.execute(some).fetchall(), chunk)
        chunk.path.unlink()

    def rows(self, rows: Iterable[Row | BadRow]) -> None:
        """Rows that came through the careful reader."""
        taken: list[Identified] = []
        for row in rows:
            if self._is_list and isinstance(row, Row) and row.cells[0].lstrip().startswith("#"):
                continue  # a list of links may have lines that begin with `#`, which no link does
            self._tally.rows_read += 1
            if isinstance(row, BadRow):
                self._tally.rows_rejected += 1
                self._rejects.add(self._table.member, row.line, row.reason, row.raw)
            elif found := self._judged(self._rules, row.line, row.cells, "\t".join(row.cells)):
                taken.append(found)
        self._rows.insert(taken)

    def _others(self, some: Sequence[Sequence[Any]], chunk: Chunk) -> None:
        taken: list[Identified] = []
        for line, *cells in some:
            if found := self._judged(self._needed_rules, line, cells, chunk):
                taken.append(found)
        self._rows.insert(taken)

    def _judged(self, rules: RowRules, line: int, cells: Sequence[str], raw: str | Chunk) -> Identified | None:
        """What `RowRules` makes of a row, counted."""
        found = rules.interpret(line, cells)
        if isinstance(found, Identified):
            self._tally.rows_taken += 1
            self._tally.links += found.row.links
            return found
        if found is None:
            self._tally.rows_without_media += 1
        else:
            self._tally.rows_rejected += 1
            self._rejects.add(self._table.member, line, found, raw.line(line) if isinstance(raw, Chunk) else raw)
        return None

    def _used(self, sql: str) -> dict[str, object]:
        """The parameters that a statement names: duckdb refuses any more."""
        return {name: value for name, value in self._values.items() if f"${name}" in sql}

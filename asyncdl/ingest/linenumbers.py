"""Lists without ids: which number each line has, so that a newer state of a list does not shift the records behind an inserted line.

A line keeps the number that the same links had in the list it continues; of lines that say the same, the first keeps the first number. Any other
line gets the next free number, never one that was given before. A list that continues none is numbered by its lines. No two lists of a
collection that is made anew continue the same one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from asyncdl.errors import UsageError
from asyncdl.ingest.rowtable import RowTable
from asyncdl.ingest.succession import ALIKE_SHARE, Living, Replaces, chosen
from asyncdl.sourcerows import NAMED, NUMBERED, SourceRows


@dataclass(frozen=True, slots=True)
class Lines:
    """How the lines of a list are numbered; see `asyncdl.sourcerows.About`. A prefix of None: a column names the records."""

    prefix: str | None = None
    next_line: int = 0
    continues: int = 0
    share: float = 0.0


class LineNumbers:
    """Numbers the lines of new lists among the living sources of a collection, or among those of its earlier state."""

    def __init__(self, living: Sequence[Living] = (), replaces: Replaces | None = None) -> None:
        self._living = living
        self._replaces = replaces or Replaces("none")
        self._taken: set[str] = set()

    def took(self, prefix: str | None) -> None:
        """A list has this prefix: no other one may get it. None: it is no list."""
        if prefix is not None:
            self._taken.add(prefix)

    def give(self, rows: RowTable, prefix: str) -> Lines:
        """Number the rows anew where the list continues another one; else they keep `prefix` and the numbers of their lines.

        Raises `UsageError` when a source was named that cannot be continued, `EnvironmentStops` when memory or disk do not suffice.
        """
        if rows.numbered_tables != {0} or rows.execute("SELECT max(member) FROM rows").fetchall() != [(0,)]:
            return Lines()
        lines = self._numbered(rows, prefix)
        self.took(lines.prefix)
        return lines

    def _numbered(self, rows: RowTable, prefix: str) -> Lines:
        for source in self._candidates():
            share = self._match(rows, source)
            if self._replaces.number or share >= ALIKE_SHARE:
                return self._take_over(rows, source, share)
        (last,) = rows.execute("SELECT max(line) FROM rows").fetchall()[0]
        return Lines(prefix, int(last) + 1)

    def _candidates(self) -> list[Living]:
        if named := chosen(self._replaces, self._living):
            if named.about.line_prefix is None:
                raise UsageError(
                    f"--replaces: source {named.number} ({named.name}) has a column of ids, and the new source has none",
                    "name the column with --id-column, or add it beside: --replaces none",
                )
            return [named]
        if self._replaces.word == "none":
            return []
        free = (one for one in self._living if one.about.line_prefix is not None and one.about.line_prefix not in self._taken)
        return sorted(free, key=lambda source: -source.number)

    def _match(self, rows: RowTable, source: Living) -> float:
        """Find the lines that both have, as the table `matched`; returns the share of the older list that comes again."""
        prefix = source.about.line_prefix or ""
        number = f"CAST(substr(record, {len(prefix) + 1:d}) AS BIGINT)" if prefix else "record"
        files = [str(path) for path in SourceRows(source.folder).parts(NAMED if prefix else NUMBERED)]
        rows.execute(
            "CREATE OR REPLACE TEMP TABLE earlier_lines AS SELECT *, row_number() OVER (PARTITION BY photos ORDER BY number) AS nth"
            f" FROM (SELECT {number} AS number, photos FROM read_parquet($files))",
            {"files": files},
        )
        rows.execute(
            "CREATE OR REPLACE TEMP TABLE matched AS SELECT r.line, e.number FROM"
            " (SELECT line, photos, row_number() OVER (PARTITION BY photos ORDER BY line) AS nth FROM rows) AS r"
            " LEFT JOIN earlier_lines AS e ON e.photos = r.photos AND e.nth = r.nth"
        )
        again, there = rows.execute("SELECT (SELECT count(number) FROM matched), (SELECT count(*) FROM earlier_lines)").fetchall()[
            0
        ]
        return again / there if there else 0.0

    def _take_over(self, rows: RowTable, source: Living, share: float) -> Lines:
        prefix, free = source.about.line_prefix or "", source.about.next_line
        rows.execute(
            "CREATE OR REPLACE TEMP TABLE numbered AS SELECT line,"
            " coalesce(number, $free - 1 + row_number() OVER (PARTITION BY number IS NULL ORDER BY line)) AS number FROM matched",
            {"free": free},
        )
        ids = "record = NULL, name = $prefix || number" if prefix else "record = number, name = NULL"
        values = {"prefix": prefix} if prefix else {}
        rows.execute(f"UPDATE rows SET {ids} FROM numbered WHERE numbered.line = rows.line", values)
        (last,) = rows.execute("SELECT max(number) FROM numbered").fetchall()[0]
        for table in ("earlier_lines", "matched", "numbered"):
            rows.execute(f"DROP TABLE {table}")
        return Lines(prefix, max(free, int(last) + 1), source.number, share)

"""What rows say beside their links, on its way into files of its own (`asyncdl.saidfiles`): it is not sorted.

What a chunk says is written from the chunk, in its order. What the rules in Python gave waits in the table `waiting` until it is worth a file.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import count
from pathlib import Path
from typing import Final

from asyncdl.ingest.chunks import Chunk
from asyncdl.ingest.rowtable import RowTable
from asyncdl.saidfiles import KEY, ROWS_PER_GROUP, WRITTEN_AS, SaidFile, said_files

_ROWS_PER_FILE: Final = 500_000
_KEY: Final = ", ".join(KEY)
_WORTH_REWRITING: Final = 0.5
"""Of the rows that were read: when a selection leaves fewer, what the others said is thrown away."""


class SaidTexts:
    """Writes what the rows of a source say into `folder`. Raises `EnvironmentStops` when memory or disk do not suffice."""

    def __init__(self, rows: RowTable, folder: Path) -> None:
        self._rows = rows
        self._folder = folder
        self._numbers = count()

    def take_chunk(self, chunk: Chunk, member: int, select: str, values: Mapping[str, object]) -> None:
        """Keep what rows of a chunk say. `select` gives the columns of a file from the chunk; `values` are bound in it."""
        self._write(select, values, member, chunk.first_line, chunk.first_line + chunk.lines - 1)

    def settle(self, *, everything: bool) -> None:
        """Write what waits, if it is worth a file or `everything` is to go."""
        waiting = self._rows.execute(
            "SELECT member, min(line), max(line), count(*) FROM waiting GROUP BY member ORDER BY member"
        ).fetchall()
        if not waiting or (sum(rows for *_, rows in waiting) < _ROWS_PER_FILE and not everything):
            return
        for member, first, last, _ in waiting:
            self._write(f"SELECT * FROM waiting WHERE member = {member:d}", {}, member, first, last)
        self._rows.empty_waiting()

    def narrow(self, share: float) -> Iterator[None]:
        """After a selection that left this share of the rows: throw away what the others said, where that is much. Yields after each file.

        Several files become one, so that those of a narrow selection are not tiny.
        """
        if share >= _WORTH_REWRITING:
            return
        files = said_files(self._folder)
        together = int(1 / share)
        for member in sorted({file.member for file in files}):
            of_member = [file for file in files if file.member == member]
            for place in range(0, len(of_member), together):
                self._join(of_member[place : place + together])
                yield

    def _join(self, files: list[SaidFile]) -> None:
        """Make one file of some of a member, with the rows that are still there."""
        member, first, last = files[0].member, min(file.first_line for file in files), max(file.last_line for file in files)
        paths = [self._folder / file.name for file in files]
        left = f"SELECT {_KEY} FROM rows WHERE member = {member:d} AND line BETWEEN {first:d} AND {last:d}"
        select = f"SELECT * FROM read_parquet($files) WHERE ({_KEY}) IN ({left})"
        self._write(select, {"files": [str(path) for path in paths]}, member, first, last)
        for path in paths:
            path.unlink()

    def _write(self, select: str, values: Mapping[str, object], member: int, first_line: int, last_line: int) -> None:
        path = self._folder / SaidFile(next(self._numbers), member, first_line, last_line).name
        target = str(path).replace("'", "''")
        self._rows.execute(f"COPY ({select}) TO '{target}' ({WRITTEN_AS}, ROW_GROUP_SIZE {ROWS_PER_GROUP})", values)

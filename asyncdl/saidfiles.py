"""What a source says of its images beside their links, kept as Parquet in the order of the source, next to the sorted parts (`asyncdl.sourcerows`).

Licence, rights holder, creator, reference and title are half of what a row says and no part of what makes it an image, so they are not
sorted: they stay in the order in which they were read, in files named by the lines that they hold. A row of a part is found again here by member, line and
`nth`. One record takes the row groups that its lines stand in; a range of records, whose lines are scattered over the whole source, takes one pass over
all files, so a range should be as large as memory and scratch allow.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final, NamedTuple, TypeAlias

import duckdb

TEXTS: Final = ("licence", "rights_holder", "creator", "reference", "title")
"""The columns of a file, all VARCHAR, after those of `KEY`. What was not said is empty or NULL."""

KEY: Final[Mapping[str, str]] = {"member": "SMALLINT", "line": "BIGINT", "nth": "INTEGER"}
"""Which row it is, with types. `nth` counts the rows of one line from 0: a line of JSON may hold several photos."""

ROWS_PER_GROUP: Final = 122_880
"""Rows of a row group: what finding one row reads. As many as duckdb hands on together, so that none waits for others."""

WRITTEN_AS: Final = "FORMAT parquet, PARQUET_VERSION v2, COMPRESSION zstd, COMPRESSION_LEVEL 1"
"""How every file of a source is written: smaller, written and read sooner than with duckdb's own choices (measured)."""

RowKey: TypeAlias = tuple[int, int, int]
"""Member, line and `nth` of a row."""
Texts: TypeAlias = tuple[str, ...]
"""What a row says, in the order of `TEXTS`, empty where it says nothing."""

TEXTS_SQL: Final = ", ".join(f"coalesce({name}, '')" for name in TEXTS)
"""`TEXTS` of a file, as SQL."""

_NAME: Final = re.compile(r"said-(\d+)-(\d+)-(\d+)-(\d+)\.parquet")
_OF_LINES: Final = f"SELECT line, nth, {TEXTS_SQL} FROM read_parquet($file) WHERE line BETWEEN $first AND $last AND line IN (SELECT unnest($lines))"  # noqa: S608  names of ours


class SaidFile(NamedTuple):
    """A file with rows of one member, whose lines are among `first_line` to `last_line`; rows of other files may stand between them."""

    number: int
    member: int
    first_line: int
    last_line: int

    @property
    def name(self) -> str:
        """The file's name."""
        return f"said-{self.number:05d}-{self.member}-{self.first_line}-{self.last_line}.parquet"


def said_files(folder: Path) -> list[SaidFile]:
    """The files of a source, in the order in which they were written."""
    named = (_NAME.fullmatch(path.name) for path in folder.glob("said-*"))
    return sorted(SaidFile(*map(int, found.groups())) for found in named if found)


def texts_of(connection: duckdb.DuckDBPyConnection, folder: Path, rows: Sequence[RowKey]) -> Mapping[RowKey, Texts]:
    """What some rows say. Those that say nothing may be missing. Costs a row group for each place in the source that the rows stand at."""
    lines_of: dict[int, set[int]] = defaultdict(set)
    for member, line, _ in rows:
        lines_of[member].add(line)
    found: dict[RowKey, Texts] = {}
    for file in said_files(folder):
        if lines := sorted(line for line in lines_of[file.member] if file.first_line <= line <= file.last_line):
            values = {"file": str(folder / file.name), "first": lines[0], "last": lines[-1], "lines": lines}
            for line, nth, *texts in connection.execute(_OF_LINES, values).fetchall():
                found[file.member, line, nth] = tuple(texts)
    return found

"""One file to read: what a source was found to hold, before any row of it is read."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Protocol

from asyncdl.ingest.archive import peeked
from asyncdl.ingest.columns import Column, Columns, columns_of_header
from asyncdl.ingest.dialect import Dialect, encoding_of, guess_dialect, terminator_of
from asyncdl.ingest.options import Bounds
from asyncdl.ingest.sources import SourceFormat, SourceSpec
from asyncdl.ingest.tabular import TableReader


class Chunks(Protocol):
    """The bytes of a table from its beginning, each time it is called."""

    def __call__(self) -> Iterator[bytes]: ...  # noqa: D102


@dataclass(frozen=True, slots=True)
class Table:
    """One file to read. `size_bytes` is unpacked, None where it cannot be known.

    `columns` None: they are found when it is opened. `header` names its columns where its own lines do not. `wide` gives the same rows with all
    their columns, where the table itself is read with those only that have a role.
    """

    member: str
    chunks: Chunks
    size_bytes: int | None
    dialect: Dialect | None
    columns: Columns | None
    spec: SourceSpec
    header: tuple[str, ...] = ()
    wide: Callable[[], Table] | None = None

    def open(self, bounds: Bounds) -> tuple[TableReader, Columns]:
        """The reader of the rows, and the roles of their cells; a bare table's are found out now.

        Raises `SourceError` when no column holds links, or the file cannot be read.
        """
        head, chunks = peeked(self.chunks())
        if self.dialect is not None and self.columns is not None:
            dialect = replace(self.dialect, encoding=encoding_of(head, self.dialect.encoding))
            return TableReader(chunks, dialect, self._terminator(head, dialect), bounds), self.columns
        if self.spec.format is SourceFormat.URLS:
            dialect = Dialect("\x1f", encoding=encoding_of(head))
            return TableReader(chunks, dialect, self._terminator(head, dialect), bounds), Columns(None, (Column(0),))
        dialect = guess_dialect(head, "\t" if self.spec.format is SourceFormat.TSV else None)
        reader = TableReader(chunks, dialect, self._terminator(head, dialect), bounds)
        return reader, columns_of_header(reader.header, reader.sample, self.spec.id_column, self.spec.url_column)

    def _terminator(self, head: bytes, dialect: Dialect) -> bytes:
        return b"\n" if dialect.encoding.startswith(("utf-16", "utf-32")) else terminator_of(head, dialect.terminator)

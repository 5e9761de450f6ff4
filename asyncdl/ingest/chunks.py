"""A table cut into what duckdb reads at once: chunk files of clean lines, and rows that came through the careful reader.

The careful reader (`tabular.TableReader`) settles dialect, header and width from the beginning of the file. From there on blocks of lines are
sifted: what is clean is appended to the chunk file at hand, what is not is read with care, line by line, or, where a quoted cell may run over
several lines, from the first block with a quote to the end of one in which nothing is left open.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import cached_property
from itertools import count
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from asyncdl.ingest.accounts import Tally
from asyncdl.ingest.archive import peeked
from asyncdl.ingest.blocks import Block, LineShape, sift, whole_lines
from asyncdl.ingest.dialect import is_byte_oriented
from asyncdl.ingest.options import Bounds
from asyncdl.ingest.table import Table
from asyncdl.ingest.tabular import BadRow, Line, Row, split_lines, transcoded, without_mark

CHUNK_BYTES: Final = 96_000_000
STEP_ROWS: Final = 50_000

CarefulRows = list[Row | BadRow]


class Chunk:
    """Clean lines in a file, numbered from `first_line`; lines that were taken out left a placeholder."""

    def __init__(self, path: Path, first_line: int) -> None:
        self.path = path
        self.first_line = first_line
        self.size_bytes = 0
        self.lines = 0
        self._ends: list[npt.NDArray[np.int64]] = []

    def append(self, block: Block) -> None:
        """Add the lines of the block that follows."""
        with self.path.open("ab", buffering=0) as file:
            file.write(block.clean)
        self._ends.append(block.ends + self.size_bytes)
        self.size_bytes += len(block.clean)
        self.lines += len(block.ends)

    def line(self, number: int) -> bytes:
        """One line, as it stands in the source."""
        place = number - self.first_line
        start = int(self._all_ends[place - 1]) + 1 if place else 0
        with self.path.open("rb") as file:
            file.seek(start)
            return file.read(int(self._all_ends[place]) - start)

    @cached_property
    def _all_ends(self) -> npt.NDArray[np.int64]:
        """Where each line ends; put together when a line is to be shown, and then nothing is appended any more."""
        return np.concatenate(self._ends)


class ChunkReader:
    """Cuts one table. `columns` and `shape` are what its beginning tells. Raises `SourceError` when it cannot be read."""

    def __init__(self, table: Table, bounds: Bounds, folder: Path, tally: Tally) -> None:
        self._bounds = bounds
        self._folder = folder
        self._tally = tally
        head, self._chunks = peeked(self._counted(table.chunks()))
        self._reader, self.columns = replace(table, chunks=lambda: iter([head])).open(bounds)
        dialect = self._reader.dialect
        self._encoding, self._header_lines = dialect.encoding, dialect.header_lines
        self.shape = LineShape(
            self._reader.width or 0, dialect.delimiter.encode(), dialect.quote.encode(), bounds.max_cell_chars, bounds.max_row_bytes
        )

    @property
    def header(self) -> tuple[str, ...]:
        """The headings of the table; empty where it has none."""
        return self._reader.header

    def pieces(self) -> Iterator[Chunk | CarefulRows]:
        """The table's rows, in pieces; each chunk file is the taker's to remove."""
        if not self.shape.width or len(self.shape.delimiter) != 1 or self._reader.terminator not in {b"\n", b"\r"}:
            lines = split_lines(self._utf8(), self._reader.terminator, self._bounds.max_row_bytes)
            yield from self._read_with_care(self._body(without_mark(lines)))
            return
        chunk: Chunk | None = None
        careful: CarefulRows = []
        number = count()
        blocks = self._blocks()
        for first_line, block in blocks:
            if self.shape.quote and self.shape.quote in block:
                if chunk is not None:
                    yield chunk
                    chunk = None
                yield from self._read_with_care(self._lines(first_line, block, blocks))
                continue
            sifted = sift(block, first_line, self.shape)
            chunk = chunk or Chunk(self._folder / f"chunk-{next(number)}", first_line)
            chunk.append(sifted)
            careful += self._reader.rows_of(sifted.rest)
            if chunk.size_bytes >= CHUNK_BYTES:
                yield chunk
                chunk = None
            if len(careful) >= STEP_ROWS:
                yield careful
                careful = []
        if chunk is not None:
            yield chunk
        if careful:
            yield careful

    def _blocks(self) -> Iterator[tuple[int, bytes]]:
        """Blocks of whole lines in UTF-8 that end with newlines only, each with the number of its first line; no header among them."""
        line = 1
        for block in whole_lines(self._utf8()):
            body = block.removeprefix(b"\xef\xbb\xbf") if line == 1 else block
            if b"\r" in body:
                body = body.replace(b"\r\n", b"\n")
            while line <= self._header_lines and body:
                body = body[body.find(b"\n") + 1 :]
                line += 1
            if body:
                yield line, body
            line += body.count(b"\n")

    def _utf8(self) -> Iterator[bytes]:
        """The table in UTF-8, its lines ended by the declared terminator, or by newlines where that is a carriage return."""
        if not is_byte_oriented(self._encoding):
            yield from transcoded(self._chunks, self._encoding)
            return
        chunks = iter(self._chunks)
        if self._reader.terminator == b"\r":
            chunks = (chunk.replace(b"\r", b"\n") for chunk in chunks)
        if self._encoding.replace("-", "").lower() in {"utf8", "ascii", "usascii"}:
            yield from chunks
        else:
            yield from (_recoded(block, self._encoding) for block in whole_lines(chunks))

    def _body(self, lines: Iterator[Line]) -> Iterator[Line]:
        return (line for line in lines if line.number > self._header_lines)

    def _lines(self, first_line: int, block: bytes, blocks: Iterator[tuple[int, bytes]]) -> Iterator[Line]:
        """The lines of a block, and those of the next ones as long as the reader is inside a cell at the end."""
        while True:
            lines = block.split(b"\n")
            lines.pop()
            for place, raw in enumerate(lines):
                yield Line(first_line + place, raw, len(raw) <= self._bounds.max_row_bytes)
            if not self._reader.gathering or (following := next(blocks, None)) is None:
                return
            first_line, block = following

    def _read_with_care(self, lines: Iterable[Line]) -> Iterator[CarefulRows]:
        found: CarefulRows = []
        for row in self._reader.rows_of(lines):
            found.append(row)
            if len(found) >= STEP_ROWS:
                yield found
                found = []
        if found:
            yield found

    def _counted(self, chunks: Iterator[bytes]) -> Iterator[bytes]:
        for chunk in chunks:
            self._tally.bytes_read += len(chunk)
            yield chunk


def _recoded(block: bytes, encoding: str) -> bytes:
    """Lines in UTF-8; a line that is no text in its encoding stays as it is, and is no UTF-8 either."""
    try:
        return block.decode(encoding).encode("utf-8", "surrogatepass")
    except UnicodeDecodeError:
        return b"\n".join(_recoded_line(line, encoding) for line in block.split(b"\n"))


def _recoded_line(line: bytes, encoding: str) -> bytes:
    try:
        return line.decode(encoding).encode("utf-8", "surrogatepass")
    except UnicodeDecodeError:
        return b"\xff" + line

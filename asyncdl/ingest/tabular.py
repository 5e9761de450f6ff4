"""Tables of text: chunks of bytes in, rows of cells out, with every row that is no row reported in its place.

Lines are cut before they are decoded, so one damaged row never costs the next. A quoted cell may span lines;
an opening quote that nothing closes within bounds is reported as stray, and reading goes on at the line after
it. It knows nothing of what columns mean. Lines and rows are tuples, because one is made per row.
"""

from __future__ import annotations

import codecs
from collections import Counter, deque
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, islice
from typing import NamedTuple

from asyncdl.ingest.dialect import Dialect, is_byte_oriented
from asyncdl.ingest.options import Bounds
from asyncdl.ingest.rejects import RejectReason

_WIDTH_SAMPLE_LINES = 100
_WIDTH_PROOF_ROWS = 3
_TELLING_WIDTH = 4
_KEPT_OF_LONG_BYTES = 10_000


class Line(NamedTuple):
    """A line without its end. `whole` is False when it was longer than allowed and `raw` is only its beginning."""

    number: int
    raw: bytes
    whole: bool = True


class Row(NamedTuple):
    """A row that has the right number of cells; `line` is the first it stands on, from 1."""

    line: int
    cells: Sequence[str]


class BadRow(NamedTuple):
    """A row that cannot be read."""

    line: int
    reason: RejectReason
    raw: bytes


def transcoded(chunks: Iterable[bytes], encoding: str) -> Iterator[bytes]:
    """UTF-8 for an encoding whose newline is not the byte 0x0A (UTF-16, UTF-32).

    What cannot be decoded becomes bytes that are no UTF-8, so that the row it stands in is rejected, and only that row.
    """
    decoder = codecs.getincrementaldecoder(encoding)(errors="surrogatepass")
    for chunk in chunks:
        yield decoder.decode(chunk).encode("utf-8", "surrogatepass")
    if decoder.getstate()[0]:
        yield b"\xff"  # a cut last character


def split_lines(chunks: Iterable[bytes], terminator: bytes, max_row_bytes: int) -> Iterator[Line]:
    r"""Cut chunks into lines, numbered from 1. After `\n` a `\r` before it is dropped. Memory is bounded by chunk and bound."""
    number, carry, long_start = 0, b"", None
    drop_return = terminator == b"\n"
    for chunk in chunks:
        pieces = (carry + chunk).split(terminator)
        carry = pieces.pop()
        for piece in pieces:
            number += 1
            raw = piece[:-1] if drop_return and piece.endswith(b"\r") else piece
            if long_start is not None or len(raw) > max_row_bytes:
                yield Line(number, (long_start or raw)[:_KEPT_OF_LONG_BYTES], whole=False)
                long_start = None
            else:
                yield Line(number, raw)
        if len(carry) > max_row_bytes:
            long_start = long_start or carry[:_KEPT_OF_LONG_BYTES]
            carry = carry[-len(terminator) :]
    if long_start is not None:
        yield Line(number + 1, long_start, whole=False)
    elif carry:
        yield Line(number + 1, carry[:-1] if drop_return and carry.endswith(b"\r") else carry)


def split_cells(text: str, delimiter: str, quote: str, escape: str = "", *, strict: bool = False) -> tuple[list[str], bool]:
    """Cells of one row, and whether a quoted cell is still open at its end.

    A quote opens a cell only at its start and closes it only before a delimiter or the end; doubled it is one
    quote; anywhere else it is a plain character, or, when `strict`, a sign that the cell was never meant to open. With
    `escape` that character makes the next quote plain.
    """
    if not quote or quote not in text:
        return text.split(delimiter), False
    cells: list[str] = []
    at = 0
    while True:
        if text.startswith(quote, at):
            cell, at = _quoted_cell(text, at + 1, delimiter, quote, escape, strict=strict)
            if at < 0:
                return cells, True
        else:
            end = text.find(delimiter, at)
            cell, at = (text[at:], len(text)) if end < 0 else (text[at:end], end)
        cells.append(cell)
        if at >= len(text):
            return cells, False
        at += len(delimiter)


def _quoted_cell(text: str, at: int, delimiter: str, quote: str, escape: str, *, strict: bool) -> tuple[str, int]:
    """The cell whose opening quote stands before `at`, and where it ends (-1: nowhere)."""
    parts: list[str] = []
    while (found := text.find(quote, at)) >= 0:
        if escape and found > at and text[found - 1] == escape:
            parts.append(text[at : found - 1] + quote)
            at = found + 1
        elif text.startswith(quote, found + 1):
            parts.append(text[at : found + 1])
            at = found + 2
        elif found + 1 == len(text) or text.startswith(delimiter, found + 1):
            parts.append(text[at:found])
            return "".join(parts), found + 1
        elif strict and text[found - 1] != "\\":
            break
        else:
            parts.append(text[at : found + 1])
            at = found + 1
    return "", -1


def usual_width(widths: Sequence[int], header_width: int | None) -> int | None:
    """How many cells a row of the table has.

    The header says so, unless no row agrees with it and all rows agree with each other (a separator at each
    row's end and none at the header's). Without a header, what most of the first rows have.
    """
    if not widths:
        return header_width
    if header_width is None:
        return max(Counter(widths).items(), key=lambda item: (item[1], item[0]))[0]
    agree = len(widths) >= _WIDTH_PROOF_ROWS and len(set(widths)) == 1
    return widths[0] if agree else header_width


class TableReader:
    """Reads one file of a table, once. `header` is known from the start, `rows` are read as they are asked for."""

    def __init__(self, chunks: Iterable[bytes], dialect: Dialect, terminator: bytes, bounds: Bounds) -> None:
        self._dialect = dialect
        self._bounds = bounds
        self.terminator = terminator
        self.gathering = False
        """Whether the reader is inside a quoted cell that goes on in the next line."""
        self._encoding = dialect.encoding
        if not is_byte_oriented(dialect.encoding):
            chunks, self._encoding = transcoded(chunks, dialect.encoding), "utf-8"
        lines = without_mark(split_lines(chunks, terminator, bounds.max_row_bytes))
        headers = list(islice(lines, dialect.header_lines))
        sample = list(islice(lines, _WIDTH_SAMPLE_LINES))
        self.header: tuple[str, ...] = tuple(self._cells_of(headers[-1]) or ()) if headers else ()
        self._width: int | None = None
        self._lines: Iterator[Line] = iter(
            sample
        )  # whole rows tell the width: of a cell that goes on in the next line each line has fewer cells
        self.sample = tuple(tuple(row.cells) for row in self.rows() if isinstance(row, Row))
        self._width = usual_width([len(cells) for cells in self.sample], len(self.header) or None)
        self._lines = chain(sample, lines)

    @property
    def dialect(self) -> Dialect:
        """How the table is written."""
        return self._dialect

    @property
    def width(self) -> int | None:
        """How many cells a row has; None while nothing is known of any."""
        return self._width

    def rows_of(self, lines: Iterable[Line]) -> Iterator[Row | BadRow]:
        """The rows of these lines of the table, which are in UTF-8 by now, in place of its own."""
        self._encoding = "utf-8"
        self._lines = iter(lines)
        return self.rows()

    def rows(self) -> Iterator[Row | BadRow]:
        """Every row in order; lines without any text are skipped."""
        replayed: deque[Line] = deque()
        while (line := replayed.popleft() if replayed else next(self._lines, None)) is not None:
            if not line.raw.strip(b" \r\n") and line.whole:
                continue
            text = self._text(line)
            if isinstance(text, RejectReason):
                yield BadRow(line.number, text, line.raw)
                continue
            cells, is_open = split_cells(text, self._dialect.delimiter, self._dialect.quote)
            if not is_open:
                yield self._checked(line, text, cells)
                continue
            self.gathering = True
            gathered, closed = self._gather(text, replayed)
            self.gathering = False
            if closed is None:
                replayed.extendleft(reversed(gathered))
                yield self._checked(line, text, None)
            else:
                yield self._checked(line, "", closed)

    def _gather(self, text: str, replayed: deque[Line]) -> tuple[list[Line], list[str] | None]:
        """Take lines until the open cell closes in a row of the right width; None when it does not within bounds."""
        gathered: list[Line] = []
        while len(gathered) + 1 < self._bounds.max_row_lines and len(text) <= self._bounds.max_row_bytes:
            line = replayed.popleft() if replayed else next(self._lines, None)
            if line is None:
                break
            gathered.append(line)
            more = self._text(line)
            if isinstance(more, RejectReason):
                break
            if self._is_row(more):
                break
            text = f"{text}\n{more}"
            if self._dialect.quote not in more:
                continue
            cells, is_open = split_cells(text, self._dialect.delimiter, self._dialect.quote, strict=True)
            if not is_open:
                return gathered, cells if self._fits(cells) else None
        return gathered, None

    def _checked(self, line: Line, text: str, cells: list[str] | None) -> Row | BadRow:
        """A row if it has the right width and no cell is over its bound; else why not. `cells` None: a quote is open."""
        if cells is None or not self._fits(cells):
            escaped, is_open = split_cells(text, self._dialect.delimiter, self._dialect.quote, "\\")
            if is_open or '\\"' not in text or not self._fits(escaped):
                reason = RejectReason.STRAY_QUOTE if cells is None else RejectReason.WRONG_FIELD_COUNT
                return BadRow(line.number, reason, line.raw)
            cells = escaped
        limit = self._bounds.max_cell_chars
        if (not text or len(text) > limit) and any(len(cell) > limit for cell in cells):
            return BadRow(line.number, RejectReason.CELL_TOO_LONG, line.raw)
        return Row(line.number, cells)

    def _is_row(self, text: str) -> bool:
        """Whether a line inside an open cell is a whole row by itself: then the quote is stray. Prose has few such lines."""
        if self._width is None or self._width < _TELLING_WIDTH:
            return False
        cells, is_open = split_cells(text, self._dialect.delimiter, self._dialect.quote)
        return not is_open and len(cells) == self._width and not cells[0].endswith(self._dialect.quote)

    def _fits(self, cells: Sequence[str]) -> bool:
        return self._width is None or len(cells) == self._width

    def _text(self, line: Line) -> str | RejectReason:
        if not line.whole:
            return RejectReason.ROW_TOO_LONG
        if b"\0" in line.raw:
            return RejectReason.NUL_BYTE
        try:
            return line.raw.decode(self._encoding)
        except UnicodeError:
            return RejectReason.UNDECODABLE

    def _cells_of(self, line: Line) -> list[str] | None:
        """The cells of a line taken by itself; None when that cannot be."""
        text = self._text(line)
        if isinstance(text, RejectReason):
            return None
        cells, is_open = split_cells(text, self._dialect.delimiter, self._dialect.quote)
        return None if is_open else cells


def without_mark(lines: Iterator[Line]) -> Iterator[Line]:
    """The lines without a byte order mark before the first."""
    first = next(lines, None)
    if first is not None:
        yield Line(first.number, first.raw.removeprefix(codecs.BOM_UTF8), first.whole)
        yield from lines

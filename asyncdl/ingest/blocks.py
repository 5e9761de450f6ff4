"""Blocks of a table's bytes sifted: what any reader of delimited text takes as it stands, and the lines that need care.

A block is some megabytes of whole lines. numpy looks at all of them at once: a line is clean when it has the table's number of delimiters, is UTF-8, holds
no control character (so no NUL and no stray carriage return), no quote where quotes mean something, and is of a sane length. Clean lines pass untouched; each other one leaves a
placeholder, so that lines keep their numbers, and is handed out for the careful reader. Pure: bytes in, bytes out.
"""

from __future__ import annotations

import codecs
from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from asyncdl.ingest.tabular import Line

PLACEHOLDER: Final = b"\x01"
"""The first cell of a line that was taken out. No clean line holds this byte."""

BLOCK_BYTES: Final = 4_000_000
MAX_LINE_BYTES: Final = 64_000_000
_NEWLINE: Final = 10
_TAB: Final = 9
_SPACE: Final = 32
_DELETE: Final = b"\x7f"


class Block(NamedTuple):
    """Sifted lines: `clean` holds as many as came in, each ended by a newline; `rest` are those replaced by placeholders.

    `ends` are the places of the newlines in `clean`.
    """

    first_line: int
    ends: npt.NDArray[np.int64]
    clean: bytes
    rest: tuple[Line, ...]


class LineShape(NamedTuple):
    """What a clean line looks like: its cells, the byte between them, the quote that must not occur (empty: none), its greatest length.

    A line over `max_row_bytes` is handed out as cut: nobody is to read it.
    """

    width: int
    delimiter: bytes
    quote: bytes
    max_clean_bytes: int
    max_row_bytes: int


def whole_lines(chunks: Iterable[bytes], max_line_bytes: int = MAX_LINE_BYTES) -> Iterator[bytes]:
    """Chunks joined and cut so that each piece ends with a newline; the last gets one where it has none.

    A line longer than `max_line_bytes` is cut there: its pieces are as wrong as the whole was, and later lines are numbered too high.
    """
    carry: list[bytes] = []
    size = 0
    for chunk in chunks:
        end = chunk.rfind(b"\n") + 1
        if end == 0 or size + len(chunk) < BLOCK_BYTES:
            carry.append(chunk)
            size += len(chunk)
            if size <= max_line_bytes + BLOCK_BYTES:
                continue
            joined = b"".join(carry)
            end = joined.rfind(b"\n") + 1 or len(joined)
            yield joined[:end] if joined[end - 1] == _NEWLINE else joined[:end] + b"\n"
            carry, size = [joined[end:]], len(joined) - end
            continue
        yield b"".join((*carry, chunk[:end]))
        carry, size = [chunk[end:]], len(chunk) - end
    last = b"".join(carry)
    if last:
        yield last if last.endswith(b"\n") else last + b"\n"


def sift(block: bytes, first_line: int, shape: LineShape) -> Block:
    """Sort out the lines of a block that are not clean."""
    view = np.frombuffer(block, np.uint8)
    ends = np.flatnonzero(view == _NEWLINE)
    doubtful = _wrong_width(view, ends, shape)
    doubtful |= np.diff(ends, prepend=-1) > shape.max_clean_bytes
    if shape.quote and shape.quote in block:
        doubtful[np.searchsorted(ends, np.flatnonzero(view == shape.quote[0]))] = True
    below = view < _SPACE
    if np.count_nonzero(below) != len(ends) + np.count_nonzero(view == _TAB):
        marks = np.flatnonzero(below)
        doubtful[np.searchsorted(ends, marks[(view[marks] != _NEWLINE) & (view[marks] != _TAB)])] = True
    if _DELETE in block:
        doubtful[np.searchsorted(ends, np.flatnonzero(view == _DELETE[0]))] = True
    for place in _undecodable(block, ends):
        doubtful[place] = True
    if not doubtful.any():
        return Block(first_line, ends, block, ())
    placeholder = PLACEHOLDER + shape.delimiter * (shape.width - 1)
    places = np.flatnonzero(doubtful)
    starts = np.concatenate(([0], ends[:-1] + 1))[places].tolist()
    rest: list[Line] = []
    pieces: list[bytes] = []
    behind = 0
    for place, start, end in zip(places.tolist(), starts, ends[places].tolist(), strict=True):
        line = block[start:end]
        rest.append(Line(first_line + place, line, len(line) <= shape.max_row_bytes))
        pieces += (block[behind:start], placeholder)
        behind = end
    longer = np.zeros(len(ends), np.int64)
    longer[places] = len(placeholder) - (ends[places] - starts)
    return Block(first_line, ends + np.cumsum(longer), b"".join((*pieces, block[behind:])), tuple(rest))


def _wrong_width(view: npt.NDArray[np.uint8], ends: npt.NDArray[np.int64], shape: LineShape) -> npt.NDArray[np.bool_]:
    """Which lines have more or fewer delimiters than the table. Nearly always none, and that is found out first."""
    wanted = shape.width - 1
    marks = np.flatnonzero(view == shape.delimiter[0])
    if len(marks) == wanted * len(ends):
        if wanted == 0:
            return np.zeros(len(ends), np.bool_)
        by_line = marks.reshape(-1, wanted)
        if (by_line[:, -1] < ends).all() and (by_line[1:, 0] > ends[:-1]).all():
            return np.zeros(len(ends), np.bool_)
    wrong: npt.NDArray[np.bool_] = np.diff(np.searchsorted(marks, ends), prepend=0) != wanted
    return wrong


def _undecodable(block: bytes, ends: npt.NDArray[np.int64]) -> Iterator[int]:
    """The places of lines that are no UTF-8. Few, so the block is decoded again from behind each."""
    start = 0
    while start < len(block):
        try:
            codecs.utf_8_decode(memoryview(block)[start:], "strict", True)
        except UnicodeDecodeError as error:
            place = int(np.searchsorted(ends, start + error.start))
            yield place
            start = int(ends[place]) + 1
        else:
            return

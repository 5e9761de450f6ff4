"""JSON lines as tables: one object per line, its keys are columns.

Keys are known by their local names, without regard to case. An array of texts is several links. An object of the GBIF API has its photos in an
array `media` of objects: each is a row of its own, with the columns of the occurrence too. Lines that are no object are rejected in their place.
A condition (`--where`) is asked of lines: where it asks a photo's column, it holds of a line when it holds of one of its photos.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from itertools import chain, islice
from typing import Any, Final, TypeAlias

from asyncdl.ingest.accounts import Tally
from asyncdl.ingest.archive import peeked
from asyncdl.ingest.blocks import LineShape
from asyncdl.ingest.columns import ID_HEADINGS, LICENCE_HEADINGS, ROLE_HEADINGS, Columns, columns_of_header, later_links
from asyncdl.ingest.dialect import encoding_of, is_byte_oriented, terminator_of
from asyncdl.ingest.options import Bounds
from asyncdl.ingest.rejects import RejectReason
from asyncdl.ingest.table import Table
from asyncdl.ingest.tabular import BadRow, Line, Row, split_lines, transcoded, without_mark
from asyncdl.terms import local_name as local_name_of

local_name = lru_cache(maxsize=10_000)(local_name_of)  # asked of every key of every line, and the same few come with each

MEDIA_KEY: Final = "media"
MAX_HEADINGS: Final = 10_000
"""Keys of the first lines beyond so many are no columns."""
STEP_ROWS: Final = 20_000
_SAMPLE_LINES: Final = 1_000
_SAMPLE_BYTES: Final = 4_000_000
_IDS: Final = (*ID_HEADINGS, "key")  # the GBIF API calls the id of an occurrence `key`
_LINK: Final = "identifier"
_WHOLE_FLOAT: Final = 9e15
_DECODER: Final = json.JSONDecoder(strict=False)  # a tab or a newline in a text is mended like one in any other table
_MAX_SPELLINGS: Final = 100_000

Object: TypeAlias = Mapping[str, Any]


class JsonLines:
    """The reader of one file. `header` are the keys that its beginning shows, and those with a role that may turn up later.

    Raises `SourceError` when no key holds links, or the file cannot be read.
    """

    shape = LineShape(0, b"", b"", 0, 0)  # it makes no chunk files

    def __init__(self, table: Table, bounds: Bounds, tally: Tally) -> None:
        self._bounds = bounds
        self._tally = tally
        head, chunks = peeked(self._counted(table.chunks()))
        encoding = encoding_of(head)
        plain = is_byte_oriented(encoding)
        self._encoding = encoding if plain else "utf-8"
        lines = without_mark(
            split_lines(
                chunks if plain else transcoded(chunks, encoding), terminator_of(head) if plain else b"\n", bounds.max_row_bytes
            )
        )
        sample = list(_beginning(lines))
        self._lines = chain(sample, lines)
        shown = [found for line in sample if not isinstance(found := self._object(line), RejectReason)]
        self._expands = any(_is_media(value) for found in shown for key, value in found.items() if local_name(key) == MEDIA_KEY)
        rows = [row for found in shown for row in self._rows_of(found)]
        self.header = tuple(dict.fromkeys(islice((key for row in rows for key in row), MAX_HEADINGS)))
        self._index()
        url_column = table.spec.url_column or (_LINK if self._expands else None)
        if self._expands and _LINK not in self._places:
            self._extend([_LINK])
        columns = self._columns(rows, table.spec.id_column, url_column)
        self._extend([*ROLE_HEADINGS, *later_links(local_name(self.header[columns.photo[0].index]))])
        self.columns = replace(self._columns(rows, table.spec.id_column, url_column), optional=self._expands)

    def pieces(self) -> Iterator[list[Row | BadRow]]:
        """All rows, in pieces; cells stand in the order of `header`."""
        found: list[Row | BadRow] = []
        for line in self._lines:
            if not line.raw.strip() and line.whole:
                continue
            parsed = self._object(line)
            if isinstance(parsed, RejectReason):
                found.append(BadRow(line.number, parsed, line.raw))
            else:
                found += [self._checked(line, self._cells(row)) for row in self._rows_of(parsed)]
            if len(found) >= STEP_ROWS:
                yield found
                found = []
        if found:
            yield found

    def _object(self, line: Line) -> Object | RejectReason:
        """The object of a line, or why there is none."""
        if not line.whole:
            return RejectReason.ROW_TOO_LONG
        if b"\0" in line.raw:
            return RejectReason.NUL_BYTE
        try:
            found = _DECODER.decode(line.raw.decode(self._encoding))
        except UnicodeError:
            return RejectReason.UNDECODABLE
        except RecursionError:
            return RejectReason.TOO_DEEP
        except ValueError:
            return RejectReason.NO_OBJECT
        return found if isinstance(found, dict) else RejectReason.NO_OBJECT

    def _rows_of(self, found: Object) -> list[Object]:
        """The rows of an object: itself, or one for each of its photos (one without a link where it has none)."""
        if not self._expands:
            return [found]
        record = {key: value for key, value in found.items() if local_name(key) not in _OF_PHOTO}
        licences = {key: value for key, value in found.items() if local_name(key) in LICENCE_HEADINGS and value}
        media = next((value for key, value in found.items() if local_name(key) == MEDIA_KEY), None)
        photos = [photo for photo in media if isinstance(photo, dict)] if isinstance(media, list) else []
        return [{**record, **({} if any(map(photo.get, LICENCE_HEADINGS)) else licences), **photo} for photo in photos or [{}]]

    def _cells(self, row: Object) -> list[str]:
        cells = [""] * len(self.header)
        for key, value in row.items():
            place = self._spellings.get(key)
            if place is None:
                place = self._place_of(key)
            if place >= 0 and not cells[place]:
                cells[place] = value if type(value) is str else _text(value)
        return cells

    def _place_of(self, key: str) -> int:
        """The place of a key as it is spelt, -1 where it has none; kept, since the same few come with every row."""
        if len(self._spellings) >= _MAX_SPELLINGS:
            self._spellings.clear()
        return self._spellings.setdefault(key, self._places.get(local_name(key), -1))

    def _checked(self, line: Line, cells: list[str]) -> Row | BadRow:
        """A row, if its texts can be kept: JSON can write halves of characters, which are none."""
        if b"\\u" in line.raw and not all(map(_is_text, cells)):
            return BadRow(line.number, RejectReason.UNDECODABLE, line.raw)
        limit = self._bounds.max_cell_chars
        if len(line.raw) > limit and any(len(cell) > limit for cell in cells):
            return BadRow(line.number, RejectReason.CELL_TOO_LONG, line.raw)
        return Row(line.number, cells)

    def _columns(self, rows: Sequence[Object], id_column: str | None, url_column: str | None) -> Columns:
        return columns_of_header(self.header, [self._cells(row) for row in rows], id_column, url_column, _IDS)

    def _extend(self, names: Iterable[str]) -> None:
        self.header += tuple(name for name in dict.fromkeys(names) if name not in self._places)
        self._index()

    def _index(self) -> None:
        self._places = {local_name(name): place for place, name in reversed(list(enumerate(self.header)))}
        self._spellings: dict[str, int] = {}

    def _counted(self, chunks: Iterator[bytes]) -> Iterator[bytes]:
        for chunk in chunks:
            self._tally.bytes_read += len(chunk)
            yield chunk


_OF_PHOTO: Final = frozenset({*ROLE_HEADINGS, MEDIA_KEY, _LINK})
"""Keys that say something of an occurrence when they stand there, and of a photo when they stand in `media`."""


def _beginning(lines: Iterator[Line]) -> Iterator[Line]:
    """The first lines, as many as are looked at before any is read."""
    size = 0
    for line in islice(lines, _SAMPLE_LINES):
        yield line
        size += len(line.raw)
        if size > _SAMPLE_BYTES:
            return


def _is_media(value: object) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(one, dict) for one in value)


def _text(value: object) -> str:
    """A value as a cell; what has parts of its own is none."""
    match value:
        case str():
            return value
        case None | dict():
            return ""
        case bool():
            return "true" if value else "false"
        case float() if value.is_integer() and abs(value) < _WHOLE_FLOAT:
            return str(int(value))
        case list():
            return " | ".join(text for one in value if not isinstance(one, list) and (text := _text(one)))
        case _:
            return str(value)


def _is_text(cell: str) -> bool:
    try:
        cell.encode()
    except UnicodeEncodeError:
        return False
    return True

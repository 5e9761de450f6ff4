"""One row of cells becomes an id, the links of its photos, and what it says about them; or the reason why not.

Pure. A media row crosses the sort as one line of text (`pack`, `unpack`), because the sort knows only text.
Values made once per row are tuples here: a frozen data class costs several times as much.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from asyncdl.ingest.columns import Column, Columns
from asyncdl.ingest.dialect import looks_like_link
from asyncdl.ingest.options import Bounds
from asyncdl.ingest.rejects import RejectReason
from asyncdl.urls import split_urls

MAX_INTEGER_ID = (1 << 60) - 1
"""Larger whole numbers are ids as text; the store keeps the row numbers above for those."""

_INTEGER = re.compile(r"0|[1-9][0-9]{0,18}")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
_IMAGE_ENDING = re.compile(r"\.(?:jpe?g|png|tiff?|dng|gif|webp|jp2|nef|cr[23]|bmp)(?:[?#]|$)", re.IGNORECASE)
_OTHER_KINDS = frozenset({"sound", "movingimage", "moving image", "text", "audio", "video", "soundrecording"})
_ONE_URL = re.compile(r"https?://(?:www\.)?[A-Za-z0-9._~%/?=&+@-]*[A-Za-z0-9/]")
_CELL, _PHOTO, _URL = "\x1f", "\x1e", "\x1d"


class MediaRow(NamedTuple):
    """A row that has links. `photos`: one entry per photo, its URLs as the row orders them, best first.

    `table` is the number of the file within the source, `line` the row's line in it.
    """

    table: int
    line: int
    photos: tuple[tuple[str, ...], ...]
    licence: str = ""
    rights_holder: str = ""
    creator: str = ""
    media_format: str = ""
    references: str = ""
    title: str = ""

    @property
    def links(self) -> int:
        """How many links the row has."""
        return sum(len(photo) for photo in self.photos)


class Identified(NamedTuple):
    """A media row with the id of its record."""

    record: int | str
    row: MediaRow


class RowRules:
    """How the rows of one table are understood. Called once per row, so it is kept lean."""

    def __init__(self, table: int, columns: Columns, bounds: Bounds, *, only_images: bool, id_prefix: str = "") -> None:
        self._table = table
        self._columns = columns
        self._bounds = bounds
        self._only_images = only_images
        self._id_prefix = id_prefix

    def interpret(self, line: int, cells: Sequence[str]) -> Identified | RejectReason | None:
        """The row as media, the reason to reject it, or None: a record that has no media and need not have any."""
        columns = self._columns
        photos = self._photos(cells)
        if isinstance(photos, RejectReason):
            return photos
        if not photos:
            return None if columns.optional else self._without_link(cells)
        media_format = self._text(cells, columns.media_format)
        if self._only_images and _is_other_kind(self._text(cells, columns.kind), media_format, photos[0][0]):
            return RejectReason.NOT_AN_IMAGE
        record = self._record(line, cells)
        if isinstance(record, RejectReason):
            return record
        row = MediaRow(
            self._table, line, photos,
            self._text(cells, columns.licence), self._text(cells, columns.rights_holder), self._text(cells, columns.creator),
            media_format, self._text(cells, columns.references), self._text(cells, columns.title),
        )  # fmt: skip
        return Identified(record, row)

    def _without_link(self, cells: Sequence[str]) -> RejectReason:
        """A text, say, needs no link to be none of ours."""
        other = self._only_images and _is_other_kind(self._text(cells, self._columns.kind), "", "")
        return RejectReason.NOT_AN_IMAGE if other else RejectReason.NO_LINK

    def _photos(self, cells: Sequence[str]) -> tuple[tuple[str, ...], ...] | RejectReason:
        columns = self._columns
        if len(columns.photo) == 1:
            urls = self._urls(cell(cells, columns.photo[0]))
            found = [urls] if urls else []
        else:
            found = [urls for column in columns.photo if (urls := self._urls(cell(cells, column)))]
        if not found:
            fallen = [cell(cells, column) for column in columns.fallback]
            found = [self._urls(text) for text in fallen if looks_like_link(text)][:1]
        if any(len(urls) > self._bounds.max_urls_per_cell for urls in found):
            return RejectReason.TOO_MANY_LINKS
        return grouped_photos(found)

    def _urls(self, text: str) -> list[str]:
        if not text or _ONE_URL.fullmatch(text):  # nearly every cell; the general rule costs ten times as much
            return [text] if text else []
        return split_urls(text if text.isprintable() else _CONTROL.sub(" ", text))

    def _record(self, line: int, cells: Sequence[str]) -> int | str | RejectReason:
        if self._columns.id is None:
            return f"{self._id_prefix}{line}" if self._id_prefix else line
        text = cell(cells, self._columns.id)
        if _INTEGER.fullmatch(text) and (number := int(text)) <= MAX_INTEGER_ID:
            return number
        if len(text) > self._bounds.max_id_chars:
            return RejectReason.ID_TOO_LONG
        text = _CONTROL.sub(" ", text).strip()
        return text or RejectReason.MISSING_ID

    def _text(self, cells: Sequence[str], columns: tuple[Column, ...]) -> str:
        for column in columns:
            if text := (cells[column.index].strip() if 0 <= column.index < len(cells) else "") or column.default:
                clean = text if text.isprintable() else _CONTROL.sub(" ", text).strip()
                return clean[: self._bounds.max_metadata_chars]
        return ""


def cell(cells: Sequence[str], column: Column) -> str:
    """The value of a column, without blanks around it."""
    if 0 <= column.index < len(cells):
        return cells[column.index].strip() or column.default
    return column.default


def grouped_photos(columns: Sequence[Sequence[str]]) -> tuple[tuple[str, ...], ...]:
    """Which links are one photo. `columns`: the links of each column, the column of the best sizes first.

    Several links in one cell are several photos. Further columns are sizes of them where they pair off: the
    same number of links, or one photo in all. What does not pair off stands for itself.
    """
    if not columns:
        return ()
    best, *others = columns
    if not others:
        return tuple((url,) for url in best)
    if len(best) == 1:
        return ((best[0], *(url for urls in others for url in urls)),)
    paired = [urls for urls in others if len(urls) == len(best)]
    alone = [url for urls in others if len(urls) != len(best) for url in urls]
    return (*zip(best, *paired, strict=True), *((url,) for url in alone))


def pack(row: MediaRow) -> str:
    """The row as one text without line ends; `unpack` gives it back. Cells hold no control characters by now."""
    photos = _PHOTO.join([_URL.join(photo) for photo in row.photos])
    return _CELL.join((
        str(row.table), str(row.line), photos,
        row.licence, row.rights_holder, row.creator, row.media_format, row.references, row.title,
    ))  # fmt: skip


def unpack(text: str) -> MediaRow:
    """The inverse of `pack`."""
    table, line, photos, *rest = text.split(_CELL)
    return MediaRow(int(table), int(line), tuple(tuple(photo.split(_URL)) for photo in photos.split(_PHOTO)), *rest)


def _is_other_kind(kind: str, media_format: str, url: str) -> bool:
    """Whether the row says it is no picture, and nothing speaks against it (publishers swap type and format)."""
    if not kind and not media_format:
        return False
    said = {_last_word(kind), _last_word(media_format)}
    shapes = (kind.lower(), media_format.lower())
    if any(shape.startswith("image") for shape in shapes) or any(map(_names_image, said)) or _IMAGE_ENDING.search(url):
        return False
    return bool(said & _OTHER_KINDS) or any(shape.startswith(("audio/", "video/")) for shape in shapes)


def _last_word(said: str) -> str:
    """`Sound` of `http://purl.org/dc/dcmitype/Sound`, in small letters."""
    return re.split(r"[/#]", said.lower())[-1].strip()


def _names_image(word: str) -> bool:
    return "image" in word.replace("movingimage", "").replace("moving image", "")

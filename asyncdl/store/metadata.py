"""What rows of a source say about an image: licence, rights holder, creator and format as terms, the rest as text."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import Final

from asyncdl.model import SourceRow
from asyncdl.store.interning import storable, term_ids

_INSERT: Final = """
INSERT INTO source_rows(image, source, line, licence, rights_holder, creator, media_format, reference, title)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING
"""
_SELECT: Final = """
SELECT s.line, l.text, r.text, c.text, f.text, s.reference, s.title
FROM source_rows AS s
LEFT JOIN terms AS l ON l.id = s.licence LEFT JOIN terms AS r ON r.id = s.rights_holder
LEFT JOIN terms AS c ON c.id = s.creator LEFT JOIN terms AS f ON f.id = s.media_format
WHERE s.image = ? ORDER BY s.source, s.line
"""


def says_something(row: SourceRow) -> bool:
    """Whether a row holds anything beside its line number."""
    return bool(row.licence or row.rights_holder or row.creator or row.media_format or row.references or row.title)


def insert_source_rows(connection: sqlite3.Connection, source: int, rows: Sequence[tuple[int, SourceRow]]) -> None:
    """Store what rows say about images; a row that is there already stays as it is."""
    texts = [tuple(storable(text) for text in (row.licence, row.rights_holder, row.creator, row.media_format)) for _, row in rows]
    terms: dict[str, int | None] = dict(term_ids(connection, {text for four in texts for text in four if text}))
    connection.executemany(
        _INSERT,
        [
            (image, source, row.line, *(terms.get(text) for text in four), storable(row.references), storable(row.title))
            for (image, row), four in zip(rows, texts, strict=True)
        ],
    )


def source_rows_of(connection: sqlite3.Connection, image: int) -> tuple[SourceRow, ...]:
    """What the sources say about an image."""
    return tuple(
        SourceRow(line, licence or "", rights_holder or "", creator or "", media_format or "", reference, title)
        for line, licence, rights_holder, creator, media_format, reference, title in connection.execute(_SELECT, (image,))
    )

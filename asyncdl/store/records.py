"""How a record's own id and its row number go together.

An integer id from 0 below 2^60 is the row number. Any other id is kept as text and has a row number from
2^60 up, in the order of arrival.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Sequence
from typing import Final

from asyncdl.store.interning import storable

FIRST_TEXT_ROW: Final = 1 << 60

_BY_EXTERNAL_ID: Final = """
SELECT r.external_id, r.id FROM json_each(?) AS wanted CROSS JOIN records AS r ON r.external_id = wanted.value
"""
_LAST_ROW: Final = "SELECT max(id) FROM records"


def external_id_of(row: int, text: str | None) -> int | str:
    """What the source calls a record, from its row number and its stored text."""
    return row if text is None else text


def text_id(external_id: int | str) -> str | None:
    """The text under which an id is stored, or None when it is a row number itself."""
    if isinstance(external_id, int) and 0 <= external_id < FIRST_TEXT_ROW:
        return None
    return storable(str(external_id))


def known_text_rows(connection: sqlite3.Connection, texts: Iterable[str]) -> dict[str, int]:
    """The rows of those text ids that are known."""
    return dict(connection.execute(_BY_EXTERNAL_ID, (json.dumps(list(texts)),)).fetchall())


def rows_of(connection: sqlite3.Connection, external_ids: Sequence[int | str]) -> list[tuple[int, str | None]]:
    """For each id its row number and its text; new text ids get the next free numbers, in the order given."""
    texts = [text_id(external_id) for external_id in external_ids]
    named = {text for text in texts if text is not None}
    if not named:
        return [(int(external_id), None) for external_id in external_ids]
    known = known_text_rows(connection, named)
    last = connection.execute(_LAST_ROW).fetchone()[0]
    free = max(FIRST_TEXT_ROW, 0 if last is None else last + 1)
    rows: list[tuple[int, str | None]] = []
    for external_id, text in zip(external_ids, texts, strict=True):
        if text is None:
            rows.append((int(external_id), None))
            continue
        if text not in known:
            known[text] = free
            free += 1
        rows.append((known[text], text))
    return rows

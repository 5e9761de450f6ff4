"""Parts of a source written on the spot, as READ and SORT leave them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import duckdb

from asyncdl.sourceabout import About
from asyncdl.sourcerows import COLUMNS, NUMBERED, PHOTO_BORDER, URL_BORDER

PLAIN = "https://plain."
"""Links that begin so are marked as plain where they stand alone in a row."""

Row = str | tuple[tuple[str, ...], ...]
"""The photos of a row, each with its links; or one link."""
Said = Mapping[int, Sequence[Row]]
"""The rows of each record."""


def write_parts(folder: Path, said: Said, kind: str = NUMBERED, formats: Mapping[str, str] | None = None) -> Path:
    """A whole folder of parts. Ids become text where `kind` says so; `formats` gives the format that a row of that link claims."""
    folder.mkdir(parents=True, exist_ok=True)
    rows: list[tuple[int, int, str, bool, str | None]] = []
    for record, photos_of_rows in sorted(said.items()):
        for row in photos_of_rows:
            photos = ((row,),) if isinstance(row, str) else row
            packed = PHOTO_BORDER.join(URL_BORDER.join(photo) for photo in photos)
            rows.append((record, len(rows) + 2, packed, len(photos) == 1 == len(photos[0]), (formats or {}).get(packed)))
    with duckdb.connect(":memory:") as connection:
        columns = ", ".join(f"{name} {column}" for name, column in COLUMNS.items())
        connection.execute(f"CREATE TABLE part(record {'BIGINT' if kind == NUMBERED else 'VARCHAR'}, {columns})")
        for record, line, packed, single, media_format in rows:
            plain = single and packed.startswith(PLAIN)
            values = [record if kind == NUMBERED else str(record), line, packed, plain, media_format]
            connection.execute(
                "INSERT INTO part(record, member, line, photos, plain, media_format) VALUES (?, 0, ?, ?, ?, ?)", values
            )
        target = f"{folder}/{kind}-000.parquet"
        if rows:
            connection.execute(f"COPY (SELECT * FROM part ORDER BY record, member, line) TO '{target}' (FORMAT parquet)")
    links = sum(packed.count(PHOTO_BORDER) + packed.count(URL_BORDER) + 1 for _, _, packed, _, _ in rows)
    About(folder.name, ("",), {"rows_read": len(rows), "rows_taken": len(rows), "links": links}).save(folder)
    return folder

"""The status database of an earlier tool, read and never written: which images it counts as saved, with their links.

The table `images` of that tool has one row per image: `gbif_id, image_no` (its key), `urls` (one per line), `status`, and
mostly `file_path` and `error_type`. Blocks on the disk; may be used from one thread after the other.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path
from types import TracebackType
from typing import Final, NamedTuple, Self

from asyncdl.errors import UsageError

MAX_URLS: Final = 100
_NEEDED: Final = frozenset({"gbif_id", "image_no", "urls", "status"})
_COLUMNS: Final = "SELECT name FROM pragma_table_info('images')"
_COUNT: Final = "SELECT count(*) FROM images WHERE status = 'success'"
_PAGE: Final = """
SELECT gbif_id, image_no, urls, {path}, {flag} FROM images
WHERE (gbif_id, image_no) > (?, ?) AND status = 'success' AND typeof(gbif_id) = 'integer' AND typeof(image_no) = 'integer'
AND gbif_id BETWEEN 0 AND 999999999999999999 AND image_no BETWEEN 0 AND 9999
ORDER BY gbif_id, image_no LIMIT ?
"""


class LegacyRow(NamedTuple):
    """An image that the earlier tool saved. `path` is "" where it did not say; `flag` is its error type of a saved image."""

    record: int
    number: int
    urls: tuple[str, ...]
    path: str
    flag: str


class LegacyDatabase:
    """An open database of the earlier tool; a context manager. Raises `UsageError` when it is none or cannot be read."""

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            if not path.is_file():
                raise self._refusal("it is no file")
            self._connection = sqlite3.connect(
                f"{path.resolve().as_uri()}?mode=ro", uri=True, isolation_level=None, check_same_thread=False, timeout=60
            )
            self._connection.execute("PRAGMA query_only = ON")
            self._connection.execute("PRAGMA trusted_schema = OFF")
            columns = {name for (name,) in self._connection.execute(_COLUMNS)}
        except sqlite3.Error as error:
            raise self._refusal(str(error)) from error
        if missing := _NEEDED - columns:
            self._connection.close()
            raise self._refusal(f"its table images has no {', '.join(sorted(missing))}" if columns else "it has no table images")
        names = {key: column if column in columns else "''" for key, column in (("path", "file_path"), ("flag", "error_type"))}
        self._page = _PAGE.format(**names)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._connection.close()

    def count(self) -> int:
        """How many images it counts as saved."""
        try:
            return int(self._connection.execute(_COUNT).fetchone()[0])
        except sqlite3.Error as error:
            raise self._refusal(str(error)) from error

    def page(self, after: tuple[int, int], limit: int) -> list[LegacyRow]:
        """Saved images by ascending record and number, after that pair ((-1, -1) to begin)."""
        try:
            rows = self._connection.execute(self._page, (*after, limit)).fetchall()
        except sqlite3.Error as error:
            raise self._refusal(str(error)) from error
        return [
            LegacyRow(record, number, tuple(str(urls or "").split("\n")[:MAX_URLS]), str(path or ""), str(flag or ""))
            for record, number, urls, path, flag in rows
        ]

    def _refusal(self, why: str) -> UsageError:
        return UsageError(
            f"{self._path} cannot be read as the status database of the earlier tool: {why}",
            "leave --database out to go by the names of the files",
        )

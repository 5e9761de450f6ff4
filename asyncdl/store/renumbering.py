"""Images get other numbers: those they had in an earlier database of the same collection, where files are named by them.

Only for rows that no file was named by yet. A number is unique in its record, so images step aside before they take their places.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import Final, NamedTuple

_STEP_ASIDE: Final = "UPDATE images SET number = -id WHERE id = ?"
_NUMBER: Final = "UPDATE images SET number = ? WHERE id = ?"
_NEXT: Final = "UPDATE records SET next_number = ? WHERE id = ?"


class Renumbered(NamedTuple):
    """The numbers of images of one record (image, number), and the first number that was never given."""

    row: int
    numbers: tuple[tuple[int, int], ...]
    next_number: int


def renumber(connection: sqlite3.Connection, records: Sequence[Renumbered]) -> None:
    """See `Store.renumber`."""
    numbers = [pair for record in records for pair in record.numbers]
    connection.executemany(_STEP_ASIDE, [(image,) for image, _ in numbers])
    connection.executemany(_NUMBER, [(number, image) for image, number in numbers])
    connection.executemany(_NEXT, [(record.next_number, record.row) for record in records])

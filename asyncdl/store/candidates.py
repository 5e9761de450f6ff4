"""Candidates of an image that is known already: where new ones go among the old.

Positions ascend in the order of trial and are never renumbered, because work in flight names them.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from typing import Final

from asyncdl.model import CandidateKind, NewCandidate
from asyncdl.store.interning import storable

_IMAGE: Final = int(CandidateKind.IMAGE)
_KNOWN: Final = "SELECT position, url, rank, kind, spent FROM candidates WHERE image = ?"
_INSERT: Final = "INSERT INTO candidates(image, position, url, rank, kind) VALUES (?, ?, ?, ?, ?)"


def insert_candidates(connection: sqlite3.Connection, image: int, start: int, candidates: Iterable[NewCandidate]) -> None:
    """Insert candidates at ascending positions from `start`."""
    connection.executemany(
        _INSERT,
        [(image, start + place, storable(found.url), found.rank, int(found.kind)) for place, found in enumerate(candidates)],
    )


def add_candidates(connection: sqlite3.Connection, image: int, candidates: Sequence[NewCandidate]) -> int:
    """Add those whose URL is new, in front what is better than every usable one, the rest behind; returns how many."""
    known = connection.execute(_KNOWN, (image,)).fetchall()
    urls = {url for _, url, _, _, _ in known}
    fresh = [found for found in candidates if storable(found.url) not in urls]
    if not fresh:
        return 0
    best = min((rank for _, _, rank, kind, spent in known if kind == _IMAGE and spent is None), default=None)
    ahead = [found for found in fresh if best is not None and found.rank < best]
    behind = [found for found in fresh if best is None or found.rank >= best]
    insert_candidates(connection, image, min((place for place, *_ in known), default=0) - len(ahead), ahead)
    insert_candidates(connection, image, max((place for place, *_ in known), default=-1) + 1, behind)
    return len(fresh)

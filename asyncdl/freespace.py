"""How much room a file system has: the one look at the disk that plans and runs share."""

from __future__ import annotations

import os
from pathlib import Path

from asyncdl.errors import CollectionError
from asyncdl.forecast.room import Space


def space_at(path: Path) -> Space:
    """The file system that `path` lies on, as this user sees it. Raises `CollectionError` when it cannot be looked at."""
    try:
        found = os.statvfs(path)
    except OSError as error:
        raise CollectionError(f"{path} cannot be looked at: {error.strerror or error}", "is its disk mounted?") from error
    # A file system that makes its inodes as they are needed says that it has none at all.
    counted = found.f_files > 0
    return Space(
        total_bytes=found.f_blocks * found.f_frsize,
        free_bytes=found.f_bavail * found.f_frsize,
        free_files=found.f_favail if counted else None,
        block_bytes=found.f_frsize,
        total_files=found.f_files if counted else None,
    )

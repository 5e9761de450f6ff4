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
    files = found.f_favail if found.f_files else None
    return Space(found.f_blocks * found.f_frsize, found.f_bavail * found.f_frsize, files, found.f_frsize)

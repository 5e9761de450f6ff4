"""One file against its row: is it there, as long as it should be, and, when asked, the same bytes. Runs in threads."""

from __future__ import annotations

import hashlib
import os
import stat
from pathlib import Path, PurePosixPath
from typing import BinaryIO, Final

from asyncdl.imaging import check_structure, sniff_file
from asyncdl.store import StoredFile
from asyncdl.upkeep.findings import Damage, Finding

_CHUNK_BYTES: Final = 1 << 20
_FILES: Final = "files"


def check_file(root: Path, file: StoredFile, *, read: bool) -> Finding | None:
    """What is wrong with a stored file, or None. `read` compares the digest too. Never raises for a state of the disk."""
    if not is_inside(file.path):
        return Finding(Damage.BAD_PATH, file.path, "", file)
    path = root / file.path
    try:
        found = path.lstat()
        if not stat.S_ISREG(found.st_mode):
            return Finding(Damage.NOT_A_FILE, file.path, stat.filemode(found.st_mode), file)
        if found.st_size != file.size_bytes:
            return Finding(Damage.WRONG_SIZE, file.path, f"{found.st_size} bytes instead of {file.size_bytes}", file)
        if read and not file.sha256:
            return _first_reading(path, file)
        if read and (digest := _sha256(path)) != file.sha256:
            return Finding(Damage.WRONG_DIGEST, file.path, f"sha256 {digest.hex()} instead of {file.sha256.hex()}", file)
    except (FileNotFoundError, NotADirectoryError):
        return Finding(Damage.MISSING, file.path, "", file)
    except OSError as error:
        return Finding(Damage.UNREADABLE, file.path, error.strerror or str(error), file)
    return None


def is_inside(path: str) -> bool:
    """Whether a path from the database stays below `files/`: a doctored row must not lead us elsewhere."""
    parts = PurePosixPath(path).parts
    return len(parts) > 1 and parts[0] == _FILES and ".." not in parts and "\0" not in path


def _first_reading(path: Path, file: StoredFile) -> Finding:
    """A file that was adopted unread: is it whole by its structure, and which digest has it."""
    with _opened(path) as body:
        problem = check_structure(body, file.size_bytes, sniff_file(body, file.size_bytes))
    if problem is not None:
        return Finding(Damage.NOT_WHOLE, file.path, problem, file)
    return Finding(Damage.NO_DIGEST, file.path, "", file, _sha256(path))


def _opened(path: Path) -> BinaryIO:
    return os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW), "rb")


def _sha256(path: Path) -> bytes:
    digest = hashlib.sha256()
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
    with os.fdopen(descriptor, "rb", buffering=0) as file:
        while chunk := file.read(_CHUNK_BYTES):
            digest.update(chunk)
    return digest.digest()

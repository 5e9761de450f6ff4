"""Faults of this machine's storage, which cost no image anything: one exception and the mapping to it."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager

_FULL = frozenset((errno.ENOSPC, errno.EDQUOT))


class LocalFault(Exception):
    """The disk would not take or give bytes. `error` is `disk_full` (space, inodes, quota) or `local_io`."""

    def __init__(self, error: str, detail: str) -> None:
        super().__init__(f"{error}: {detail}")
        self.error = error
        self.detail = detail


def fault_of(exc: OSError, doing: str) -> LocalFault:
    """The local fault that an operating system error means; `doing` says what was being done."""
    text = exc.strerror or str(exc) or type(exc).__name__
    return LocalFault("disk_full" if exc.errno in _FULL else "local_io", f"{doing}: {text}")


@contextmanager
def local_faults(doing: str) -> Iterator[None]:
    """Turn every OSError of the block into a `LocalFault`."""
    try:
        yield
    except OSError as exc:
        raise fault_of(exc, doing) from exc

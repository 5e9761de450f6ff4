"""The lock of a collection: one holder at a time, known by name, and a crash noticed by the next one.

The kernel's lock on the file decides on one machine and dies with its process. What is written in the file
says who holds it, and, since it is emptied only on a clean release, who crashed. Network file systems may
keep such locks on each machine apart, so a mark left by another machine is believed unless forced.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import os
import socket
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from asyncdl.clock import iso_utc
from asyncdl.errors import CollectionLocked, EnvironmentStops

_MAX_MARK_BYTES: Final = 4096
_NO_KERNEL_LOCKS: Final = (errno.ENOLCK, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS)


@dataclass(frozen=True, slots=True)
class Holder:
    """Who holds, or held, a collection. `started` is the process's start in ticks since boot ("" when unknown)."""

    host: str
    pid: int
    started: str
    boot_id: str
    since_ms: int

    def __str__(self) -> str:
        return f"process {self.pid} on {self.host} since {iso_utc(self.since_ms)}"


class RunLock:
    """The lock file of one collection. `previous_crashed` is set by `acquire`: who never released it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._fd: int | None = None
        self.previous_crashed: Holder | None = None

    def acquire(self, *, force: bool = False) -> None:
        """Take the lock or raise `CollectionLocked`; never waits. `force` overrides another machine's mark only."""
        if self._fd is not None:
            raise RuntimeError("this lock is held already")
        try:
            fd = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o644)
        except OSError as error:
            raise EnvironmentStops(
                f"{self._path} cannot be opened: {error.strerror}", "look at its owner and at the disk"
            ) from error
        try:
            kernel_locks = self._lock_in_kernel(fd)
            self.previous_crashed = _gone_holder(fd, kernel_locks=kernel_locks, force=force)
            _write_mark(fd, _myself())
        except OSError as error:
            os.close(fd)
            raise EnvironmentStops(f"{self._path} cannot be written: {error.strerror}", "look at the disk") from error
        except BaseException:
            os.close(fd)
            raise
        self._fd = fd

    def release(self) -> None:
        """Let go cleanly: the next holder sees no crash. Harmless when not held."""
        fd, self._fd = self._fd, None
        if fd is None:
            return
        try:
            # A full or vanished disk must not turn a finished run into a failed one: the mark then reads as
            # a crash, and the next start looks at what there is to repair.
            with contextlib.suppress(OSError):
                _write_mark(fd, None)
        finally:
            os.close(fd)

    def holder(self) -> Holder | None:
        """Who holds it, without taking it; None when it is free or was left by a process that is gone."""
        try:
            fd = os.open(self._path, os.O_RDONLY | os.O_NOFOLLOW)
        except OSError:
            return None
        try:
            mark = _read_mark(fd)
            if mark is None:
                return None
            try:
                fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return mark
            except OSError:
                return mark if _may_be_alive(mark, kernel_locks=False, force=False) else None
            return mark if _may_be_alive(mark, kernel_locks=True, force=False) else None
        finally:
            os.close(fd)

    def _lock_in_kernel(self, fd: int) -> bool:
        """Whether the kernel gave us the lock; False where the file system knows none. Raises when another has it."""
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            mark = _read_mark(fd)
            raise CollectionLocked(
                f"another run holds the collection: {mark or 'it does not say who'}", "wait for it, or stop it"
            ) from None
        except OSError as error:
            if error.errno in _NO_KERNEL_LOCKS:
                return False
            raise
        return True


def _gone_holder(fd: int, *, kernel_locks: bool, force: bool) -> Holder | None:
    """Who left a mark and is gone; None when there is none. Raises `CollectionLocked` when they may be at work."""
    mark = _read_mark(fd)
    if mark is not None and _may_be_alive(mark, kernel_locks=kernel_locks, force=force):
        raise CollectionLocked(f"another run holds the collection: {mark}", _advice(mark))
    return mark


def _may_be_alive(mark: Holder, *, kernel_locks: bool, force: bool) -> bool:
    """Whether the process that left this mark may still be at work, given that no kernel lock stood in our way."""
    if mark.boot_id and mark.boot_id == boot_id():
        # The same running kernel (another name of it is a container): its lock has spoken, if it has locks.
        return not kernel_locks and _start_of(mark.pid) == mark.started
    if mark.host == socket.gethostname():
        return False  # this machine, started anew since
    return not force


def _advice(mark: Holder) -> str:
    if mark.host == socket.gethostname():
        return "wait for it, or stop it"
    return f"if you are sure that nothing runs on {mark.host} any more: `asyncdl unlock`"


def _myself() -> Holder:
    pid = os.getpid()
    return Holder(socket.gethostname(), pid, _start_of(pid), boot_id(), time.time_ns() // 1_000_000)


def boot_id() -> str:
    """What tells one boot of this machine from the next: who lived through no reboot has lost nothing that was written. "" where unknown."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip()
    except OSError:
        return ""


def _start_of(pid: int) -> str:
    """When a process started, in ticks since boot (proc(5), field 22), so that a reused pid is not mistaken; "" when gone."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text("utf-8", "replace")
    except OSError:
        return ""
    return stat.rpartition(")")[2].split()[19]


def _read_mark(fd: int) -> Holder | None:
    text = os.pread(fd, _MAX_MARK_BYTES, 0)
    if not text.strip():
        return None
    try:
        found = json.loads(text)
        return Holder(str(found["host"]), int(found["pid"]), str(found["started"]), str(found["boot_id"]), int(found["since_ms"]))
    except (ValueError, KeyError, TypeError):
        # Cut short by a crash while it was written: somebody was here, and is gone if the kernel lock is ours.
        return Holder(socket.gethostname(), 0, "", "", 0)


def _write_mark(fd: int, holder: Holder | None) -> None:
    content = b"" if holder is None else json.dumps(asdict(holder)).encode()
    os.ftruncate(fd, 0)
    os.pwrite(fd, content, 0)
    os.fsync(fd)

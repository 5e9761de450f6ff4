import errno
import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from asyncdl import runlock
from asyncdl.errors import CollectionLocked, EnvironmentStops
from asyncdl.runlock import Holder, RunLock

HOLD = "import sys, time; from pathlib import Path; from asyncdl.runlock import RunLock; RunLock(Path(sys.argv[1])).acquire(); print('held', flush=True); time.sleep(60)"


def mark(path: Path, **changes: Any) -> None:
    """What another holder would have left in the file."""
    holder = {
        "host": socket.gethostname(),
        "pid": 4_000_000,
        "started": "1",
        "boot_id": runlock.boot_id(),
        "since_ms": 1_700_000_000_000,
    }
    path.write_text(json.dumps(holder | changes))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "lock"


def test_a_process_that_is_killed_is_noticed_and_taken_over_from(path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", HOLD, str(path)], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"held\n"
        held_by = RunLock(path).holder()
        assert held_by is not None
        assert held_by.pid == process.pid
        with pytest.raises(CollectionLocked, match=f"process {process.pid} on {socket.gethostname()} since 20"):
            RunLock(path).acquire(force=True)
        process.send_signal(signal.SIGKILL)
        process.wait()
    lock = RunLock(path)
    lock.acquire()
    assert lock.previous_crashed == held_by
    lock.release()
    lock.release()
    again = RunLock(path)
    again.acquire()
    assert again.previous_crashed is None
    again.release()


def test_the_same_lock_is_not_taken_twice(path: Path) -> None:
    lock = RunLock(path)
    lock.acquire()
    with pytest.raises(RuntimeError):
        lock.acquire()
    lock.release()


def test_another_machines_mark_needs_force(path: Path) -> None:
    mark(path, host="node17", boot_id="other")
    with pytest.raises(CollectionLocked, match="on node17 since 2023-11-14T22:13:20Z") as caught:
        RunLock(path).acquire()
    assert caught.value.exit_status == 4
    assert "unlock" in caught.value.todo
    assert RunLock(path).holder() is not None
    lock = RunLock(path)
    lock.acquire(force=True)
    assert lock.previous_crashed is not None
    assert lock.previous_crashed.host == "node17"
    lock.release()


@pytest.mark.parametrize("changes", [{"boot_id": "before the restart"}, {"host": "a container on this machine"}, {}])
def test_a_mark_of_this_machine_without_a_kernel_lock_is_a_crash(path: Path, changes: dict[str, Any]) -> None:
    mark(path, **changes)
    lock = RunLock(path)
    assert lock.holder() is None
    lock.acquire()
    assert lock.previous_crashed is not None
    lock.release()


@pytest.mark.parametrize(
    "text", ["{", "[]", '{"host": "a"}', "\x00\x01", '{"host":"a","pid":"x","started":"","boot_id":"","since_ms":0}']
)
def test_a_mark_that_was_cut_is_a_crash(path: Path, text: str) -> None:
    path.write_text(text)
    lock = RunLock(path)
    lock.acquire()
    assert lock.previous_crashed is not None
    lock.release()
    assert path.read_text() == ""


def test_without_kernel_locks_the_process_itself_is_looked_for(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_locks(_fd: int, _how: int) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr("fcntl.flock", no_locks)
    mark(path, pid=os.getpid(), started=runlock._start_of(os.getpid()))
    assert RunLock(path).holder() is not None
    with pytest.raises(CollectionLocked):
        RunLock(path).acquire()
    mark(path, pid=os.getpid(), started="another process had this number")
    assert RunLock(path).holder() is None
    lock = RunLock(path)
    lock.acquire()
    assert lock.previous_crashed is not None
    lock.release()


def test_a_link_in_place_of_the_lock_is_not_followed(path: Path, tmp_path: Path) -> None:
    target = tmp_path / "precious"
    target.write_text("mine")
    path.symlink_to(target)
    with pytest.raises(EnvironmentStops):
        RunLock(path).acquire()
    assert RunLock(path).holder() is None
    assert target.read_text() == "mine"


def test_a_holder_reads_as_a_sentence() -> None:
    assert str(Holder("node1", 42, "7", "b", 0)) == "process 42 on node1 since 1970-01-01T00:00:00Z"

"""The worker process by its pipes, as the pool sees it."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from asyncdl.imaging import DecodeLimits
from tests.imaging.pictures import encode

ROOT = Path(__file__).parents[2]
LIMITS = DecodeLimits(wall_seconds=60)


def command(limits: DecodeLimits) -> list[str]:
    return [sys.executable, "-m", "asyncdl.imaging.worker", json.dumps(asdict(limits))]


class Worker:
    def __init__(self, limits: DecodeLimits = LIMITS) -> None:
        self.process = subprocess.Popen(
            command(limits), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, cwd=ROOT
        )
        assert self.receive() == {"ready": True}

    def ask(self, number: int, path: Path, extension: str = "jpg") -> None:
        assert self.process.stdin
        self.process.stdin.write(json.dumps({"id": number, "path": str(path), "extension": extension}).encode() + b"\n")
        self.process.stdin.flush()

    def receive(self) -> dict[str, Any]:
        assert self.process.stdout
        reply = json.loads(self.process.stdout.readline())
        assert isinstance(reply, dict)
        return reply

    def close(self) -> int:
        self.process.communicate(timeout=30)
        return self.process.returncode


@pytest.fixture
def worker() -> Iterator[Worker]:
    worker = Worker()
    yield worker
    worker.process.kill()
    worker.close()


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    path = tmp_path / "photo"
    path.write_bytes(encode("JPEG"))
    return path


def test_requests_are_answered_in_order_until_input_ends(worker: Worker, photo: Path, tmp_path: Path) -> None:
    for number, path in enumerate([photo, tmp_path / "missing", photo]):
        worker.ask(number, path)
    replies = [worker.receive() for _ in range(3)]
    assert [reply["id"] for reply in replies] == [0, 1, 2]
    assert replies[0]["decoded"] == {"extension": "jpg", "media_type": "image/jpeg", "width": 640, "height": 480, "flag": None}
    assert replies[1]["failure"]["error"] == "local_io"
    assert worker.close() == 0


def test_a_path_of_any_bytes_is_understood(worker: Worker, tmp_path: Path) -> None:
    path = tmp_path / os.fsdecode(b"photo \xff \n \xc3\xa9")
    path.write_bytes(encode("JPEG"))
    worker.ask(1, path)
    assert "decoded" in worker.receive()


def test_signals_that_reach_a_whole_job_are_left_to_the_parent(worker: Worker, photo: Path) -> None:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        worker.process.send_signal(number)
    worker.ask(1, photo)
    assert "decoded" in worker.receive()


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_the_limits_stand(worker: Worker) -> None:
    text = Path(f"/proc/{worker.process.pid}/limits").read_text()
    stated = {line[:26].strip(): line[26:].split()[:2] for line in text.splitlines()[1:]}
    assert stated["Max address space"] == [str(LIMITS.memory_bytes)] * 2
    assert stated["Max open files"] == [str(LIMITS.open_files)] * 2
    assert stated["Max file size"] == stated["Max core file size"] == ["0", "0"]


def test_a_file_that_takes_too_long_ends_the_process(tmp_path: Path) -> None:
    never = tmp_path / "never"
    os.mkfifo(never)
    worker = Worker(DecodeLimits(wall_seconds=0.1))
    worker.ask(1, never)
    assert worker.close() == -signal.SIGALRM


def test_the_timer_stops_with_the_file(photo: Path, tmp_path: Path) -> None:
    """A process that waits for work must not be ended by the limit of the file before."""
    never = tmp_path / "never"
    os.mkfifo(never)
    worker = Worker(DecodeLimits(wall_seconds=0.3))
    worker.ask(1, photo)
    assert "decoded" in worker.receive()
    assert worker.process.stdout
    ended = select.select([worker.process.stdout], [], [], 0.6)[0]
    assert not ended, "the pipe is neither readable nor closed"
    worker.ask(2, never)
    assert worker.close() == -signal.SIGALRM


def test_what_a_codec_prints_does_not_reach_the_replies() -> None:
    code = (
        "import os; from asyncdl.imaging.worker import _protected_stdout, _send\n"
        "replies = _protected_stdout(); os.write(1, b'stray'); print('stray', flush=True); _send(replies, {'id': 1})"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, timeout=30, check=True)
    assert done.stdout == b'{"id": 1}\n'
    assert done.stderr.count(b"stray") == 2


@pytest.mark.skipif(sys.platform != "linux", reason="the death signal is Linux's")
def test_it_dies_with_its_parent_even_when_input_stays_open(tmp_path: Path) -> None:
    never = tmp_path / "never"
    os.mkfifo(never)
    code = (
        "import signal, subprocess, sys\n"
        "child = subprocess.Popen(sys.argv[1:], stdout=subprocess.PIPE)\n"
        "child.stdout.readline(); print(child.pid, flush=True); signal.pause()"
    )
    # The worker inherits the parent's input, which this test keeps open.
    parent = subprocess.Popen(
        [sys.executable, "-c", code, *command(LIMITS)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT
    )
    assert parent.stdin
    assert parent.stdout
    handle = os.pidfd_open(int(parent.stdout.readline()))
    try:
        parent.stdin.write(json.dumps({"id": 1, "path": str(never), "extension": "jpg"}).encode() + b"\n")
        parent.stdin.flush()
        with never.open("wb"):  # opens as soon as the worker has: now it is busy
            parent.kill()
            assert select.select([handle], [], [], 20)[0], "the worker outlived its parent"
    finally:
        os.close(handle)
        parent.communicate()

"""One worker process seen from the parent: start it, send it files, read its replies, end it.

Every way it can fail is one exception, `WorkerDied`; what that means for a file is the pool's decision.
"""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any, Self

import asyncdl
from asyncdl.errors import EnvironmentStops
from asyncdl.imaging.verdict import Decoded, DecodeFailure, DecodeLimits

_START_SECONDS = 60.0
_GRACE_SECONDS = 10.0  # the process ends itself at its limit; this is for one that cannot


class WorkerDied(Exception):
    """The process is gone. `from_outside`: somebody killed it (the kernel for want of memory, an operator)."""

    def __init__(self, detail: str, *, from_outside: bool = False) -> None:
        super().__init__(detail)
        self.detail = detail
        self.from_outside = from_outside


class WorkerProcess:
    """A running worker. Replies come in the order of the requests."""

    def __init__(self, process: asyncio.subprocess.Process, limits: DecodeLimits) -> None:
        assert process.stdin
        assert process.stdout
        self._process = process
        self._stdin, self._stdout = process.stdin, process.stdout
        self._limits = limits

    @property
    def pid(self) -> int:
        """The id of the process."""
        return self._process.pid

    @classmethod
    async def launch(cls, limits: DecodeLimits) -> Self:
        """Start a process. Raises OSError."""
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "asyncdl.imaging.worker", json.dumps(asdict(limits))),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            cwd=Path(asyncdl.__file__).parent.parent,  # finds this very package, and nothing of the user's folder
            start_new_session=True,  # a Ctrl-C at the terminal is the parent's to interpret
        )
        return cls(process, limits)

    async def ready(self) -> None:
        """Wait until the process can take files. Raises `WorkerDied`, or `EnvironmentStops` when it never will."""
        greeting = await self._receive(_START_SECONDS)
        if "fatal" in greeting:
            raise EnvironmentStops(f"the image decoders do not load: {greeting['fatal']}", "install the package again")

    def send(self, requests: Iterable[tuple[int, Path, str]]) -> None:
        """Ask for files: number, path, extension. Small enough to be buffered, so it does not wait."""
        lines = (
            json.dumps({"id": number, "path": str(path.absolute()), "extension": extension}) for number, path, extension in requests
        )
        self._stdin.write("".join(line + "\n" for line in lines).encode())

    async def reply(self, number: int) -> Decoded | DecodeFailure:
        """Wait for the reply to request `number`, the oldest one open. Raises `WorkerDied`."""
        reply = await self._receive(self._limits.wall_seconds + _GRACE_SECONDS)
        if reply.get("id") != number:
            raise WorkerDied(f"the decoder answered {reply.get('id')} instead of {number}")
        try:
            return DecodeFailure(**reply["failure"]) if "failure" in reply else Decoded(**reply["decoded"])
        except (KeyError, TypeError) as error:
            raise WorkerDied(f"the decoder's reply is nonsense: {error}") from error

    async def stop(self) -> None:
        """End the process. It holds nothing worth saving, so it is killed. May be called again after a cancellation."""
        if self._process.returncode is None:
            self._process.kill()
        self._stdin.close()
        await self._process.wait()

    async def _receive(self, timeout_seconds: float) -> dict[str, Any]:
        try:
            async with asyncio.timeout(timeout_seconds):
                line = await self._stdout.readline()
            if line.endswith(b"\n"):
                return dict(json.loads(line))
        except TimeoutError as error:
            raise WorkerDied(f"the decoder did not answer for {timeout_seconds:g} s") from error
        except (ValueError, TypeError, OSError) as error:
            raise WorkerDied(f"the decoder's reply is unreadable: {error}") from error
        raise self._death(await self._process.wait())

    def _death(self, status: int) -> WorkerDied:
        if status == -signal.SIGALRM:
            return WorkerDied(f"the decoder took longer than {self._limits.wall_seconds:g} s")
        if status == -signal.SIGPROF:
            return WorkerDied(f"the decoder used more than {self._limits.cpu_seconds:g} s of CPU")
        if status < 0:
            return WorkerDied(f"the decoder was ended by {_signal_name(-status)}", from_outside=-status == signal.SIGKILL)
        return WorkerDied(f"the decoder exited with status {status}")


def _signal_name(number: int) -> str:
    return signal.Signals(number).name if number in {member.value for member in signal.Signals} else f"signal {number}"

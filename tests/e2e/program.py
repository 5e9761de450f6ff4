"""The real program in a process of its own: started, watched, signalled, waited for, each within a bound.

Nothing here waits by sleeping and hoping: `eventually` polls a condition, and fails when it does not come true.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

REPOSITORY = Path(__file__).parents[2]
END_SECONDS = 90.0
"""How long any command of these tests may take; far above what it takes, for machines that do much else."""

POLL_SECONDS = 0.02
NOWHERE = Path("/")
"""The current directory of the program: there is no `.env` in it."""

_OBEYING = """
import ctypes, os, sys
PR_CAPBSET_DROP, CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH = 24, 1, 2  # capabilities(7)
if os.geteuid() == 0:
    for power in (CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH):
        if ctypes.CDLL(None, use_errno=True).prctl(PR_CAPBSET_DROP, power, 0, 0, 0):
            sys.exit("cannot give up the powers of root")
os.execv(sys.executable, [sys.executable, "-m", "asyncdl", *sys.argv[1:]])
"""
"""Starts the program without the powers by which root passes over permissions."""

RUN = ("--allow-private", "127.0.0.0/8", "--host-rate", "50", "--host-connections", "4", "--retry-delays", "0.2s,0.4s")
"""Settings of a run against our own servers: fast, with second attempts that come soon."""


@dataclass(frozen=True, slots=True)
class Ended:
    """How a command line ended and what it wrote. `status` is negative when a signal ended it."""

    status: int
    out: str
    err: str

    @property
    def last_line(self) -> str:
        """The last line of standard output."""
        return self.out.strip().splitlines()[-1] if self.out.strip() else ""

    @property
    def json(self) -> Any:
        """Standard output as JSON."""
        return json.loads(self.out)


class Program:
    """A command that runs. Made by `started`."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self._texts = {name: bytearray() for name in ("out", "err")}
        assert process.stdout is not None
        assert process.stderr is not None
        self._readers = [
            asyncio.create_task(_collect(process.stdout, self._texts["out"])),
            asyncio.create_task(_collect(process.stderr, self._texts["err"])),
        ]

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def running(self) -> bool:
        return self._process.returncode is None

    @property
    def out(self) -> str:
        """What it has written to standard output so far."""
        return self._texts["out"].decode()

    @property
    def err(self) -> str:
        """What it has written to standard error so far."""
        return self._texts["err"].decode()

    def signal(self, number: signal.Signals) -> None:
        self._process.send_signal(number)

    async def says(self, words: str, within: float = END_SECONDS) -> None:
        """Wait until it has written these words on either stream."""
        await self.until(lambda: words in self.out or words in self.err, f"said {words!r}", within)

    async def until(self, condition: Callable[[], object], what: str, within: float = END_SECONDS) -> None:
        """Wait until a condition holds; fail at once when the program ends before."""
        await self.until_or_end(condition, what, within)
        assert condition(), f"the program ended before this came true: {what}\n{self.out}\n{self.err}"

    async def until_or_end(self, condition: Callable[[], object], what: str, within: float = END_SECONDS) -> None:
        """Wait until a condition holds or the program has ended, whichever comes first."""
        await eventually(lambda: bool(condition()) or not self.running, what, within)

    async def end(self, within: float = END_SECONDS) -> Ended:
        """Wait for its end, and that of every process that shares its output: decode workers do not outlive it."""
        try:
            async with asyncio.timeout(within):
                await self._process.wait()
                await asyncio.gather(*self._readers)
        except TimeoutError:
            raise AssertionError(f"it did not end within {within:g} s\n{self.out}\n{self.err}") from None
        assert "Traceback" not in self.err, self.err
        assert "internal error" not in self.err, self.err
        if self._process.returncode != -signal.SIGKILL:  # the tracker of a pool says so of every killed owner
            assert "leaked" not in self.err, self.err  # what bindings of libraries say at an untidy exit
        return Ended(self._process.returncode or 0, self.out, self.err)

    async def kill(self) -> bool:
        """SIGKILL, and wait until nothing of it is left. False when it had ended by itself."""
        with suppress(ProcessLookupError):
            self._process.kill()
        return (await self.end()).status == -signal.SIGKILL

    async def close(self) -> None:
        """Leave nothing behind, whatever a test has come to."""
        if self.running:
            with suppress(ProcessLookupError):
                self._process.kill()
        await self._process.wait()
        await asyncio.wait(self._readers, timeout=5)


@asynccontextmanager
async def started(
    *words: object,
    typed: str | bytes | None = None,
    environment: Mapping[str, str] | None = None,
    obeying: bool = False,
    cwd: Path = NOWHERE,
) -> AsyncIterator[Program]:
    """Start `asyncdl words...`; leaving the block ends it. `typed` is its standard input.

    With `obeying` permissions of files hold for it even when it is root (Linux).
    """
    process = await asyncio.create_subprocess_exec(
        sys.executable, *(("-c", _OBEYING) if obeying else ("-m", "asyncdl")), *(str(word) for word in words),
        stdin=asyncio.subprocess.PIPE if typed is not None else asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        env=_environment(environment or {}), cwd=cwd,
    )  # fmt: skip
    program = Program(process)
    try:
        if process.stdin is not None:
            with suppress(ConnectionError):  # it may refuse before it has read all
                process.stdin.write(typed.encode() if isinstance(typed, str) else typed or b"")
                await process.stdin.drain()
            process.stdin.close()
        yield program
    finally:
        await program.close()


async def type_in(
    *words: object,
    typed: str | bytes | None = None,
    environment: Mapping[str, str] | None = None,
    obeying: bool = False,
    cwd: Path = NOWHERE,
    within: float = END_SECONDS,
) -> Ended:
    """Run one command line to its end."""
    async with started(*words, typed=typed, environment=environment, obeying=obeying, cwd=cwd) as program:
        return await program.end(within)


async def status_of(collection: Path) -> dict[str, Any]:
    """What `asyncdl status --json` says."""
    ended = await type_in("status", collection, "--json")
    assert ended.status == 0, ended.err
    found: dict[str, Any] = ended.json
    return found


async def eventually(condition: Callable[[], object], what: str, within: float = END_SECONDS) -> None:
    """Poll until a condition holds; fail when it does not within the bound."""
    give_up_at = time.monotonic() + within
    while not condition():
        assert time.monotonic() < give_up_at, f"not within {within:g} s: {what}"
        await asyncio.sleep(POLL_SECONDS)


def _environment(added: Mapping[str, str]) -> dict[str, str]:
    """Ours, without what would set the program's settings or its looks. A PYTHONPATH that is added goes before ours."""
    kept = {name: value for name, value in os.environ.items() if not name.upper().startswith("ASYNCDL_")}
    if kept.pop("PYTHONDONTWRITEBYTECODE", None) and "PYTHONPYCACHEPREFIX" not in kept:
        kept["PYTHONPYCACHEPREFIX"] = _bytecode().name  # compiling everything takes a third of a second each time
    path = os.pathsep.join(part for part in (added.get("PYTHONPATH"), str(REPOSITORY)) if part)
    return kept | {"COLUMNS": "200", "NO_COLOR": "1"} | dict(added) | {"PYTHONPATH": path}


@cache
def _bytecode() -> TemporaryDirectory[str]:
    """Where compiled modules go when none may be left in the checkout; removed at the end of the tests."""
    return TemporaryDirectory(prefix="asyncdl-tests-", ignore_cleanup_errors=True)


async def _collect(stream: asyncio.StreamReader, text: bytearray) -> None:
    while chunk := await stream.read(65_536):
        text += chunk

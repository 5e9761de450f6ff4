"""A scripted origin server: for each path a list of bytes and pauses, sent as they stand over a raw socket.

Nothing here knows HTTP beyond the head of a request, so that answers can be as wrong as a test needs. Every
request is logged with its time and its connection. A path may have several scripts: each request takes the
next one, the last stays.
"""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from enum import Enum, auto
from types import TracebackType
from typing import Self

MAX_REQUEST_HEAD_BYTES = 65_536


class Act(Enum):
    """What a script can do besides sending bytes (`bytes`), pausing (`float`, seconds) and waiting for an event."""

    CLOSE = auto()  # end the connection in good order
    RESET = auto()  # end it with a TCP reset
    HOLD = auto()  # send no more until the client goes away


@dataclass(frozen=True, slots=True)
class Repeat:
    """Send `data` again and again, `pause_seconds` apart; for ever when `times` is None."""

    data: bytes
    times: int | None = None
    pause_seconds: float = 0.0


Step = bytes | float | Act | Repeat | asyncio.Event


@dataclass(frozen=True, slots=True)
class LoggedRequest:
    """A request as it came in. `at` is monotonic seconds; `connection` counts accepted connections from 1."""

    at: float
    connection: int
    method: str
    target: str
    headers: Mapping[str, str]

    @property
    def path(self) -> str:
        return self.target.partition("?")[0]


def answer(status: int = 200, body: bytes = b"", headers: Mapping[str, str] | None = None, *, length: int | None = None) -> bytes:
    """A well-formed answer; `length` announces another Content-Length than the body has."""
    lines = [f"HTTP/1.1 {status} Scripted", f"Content-Length: {len(body) if length is None else length}"]
    lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
    return "\r\n".join([*lines, "", ""]).encode() + body


def head(status: int = 200, headers: Mapping[str, str] | None = None) -> bytes:
    """The head of an answer and nothing else; no Content-Length unless `headers` has one."""
    lines = [f"HTTP/1.1 {status} Scripted", *(f"{name}: {value}" for name, value in (headers or {}).items())]
    return "\r\n".join([*lines, "", ""]).encode()


@dataclass
class ScriptedServer:
    """The server; use as an async context manager. `host` may be any address of 127.0.0.0/8, or `::1`.

    `greeting` is played on every new connection before a request is read.
    """

    host: str = "127.0.0.1"
    tls: ssl.SSLContext | None = None
    port: int = 0
    greeting: tuple[Step, ...] = ()
    requests: list[LoggedRequest] = field(default_factory=list)
    request_came: asyncio.Event = field(default_factory=asyncio.Event)
    connections: int = 0
    open_connections: int = 0
    _scripts: dict[str, list[tuple[Step, ...]]] = field(default_factory=dict)
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    def script(self, path: str, *steps: Step) -> str:
        """Add a script for a path (without query) and return its URL."""
        self._scripts.setdefault(path, []).append(steps)
        return self.url(path)

    def url(self, path: str) -> str:
        """The URL of a path on this server."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'https' if self.tls else 'http'}://{host}:{self.port}{path}"

    def requests_of(self, path: str) -> list[LoggedRequest]:
        """What was asked of one path."""
        return [request for request in self.requests if request.path == path]

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(
            self._accept, self.host, self.port, ssl=self.tls, limit=MAX_REQUEST_HEAD_BYTES, reuse_address=True
        )
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None) -> None:
        self._server.close()
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._server.wait_closed()

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        task = asyncio.get_running_loop().create_task(self._converse(reader, writer, self.connections))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, connection: int) -> None:
        self.open_connections += 1
        try:
            with suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
                going = await _play_all(self.greeting, reader, writer)
                while going:
                    going = await self._answer_one(reader, writer, connection)
        finally:
            self.open_connections -= 1
            writer.close()
            with suppress(ConnectionError, ssl.SSLError, TimeoutError):
                await writer.wait_closed()

    async def _answer_one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, connection: int) -> bool:
        """Read one request and play its script; False when the connection is over."""
        lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        method, target, _ = lines[0].split(" ", 2)
        headers = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:] if line)}
        request = LoggedRequest(time.monotonic(), connection, method, target, headers)
        self.requests.append(request)
        self.request_came.set()
        scripts = self._scripts.get(request.path)
        if not scripts:
            steps: tuple[Step, ...] = (answer(404, b"no script for this path"),)
        else:
            steps = scripts.pop(0) if len(scripts) > 1 else scripts[0]
        return await _play_all(steps, reader, writer)


async def _play_all(steps: tuple[Step, ...], reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
    """Play a script; False when it ends the connection."""
    for step in steps:
        if not await _play(step, reader, writer):
            return False
    return True


async def _play(step: Step, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
    """Do one step; False when it ends the connection."""
    if isinstance(step, bytes):
        writer.write(step)
        await writer.drain()
    elif isinstance(step, Repeat):
        count = 0
        while step.times is None or count < step.times:
            writer.write(step.data)
            await writer.drain()
            await asyncio.sleep(step.pause_seconds)
            count += 1
    elif isinstance(step, asyncio.Event):
        await step.wait()
    elif isinstance(step, Act):
        if step is Act.RESET:
            writer.transport.abort()
        elif step is Act.HOLD:
            await reader.read()
        return False
    else:
        await asyncio.sleep(step)
    return True

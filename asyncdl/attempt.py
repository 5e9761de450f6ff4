"""What the depths of the client library tell of the request under way: its phase, its deadline, and the addresses it has met.

Set around each request by `web`, which alone makes requests; the tasks that race for a connection inherit it.
"""

from __future__ import annotations

import asyncio
from contextvars import ContextVar
from dataclasses import dataclass, field

import aiohttp

from asyncdl.request_failures import failure_of


@dataclass(slots=True)
class Attempt:
    """One request, from its first socket to the head of its answer."""

    deadline: asyncio.Timeout
    phase: str = "connect"
    began: float = 0.0
    reused: bool = False
    families: set[int] = field(default_factory=set)
    refused: list[str] = field(default_factory=list)

    def enter(self, phase: str, seconds: float, *, reused: bool = False) -> None:
        """A new phase begins and must end within `seconds`; `reused` when the connection is a kept one."""
        self.phase = phase
        self.reused = reused
        self.began = asyncio.get_running_loop().time()
        self.deadline.reschedule(self.began + seconds)


ATTEMPT: ContextVar[Attempt] = ContextVar("asyncdl_request")


def phases(connect_seconds: float, first_byte_seconds: float) -> aiohttp.TraceConfig:
    """Tell the attempt under way which phase has begun, and give the phase its deadline."""

    async def connecting(*_: object) -> None:
        ATTEMPT.get().enter("connect", connect_seconds)

    async def connected(*_: object) -> None:
        ATTEMPT.get().enter("first byte", first_byte_seconds)

    async def reused(*_: object) -> None:
        ATTEMPT.get().enter("first byte", first_byte_seconds, reused=True)

    trace = aiohttp.TraceConfig()
    trace.on_connection_create_start.append(connecting)
    trace.on_connection_create_end.append(connected)
    trace.on_connection_reuseconn.append(reused)
    return trace


async def one_request(request: aiohttp.ClientRequest, send: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
    """Keep the client library from asking twice: it does when a connection breaks before the answer.

    Every request has to be one that the scheduler allowed. On a kept connection the break most likely means
    that the server had closed it already and never saw the request; then asking once more is right.
    """
    try:
        return await send(request)
    except aiohttp.ClientConnectorError:
        raise  # never repeated by the library
    except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError) as exc:
        if ATTEMPT.get().reused:
            raise
        raise failure_of(exc) from exc

"""The only sockets: one session, and `get` and `request`, which make one request with a deadline for each of its phases.

A request here is one hop: redirects are answers like any other, cookies, `Referer` and proxies of the environment
do not exist, a password goes to the origin it was given for (`login`), bodies arrive as the server sent them. Every
failure is a `RequestFailure`. Nothing here knows rows, tickets or images, and nothing is tried again behind the
caller's back, but for one case: a kept connection that the server closed while we wrote to it, when the method is
idempotent (RFC 9112, 9.3.1).
"""

from __future__ import annotations

import asyncio
import errno
import socket
from collections.abc import AsyncIterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import partial
from types import TracebackType
from typing import Self

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from aiolimiter import AsyncLimiter
from yarl import URL

from asyncdl.addresses import NOT_NUMERIC, AddressGate, Network, Refusal, Target, target_of
from asyncdl.login import Login
from asyncdl.request_failures import FOREIGN, RequestFailure, failure_of
from asyncdl.response import Patience, Response

__all__ = ["RequestFailure", "Response", "Web", "WebSettings", "bandwidth_limiter"]

READ_BUFFER_BYTES = 262_144
"""What a connection may hold unread; with less, every body of 100 kB stops and starts its transport again and again."""

MAX_HEADERS = 128
MAX_HEADER_LINE_BYTES = 8_190
MAX_ADDRESSES_PER_HOST = 16
_MAX_CACHED_HOSTS = 10_000
_DNS_TTL_SECONDS = 600
_RESOLVER_THREADS = 16
_KEEPALIVE_SECONDS = 15.0


@dataclass(frozen=True, slots=True)
class WebSettings:
    """How requests are made. `bandwidth_bits_per_second` is the ceiling of the whole process, 0 for none."""

    user_agent: str
    connect_timeout_seconds: float = 15.0
    first_byte_timeout_seconds: float = 60.0
    stall_timeout_seconds: float = 30.0
    total_timeout_seconds: float = 600.0
    min_speed_bytes_per_second: float = 1_000.0
    min_speed_grace_seconds: float = 30.0
    bandwidth_bits_per_second: float = 0.0
    allow_private: tuple[Network, ...] = ()
    insecure_hosts: frozenset[str] = frozenset()
    proxy: str | None = None


def bandwidth_limiter(bits_per_second: float) -> AsyncLimiter | None:
    """A ceiling for body bytes that may be shared by several requests; None when there is none (0).

    At most one second's worth may pass at once.
    """
    return AsyncLimiter(max(bits_per_second / 8, 1.0), 1.0) if bits_per_second > 0 else None


@dataclass(slots=True)
class _Attempt:
    """What the depths of the client library tell us about the request under way."""

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


# Set around each request; the tasks that race for a connection inherit it.
_ATTEMPT: ContextVar[_Attempt] = ContextVar("asyncdl_request")


class Web:
    """The session. Use as an async context manager; `resolver` replaces the system's name resolution."""

    def __init__(self, settings: WebSettings, resolver: AbstractResolver | None = None) -> None:
        self._settings = settings
        self._gate = AddressGate(settings.allow_private)
        self._given_resolver = resolver
        self._insecure = frozenset(host.lower() for host in settings.insecure_hosts)
        self._bandwidth = bandwidth_limiter(settings.bandwidth_bits_per_second)

    async def __aenter__(self) -> Self:
        settings = self._settings
        self._resolver = self._given_resolver or _ThreadResolver()
        self._connector = aiohttp.TCPConnector(
            resolver=self._resolver,
            socket_factory=self._gated_socket,
            limit=0,  # connections are the scheduler's to count
            ttl_dns_cache=_DNS_TTL_SECONDS,
            dns_cache_max_size=_MAX_CACHED_HOSTS,
            keepalive_timeout=_KEEPALIVE_SECONDS,
        )
        self._session = aiohttp.ClientSession(
            connector=self._connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            headers={"User-Agent": settings.user_agent, "Accept": "*/*", "Accept-Encoding": "identity"},
            timeout=aiohttp.ClientTimeout(total=None, connect=None, sock_connect=None, sock_read=None),
            auto_decompress=False,
            trust_env=False,
            proxy=settings.proxy,
            read_bufsize=READ_BUFFER_BYTES,
            max_line_size=MAX_HEADER_LINE_BYTES,
            max_field_size=MAX_HEADER_LINE_BYTES,
            max_headers=MAX_HEADERS,
            trace_configs=[self._phases()],
            middlewares=(_one_request,),
        )
        return self

    async def __aexit__(self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None) -> None:
        await self._session.close()
        await self._resolver.close()

    def forget_names(self) -> None:
        """Look every name up again: what was heard of them came through a network that is not to be believed."""
        self._connector.clear_dns_cache()

    @asynccontextmanager
    async def get(
        self, url: str, *, headers: Mapping[str, str] | None = None, limiter: AsyncLimiter | None = None
    ) -> AsyncIterator[Response]:
        """Ask for `url` and hand out the answer once its head is there, whatever its status; see `request`."""
        async with self.request("GET", url, headers=headers, limiter=limiter) as response:
            yield response

    @asynccontextmanager
    async def request(
        self, method: str, url: str, *, headers: Mapping[str, str] | None = None, body: bytes | None = None,
        login: Login | None = None, limiter: AsyncLimiter | None = None,
    ) -> AsyncIterator[Response]:  # fmt: skip
        """Make one request and hand out the answer once its head is there, whatever its status.

        `login` is sent only where it belongs (`Login.authorization`). `limiter` is the ceiling of the lane
        (`bandwidth_limiter`). Raises `RequestFailure` and nothing else. Leaving the block before the body was
        read to its end closes the connection.
        """
        target = target_of(url)
        if isinstance(target, Refusal):
            raise RequestFailure(target.error, target.detail)
        if self._settings.proxy:
            self._refuse_literal(target)
        sent = dict(headers or {})
        if login is not None:
            sent["Authorization"] = self._authorization(login, target)
        started = asyncio.get_running_loop().time()
        answer, latency = await self._head(method, target, sent, body)
        waited = asyncio.get_running_loop().time() - started
        limiters = tuple(each for each in (limiter, self._bandwidth) if each is not None)
        try:
            yield Response(answer, target.url, self._patience(waited), limiters, latency)
        finally:
            answer.close()

    def _patience(self, waited_seconds: float) -> Patience:
        settings = self._settings
        return Patience(
            stall_seconds=settings.stall_timeout_seconds,
            total_seconds=settings.total_timeout_seconds,
            min_bytes_per_second=settings.min_speed_bytes_per_second,
            grace_seconds=settings.min_speed_grace_seconds,
            waited_seconds=waited_seconds,
        )

    def _authorization(self, login: Login, target: Target) -> str:
        header = login.authorization(target, self._insecure)
        if isinstance(header, Refusal):
            raise RequestFailure(header.error, header.detail)
        return header

    async def _head(
        self, method: str, target: Target, headers: Mapping[str, str], body: bytes | None
    ) -> tuple[aiohttp.ClientResponse, float]:
        """Connect, send, and wait for the end of the answer's head; also says how long the host took to answer once it was connected."""
        attempt = _Attempt(asyncio.timeout(self._settings.connect_timeout_seconds))
        token = _ATTEMPT.set(attempt)
        try:
            async with attempt.deadline:
                answer = await self._session.request(
                    method,
                    URL(target.url, encoded=True),
                    headers=headers,
                    data=body,
                    allow_redirects=False,
                    ssl=target.host not in self._insecure,
                )
                return answer, asyncio.get_running_loop().time() - attempt.began
        except FOREIGN as exc:
            raise self._failed(exc, attempt, target) from exc
        finally:
            _ATTEMPT.reset(token)

    def _failed(self, exc: Exception, attempt: _Attempt, target: Target) -> RequestFailure:
        if attempt.deadline.expired():
            failure = self._too_late(attempt)
        elif attempt.refused and not attempt.families:
            return RequestFailure("forbidden_address", "; ".join(attempt.refused))
        else:
            failure = failure_of(exc)
        if failure.error == "local_network" and socket.AF_INET not in attempt.families and not self._settings.proxy:
            # A machine without IPv6 is no broken network: only this host, which has nothing else, is out of reach.
            failure = RequestFailure("connect_failed", failure.detail)
        failure.silent = failure.silent or (failure.error == "dns_error" and _resolver_is_silent(exc))
        if failure.error in {"connect_failed", "connect_timeout"}:
            self._connector.clear_dns_cache(target.host.strip("[]"), target.port)  # it may have moved
        return failure

    def _too_late(self, attempt: _Attempt) -> RequestFailure:
        if attempt.phase == "first byte":
            return RequestFailure("timeout", f"no answer within {self._settings.first_byte_timeout_seconds:g} s (first byte)")
        seconds = self._settings.connect_timeout_seconds
        if not attempt.families:  # not one address had been tried
            return RequestFailure("dns_error", f"the name was not resolved within {seconds:g} s (connect)", silent=True)
        return RequestFailure("connect_timeout", f"no connection within {seconds:g} s (connect, TLS included)")

    def _refuse_literal(self, target: Target) -> None:
        """With a proxy only literal addresses can be judged here; names are resolved out of our sight."""
        reason = self._gate.refusal(target.host.strip("[]"))
        if reason and reason != NOT_NUMERIC:
            raise RequestFailure("forbidden_address", f"{target.host} is {reason}")

    def _gated_socket(self, info: aiohttp.AddrInfoType) -> socket.socket:
        """Make the socket for a numeric address, or refuse it: every new connection passes here.

        A kept connection went through this gate when it was made, and is only used again for the same host,
        port and scheme. With a proxy the address is the proxy's, which the user named himself.
        """
        family, kind, protocol, _, address = info
        attempt = _ATTEMPT.get()
        if not self._settings.proxy and (reason := self._gate.refusal(str(address[0]))):
            attempt.refused.append(f"{address[0]} is {reason}")
            raise OSError(errno.EACCES, f"{address[0]} is {reason}")
        attempt.families.add(family)
        return socket.socket(family, kind, protocol)

    def _phases(self) -> aiohttp.TraceConfig:
        """Tell the attempt under way which phase has begun, and give the phase its deadline."""
        settings = self._settings
        first_byte_seconds = min(settings.first_byte_timeout_seconds, settings.total_timeout_seconds)

        async def connecting(*_: object) -> None:
            _ATTEMPT.get().enter("connect", settings.connect_timeout_seconds)

        async def connected(*_: object) -> None:
            _ATTEMPT.get().enter("first byte", first_byte_seconds)

        async def reused(*_: object) -> None:
            _ATTEMPT.get().enter("first byte", first_byte_seconds, reused=True)

        trace = aiohttp.TraceConfig()
        trace.on_connection_create_start.append(connecting)
        trace.on_connection_create_end.append(connected)
        trace.on_connection_reuseconn.append(reused)
        return trace


def _resolver_is_silent(exc: Exception) -> bool:
    """Whether nobody answered the question for a name: neither "here it is" nor "there is no such name"."""
    cause = exc.os_error if isinstance(exc, aiohttp.ClientConnectorError) else exc
    return isinstance(cause, socket.gaierror) and cause.errno == socket.EAI_AGAIN


async def _one_request(request: aiohttp.ClientRequest, send: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
    """Keep the client library from asking twice: it does when a connection breaks before the answer.

    Every request has to be one that the scheduler allowed. On a kept connection the break most likely means
    that the server had closed it already and never saw the request; then asking once more is right.
    """
    try:
        return await send(request)
    except aiohttp.ClientConnectorError:
        raise  # never repeated by the library
    except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError) as exc:
        if _ATTEMPT.get().reused:
            raise
        raise failure_of(exc) from exc


class _ThreadResolver(AbstractResolver):
    """`getaddrinfo` in threads of its own: names that do not resolve must not hold up file and digest work."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(_RESOLVER_THREADS, thread_name_prefix="asyncdl-dns")

    async def resolve(self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET) -> list[ResolveResult]:
        """The first addresses of a name; raises OSError when there are none."""
        look_up = partial(socket.getaddrinfo, host, port, family, socket.SOCK_STREAM, flags=socket.AI_ADDRCONFIG)
        found = await asyncio.get_running_loop().run_in_executor(self._threads, look_up)
        if not found:
            raise OSError(errno.EADDRNOTAVAIL, "the name has no addresses")
        return [
            ResolveResult(hostname=host, host=str(address[0]), port=port, family=kind, proto=protocol, flags=socket.AI_NUMERICHOST)
            for kind, _, protocol, _, address in found[:MAX_ADDRESSES_PER_HOST]
        ]

    async def close(self) -> None:
        """Let go of the threads without waiting for a resolver that does not answer."""
        self._threads.shutdown(wait=False, cancel_futures=True)

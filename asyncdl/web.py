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
from contextlib import asynccontextmanager
from dataclasses import dataclass
from random import Random
from types import TracebackType
from typing import Self

import aiohttp
from aiohttp.abc import AbstractResolver
from aiolimiter import AsyncLimiter
from yarl import URL

from asyncdl.addresses import NOT_NUMERIC, AddressGate, Network, Refusal, Target, target_of
from asyncdl.attempt import ATTEMPT, Attempt, one_request, phases
from asyncdl.crowds import Crowds
from asyncdl.login import Login
from asyncdl.names import NameCache, ThreadResolver, resolver_is_silent
from asyncdl.request_failures import FOREIGN, RequestFailure, failure_of
from asyncdl.response import Patience, Response

__all__ = ["RequestFailure", "Response", "Web", "WebSettings", "bandwidth_limiter"]

READ_BUFFER_BYTES = 262_144
"""What a connection may hold unread; with less, every body of 100 kB stops and starts its transport again and again."""

MAX_HEADERS = 128
MAX_HEADER_LINE_BYTES = 8_190
_KEEPALIVE_SECONDS = 15.0
_PROXY_LOGIN_WANTED = 407  # RFC 9110, 15.5.8
_NO_LOGIN = "asks for another name and password (407): PROXY_USER, PROXY_PWD"
_HAPPY_EYEBALLS_SECONDS = 0.25  # RFC 8305, 8


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
    address_connections: int = 0
    proxy: str | None = None
    proxy_login: Login | None = None


def bandwidth_limiter(bits_per_second: float) -> AsyncLimiter | None:
    """A ceiling for body bytes that may be shared by several requests; None when there is none (0).

    At most one second's worth may pass at once.
    """
    return AsyncLimiter(max(bits_per_second / 8, 1.0), 1.0) if bits_per_second > 0 else None


class Web:
    """The session. Use as an async context manager; `resolver` replaces the system's name resolution."""

    def __init__(self, settings: WebSettings, resolver: AbstractResolver | None = None) -> None:
        self._settings = settings
        self._gate = AddressGate(settings.allow_private)
        self._given_resolver = resolver
        self._insecure = frozenset(host.lower() for host in settings.insecure_hosts)
        self._crowds = Crowds(settings.address_connections)
        self._bandwidth = bandwidth_limiter(settings.bandwidth_bits_per_second)

    async def __aenter__(self) -> Self:
        settings = self._settings
        self._names = NameCache(self._given_resolver or ThreadResolver(), asyncio.get_running_loop().time, Random())
        self._connector = aiohttp.TCPConnector(
            resolver=self._names,
            socket_factory=self._gated_socket,
            limit=0,  # connections are the scheduler's to count
            use_dns_cache=False,  # the cache is before the resolver: by name, not by name and port, and with what does not exist
            keepalive_timeout=_KEEPALIVE_SECONDS,
            happy_eyeballs_delay=_HAPPY_EYEBALLS_SECONDS,
            interleave=1,
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
            trace_configs=[
                phases(settings.connect_timeout_seconds, min(settings.first_byte_timeout_seconds, settings.total_timeout_seconds))
            ],
            middlewares=(one_request,),
        )
        return self

    async def __aexit__(self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None) -> None:
        await self._session.close()
        await self._names.close()

    def forget_names(self) -> None:
        """Look every name up again: what was heard of them came through a network that is not to be believed."""
        self._names.forget()

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
        async with self._place(target, sent):
            started = asyncio.get_running_loop().time()
            answer, latency = await self._head(method, target, sent, body)
            waited = asyncio.get_running_loop().time() - started
            limiters = tuple(each for each in (limiter, self._bandwidth) if each is not None)
            try:
                if self._settings.proxy and answer.status == _PROXY_LOGIN_WANTED:
                    raise RequestFailure("local_network", f"the proxy {self._settings.proxy} {_NO_LOGIN}")
                yield Response(answer, target.url, self._patience(waited), limiters, latency)
            finally:
                answer.close()

    @asynccontextmanager
    async def _place(self, target: Target, headers: dict[str, str]) -> AsyncIterator[None]:
        """A place among the requests to the address of a target; raises `RequestFailure` when other hosts have taken them all."""
        address = await self._address(target) if self._crowds.most and not self._settings.proxy else None
        if address is None:
            yield
            return
        if not self._crowds.enter(address, target.host):
            raise RequestFailure(
                "address_busy", f"{self._crowds.most} requests to {address} are under way, which several hosts share"
            )
        if self._crowds.crowded(address):
            headers["Connection"] = "close"
        try:
            yield
        finally:
            self._crowds.leave(address)

    async def _address(self, target: Target) -> str | None:
        """The address a target is likely to be asked at; None where that is not known, and connecting will say why."""
        host = target.host.strip("[]")
        if self._gate.refusal(host) != NOT_NUMERIC:
            return host
        if known := self._names.address_of(host):
            return known
        seconds = self._settings.connect_timeout_seconds
        try:
            async with asyncio.timeout(seconds):
                return (await self._names.resolve(host))[0]["host"]
        except TimeoutError:
            raise RequestFailure("dns_error", f"the name was not resolved within {seconds:g} s (connect)", silent=True) from None
        except (OSError, UnicodeError):
            return None

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

    def _proxy_headers(self, target: Target, headers: dict[str, str]) -> dict[str, str] | None:
        """Who we are at the proxy: told in the request itself where the proxy reads it, else only in the CONNECT that makes the tunnel."""
        if self._settings.proxy_login is None:
            return None
        login = {"Proxy-Authorization": self._settings.proxy_login.basic}
        if target.scheme == "https":
            return login
        headers.update(login)
        return None

    async def _head(
        self, method: str, target: Target, headers: dict[str, str], body: bytes | None
    ) -> tuple[aiohttp.ClientResponse, float]:
        """Connect, send, and wait for the end of the answer's head; also says how long the host took to answer once it was connected."""
        attempt = Attempt(asyncio.timeout(self._settings.connect_timeout_seconds))
        token = ATTEMPT.set(attempt)
        try:
            async with attempt.deadline:
                answer = await self._session.request(
                    method,
                    URL(target.url, encoded=True),
                    headers=headers,
                    proxy_headers=self._proxy_headers(target, headers),
                    data=body,
                    allow_redirects=False,
                    ssl=target.host not in self._insecure,
                )
                return answer, asyncio.get_running_loop().time() - attempt.began
        except FOREIGN as exc:
            raise self._failed(exc, attempt, target) from exc
        finally:
            ATTEMPT.reset(token)

    def _failed(self, exc: Exception, attempt: Attempt, target: Target) -> RequestFailure:
        if attempt.deadline.expired():
            failure = self._too_late(attempt)
        elif attempt.refused and not attempt.families:
            return RequestFailure("forbidden_address", "; ".join(attempt.refused))
        else:
            failure = failure_of(exc)
        if self._settings.proxy and failure.error == "local_network":
            detail = _NO_LOGIN if "407" in failure.detail else f"does not answer: {failure.detail}"
            return RequestFailure("local_network", f"the proxy {self._settings.proxy} {detail}")
        if failure.error == "local_network" and socket.AF_INET not in attempt.families and not self._settings.proxy:
            # A machine without IPv6 is no broken network: only this host, which has nothing else, is out of reach.
            failure = RequestFailure("connect_failed", failure.detail)
        failure.silent = failure.silent or (failure.error == "dns_error" and resolver_is_silent(exc.__cause__))
        if failure.error in {"connect_failed", "connect_timeout"}:
            self._names.forget(target.host.strip("[]"))  # it may have moved
        return failure

    def _too_late(self, attempt: Attempt) -> RequestFailure:
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
        attempt = ATTEMPT.get()
        if not self._settings.proxy and (reason := self._gate.refusal(str(address[0]))):
            attempt.refused.append(f"{address[0]} is {reason}")
            raise OSError(errno.EACCES, f"{address[0]} is {reason}")
        attempt.families.add(family)
        return socket.socket(family, kind, protocol)

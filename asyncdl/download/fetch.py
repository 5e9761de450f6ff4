"""Carries a ticket out: one request, its body into a spool, and the answer as a value. Decides nothing about what follows."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import replace
from typing import Protocol

from aiolimiter import AsyncLimiter

from asyncdl.addresses import REDIRECTS, redirect_target
from asyncdl.blobs import LocalFault, Spool
from asyncdl.clock import Clock
from asyncdl.download.body import Body
from asyncdl.download.challenge import is_challenge
from asyncdl.download.manifests import MAX_MANIFEST_BYTES, canvases_of, parse_manifest
from asyncdl.download.outcome import Failed, ManifestRead, Outcome, Redirected, RobotsRead, Ticket, TicketKind
from asyncdl.download.robots import MAX_ROBOTS_BYTES
from asyncdl.download.robots_tag import refusal
from asyncdl.errors import error_of_http_status
from asyncdl.imaging import text_page
from asyncdl.model import Asked, Evidence
from asyncdl.retry_after import parse_retry_after
from asyncdl.web import RequestFailure, Response, Web, bandwidth_limiter

MAX_PAGE_BYTES = 16_384
"""How much of an error page is read to be kept as evidence."""

MAX_LANE_LIMITERS = 4_096
OpenSpool = Callable[[Ticket], Spool]
"""How the body of a ticket gets its spool."""

_JSON_TYPES = "application/ld+json, application/json;q=0.9, */*;q=0.1"


class Fetcher(Protocol):
    """Whatever can carry out a ticket: the network, or nothing at all in benchmarks and simulations."""

    received_bytes: int
    """Bytes of bodies that have come in so far."""

    def forget_network(self) -> None:
        """Our network was at fault: what it said of names is not believed any more."""
        ...

    async def fetch(self, ticket: Ticket) -> Outcome | Body:
        """The answer: a body still to be inspected, or already an outcome. Raises nothing but cancellation."""
        ...


class WebFetcher:
    """Carries tickets out over the network."""

    def __init__(
        self,
        web: Web,
        open_spool: OpenSpool,
        clock: Clock,
        *,
        max_body_bytes: int,
        obey_noai: bool = True,
        watch_head: Callable[[Ticket, Response], None] | None = None,
        count_bytes: Callable[[Ticket, int], None] | None = None,
    ) -> None:
        self._web = web
        self._open_spool = open_spool
        self._clock = clock
        self._max_body_bytes = max_body_bytes
        self._obey_noai = obey_noai
        self._watch_head = watch_head
        self._count_bytes = count_bytes
        self._limiters: OrderedDict[str, tuple[float, AsyncLimiter]] = OrderedDict()
        self.received_bytes = 0

    def forget_network(self) -> None:
        """See `Fetcher`."""
        self._web.forget_names()

    async def fetch(self, ticket: Ticket) -> Outcome | Body:
        """Make the one request that the ticket allows."""
        answer = await self._fetch(ticket)
        took_ms = round((self._clock.now().monotonic - ticket.issued.monotonic) * 1000)
        if isinstance(answer, Body):
            return replace(answer, asked=Asked(ticket.issued.utc_ms, took_ms, ticket.url if ticket.hop else ""))
        return replace(answer, evidence=replace(answer.evidence, took_ms=took_ms)) if isinstance(answer, Failed) else answer

    async def _fetch(self, ticket: Ticket) -> Outcome | Body:
        headers = {"Accept": _JSON_TYPES} if ticket.kind is TicketKind.MANIFEST else None
        came_bytes = 0
        try:
            async with self._web.get(ticket.url, headers=headers, limiter=self._limiter(ticket)) as response:
                if self._watch_head is not None:
                    self._watch_head(ticket, response)
                try:
                    return await self._answer(ticket, response)
                finally:
                    came_bytes = response.received_bytes
        except RequestFailure as failure:
            return Failed(failure.error, Evidence(failure.detail, final_url=ticket.url), silent=failure.silent)
        except LocalFault as fault:
            return Failed(fault.error, Evidence(fault.detail))
        finally:
            if self._count_bytes is not None:
                self._count_bytes(ticket, came_bytes)

    async def _answer(self, ticket: Ticket, response: Response) -> Outcome | Body:
        location = response.headers.get("Location")
        if response.status in REDIRECTS and location:
            return Redirected(redirect_target(response.url, location))
        retry_after = parse_retry_after(response.headers.get("Retry-After"), self._clock.now().utc_ms)
        if response.status in (429, 503):
            return await self._refusal(ticket.kind, response, retry_after)
        if ticket.kind is TicketKind.ROBOTS:
            body = await _read_at_most(response, MAX_ROBOTS_BYTES) if response.status == 200 else b""
            return RobotsRead(response.status, body)
        if response.status != 200:
            return await self._refusal(ticket.kind, response, retry_after)
        if ticket.kind is TicketKind.MANIFEST:
            return await _manifest(response)
        return await self._image(ticket, response)

    async def _refusal(self, kind: TicketKind, response: Response, retry_after_seconds: float | None) -> Failed:
        error, body = error_of_http_status(response.status), b""
        try:
            body = await _read_at_most(response, MAX_PAGE_BYTES)
            page = text_page(body, response.charset)
        except RequestFailure as failure:
            page = f"(the page could not be read: {failure.detail})"
        if kind is not TicketKind.ROBOTS and is_challenge(response.status, response.headers, body):
            error = "banned"
        evidence = Evidence(f"status {response.status}", response.status, response.media_type, page, response.url)
        return Failed(error, evidence, retry_after_seconds)

    async def _image(self, ticket: Ticket, response: Response) -> Outcome | Body:
        if self._obey_noai and (asked := refusal(response.headers.getall("X-Robots-Tag", []))):
            return Failed("noai", Evidence(f"X-Robots-Tag: {asked}", 200, response.media_type, "", response.url))
        if response.content_length is not None and response.content_length > self._max_body_bytes:
            return Failed(
                "too_large", Evidence(f"{response.content_length} bytes are announced", 200, response.media_type, "", response.url)
            )
        spool = self._open_spool(ticket)
        try:
            async for chunk in response.chunks():
                self.received_bytes += len(chunk)
                if spool.size_bytes + len(chunk) > self._max_body_bytes:
                    await spool.discard()
                    detail = f"more than {self._max_body_bytes} bytes"
                    return Failed("too_large", Evidence(detail, 200, response.media_type, "", response.url))
                await spool.write(chunk)
            await spool.finish()
        except BaseException:
            await spool.discard()
            raise
        return Body(spool, response.url, response.media_type, response.charset, response.latency_seconds)

    def _limiter(self, ticket: Ticket) -> AsyncLimiter | None:
        """The byte limiter that the requests of a lane share; a new one when the lane's ceiling has changed."""
        known = self._limiters.get(ticket.lane)
        if known is not None and known[0] == ticket.bandwidth_bits_per_second:
            self._limiters.move_to_end(ticket.lane)
            return known[1]
        limiter = bandwidth_limiter(ticket.bandwidth_bits_per_second)
        if limiter is not None:
            self._limiters[ticket.lane] = (ticket.bandwidth_bits_per_second, limiter)
            self._limiters.move_to_end(ticket.lane)
            while len(self._limiters) > MAX_LANE_LIMITERS:
                self._limiters.popitem(last=False)
        return limiter


async def _manifest(response: Response) -> Outcome:
    body = await _read_at_most(response, MAX_MANIFEST_BYTES + 1)
    found = await asyncio.to_thread(parse_manifest, body, response.url)
    canvases = () if isinstance(found, str) else canvases_of(found)
    if canvases:
        return ManifestRead(canvases)
    page = text_page(body[:MAX_PAGE_BYTES], response.charset)
    detail = found if isinstance(found, str) else "none of its pictures has a usable link"
    return Failed("manifest_error", Evidence(detail, 200, response.media_type, page, response.url))


async def _read_at_most(response: Response, max_bytes: int) -> bytes:
    """The first `max_bytes` of a body; the rest is left unread."""
    read = bytearray()
    async for chunk in response.chunks():
        read += chunk
        if len(read) >= max_bytes:
            break
    return bytes(read[:max_bytes])

"""The embedded museum: about a dozen small web servers on loopback addresses, with limits and troubles declared as data.

It is a server only: it asks nobody anything. It knows its own inventory and so what a perfect client would get
(`obtainable`); it does not know how `asyncdl` works.
"""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Iterable, Mapping
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import Self
from urllib.parse import urlsplit

from aiohttp import web

from asyncdl.demo.answers import Desk, Visit, refusal, send
from asyncdl.demo.archive import ArchiveSummary, write_archive
from asyncdl.demo.catalogue import Exhibit, Place
from asyncdl.demo.hosts import HOSTS, RECOMMENDED, MuseumHost
from asyncdl.demo.limits import Gate
from asyncdl.demo.log import LogEntry, RequestLog
from asyncdl.demo.rooms import build_catalogue

SHUTDOWN_SECONDS = 0.5
LOOPBACK = "127.0.0.1"
_ELSEWHERE = frozenset(host.slug for host in HOSTS if host.published_only)


def many_loopback_addresses() -> bool:
    """Whether this machine answers on all of 127.0.0.0/8 (Linux does, macOS has only 127.0.0.1)."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        try:
            probe.bind((HOSTS[0].address, 0))
        except OSError:
            return False
    return True


class Museum:
    """`async with Museum(...) as museum:` opens every host on a free port; leaving it closes them all.

    `seed` and `scale` (1.0 is about 600 photos) name the inventory. `host_alias` maps a host's slug to another address to listen
    on; `ports` asks for certain ports by slug, so that the links of an earlier museum work again. `delay_factor` stretches or shrinks latency, slow bodies and closing times. `enforce_limits=False` admits everything.
    """

    def __init__(self, *, seed: int = 42, scale: float = 1.0, host_alias: Mapping[str, str] | None = None,
                 delay_factor: float = 1.0, enforce_limits: bool = True, ports: Mapping[str, int] | None = None) -> None:  # fmt: skip
        if not 0 < scale <= 10:
            raise ValueError("the scale of the museum lies above 0 and at most at 10")
        self.catalogue = build_catalogue(seed, scale)
        self.log = RequestLog()
        self.recommended = RECOMMENDED
        self._host_alias = dict(host_alias or {})
        self._ports = dict(ports or {})
        self._delay_factor = delay_factor
        self._base_urls: dict[str, str] = {}
        self._slug_by_netloc: dict[str, str] = {}
        self._desk = Desk(self.catalogue, self.url_of)
        self._gates = {
            host.slug: Gate(host, enforce=enforce_limits, closed_for_seconds=host.closed_for_seconds * delay_factor)
            for host in HOSTS
        }
        self._open = AsyncExitStack()
        self._exhibit_by_place = _index(self.catalogue.exhibits)
        for place, manifest in self.catalogue.manifests.items():
            if len(manifest.canvases) == 1:
                self._exhibit_by_place.setdefault(place, self._exhibit_by_place[manifest.canvases[0]])

    async def __aenter__(self) -> Self:
        many = many_loopback_addresses()
        async with AsyncExitStack() as opening:
            for host in HOSTS:
                address = self._host_alias.get(host.slug, host.address if many or host.published_only else LOOPBACK)
                port = 80 if host.published_only else await self._open_host(host, address, opening)
                netloc = address if port == 80 else f"{address}:{port}"
                self._base_urls[host.slug] = f"http://{netloc}"
                self._slug_by_netloc[netloc] = host.slug
            self._open = opening.pop_all()
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self._open.aclose()

    async def _open_host(self, host: MuseumHost, address: str, opening: AsyncExitStack) -> int:
        """Bind a free port of an address and serve there; a host that does not listen only keeps the port, so it refuses."""
        bound = opening.enter_context(socket.socket(socket.AF_INET, socket.SOCK_STREAM))
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # connections of an earlier museum may linger at this port
        bound.bind((address, self._ports.get(host.slug, 0)))
        port = int(bound.getsockname()[1])
        if host.listens:
            server = web.Server(partial(self._serve, host), access_log=None)
            runner = web.ServerRunner(server, handle_signals=False, shutdown_timeout=SHUTDOWN_SECONDS)
            await runner.setup()
            opening.push_async_callback(runner.cleanup)
            await web.SockSite(runner, bound).start()
        return port

    @property
    def base_urls(self) -> Mapping[str, str]:
        """`http://address:port` of each host by its slug; empty before the museum has opened."""
        return MappingProxyType(self._base_urls)

    @property
    def ports(self) -> dict[str, int]:
        """The port of each host by its slug, for a later museum that is to answer the same links."""
        return {slug: urlsplit(base).port or 80 for slug, base in self._base_urls.items() if slug not in _ELSEWHERE}

    @property
    def hosts(self) -> tuple[MuseumHost, ...]:
        """The table of hosts."""
        return HOSTS

    @property
    def recommended_host_rate(self) -> float:
        """Requests a second and host with which the whole museum takes about a minute."""
        return self.recommended.host_rate_per_second

    @property
    def exhibits(self) -> tuple[Exhibit, ...]:
        """Every image that the archive leads to, with what is expected of it."""
        return self.catalogue.exhibits

    @property
    def obtainable(self) -> dict[str, str]:
        """What a perfect client comes to: the best address of each image, and `success` or the error type.

        The address of a IIIF image is that of its service. `Exhibit.outcomes` has the outcomes that are right as well.
        """
        return {self.url_of(exhibit.place): exhibit.expected for exhibit in self.catalogue.exhibits}

    def url_of(self, place: Place) -> str:
        """The URL of a place. The museum must be open."""
        return f"{self._base_urls[place.host]}{place.path}"

    def place_of(self, url: str) -> Place | None:
        """The place (without query) that a URL names; None if it is no URL of this museum."""
        parts = urlsplit(url)
        slug = self._slug_by_netloc.get(parts.netloc)
        return None if slug is None else Place(slug, parts.path)

    def exhibit_of(self, urls: Iterable[str]) -> Exhibit | None:
        """The image that any of the URLs belongs to: published ones, renderings of its IIIF service, its own manifest."""
        for url in urls:
            place = self.place_of(url)
            while place is not None and place.path:
                if (exhibit := self._exhibit_by_place.get(place)) is not None:
                    return exhibit
                place = Place(place.host, place.path.rpartition("/")[0])
        return None

    def write_archive(self, path: Path) -> ArchiveSummary:
        """Write the Darwin Core Archive that publishes this museum. The museum must be open: its ports are in the links."""
        return write_archive(path, self.catalogue, self.url_of)

    async def _serve(self, host: MuseumHost, request: web.BaseRequest) -> web.StreamResponse:
        """Answer one request of one host, and write it down."""
        gate, visit, at = self._gates[host.slug], Visit(), time.monotonic()
        refused = gate.knock(at)
        in_flight = gate.in_flight
        try:
            if refused is not None:
                return await send(request, refusal(refused.status, refused.retry_after_seconds), visit, host, 0.0)
            await asyncio.sleep(host.latency_seconds * self._delay_factor)
            answer = self._desk.answer(Place(host.slug, request.rel_url.raw_path))
            return await send(request, answer, visit, host, self._delay_factor)
        finally:
            if refused is None:
                gate.leave()
            self.log.add(LogEntry(host.slug, request.raw_path, at, time.monotonic() - at, visit.status, visit.body_bytes,
                                  in_flight, visit.whole, visit.sha256))  # fmt: skip


def _index(exhibits: Iterable[Exhibit]) -> dict[Place, Exhibit]:
    """Exhibits by every address they are known under, without queries."""
    found: dict[Place, Exhibit] = {}
    for exhibit in exhibits:
        for place in (exhibit.place, *exhibit.published):
            found.setdefault(Place(place.host, place.path.partition("?")[0]), exhibit)
    return found

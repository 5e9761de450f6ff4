"""A server of its own process with twenty hosts on loopback addresses: limits that nobody tells, and faults. The hosts are those of the simulation, in real time.

    python -m benchmarks.faulty_server PORT PICTURE

Host N listens on 127.0.51.N. Prints `ready`, serves until it is killed. `http://127.0.51.250:PORT/figures` says what every host was asked and answered
since the first request, `/reset` forgets it.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from aiohttp import web

from benchmarks.simulated_hosts import Answer, Outage, SimulatedHost, Traits

NETWORK = "127.0.51."
CONTROL = f"{NETWORK}250"
STATUS = {"rate_limited": 429, "unavailable": 503, "http_404": 404, "http_403": 403}
_PAGE = b"<!DOCTYPE html><html><head><title>Not here</title></head><body>" + b"<p>Please log in.</p>" * 300 + b"</body></html>"

HOSTS: dict[int, Traits] = {
    1: Traits(450, 0.06, 0.01, rate_per_second=25, burst=10, retry_after_seconds=3, kind="rate"),
    2: Traits(500, 0.1, 0.0, connections=6, retry_after_seconds=1, kind="connections"),
    3: Traits(250, 0.04, 0.3, connections=8, refusal="unavailable", retry_after_seconds=2, kind="connections"),
    4: Traits(60, dead="connect_failed", kind="dead"),
    5: Traits(30, dead="timeout", kind="dead"),
    6: Traits(60, 0.03, 0.0, kind="page"),
    7: Traits(60, 0.03, 0.0, outages=(Outage(0, 12, "unavailable"),), retry_after_seconds=4, kind="closed"),
    8: Traits(40, 0.03, 0.0, outages=(Outage(0, 6, "unavailable"),), kind="closed"),
    9: Traits(70, 0.03, 0.0, rate_per_second=4, burst=3, kind="rate"),
    10: Traits(120, 0.03, 0.0, rate_per_second=8, burst=20, retry_after_seconds=4, kind="rate"),
    11: Traits(40, 1.4, 0.0, kind="slow"),
    12: Traits(40, 0.03, 0.0, missing_share=0.4, kind="gone"),
    13: Traits(40, 0.03, 0.0, kind="cut"),
    14: Traits(160, 0.05, 0.0, window_requests=80, window_seconds=10, kind="window"),
    15: Traits(90, 0.2, 0.1, comfort=3, kind="crowded"),
} | {number: Traits(40, 0.02 * (number - 15), 0.0) for number in range(16, 21)}
"""Healthy, limited, slow and faulty hosts; their limits are their own, no other scenario's."""


def path_of(host: int, number: int) -> str:
    """Where an image is."""
    return f"/photos/{host}/{number}.jpg"


def obtainable(host: int) -> int:
    """How many of a host's images can be had."""
    traits = HOSTS[host]
    if traits.dead or traits.kind == "page":
        return 0
    return sum(not traits.is_missing(number) for number in range(traits.images))


@dataclass
class Served:
    """All hosts at work, and when the first request and each host's last new picture came."""

    hosts: dict[int, SimulatedHost] = field(
        default_factory=lambda: {number: SimulatedHost(traits) for number, traits in HOSTS.items()}
    )
    seen: set[str] = field(default_factory=set)
    got: dict[int, set[str]] = field(default_factory=dict)
    last: dict[int, float] = field(default_factory=dict)
    began: float | None = None

    def now(self) -> float:
        """Seconds since the first request."""
        if self.began is None:
            self.began = time.monotonic()
        return time.monotonic() - self.began

    def figures(self) -> dict[str, object]:
        """What came of it, by host."""
        return {
            str(number): {
                "asked": host.asked,
                "refused": host.refused,
                "had": len(self.got.get(number, ())),
                "last": self.last.get(number),
            }
            for number, host in self.hosts.items()
        }


class Door:
    """Answers requests."""

    def __init__(self, picture: bytes) -> None:
        self._picture = picture
        self._random = Random(1)
        self.served = Served()

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """One request to one host, which is known by its address."""
        assert request.transport is not None
        address = request.transport.get_extra_info("sockname")[0]
        if address == CONTROL:
            return self._control(request)
        if request.path == "/robots.txt":
            return web.Response(status=404)
        number = int(address.removeprefix(NETWORK))
        served, host = self.served, self.served.hosts[number]
        answer = host.arrive(int(request.path.rpartition("/")[2].removesuffix(".jpg")), served.now(), self._random)
        try:
            await asyncio.sleep(3_600.0 if answer.error == "timeout" else answer.first_byte_seconds)
            if answer.error is not None:
                return _refusal(answer)
            return await self._send(request, number, answer)
        finally:
            host.leave(served.now(), answer)

    async def _send(self, request: web.Request, number: int, answer: Answer) -> web.StreamResponse:
        kind = HOSTS[number].kind
        if kind == "page":
            return web.Response(body=_PAGE, content_type="image/jpeg")
        if kind == "cut" and request.path not in self.served.seen:
            self.served.seen.add(request.path)
            cut = web.StreamResponse(headers={"Content-Type": "image/jpeg", "Content-Length": str(len(self._picture))})
            await cut.prepare(request)
            await cut.write(self._picture[: len(self._picture) // 2])
            assert request.transport is not None
            request.transport.close()
            return cut
        await asyncio.sleep(answer.seconds - answer.first_byte_seconds)
        got = self.served.got.setdefault(number, set())
        if request.path not in got:
            got.add(request.path)
            self.served.last[number] = self.served.now()
        # No two pictures are the same: what many links of a host answer alike is no picture to asyncdl.
        return web.Response(body=self._picture + request.path.encode(), content_type="image/jpeg")

    def _control(self, request: web.Request) -> web.Response:
        if request.path == "/reset":
            self.served = Served()
        return web.Response(text=json.dumps(self.served.figures()), content_type="application/json")


def _refusal(answer: Answer) -> web.Response:
    after = answer.retry_after_seconds
    headers = {} if after is None else {"Retry-After": f"{after:g}"}
    return web.Response(status=STATUS[answer.error or ""], text="not now", headers=headers)


async def serve(port: int, picture: bytes) -> None:
    """Serve until killed."""
    app = web.Application()
    app.router.add_get("/{path:.*}", Door(picture).answer)
    runner = web.AppRunner(app, access_log=None, keepalive_timeout=300)
    await runner.setup()
    for address in [CONTROL, *(f"{NETWORK}{number}" for number, traits in HOSTS.items() if traits.dead != "connect_failed")]:
        await web.TCPSite(runner, address, port, backlog=1024).start()
    print("ready", flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1]), Path(sys.argv[2]).read_bytes()))

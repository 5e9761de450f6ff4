"""How many names a second the resolver of a run gets answered, against c-ares (aiodns), with a DNS server of our own on 127.0.0.1.

    sudo unshare --mount python -m benchmarks.names [--names 500] [--at-once 64] [--delays 0.02 0.2]

Needs root and a mount namespace of its own: port 53 is taken, and `/etc/resolv.conf` is replaced there. aiodns is measured where it is installed. Every name is new, and its answer
comes after the delay. Printed per name: CPU of the asking process, median and 99th percentile of the time it took.
"""

from __future__ import annotations

import argparse
import asyncio
import heapq
import multiprocessing
import multiprocessing.synchronize
import socket
import subprocess
import tempfile
import time
from importlib.util import find_spec
from itertools import count
from pathlib import Path

from aiohttp.abc import AbstractResolver
from aiohttp.resolver import AsyncResolver

from asyncdl.names import ThreadResolver

_TYPE_A = b"\x00\x01"
_READ_BYTES = 4_096


def serve(ready: multiprocessing.synchronize.Event, delay_seconds: float) -> None:
    """Answer every question for an IPv4 address with 127.0.0.2, every other with nothing (RFC 1035)."""
    waiting: list[tuple[float, int, bytes, tuple[str, int]]] = []
    numbers = count()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 53))
        server.settimeout(0.001)
        ready.set()
        while True:
            try:
                data, asker = server.recvfrom(_READ_BYTES)
                heapq.heappush(waiting, (time.monotonic() + delay_seconds, next(numbers), data, asker))
            except TimeoutError:
                pass
            while waiting and waiting[0][0] <= time.monotonic():
                _, _, data, asker = heapq.heappop(waiting)
                server.sendto(answer(data), asker)


def answer(question: bytes) -> bytes:
    """One answer: the question repeated, and the address when one was asked for."""
    end = question.index(b"\x00", 12) + 5
    asked, kind = question[12:end], question[end - 4 : end - 2]
    found = b"\xc0\x0c\x00\x01\x00\x01\x00\x00\x0e\x10\x00\x04\x7f\x00\x00\x02" if kind == _TYPE_A else b""
    return question[:2] + b"\x81\x80\x00\x01" + (b"\x00\x01" if found else b"\x00\x00") + b"\x00\x00\x00\x00" + asked + found


async def ask(resolver: AbstractResolver, prefix: str, names: int, at_once: int) -> str:
    """Look all names up and say what it took."""
    places = asyncio.Semaphore(at_once)
    seconds: list[float] = []

    async def one(number: int) -> None:
        async with places:
            began = time.monotonic()
            await resolver.resolve(f"{prefix}{number}.museum.org", 80, family=socket.AF_UNSPEC)
            seconds.append(time.monotonic() - began)

    began, cpu = time.monotonic(), time.process_time()
    await asyncio.gather(*(one(number) for number in range(names)))
    wall, cpu = time.monotonic() - began, time.process_time() - cpu
    await resolver.close()
    seconds.sort()
    median, late = seconds[names // 2] * 1e3, seconds[int(names * 0.99)] * 1e3
    return f"{names / wall:>8,.0f} names/s   {cpu / names * 1e6:>5.0f} us CPU   {median:>5.0f} ms median   {late:>5.0f} ms p99"


def main() -> None:
    """Measure each resolver twice at each delay, in turn."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--names", type=int, default=500)
    parser.add_argument("--at-once", type=int, default=64)
    parser.add_argument("--delays", type=float, nargs="+", default=[0.02, 0.2])
    given = parser.parse_args()
    resolvers: dict[str, type[AbstractResolver]] = {"getaddrinfo in threads": ThreadResolver}
    if find_spec("aiodns"):
        resolvers["aiodns"] = AsyncResolver
    with tempfile.TemporaryDirectory() as folder:
        settings = Path(folder) / "resolv.conf"
        settings.write_text("nameserver 127.0.0.1\n")
        subprocess.run(["/bin/mount", "--bind", str(settings), "/etc/resolv.conf"], check=True)
        for delay in given.delays:
            ready = multiprocessing.Event()
            server = multiprocessing.Process(target=serve, args=(ready, delay), daemon=True)
            server.start()
            ready.wait(10)
            for turn in range(2):
                for name, make in resolvers.items():

                    async def measured(make: type[AbstractResolver] = make, turn: int = turn) -> str:
                        return await ask(make(), f"{make.__name__}-{turn}-", given.names, given.at_once)

                    print(f"{delay:>6g} s   {name:<24}{asyncio.run(measured())}")
            server.terminate()
            server.join()
        subprocess.run(["/bin/umount", "/etc/resolv.conf"], check=True)


if __name__ == "__main__":
    main()

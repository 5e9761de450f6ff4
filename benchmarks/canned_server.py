"""A server that costs next to nothing: canned answers, kept connections, no copy of a body ever passes through Python.

    python -m benchmarks.canned_server PORT FOLDER

Listens on 127.0.1.1 to 127.0.1.32. `/<kind>/...` is answered with the file FOLDER/<kind>, anything else (robots.txt) with 404. Prints one line
when it is ready and serves until it is killed.
"""

from __future__ import annotations

import os
import selectors
import socket
import sys
from collections import deque
from pathlib import Path

HOSTS = 32
_NOT_FOUND = b"HTTP/1.1 404 Not Found\r\nContent-Type: text/plain\r\nContent-Length: 9\r\n\r\nnot here\n"
_READ_BYTES = 65_536


class Canned:
    """Whole answers, head and body, each in a file without a name: the kernel copies them to the socket by itself."""

    def __init__(self, folder: Path) -> None:
        self._answers = {entry.name.encode(): _in_memory(_answer(entry.read_bytes())) for entry in folder.iterdir()}
        self._otherwise = _in_memory(_NOT_FOUND)

    def to(self, request: bytes) -> tuple[int, int]:
        """File handle and length of the answer to a request."""
        kind = request.split(b" ", 2)[1].split(b"/", 2)[1]
        return self._answers.get(kind, self._otherwise)


class Connection:
    """One client: requests in, answers out, in order."""

    def __init__(self, peer: socket.socket, canned: Canned) -> None:
        self.peer = peer
        self._canned = canned
        self._received = b""
        self._answers: deque[tuple[int, int]] = deque()
        self._sent_bytes = 0

    def read(self) -> bool:
        """Take in what came; False when the client is gone."""
        try:
            data = self.peer.recv(_READ_BYTES)
        except BlockingIOError:
            return True
        except ConnectionError:
            return False
        *whole, self._received = (self._received + data).split(b"\r\n\r\n")
        self._answers.extend(self._canned.to(request) for request in whole)
        return bool(data)

    def write(self) -> bool:
        """Send what the socket takes; True when everything is out."""
        while self._answers:
            handle, size_bytes = self._answers[0]
            try:
                self._sent_bytes += os.sendfile(self.peer.fileno(), handle, self._sent_bytes, size_bytes - self._sent_bytes)
            except BlockingIOError:
                return False
            if self._sent_bytes == size_bytes:
                self._answers.popleft()
                self._sent_bytes = 0
        return True


def _answer(body: bytes) -> bytes:
    head = f"HTTP/1.1 200 OK\r\nContent-Type: image/jpeg\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


def _in_memory(data: bytes) -> tuple[int, int]:
    handle = os.memfd_create("canned")
    with os.fdopen(os.dup(handle), "wb") as file:
        file.write(data)
    return handle, len(data)


def _listener(address: str, port: int) -> socket.socket:
    listener = socket.create_server((address, port), backlog=1024)
    listener.setblocking(False)
    return listener


def _accept(listener: socket.socket, canned: Canned, selector: selectors.BaseSelector) -> None:
    peer, _ = listener.accept()
    peer.setblocking(False)
    peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    selector.register(peer, selectors.EVENT_READ, Connection(peer, canned))


def _serve(connection: Connection, selector: selectors.BaseSelector, events: int) -> None:
    try:
        alive = not events & selectors.EVENT_READ or connection.read()
        waits = selectors.EVENT_READ if connection.write() else selectors.EVENT_READ | selectors.EVENT_WRITE
    except ConnectionError:
        alive = False
    if not alive:
        selector.unregister(connection.peer)
        connection.peer.close()
    elif waits != selector.get_key(connection.peer).events:
        selector.modify(connection.peer, waits, connection)


def main() -> None:
    """Serve until killed."""
    port, folder = int(sys.argv[1]), Path(sys.argv[2])
    canned = Canned(folder)
    selector = selectors.DefaultSelector()
    for number in range(1, HOSTS + 1):
        selector.register(_listener(f"127.0.1.{number}", port), selectors.EVENT_READ)
    print("ready", flush=True)
    while True:
        for key, events in selector.select():
            if key.data is None:
                assert isinstance(key.fileobj, socket.socket)
                _accept(key.fileobj, canned, selector)
            else:
                _serve(key.data, selector, events)


if __name__ == "__main__":
    main()

"""`asyncdl keys`: what ingest makes of a URL. It streams, and knows only `asyncdl.urls`.

One thing cannot be said of a line alone: a link to GBIF's cached copy of a photo names the MD5 of an identifier, which may be on
another line. So the last `MAX_LINES_REMEMBERED` links are remembered, and where the identifier has not been seen yet, that answer
and those behind it wait for it: so many lines, so many bytes, or until the input ends. Without such a link nothing waits, and on a
terminal nothing ever does.
"""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import BinaryIO

from asyncdl.cli.command import Command, Group
from asyncdl.terminal import printable
from asyncdl.urls import cached_digest, identifier_digests, resolve

MAX_LINE_BYTES = 1 << 20  # a longer line is passed through in pieces and is no URL
MAX_LINES_REMEMBERED = 100_000
MAX_LINES_WAITING = 100_000
MAX_WAITING_BYTES = 64_000_000
UNUSABLE_RANK = 9


def keys() -> None:
    """Show the key and rank of URLs: one line in, one line out.

    Standard input holds one URL per line; standard output gets the URL, its key and its rank with tabs between. URLs with
    the same key are the same photo; rank 1 is the largest picture, pages come last, an unusable URL has no key.
    """
    write_keys(sys.stdin.buffer, sys.stdout.buffer, for_people=sys.stdout.isatty())


def write_keys(source: BinaryIO, sink: BinaryIO, *, for_people: bool = False) -> None:
    """Answer every line of `source` on `sink`, in order; the URL column is the line as given, whatever bytes it has.

    `for_people` is for a terminal: nothing it would act on gets through, and no line waits for the next.
    """
    answers = _Answers(sink, max_waiting=0 if for_people else MAX_LINES_WAITING)
    for piece, line in _lines(source):
        answers.write(_harmless(piece) if for_people else piece)
        if line is not None:
            answers.answer(line)
        if for_people:
            sink.flush()
    answers.finish()
    sink.flush()


def _lines(source: BinaryIO) -> Iterator[tuple[bytes, bytes | None]]:
    """Pieces to echo, each with the line that ends there (None while a line goes on; empty when it was too long)."""
    while piece := source.readline(MAX_LINE_BYTES):
        long = False
        while not piece.endswith(b"\n") and (rest := source.readline(MAX_LINE_BYTES)):
            yield piece, None
            piece, long = rest, True
        echo = piece.removesuffix(b"\n").removesuffix(b"\r")
        yield echo, b"" if long else echo


def _harmless(piece: bytes) -> bytes:
    return printable(piece.decode("utf-8", "surrogateescape"), MAX_LINE_BYTES).encode()


def _said(key: str, rank: int) -> bytes:
    """Tab, key, tab, rank and the end of the line."""
    return f"\t{key}\t{rank}\n".encode("utf-8", "surrogateescape")


@dataclass(slots=True)
class _Waiting:
    """The answer about a cached copy whose identifier has not been seen: its own key until it is."""

    digest: str
    key: str
    rank: int
    known: bool = False


@dataclass(slots=True)
class _Answers:
    """What goes to `sink`, in order. Nothing is held back unless an answer waits for a line to come."""

    sink: BinaryIO
    max_waiting: int
    _recent: deque[tuple[str, str]] = field(default_factory=lambda: deque(maxlen=MAX_LINES_REMEMBERED))
    _keys: dict[str, str] | None = None  # by the MD5 of what was published, from the first cached copy on
    _held: deque[bytes | _Waiting] = field(default_factory=deque)
    _wanted: dict[str, list[_Waiting]] = field(default_factory=dict)
    _held_bytes: int = 0

    def write(self, piece: bytes) -> None:
        """Something to be written as it is."""
        if not self._held:
            self.sink.write(piece)
            return
        self._held.append(piece)
        self._held_bytes += len(piece)

    def answer(self, line: bytes) -> None:
        """What is to be said of a line. Bytes that are no UTF-8 travel as lone surrogates and come back."""
        found = resolve(line.decode("utf-8", "surrogateescape"))
        rank = found.rank if found.key else UNUSABLE_RANK
        digest = cached_digest(found.key)
        if digest:
            self._answer_copy(_Waiting(digest, found.key, rank))
        else:
            if found.key:
                self._remember(found.url, found.key)
            self.write(_said(found.key, rank))
        self._let_go()

    def finish(self) -> None:
        """No line will come any more."""
        self._wanted.clear()
        self._let_go()

    def _answer_copy(self, copy: _Waiting) -> None:
        if self._keys is None:
            self._keys = {}
            for url, key in self._recent:
                self._learn(self._keys, url, key)
            self._recent.clear()
        if known := self._keys.get(copy.digest):
            self.write(_said(known, copy.rank))
        elif self.max_waiting:
            self._held.append(copy)
            self._wanted.setdefault(copy.digest, []).append(copy)
        else:
            self.write(_said(copy.key, copy.rank))

    def _remember(self, url: str, key: str) -> None:
        if self._keys is None:
            self._recent.append((url, key))
            return
        for digest in self._learn(self._keys, url, key):
            for copy in self._wanted.pop(digest, ()):
                copy.key, copy.known = key, True

    @staticmethod
    def _learn(keys: dict[str, str], url: str, key: str) -> tuple[str, ...]:
        digests = identifier_digests(url)
        for digest in digests:
            keys.setdefault(digest, key)
        while len(keys) > 2 * MAX_LINES_REMEMBERED:
            del keys[next(iter(keys))]
        return digests

    def _let_go(self) -> None:
        """Write what waits for nothing, and what has waited for too many lines or bytes."""
        while self._held:
            first = self._held[0]
            over = len(self._held) > 2 * self.max_waiting or self._held_bytes > MAX_WAITING_BYTES
            if isinstance(first, _Waiting):
                if not first.known and not over and first.digest in self._wanted:
                    return
                self._forget(first)
            self._held.popleft()
            piece = _said(first.key, first.rank) if isinstance(first, _Waiting) else first
            self._held_bytes -= 0 if isinstance(first, _Waiting) else len(piece)
            self.sink.write(piece)

    def _forget(self, copy: _Waiting) -> None:
        waiting = [other for other in self._wanted.pop(copy.digest, []) if other is not copy]
        if waiting:
            self._wanted[copy.digest] = waiting


COMMAND = Command("keys", keys, Group.CARE, "asyncdl keys < urls.txt")

"""`asyncdl keys`: what ingest makes of a URL. It streams, and knows only `asyncdl.urls`."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import BinaryIO

from asyncdl.cli.command import Command, Group
from asyncdl.terminal import printable
from asyncdl.urls import resolve

MAX_LINE_BYTES = 1 << 20  # a longer line is passed through in pieces and is no URL
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
    for piece, line in _lines(source):
        sink.write(_harmless(piece) if for_people else piece)
        if line is not None:
            sink.write(_answer(line))
        if for_people:
            sink.flush()
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


def _answer(line: bytes) -> bytes:
    """Tab, key, tab, rank and the end of the line. Bytes that are no UTF-8 travel as lone surrogates and come back."""
    found = resolve(line.decode("utf-8", "surrogateescape"))
    rank = found.rank if found.key else UNUSABLE_RANK
    return f"\t{found.key}\t{rank}\n".encode("utf-8", "surrogateescape")


COMMAND = Command("keys", keys, Group.CARE, "asyncdl keys < urls.txt")

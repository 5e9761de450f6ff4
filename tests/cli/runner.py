"""The real command line in this process: the program's own application, its own way to end, what it wrote."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from asyncdl.cli import commands
from asyncdl.cli.program import build_app, execute

Capture = Callable[[], tuple[str, str]]


class Ended(NamedTuple):
    """How a command line ended."""

    status: int
    out: str
    err: str


def type_in(capture: Capture, *arguments: object) -> Ended:
    """Run one command line; `capture` is `capsys.readouterr`."""
    capture()
    status = execute(build_app(commands()), [str(argument) for argument in arguments])
    out, err = capture()
    return Ended(status, out, err)

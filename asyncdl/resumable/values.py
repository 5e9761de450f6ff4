"""What is fetched, with what, and what is told about it: the values that a fetch takes and gives."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from asyncdl.clock import Clock
from asyncdl.retrying import RetryPolicy
from asyncdl.web import Web


@dataclass(frozen=True, slots=True)
class FirstAnswer:
    """The head of the answer that brings the first byte: `url` is where it came from in the end."""

    url: str
    media_type: str
    headers: Mapping[str, str]


def _any_head(_: bytes, __: FirstAnswer) -> str | None:
    return None


def _any_file(_: Path) -> None:
    return None


@dataclass(frozen=True, slots=True)
class WantedFile:
    """What is to be fetched, and where to.

    `slot` names the part and its note in `folder`; `name` makes the final name from the first answer. `expected_bytes` is what
    somebody else said of its length; `immutable` that it never changes under this address. `refuse` says what is wrong with a body
    from its first bytes; `check` looks at the whole file before it gets its name, and raises `SourceError`.
    """

    url: str
    folder: Path
    slot: str
    name: Callable[[FirstAnswer], str]
    expected_bytes: int | None = None
    immutable: bool = False
    refuse: Callable[[bytes, FirstAnswer], str | None] = _any_head
    check: Callable[[Path], None] = _any_file


@dataclass(frozen=True, slots=True)
class FetchedFile:
    """A file that is whole. `fetched_bytes` came in this call; 0 when it was there already."""

    path: Path
    size_bytes: int
    fetched_bytes: int


@dataclass(frozen=True, slots=True)
class FetchStep:
    """How far a fetch is. `words` are for people, where there is something to say beside the figures; texts of servers are made safe."""

    done_bytes: int
    total_bytes: int | None
    words: str = ""


@dataclass(frozen=True, slots=True)
class FetchTools:
    """What a fetch works with."""

    web: Web
    clock: Clock
    random: Random
    max_redirects: int = 5
    policy: RetryPolicy = field(default_factory=RetryPolicy)
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep

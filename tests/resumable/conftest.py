from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from random import Random

import pytest

from asyncdl.clock import VirtualClock
from asyncdl.resumable import FetchStep, FetchTools, fetch
from asyncdl.retrying import RetryPolicy
from asyncdl.web import Web


@dataclass
class Room:
    """Tools whose time is virtual, and what a fetch said and how long it waited."""

    clock: VirtualClock = field(default_factory=VirtualClock)
    steps: list[FetchStep] = field(default_factory=list)
    pauses: list[float] = field(default_factory=list)
    _awaited: list[tuple[int, asyncio.Event]] = field(default_factory=list)

    def arrival(self, have_bytes: int) -> asyncio.Event:
        """Set once so many bytes are written: a script that waits for it breaks off where it says, however fast the client reads."""
        event = asyncio.Event()
        self._awaited.append((have_bytes, event))
        return event

    def watch(self, step: FetchStep) -> None:
        self.steps.append(step)
        for have_bytes, event in self._awaited:
            if step.done_bytes >= have_bytes:
                event.set()

    @property
    def words(self) -> list[str]:
        return [step.words for step in self.steps if step.words]

    async def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.clock.advance(seconds)

    def tools(self, web: Web, *, max_redirects: int = 5, policy: RetryPolicy | None = None) -> FetchTools:
        return FetchTools(web, self.clock, Random(1), max_redirects, policy or RetryPolicy(max_attempts=4), self.sleep)


@pytest.fixture
def room(monkeypatch: pytest.MonkeyPatch) -> Room:
    monkeypatch.setattr(fetch, "WRITE_BYTES", 1)  # every chunk is written, and told
    return Room()

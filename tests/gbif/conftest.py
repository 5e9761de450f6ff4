from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

import pytest
import pytest_asyncio

from asyncdl.clock import VirtualClock
from asyncdl.gbif.api import GbifApi
from asyncdl.gbif.errand import Errand
from asyncdl.gbif.waiting import Deadline, Pace, WaitStep
from asyncdl.login import Login
from asyncdl.resumable import FetchStep, FetchTools
from asyncdl.web import Web
from tests.asking import SETTINGS
from tests.gbif.fakegbif import PASSWORD, USER, FakeGbif


@dataclass
class Desk:
    """An errand to a GBIF on this machine, in virtual time."""

    web: Web
    gbif: FakeGbif
    clock: VirtualClock
    folder: Path
    steps: list[WaitStep] = field(default_factory=list)
    fetched: list[FetchStep] = field(default_factory=list)
    pauses: list[float] = field(default_factory=list)

    async def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.clock.advance(seconds)

    @property
    def tools(self) -> FetchTools:
        return FetchTools(self.web, self.clock, Random(1), sleep=self.sleep)

    def api(self, user: str = USER, password: str = PASSWORD) -> GbifApi:
        login = Login(self.gbif.base, user, password)
        return GbifApi(self.gbif.base, self.tools, login, lambda words: self.steps.append(WaitStep(words, news=True)))

    def errand(self, *, max_wait: float | None = 86_400.0, api: GbifApi | None = None) -> Errand:
        deadline = Deadline(self.clock.now(), max_wait)
        return Errand(api or self.api(), self.tools, Pace(15, 60), deadline, self.steps.append, self.fetched.append)

    @property
    def news(self) -> list[str]:
        return [step.words for step in self.steps if step.news]

    @property
    def names(self) -> list[str]:
        return sorted(path.name for path in self.folder.iterdir())


@pytest_asyncio.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    clock = VirtualClock()
    async with FakeGbif(clock) as gbif, Web(SETTINGS) as web:
        yield Desk(web, gbif, clock, tmp_path)


@pytest.fixture
def gbif(desk: Desk) -> FakeGbif:
    return desk.gbif

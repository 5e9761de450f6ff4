"""Which hosts get a place in the window, with the real database."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from asyncdl.clock import VirtualClock
from asyncdl.download import queue
from asyncdl.download.queue import RANK_SECONDS, Feeder
from asyncdl.store import Store
from tests.download.worlds import World
from tests.store.makers import image, new_store, record

HOSTS = 12
LARGE = "z-museum.org"


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    """Eleven hosts with one image each, and at the end one with twenty."""
    async with await new_store(tmp_path) as opened:
        small = [record(n, image(n, f"http://museum{n:02d}.org/1.jpg")) for n in range(1, HOSTS)]
        large = [record(100 + n, image(100 + n, f"http://{LARGE}/{n}.jpg")) for n in range(20)]
        await opened.load([*small, *large], source=1)
        yield opened


async def test_the_largest_host_does_not_wait_for_a_place(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queue, "WINDOW_HOSTS", 3)
    monkeypatch.setattr(queue, "LARGEST_HOSTS", 1)
    world = World()
    feeder = Feeder(store, world.scheduler, world.clock)
    await feeder.feed()
    fed = {lane.lane.name: len(lane) for lane in world.scheduler.lanes}
    assert fed.pop(LARGE) >= 8
    assert sum(fed.values()) == len(fed) == 2


async def test_no_host_is_passed_over_for_it(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queue, "WINDOW_HOSTS", 3)
    monkeypatch.setattr(queue, "LARGEST_HOSTS", 2)
    world = World()
    feeder = Feeder(store, world.scheduler, world.clock)
    fed: set[str] = set()
    for _ in range(HOSTS + 4):
        await feeder.feed()
        fed |= {lane.lane.name for lane in world.scheduler.lanes}
        world.clock.advance(2 * RANK_SECONDS if len(fed) == 5 else 2)
    assert len(fed) == HOSTS
    assert isinstance(world.clock, VirtualClock)


async def test_where_every_host_has_a_place_nobody_is_ranked(store: Store) -> None:
    world = World()
    feeder = Feeder(store, world.scheduler, world.clock)
    await feeder.feed()
    assert feeder._ranked_at == float("-inf")
    assert len(list(world.scheduler.lanes)) == HOSTS
    assert world.scheduler.lanes.remaining_seconds(world.scheduler.lanes.of(LARGE)) == pytest.approx(20 / 1000)

from __future__ import annotations

import pytest

from asyncdl.lane_records import RobotsRecord
from asyncdl.model import Batch
from asyncdl.store import Store, robots


def record(authority: str, at: int, text: str = "User-agent: *\n", lane: str = "a.org") -> RobotsRecord:
    return RobotsRecord(authority, lane, 200, at, at, text)


async def test_they_are_kept_by_authority_and_found_by_lane(store: Store) -> None:
    await store.apply(
        Batch(robots=(record("http://a.org", 1), record("https://a.org", 2), record("https://b.org", 3, lane="b.org"))), 9
    )
    newer = record("http://a.org", 5, "# new\n")
    await store.apply(Batch(robots=(newer,)), 9)
    assert await store.load_robots(["a.org"]) == [newer, record("https://a.org", 2)]
    assert len(await store.load_robots(["b.org", "a.org", "c.org"])) == 3


async def test_their_number_and_their_lengths_are_bounded(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(robots, "MAX_STORED_ROBOTS", 3)
    await store.apply(Batch(robots=tuple(record(f"http://h{n}.org", n) for n in range(1, 8))), 9)
    assert [row.authority for row in await store.load_robots(["a.org"])] == ["http://h7.org", "http://h6.org", "http://h5.org"]
    long = "#" * (robots.MAX_STORED_ROBOTS_CHARACTERS + 1)
    await store.apply(Batch(robots=(record("http://h7.org", 9, long),)), 9)
    assert [row.authority for row in await store.load_robots(["a.org"])] == ["http://h6.org", "http://h5.org"]

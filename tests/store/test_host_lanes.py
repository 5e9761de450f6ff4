from __future__ import annotations

from asyncdl.lane_records import LaneRecord, RobotsRecord, Spent
from asyncdl.model import Batch
from asyncdl.store import Store
from tests.store.makers import NOW, image, record

A, B = "a.museum.org", "b.museum.org"
DAY = "bytes_per_day"


async def load(store: Store) -> None:
    await store.load([record(n, image(n, f"https://{host}/{n}.jpg")) for n, host in enumerate((A, B), start=1)])


async def lanes(store: Store) -> dict[str, str]:
    return {due.host: due.lane for due in await store.hosts_due(0, 10)}


async def test_hosts_follow_when_they_are_settled_and_new_ones_at_once(store: Store) -> None:
    await load(store)
    await store.join_hosts({B: A, "c.museum.org": A}, "one machine")
    assert await lanes(store) == {A: A, B: B}
    assert (await store.settle_lanes(), await store.settle_lanes()) == (1, 0)
    await store.load([record(3, image(3, "https://c.museum.org/3.jpg"))])
    assert await lanes(store) == {A: A, B: A, "c.museum.org": A}
    await store.join_hosts({B: B}, "it has moved")
    await store.settle_lanes()
    assert (await lanes(store))[B] == B
    assert await store.hosts_of_lane(A, 10) == [A, "c.museum.org"]


async def test_pauses_bans_and_spent_budgets_come_along(store: Store) -> None:
    await load(store)
    spent = {DAY: (Spent(NOW, 7),)}
    mine = LaneRecord(A, NOW + 1_000, "connect_failed", 2, NOW, spent={DAY: (Spent(NOW + 5, 1),)})
    other = LaneRecord(B, NOW + 9_000, "rate_limited", held=True, note="banned", spent=spent)
    await store.apply(Batch(lanes=(mine, other)), NOW)
    await store.join_hosts({B: A}, "one machine")
    await store.settle_lanes()
    both = (await store.load_lanes([A]))[A]
    assert (both.pause_until_ms, both.pause_reason, both.held, both.incidents) == (NOW + 9_000, "rate_limited", True, 2)
    assert both.spent is not None
    assert [slot.amount for slot in both.spent[DAY]] == [7, 1]
    assert (await store.lanes_of_hosts([A, B, "nobody.org"])) == {A: both, B: both}


async def test_what_is_known_of_robots_txt_comes_along_and_goes_back(store: Store) -> None:
    await load(store)
    files = [RobotsRecord(f"https://{host}", host, 404, NOW, NOW, "") for host in (A, B)]
    await store.apply(Batch(robots=tuple(files)), NOW)
    await store.join_hosts({B: A}, "one machine")
    await store.settle_lanes()
    assert {file.authority for file in await store.load_robots([A])} == {f"https://{A}", f"https://{B}"}
    await store.join_hosts({B: B}, "two machines")
    await store.settle_lanes()
    assert [file.authority for file in await store.load_robots([B])] == [f"https://{B}"]

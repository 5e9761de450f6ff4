from asyncdl.lane_records import LaneLoad, LaneRecord
from asyncdl.model import Batch
from asyncdl.store import Store
from asyncdl.store.loads import LOADS
from tests.store.makers import NOW, apply, image, manifest, query, record, saved


async def test_lanes_say_what_they_have_waiting_and_have_given(store: Store) -> None:
    await store.load(
        [
            record(1, image(1, "https://a.museum.org/1.jpg"), image(2, "https://b.museum.org/2.jpg")),
            record(2, image(3, "https://a.museum.org/3.jpg")),
            record(3, image(4, "https://iiif.museum.org/4/manifest.json"), manifests=(manifest("https://iiif.museum.org/4/manifest.json", 4),)),
        ]
    )  # fmt: skip
    await store.apply(Batch(transitions=(saved(1, 700),), lanes=(LaneRecord("b.museum.org", incidents=2),)), NOW)
    found = await store.lane_loads("", 10)
    assert found == [
        LaneLoad("a.museum.org", 1, 1, 1, 700),
        LaneLoad("b.museum.org", 1, 1, 0, 0, 0, LaneRecord("b.museum.org", incidents=2)),
        LaneLoad("iiif.museum.org", 1, 1, 0, 0, 1),
    ]
    assert await store.lane_loads("", 1) == found[:1]
    assert await store.lane_loads("a.museum.org", 10) == found[1:]


async def test_no_row_of_an_image_is_looked_at(store: Store) -> None:
    plan = [row[-1] for row in await query(store, f"EXPLAIN QUERY PLAN {LOADS}", "", 5)]
    assert len(plan) > 4
    assert not any("images" in step or "TEMP B-TREE" in step or step.startswith("SCAN") for step in plan), plan


async def test_the_largest_hosts_and_where_their_queues_end(store: Store) -> None:
    await store.load(
        [
            record(1, image(1, "https://a.museum.org/1.jpg"), image(2, "https://b.museum.org/2.jpg")),
            record(2, image(3, "https://a.museum.org/3.jpg"), image(4)),
            record(3, image(5, "https://a.museum.org/5.jpg")),
        ]
    )
    largest = await store.largest_waiting(5)
    assert [host.host for host in largest] == ["a.museum.org", "b.museum.org"]
    assert await store.waiting_by_lane(5) == {"a.museum.org": 3, "b.museum.org": 1}
    assert await store.waiting_by_lane(1) == {"a.museum.org": 3}
    last = await store.last_waiting(largest[0].host_id)
    await apply(store, saved(last, 500))
    assert await store.last_waiting(largest[0].host_id) < last
    assert await store.sampled_hosts(0, 5) == [(largest[0].host_id, 2, 1, 500)]
    assert await store.sampled_hosts(largest[0].host_id, 5) == []
    assert [load.lane for load in await store.loads_of(["b.museum.org", "nowhere.org"])] == ["b.museum.org"]

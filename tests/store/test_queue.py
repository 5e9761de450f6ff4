import re
from typing import Any

import pytest

from asyncdl.lane_records import LaneRecord
from asyncdl.model import HostDue, ManifestTransition, Transition, WorkKind
from asyncdl.status import ImageStatus
from asyncdl.store import QUEUE_START, Store, ledger, queue, tally, waiting
from asyncdl.urls import lane_of
from tests.store.makers import LATER, apply, image, manifest, record, saved

P, R, S, E, F = ImageStatus


async def load_hosts(store: Store) -> None:
    """Ten images at a.org, one at each of b.org and c.org, a manifest at m.org."""
    m = "https://m.org/1/manifest.json"
    await store.load([record(place, image(1, f"https://a.org/{place}.jpg")) for place in range(10)])
    await store.load([record(10, image(1, "https://b.org/1.jpg")), record(11, image(1, "https://c.org/1.jpg"))])
    await store.load([record(12, image(1, m), manifests=(manifest(m, 1),))])


async def test_hosts_of_images_and_manifests_come_together_in_pages(store: Store) -> None:
    await load_hosts(store)
    first = await store.hosts_due(0, 3)
    rest = await store.hosts_due(first[-1].host_id, 3)
    assert [(due.host, due.next_due_ms) for due in first + rest] == [("a.org", 0), ("b.org", 0), ("c.org", 0), ("m.org", 0)]
    assert await store.hosts_due(rest[-1].host_id, 3) == []
    assert first[0] == HostDue(first[0].host_id, "a.org", lane_of("a.org"), 0)


async def test_a_host_is_listed_with_its_earliest_due_time(store: Store) -> None:
    await load_hosts(store)
    await apply(store, *(Transition(place, R, 1000 + place, 1) for place in range(1, 11)), saved(11))
    found = {due.host: due.next_due_ms for due in await store.hosts_due(0, 10)}
    assert found == {"a.org": 1001, "c.org": 0, "m.org": 0}


async def test_pages_follow_each_other_without_gap_or_repeat(store: Store) -> None:
    await load_hosts(store)
    await apply(store, *(Transition(place, R, 1000 + place % 3, 1) for place in range(1, 8)))
    (host,) = [due for due in await store.hosts_due(0, 10) if due.host == "a.org"]
    seen: list[int] = []
    after = QUEUE_START
    while page := await store.due_work(host.host_id, WorkKind.IMAGE, after, LATER, 3):
        states = await store.image_states([work.id for work in page])
        seen += [work.id for work in page]
        after = (states[page[-1].id].due_ms or 0, page[-1].id)
    assert seen == [8, 9, 10, 3, 6, 1, 4, 7, 2, 5]


async def test_the_next_due_time_counts_pauses_and_leaves_held_lanes_out(store: Store) -> None:
    assert await store.next_due_ms() is None
    await load_hosts(store)
    assert await store.next_due_ms() == 0
    await apply(
        store,
        *(saved(place) for place in range(1, 11)),
        Transition(11, R, 5000, 1),
        Transition(12, R, 7000, 1),
        manifests=(ManifestTransition(1, R, 9000, 1),),
        lanes=(LaneRecord("b.org", pause_until_ms=8000), LaneRecord("c.org", held=True)),
    )
    assert await store.next_due_ms() == 8000


PAGE = {"host": 1, "due": 0, "id": 0, "before": 5, "limit": 5}
PLANS: dict[str, tuple[str, Any]] = {
    "hosts due": (queue.HOSTS_DUE, {"after": 0, "limit": 5}),
    "next due": (queue.NEXT_DUE, ()),
    "due images, same time": (queue.DUE[WorkKind.IMAGE][0], PAGE),
    "due images, later": (queue.DUE[WorkKind.IMAGE][1], PAGE),
    "due manifests, same time": (queue.DUE[WorkKind.MANIFEST][0], PAGE),
    "due manifests, later": (queue.DUE[WorkKind.MANIFEST][1], PAGE),
    "images left": (queue.IMAGES_LEFT, ("[1]", 0, 1)),
    "candidates": (queue.CANDIDATES, ("[1]",)),
    "images by id": (ledger._IMAGES_BY_ID, ("[1]",)),
    "images of a record": (ledger._IMAGES_OF_RECORD, (1,)),
    "saved bytes": (ledger._SAVED_BYTES, ("[1]",)),
    "update of an image": (ledger._UPDATE_IMAGE, (1, 1, 1, 1, 1, 1, 1)),
    "roll-ups": (tally._ROLL_UPS, ("[1]",)),
    "update of a record": (tally._UPDATE_RECORD, (1, 1, 1, 1, 1, 1)),
    "waiting on": (waiting._WAITING_ON, (1, "u", 1)),
    "at a manifest": (waiting._AT_A_MANIFEST, ("[1]",)),
    "manifest of": (waiting._MANIFEST_OF, (1, "u", 1)),
}


@pytest.mark.parametrize("name", PLANS)
async def test_no_hot_statement_reads_through_a_table(store: Store, name: str) -> None:
    statement, parameters = PLANS[name]
    plan = await store._db.read(lambda raw: [row[3] for row in raw.execute(f"EXPLAIN QUERY PLAN {statement}", parameters)])
    scanned = {match[1] for line in plan if (match := re.match(r"SCAN (\w+)", line)) and "USING COVERING INDEX" not in line}
    # What a statement builds itself (its own common tables, the list of ids) may be read through.
    assert scanned <= {"wanted", "of_images", "of_manifests", "active", "earliest", "e", "CONSTANT"}, plan


@pytest.mark.parametrize("name", [name for name in PLANS if name.startswith("due ")])
async def test_a_page_of_the_queue_begins_at_its_place_and_is_not_sorted(store: Store, name: str) -> None:
    statement, parameters = PLANS[name]
    plan = await store._db.read(lambda raw: [row[3] for row in raw.execute(f"EXPLAIN QUERY PLAN {statement}", parameters)])
    assert not any("TEMP B-TREE" in line for line in plan), plan
    wanted = "(host=? AND due=? AND rowid>?)" if name.endswith("same time") else "(host=? AND due>? AND due<?)"
    assert any(wanted in line for line in plan), plan

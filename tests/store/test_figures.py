import sqlite3
from collections.abc import Callable

from asyncdl.lane_records import LaneRecord
from asyncdl.model import Transition
from asyncdl.status import ImageStatus
from asyncdl.store import ErrorCount, Store, recounting
from tests.store.makers import apply, consistent, failed, image, manifest, query, record, saved

A, B, C = "https://a.org/1.jpg", "https://b.org/1.jpg", "https://c.org/1.jpg"
M = "https://m.org/1/manifest.json"
P, R, S, E, F = ImageStatus


def run(statement: str) -> Callable[[sqlite3.Connection], int]:
    return lambda raw: raw.execute(statement).rowcount


async def load_some(store: Store) -> None:
    """Four images at a.org (saved, two gone, one to retry), one at b.org, one waiting at m.org."""
    await store.load([record(place, image(1, A)) for place in range(1, 5)])
    await store.load([record(5, image(1, B)), record(6, image(1, M), manifests=(manifest(M, 1),))])
    await apply(
        store,
        saved(1, 150),
        failed(2),
        failed(3),
        Transition(4, R, 900, 1, error="timeout"),
        lanes=(LaneRecord("b.org", pause_until_ms=5000, pause_reason="429"),),
    )


async def test_an_empty_collection_counts_nothing(store: Store) -> None:
    assert (await store.counts()).by_status == dict.fromkeys(["pending", "retry", "success", "exhausted", "failed"], 0)
    assert (await store.record_counts()).total == 0
    assert await store.counts_by_host(5) == []
    assert (await store.counts_by_error(), await store.saved_bytes()) == ([], 0)


async def test_images_by_cause(store: Store) -> None:
    await load_some(store)
    assert await store.counts_by_error() == [
        ErrorCount(P, None, 2),
        ErrorCount(F, "http_404", 2),
        ErrorCount(R, "timeout", 1),
        ErrorCount(S, None, 1),
    ]


async def test_hosts_with_their_main_cause_and_pause(store: Store) -> None:
    await load_some(store)
    first, second = await store.counts_by_host(2)
    assert (first.host, first.images, first.size_bytes, first.main_error, first.lane_record) == ("a.org", 4, 150, "http_404", None)
    assert first.by_status == {"pending": 0, "retry": 1, "success": 1, "exhausted": 0, "failed": 2}
    assert second.host == "b.org"
    assert second.lane_record is not None
    assert second.lane_record.pause_reason == "429"


async def test_open_images_in_paused_or_held_lanes(store: Store) -> None:
    await load_some(store)
    assert await store.waiting_in_paused_lanes(4999) == 1
    assert await store.waiting_in_paused_lanes(5000) == 0
    await apply(store, lanes=(LaneRecord("a.org", held=True),))
    assert await store.waiting_in_paused_lanes(5000) == 1


async def test_a_recount_finds_what_is_wrong_and_a_rebuild_mends_it(store: Store) -> None:
    await load_some(store)
    wrongs = [
        "UPDATE counters SET images = images + 1 WHERE status = 2",
        "UPDATE counters SET bytes = 1 WHERE status = 2",
        "DELETE FROM counters WHERE status = 4",
        "UPDATE records SET successes = 1 WHERE id = 3",
        "UPDATE records SET status = 0 WHERE id = 1",
        "UPDATE record_counters SET records = 9",
        "DELETE FROM manifest_counters",
    ]
    for wrong in wrongs:
        await store._db.write(run(wrong))
        found = await store.discrepancies()
        assert found.counters or found.records or found.by_table, wrong
        await store.rebuild_counters()
        await consistent(store)


async def test_a_rebuild_goes_page_by_page_and_on_where_it_was_killed(store: Store) -> None:
    await load_some(store)
    await store._db.write(run("UPDATE records SET successes = 9, status = 1"))
    assert await store._db.write(recounting.recount_page, 1)
    place = await store.get_meta("recounted_up_to")
    assert place is not None
    mended = await query(store, f"SELECT count(*) FROM records WHERE successes = 9 AND id <= {place}")
    waiting = await query(store, f"SELECT count(*) FROM records WHERE successes = 9 AND id > {place}")
    assert mended == [(0,)]
    assert waiting > [(0,)]
    told: list[int] = []
    await store.rebuild_counters(told.append)
    assert told == [recounting.RECORDS_PER_COMMIT]
    assert await store.get_meta("recounted_up_to") is None
    await consistent(store)


async def test_a_recount_finds_images_that_nobody_would_try(store: Store) -> None:
    await load_some(store)
    for wrong in (
        "UPDATE images SET due = NULL WHERE id = 5",
        "UPDATE images SET due = 7 WHERE id = 2",
        "UPDATE manifests SET due = NULL",
    ):
        async with store.transaction():
            await store._db.write(run(wrong))
            assert len((await store.discrepancies()).stranded) == 1, wrong
            await store._db.write(lambda raw: raw.execute("UPDATE images SET due = 0 WHERE id = 5").rowcount)
            await store._db.write(lambda raw: raw.execute("UPDATE images SET due = NULL WHERE id = 2").rowcount)
            await store._db.write(lambda raw: raw.execute("UPDATE manifests SET due = 0").rowcount)

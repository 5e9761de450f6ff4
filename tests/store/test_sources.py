import pytest

from asyncdl.store import RunInfo, Store, StoredEvent, sources


async def test_a_run_is_noted_from_start_to_end(store: Store) -> None:
    assert await store.last_run() is None
    info = RunInfo(5, "node1", 42, "0.1.0", '{"a": 1}')
    run = await store.start_run(info)
    found = await store.last_run()
    assert found is not None
    assert (found.id, found.info, found.ended_ms) == (run, info, None)
    await store.finish_run(run, 9, 7, '{"success": 3}')
    found = await store.last_run()
    assert found is not None
    assert (found.ended_ms, found.exit_status, found.counts_json) == (9, 7, '{"success": 3}')


async def test_events_are_told_newest_first(store: Store) -> None:
    await store.add_event(1, "repair", "files", "3 parts swept\0")
    await store.add_event(2, "pause", "a.org")
    assert await store.events(1) == [StoredEvent(2, 2, "pause", "a.org", "")]
    assert (await store.events(5))[1].detail == "3 parts swept\ufffd"


async def test_old_events_go(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources, "_MAX_EVENTS", 3)
    for place in range(5):
        await store.add_event(place, "pause")
    assert [event.at_ms for event in await store.events(10)] == [4, 3, 2]


async def test_meta_is_pinned_and_changed(store: Store) -> None:
    assert await store.get_meta("nothing") is None
    await store.set_meta("layout", "2")
    await store.set_meta("layout", "3")
    assert (await store.all_meta())["layout"] == "3"

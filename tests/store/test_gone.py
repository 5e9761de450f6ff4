"""What no living source names any more, through `add_range`: marks, ends, and being named again."""

from __future__ import annotations

import pytest

from asyncdl.model import JudgedRecord, ManifestTransition, NewRecord, Transition, WorkKind
from asyncdl.status import ImageStatus, RecordStatus
from asyncdl.store import AddCounts, RetryFilter, Store
from tests.store.makers import NOW, all_due, apply, canvas, consistent, failed, image, manifest, query, record, saved

A, B, C = "https://a.org/1.jpg", "https://b.org/1.jpg", "https://c.org/1.jpg"
M, N = "https://m.org/1/manifest.json", "https://m.org/2/manifest.json"
P, R, S, E, F = ImageStatus


async def say(store: Store, *now: NewRecord, was: tuple[int | str, ...] = (), beside: tuple[NewRecord, ...] = ()) -> AddCounts:
    """A newer source says `now`, and takes the place of one that named the records `was`; another one still says `beside`."""
    said = {one.external_id: one for one in now}
    others = {one.external_id: one for one in beside}
    judged = [
        JudgedRecord(one, tuple(found for found in (said.get(one), others.get(one)) if found is not None), one in said)
        for one in was
    ]
    state = await store.add_source("newer.zip", "dwca", "1")
    counts = await store.add_range(now, judged, source=state.id, at_ms=NOW)
    await consistent(store)
    return counts


async def state(store: Store, image_id: int) -> tuple[ImageStatus, str | None]:
    found = (await store.image_states([image_id]))[image_id]
    return found.status, found.error


async def gone(store: Store) -> set[int]:
    return {image_id for (image_id,) in await query(store, "SELECT image FROM gone")}


async def test_what_has_a_file_keeps_it_and_what_has_none_is_not_asked_any_more(store: Store) -> None:
    await store.load([record(7, image(1, A), image(2, B), image(3, C))])
    await apply(store, saved(1), Transition(2, R, 9000, 2, error="timeout"))
    counts = await say(store, record(7, image(3, C)), was=(7,))
    assert counts == AddCounts(records_changed=1, images_gone=2, images_withdrawn=1)
    assert await gone(store) == {1, 2}
    assert await state(store, 1) == (S, None)
    assert await state(store, 2) == (F, "withdrawn")
    assert [work.id for work in await all_due(store)] == [3]
    assert (await store.files_page(0, 9))[0].image == 1
    assert [source.images_gone for source in await store.sources()] == [2]


async def test_a_record_is_done_when_what_is_asked_for_has_its_file(store: Store) -> None:
    await store.load([record(7, image(1, A), image(2, B)), record(8, image(1, A))])
    await apply(store, saved(1))
    counts = await say(store, record(7, image(1, A)), was=(7, 8))
    assert (counts.records_changed, counts.records_gone, counts.images_withdrawn) == (1, 1, 2)
    (found,), (lost,) = await store.find_records(7), await store.find_records(8)
    assert (found.status, found.completed_ms) == (RecordStatus.DONE, NOW)
    assert (lost.status, lost.open_images) == (RecordStatus.FAILED, 0)


async def test_what_another_living_source_names_stays(store: Store) -> None:
    await store.load([record(7, image(1, A), image(2, B))])
    counts = await say(store, was=(7,), beside=(record(7, image(2, B)),))
    assert counts == AddCounts(records_changed=1, records_changed_elsewhere=1, images_gone=1, images_withdrawn=1)
    assert await gone(store) == {1}


async def test_one_link_of_several_may_vanish_and_the_image_stays_with_all_of_them(store: Store) -> None:
    await store.load([record(7, image(1, A, B))])
    assert await say(store, record(7, image(1, B)), was=(7,)) == AddCounts(records_known=1)
    (work,) = await all_due(store)
    assert [found.url for found in work.candidates] == [A, B]


async def test_an_image_that_is_named_again_is_asked_again(store: Store) -> None:
    await store.load([record("x", image(1, A), image(2, B))])
    await apply(store, saved(1))
    await say(store, was=("x",))
    counts = await say(store, record("x", image(1, A), image(2, B, C)))
    assert counts == AddCounts(records_changed=1, images_named_again=2, images_reopened=1, links_gained=1)
    assert await gone(store) == set()
    assert [(work.id, len(work.candidates)) for work in await all_due(store)] == [(2, 2)]
    assert await state(store, 1) == (S, None)
    assert [source.images_gone for source in await store.sources()] == [0]


async def test_named_again_does_not_ask_again_what_had_failed_before_it_went(store: Store) -> None:
    await store.load([record(7, image(1, A), image(2, B))])
    await apply(store, failed(1), Transition(2, E, None, 4, error="timeout"))
    await say(store, was=(7,))
    assert (await state(store, 1), await state(store, 2)) == ((F, "http_404"), (E, "timeout"))
    counts = await say(store, record(7, image(1, A), image(2, B)))
    assert (counts.images_named_again, counts.images_reopened) == (2, 0)
    assert await all_due(store) == []


async def test_the_first_mark_stays(store: Store) -> None:
    await store.load([record(7, image(1, A))])
    await say(store, was=(7,))
    again = await say(store, was=(7,))
    assert again == AddCounts()


async def test_retry_leaves_out_what_is_gone_unless_that_is_named(store: Store) -> None:
    await store.load([record(7, image(1, A), image(2, B)), record(8, image(1, A))])
    await apply(store, Transition(2, E, None, 4, error="timeout"), failed(3))
    await say(store, was=(7,))
    ended = RetryFilter()
    assert (await store.select_for_retry(ended, 0, 9)).ids == (3,)
    assert (await store.select_for_retry(RetryFilter(error_types=frozenset({"timeout"})), 0, 9)).ids == ()
    withdrawn = RetryFilter(error_types=frozenset({"withdrawn"}))
    assert (await store.select_for_retry(withdrawn, 0, 9)).ids == (1,)
    both = RetryFilter(error_types=frozenset({"withdrawn", "timeout"}))
    assert (await store.select_for_retry(both, 0, 9)).ids == (1, 2)


async def test_a_manifest_that_is_not_named_is_not_read_and_who_waits_goes_on(store: Store) -> None:
    await store.load([record(7, image(1, M, A), image(2, M), manifests=(manifest(M, 1),))])
    counts = await say(store, record(7, image(1, A)), was=(7,))
    assert (counts.manifests_withdrawn, counts.images_gone, counts.images_withdrawn) == (1, 1, 1)
    assert [(work.id, work.candidate) for work in await all_due(store)] == [(1, 1)]
    assert await all_due(store, WorkKind.MANIFEST) == []
    assert (await store.manifest_counts()).by_status["failed"] == 1
    again = await say(store, record(7, image(1, M, A), image(2, M), manifests=(manifest(M, 1),)))
    assert (again.images_named_again, again.images_reopened) == (1, 1)
    assert len(await all_due(store, WorkKind.MANIFEST)) == 1
    found = (await store.image_states([2]))[2]
    assert (found.status, found.due_ms) == (P, None)  # it waits for its manifest again


async def test_a_withdrawn_manifest_that_nobody_lost_wakes_when_it_is_named(store: Store) -> None:
    await store.load([record(7, image(1, A, M), manifests=(manifest(M, 1),))])
    counts = await say(store, record(7, image(1, A)), was=(7,))
    assert (counts.manifests_withdrawn, counts.images_gone) == (1, 0)
    await say(store, record(7, image(1, A, M), manifests=(manifest(M, 1),)))
    assert len(await all_due(store, WorkKind.MANIFEST)) == 1


async def test_pictures_of_a_manifest_are_gone_when_their_manifest_is(store: Store) -> None:
    first = record(7, image(1, M), image(2, N), manifests=(manifest(M, 1), manifest(N, 2)))
    await store.load([first])
    pages = (canvas(11, A), canvas(12, B))
    await apply(store, manifests=(ManifestTransition(1, S, None, 1, canvases=pages),))
    await apply(store, manifests=(ManifestTransition(2, S, None, 1, canvases=(canvas(21, C), canvas(12, B))),))
    assert (await store.counts()).total == 3
    assert (await say(store, first, was=(7,))).images_gone == 0
    counts = await say(store, record(7, image(2, N), manifests=(manifest(N, 2),)), was=(7,))
    assert (counts.images_gone, counts.records_changed) == (1, 1)
    (url,) = await query(store, "SELECT c.url FROM gone JOIN candidates AS c ON c.image = gone.image WHERE c.spent IS NULL")
    assert url == (A,)


async def test_the_same_manifest_at_another_address_names_its_pictures(store: Store) -> None:
    moved = M.replace("https", "http")
    await store.load([record(7, image(1, M), manifests=(manifest(M, 1),))])
    await apply(store, manifests=(ManifestTransition(1, S, None, 1, canvases=(canvas(11, A), canvas(12, B))),))
    counts = await say(store, record(7, image(1, moved), manifests=(manifest(moved, 1),)), was=(7,))
    assert (counts.images_gone, counts.images_new, counts.manifests_new) == (0, 0, 1)


async def test_a_manifest_that_shows_a_picture_which_was_gone_names_it_again(store: Store) -> None:
    await store.load([record(7, image(1, M), manifests=(manifest(M, 1),))])
    await apply(store, manifests=(ManifestTransition(1, S, None, 1, canvases=(canvas(11, A), canvas(12, B))),))
    await apply(store, saved(1))
    counts = await say(store, record(7, image(2, N), manifests=(manifest(N, 2),)), was=(7,))
    assert (counts.images_gone, counts.images_withdrawn) == (2, 1)
    await apply(store, manifests=(ManifestTransition(2, S, None, 1, canvases=(canvas(11, A), canvas(12, B))),))
    await consistent(store)
    assert await gone(store) == set()
    assert [found.url for work in await all_due(store) for found in work.candidates if found.spent is None] == [B]


async def test_an_image_that_is_merged_away_takes_its_mark_along(store: Store) -> None:
    await store.load([record(7, image(22, A), image(1, M), manifests=(manifest(M, 1),))])
    await store._db.write(lambda raw: raw.execute("INSERT INTO gone VALUES (2, 9)").rowcount)
    await apply(store, manifests=(ManifestTransition(1, S, None, 1, canvases=(canvas(22, A),)),))
    await consistent(store)
    assert await gone(store) == set()


@pytest.mark.parametrize("external_id", [5, "named"])
async def test_a_record_that_was_never_loaded_has_nothing_to_lose(store: Store, external_id: int | str) -> None:
    assert await say(store, was=(external_id,)) == AddCounts()


async def test_a_source_is_replaced_when_the_addition_ends(store: Store) -> None:
    old = await store.add_source("a.zip", "dwca", "1")
    await store.finish_source(old.id, 4, 0)
    new = await store.add_source("b.zip", "dwca", "2")
    await store.decide_replaced(new.id, old.id)
    assert [source.living for source in await store.sources()] == [True, False]
    await store.finish_addition(new.id, 5, 1, NOW)
    first, second = await store.sources()
    assert (first.living, first.replaced_by, first.replaces) == (False, new.id, None)
    assert (second.living, second.loaded_ms, second.rows, second.replaces) == (True, NOW, 5, old.id)
    await store.forget_source(new.id)
    assert len(await store.sources()) == 2

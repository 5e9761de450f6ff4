"""Manifests and the images that wait for them: `expansion` and `waiting` through the store."""

import pytest

from asyncdl.errors import IllegalMove
from asyncdl.model import Failure, ManifestTransition, Transition, WorkKind
from asyncdl.status import ImageStatus
from asyncdl.store import Store
from tests.store.makers import NOW, all_due, apply, canvas, failed, image, manifest, record, reopened, saved

A, B, C = "https://a.org/1.jpg", "https://b.org/1.jpg", "https://c.org/1.jpg"
M = "https://m.org/1/manifest.json"
P, R, S, E, F = ImageStatus


async def urls_of(store: Store) -> dict[int, list[str]]:
    """The usable URLs of each due image, by number."""
    return {work.number: [found.url for found in work.candidates if found.spent is None] for work in await all_due(store)}


def expanded(*canvases: tuple[int, str]) -> ManifestTransition:
    return ManifestTransition(1, S, None, 1, canvases=tuple(canvas(key, url) for key, url in canvases))


async def test_the_waiting_image_takes_a_canvas_and_the_rest_are_new(store: Store) -> None:
    await store.load([record(7, image(1, M), manifests=(manifest(M, 1),))])
    applied = await apply(store, manifests=(expanded((21, A), (22, B), (23, C)),))
    assert (applied.images_created, applied.images_merged) == (2, 0)
    assert applied.due == (("a.org", 0), ("b.org", 0), ("c.org", 0))
    assert await urls_of(store) == {0: [A], 1: [B], 2: [C]}
    (found,) = await store.find_records(7)
    assert (found.images, found.open_images) == (3, 3)
    assert (await store.manifest_counts()).by_status["success"] == 1
    assert await all_due(store, WorkKind.MANIFEST) == []


async def test_loading_the_source_again_after_the_expansion_adds_nothing(store: Store) -> None:
    rows = [record(7, image(1, M), image(3, A, M), manifests=(manifest(M, 1),))]
    await store.load(rows)
    await apply(store, manifests=(expanded((21, B), (22, C)),))
    counts = await store.load(rows)
    assert (counts.images_new, counts.candidates_new, counts.manifests_new, counts.images_reopened) == (0, 0, 0, 0)


async def test_a_canvas_of_a_known_key_enriches_that_image(store: Store) -> None:
    await store.load([record(7, image(1, M), image(22, "https://z.org/small"), manifests=(manifest(M, 1),))])
    await store._db.write(lambda raw: raw.execute("UPDATE candidates SET rank = 5 WHERE image = 2").rowcount)
    applied = await apply(store, manifests=(expanded((22, B), (21, A)),))
    assert (applied.images_created, applied.images_merged) == (0, 0)
    assert await urls_of(store) == {0: [A], 1: [B, "https://z.org/small"]}


async def test_an_image_that_waited_in_vain_is_merged_and_its_number_never_given_again(store: Store) -> None:
    await store.load([record(7, image(22, A), image(1, M), manifests=(manifest(M, 1),))])
    applied = await apply(
        store,
        manifests=(expanded((22, A)),),
        failures=(Failure(WorkKind.IMAGE, 2, NOW, "timeout", A, "a.org", 1),),
    )
    assert applied.images_merged == 1
    assert await urls_of(store) == {0: [A]}
    await store.load([record(7, image(99, C))])
    assert set(await urls_of(store)) == {0, 2}


async def test_an_image_with_something_else_to_try_goes_on_instead(store: Store) -> None:
    await store.load([record(7, image(22, A), image(1, M, C), manifests=(manifest(M, 1),))])
    applied = await apply(store, manifests=(expanded((22, A)),))
    assert applied.images_merged == 0
    assert await urls_of(store) == {0: [A], 1: [C]}


@pytest.mark.parametrize(("to", "error"), [(F, "http_404"), (E, "timeout")])
async def test_a_failed_manifest_ends_those_that_wait_for_it(store: Store, to: ImageStatus, error: str) -> None:
    await store.load([record(7, image(1, M), image(2, A), manifests=(manifest(M, 1),))])
    applied = await apply(store, manifests=(ManifestTransition(1, to, None, 1, error=error),))
    assert applied.manifests_waiting_failed == 1
    state = (await store.image_states([1]))[1]
    assert (state.status, state.error) == (to, error)
    assert len(await all_due(store)) == 1


async def test_a_failed_manifest_sends_on_those_with_another_candidate(store: Store) -> None:
    await store.load([record(7, image(1, M, A), manifests=(manifest(M, 1),))])
    applied = await apply(store, manifests=(ManifestTransition(1, F, None, 1, error="http_404"),))
    assert (applied.manifests_waiting_failed, applied.due) == (0, (("a.org", 0),))
    (work,) = await all_due(store)
    assert (work.candidate, work.candidates[0].spent) == (1, "http_404")


async def test_a_manifest_without_a_picture_fails_those_that_wait(store: Store) -> None:
    await store.load([record(7, image(1, M), manifests=(manifest(M, 1),))])
    await apply(store, manifests=(ManifestTransition(1, S, None, 1, canvases=(canvas(5, "nonsense"),)),))
    assert (await store.image_states([1]))[1].error == "manifest_error"


async def test_a_manifest_that_is_tried_again_keeps_them_waiting(store: Store) -> None:
    await store.load([record(7, image(1, M), manifests=(manifest(M, 1),))])
    applied = await apply(store, manifests=(ManifestTransition(1, R, 500, 1, error="timeout"),))
    assert applied.due == (("m.org", 500),)
    (work,) = await all_due(store, WorkKind.MANIFEST)
    assert (work.status, work.attempts) == (R, 1)


async def test_reopening_an_image_wakes_the_manifest_that_failed(store: Store) -> None:
    await store.load([record(7, image(1, M), manifests=(manifest(M, 1),))])
    await apply(store, manifests=(ManifestTransition(1, F, None, 4, error="http_404"),))
    applied = await apply(store, reopened(1))
    assert applied.due == (("m.org", 0),)
    assert await all_due(store) == []
    (work,) = await all_due(store, WorkKind.MANIFEST)
    assert (work.status, work.attempts) == (P, 0)
    await apply(store, manifests=(expanded((21, A)),))
    assert await urls_of(store) == {0: [A]}


async def test_reopening_an_image_whose_manifest_was_read_tries_its_pictures(store: Store) -> None:
    await store.load([record(7, image(1, M), manifests=(manifest(M, 1),))])
    await apply(store, manifests=(expanded((21, A)),))
    await apply(store, failed(1))
    await apply(store, reopened(1))
    (work,) = await all_due(store)
    assert (work.host, work.candidate) == ("a.org", 1)


async def test_an_image_that_comes_to_a_manifest_waits_whatever_the_due_time(store: Store) -> None:
    await store.load([record(7, image(1, A, M), manifests=(manifest(M, 1),))])
    await apply(store, Transition(1, P, 0, 1, candidate=1, host="m.org", spent=((0, "http_404"),)))
    assert await all_due(store) == []
    assert (await store.image_states([1]))[1].due_ms is None


async def test_an_image_that_comes_to_a_manifest_that_has_ended_ends_too(store: Store) -> None:
    await store.load([record(7, image(1, A, M), manifests=(manifest(M, 1),))])
    await apply(store, manifests=(ManifestTransition(1, F, None, 1, error="http_410"),))
    applied = await apply(store, Transition(1, P, None, 1, candidate=1, spent=((0, "http_404"),)))
    assert applied.manifests_waiting_failed == 1
    state = (await store.image_states([1]))[1]
    assert (state.status, state.error) == (F, "http_410")


async def test_an_image_that_failed_is_reopened_by_a_canvas_of_its_key(store: Store) -> None:
    await store.load([record(7, image(1, A), manifests=(manifest(M, 1),))])
    await apply(store, failed(1))
    await apply(store, manifests=(expanded((1, B)),))
    (work,) = await all_due(store)
    assert (work.status, work.attempts, work.number) == (P, 0, 0)


async def test_a_manifest_that_was_read_is_spent_for_images_that_have_it_further_down(store: Store) -> None:
    await store.load([record(7, image(1, A, M), manifests=(manifest(M, 1),))])
    await apply(store, manifests=(expanded((21, B)),))
    (first, _) = sorted(await all_due(store), key=lambda work: work.number)
    assert [found.spent for found in first.candidates] == [None, "manifest_expanded"]


async def test_a_saved_image_stays_saved(store: Store) -> None:
    await store.load([record(7, image(1, A), manifests=(manifest(M, 1),))])
    await apply(store, saved(1), manifests=(expanded((1, B)),))
    assert (await store.counts()).by_status["success"] == 1


async def test_two_images_that_wait_for_one_manifest_by_its_key_and_by_its_url(store: Store) -> None:
    other = "http://m.org/1/manifest.json"
    await store.load([record(7, image(1, other), image(2, M), manifests=(manifest(M, 1),))])
    await apply(store, manifests=(expanded((21, A), (22, B)),))
    assert await urls_of(store) == {0: [A], 1: [B]}


async def test_canvases_of_one_key_are_one_photo(store: Store) -> None:
    await store.load([record(7, image(1, M), manifests=(manifest(M, 1),))])
    await apply(store, manifests=(expanded((21, A), (21, B), (22, C)),))
    assert await urls_of(store) == {0: [A], 1: [C]}


@pytest.mark.parametrize(
    "wrong",
    [
        ManifestTransition(9, F, None, 1),
        ManifestTransition(1, P, None, 0),
        ManifestTransition(1, R, None, 0),
        ManifestTransition(1, F, 5, 0),
    ],
    ids=["no such manifest", "sleeps though waited for", "retry never", "ended but due"],
)
async def test_a_wrong_move_of_a_manifest_changes_nothing(store: Store, wrong: ManifestTransition) -> None:
    await store.load([record(7, image(1, M), image(2, A), manifests=(manifest(M, 1),))])
    with pytest.raises(IllegalMove):
        await apply(store, saved(2), manifests=(wrong,))
    assert (await store.counts()).by_status["pending"] == 2


async def test_when_needed_only_manifests_that_an_image_waits_for_take_their_turn(store: Store) -> None:
    other = "https://a.org/2/manifest.json"
    await store.load([record(7, image(1, A, M), manifests=(manifest(M, 1),)), record(8, image(2, other))])
    assert await store.expand_manifests(when_needed=True) == 1
    assert [work.candidates[0].url for work in await all_due(store, WorkKind.MANIFEST)] == [other]
    # the picture fails: now its manifest is needed, and wakes
    await apply(store, Transition(1, P, None, 0, candidate=1, spent=((0, "http_404"),)))
    assert len(await all_due(store, WorkKind.MANIFEST)) == 2
    assert await store.expand_manifests(when_needed=False) == 0

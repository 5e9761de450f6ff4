import pytest

from asyncdl.model import ManifestTransition, Transition, WorkKind
from asyncdl.status import ImageStatus
from asyncdl.store import RetryFilter, RetryPage, Store, selection
from tests.store.makers import NOW, apply, failed, failure, image, manifest, record, saved

A, B = "https://a.org/1.jpg", "https://b.org/1.jpg"
M = "https://m.org/1/manifest.json"
P, R, S, E, F = ImageStatus


async def load_some(store: Store) -> None:
    """Images 1 and 2 gone and 3 exhausted at a.org, 4 gone at b.org, 5 saved, 6 pending."""
    await store.load([record(place, image(1, B if place == 4 else A)) for place in range(1, 7)])
    await apply(
        store,
        failed(1),
        failed(2, "too_large"),
        Transition(3, E, None, 4, error="timeout"),
        failed(4),
        saved(5),
        failures=(failure(1, "http_404", NOW - 5000), failure(2, "too_large", NOW), failure(2, "too_large", NOW - 9000)),
    )


@pytest.mark.parametrize(
    ("wanted", "ids"),
    [
        (RetryFilter(), (1, 2, 3, 4)),
        (RetryFilter(error_types=frozenset({"http_404"})), (1, 4)),
        (RetryFilter(error_types=frozenset({"http_404", "timeout"}), hosts=frozenset({"a.org"})), (1, 3)),
        (RetryFilter(statuses=frozenset({E})), (3,)),
        (RetryFilter(hosts=frozenset({"nowhere.org"})), ()),
        (RetryFilter(since_ms=NOW - 6000), (1, 2)),
        (RetryFilter(since_ms=NOW), (2,)),
        (RetryFilter(statuses=frozenset()), ()),
    ],
)
async def test_what_to_try_again(store: Store, wanted: RetryFilter, ids: tuple[int, ...]) -> None:
    await load_some(store)
    assert await store.select_for_retry(wanted, 0, 100) == RetryPage(ids, None)


async def test_pages_follow_each_other(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    await load_some(store)
    monkeypatch.setattr(selection, "_MAX_LOOKED_AT", 2)
    ids: list[int] = []
    pages = 0
    after: int | None = 0
    while after is not None:
        page = await store.select_for_retry(RetryFilter(), after, 1)
        ids += page.ids
        after, pages = page.next_after_id, pages + 1
        assert pages < 20
    assert ids == [1, 2, 3, 4]


async def test_manifests_are_selected_by_the_same_words(store: Store) -> None:
    await store.load([record(1, image(1, M), manifests=(manifest(M, 1),))])
    await apply(store, manifests=(ManifestTransition(1, F, None, 1, error="http_404"),))
    assert (await store.select_for_retry(RetryFilter(kind=WorkKind.MANIFEST), 0, 10)).ids == (1,)
    assert (await store.select_for_retry(RetryFilter(hosts=frozenset({"m.org"}), kind=WorkKind.MANIFEST), 0, 10)).ids == (1,)


async def test_image_states_leave_out_what_is_not_there(store: Store) -> None:
    await load_some(store)
    found = await store.image_states([3, 5, 99])
    assert set(found) == {3, 5}
    assert (found[3].status, found[3].attempts, found[3].error, found[3].host, found[3].due_ms) == (E, 4, "timeout", "a.org", None)


async def test_files_come_in_pages(store: Store) -> None:
    await store.load([record(f"x-{place}", image(1, A)) for place in range(5)])
    await apply(store, *(saved(place) for place in range(1, 6)))
    first = await store.files_page(0, 3)
    rest = await store.files_page(first[-1].id, 3)
    assert [found.image for found in first + rest] == [1, 2, 3, 4, 5]
    assert first[0].external_id == "x-0"
    assert [found.image for found in await store.files_of([2, 4])] == [2, 4]

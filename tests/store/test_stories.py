from asyncdl.model import Failure, ManifestTransition, WorkKind
from asyncdl.status import ImageStatus, RecordStatus
from asyncdl.store import Store
from asyncdl.urls import key_hash, resolve
from tests.store.makers import NOW, apply, failed, failure, image, manifest, record, saved

A, B, C = "https://a.org/1.jpg", "https://b.org/1.jpg", "https://c.org/1.jpg"
M = "https://m.org/1/manifest.json"


async def test_a_record_is_found_by_number_and_by_text_of_digits(store: Store) -> None:
    await store.load([record(7, image(1, A)), record("0007", image(1, A)), record("7", image(1, A))])
    assert [found.external_id for found in await store.find_records(7)] == [7]
    assert [found.external_id for found in await store.find_records("7")] == ["7", 7]
    assert [found.external_id for found in await store.find_records("0007")] == ["0007", 7]
    assert await store.find_records("nobody") == []
    assert await store.find_records("9" * 40) == []


async def test_a_record_is_found_by_the_key_of_a_url_or_the_url_itself(store: Store) -> None:
    await store.load(
        [record(7, image(key_hash(resolve(A).key), A)), record(8, image(1, C)), record(9, image(2, M), manifests=(manifest(M, 2),))]
    )
    assert [found.external_id for found in await store.find_by_url(A)] == [7]
    assert [found.external_id for found in await store.find_by_url(C)] == [8]
    assert [found.external_id for found in await store.find_by_url(M)] == [9]
    assert await store.find_by_url("https://nowhere.org/1.jpg") == []


async def test_the_story_of_a_record(store: Store) -> None:
    await store.load([record("x", image(1, A, B), image(2, M), manifests=(manifest(M, 2),))])
    of_manifest = Failure(WorkKind.MANIFEST, 1, NOW, "http_404", M, "m.org", 1)
    await apply(
        store,
        saved(1),
        manifests=(ManifestTransition(1, ImageStatus.FAILED, None, 1, error="http_404"),),
        failures=(failure(1), of_manifest),
    )
    (row,) = await store.find_records("x")
    story = await store.record_story(row.id)
    assert story is not None
    assert (story.record.status, story.record.external_id) == (RecordStatus.FAILED, "x")
    first, second = story.images
    assert [found.url for found in first.candidates] == [A, B]
    assert [found.error for found in first.failures] == ["server_error"]
    assert len(first.files) == 1
    assert (second.state.status, second.state.error, second.candidates[0].spent) == (ImageStatus.FAILED, "http_404", "http_404")
    (told,) = story.manifests
    assert (told.url, told.host, told.status, told.error, told.canvases) == (M, "m.org", ImageStatus.FAILED, "http_404", None)
    assert [found.url for found in told.failures] == [M]
    assert await store.record_story(12345) is None


async def test_the_story_of_a_host(store: Store) -> None:
    await store.load([record(place, image(1, A if place < 3 else B)) for place in range(1, 5)])
    await apply(store, failed(1), saved(2), failures=(failure(1), failure(3, url=B), failure(1, "http_404")))
    story = await store.host_story("a.org")
    assert story is not None
    assert story.counts.by_status["failed"] == 1
    assert {(row.status, row.error, row.images) for row in story.errors} == {
        (ImageStatus.FAILED, "http_404", 1),
        (ImageStatus.SUCCESS, None, 1),
    }
    assert [found.error for found in story.failures] == ["http_404", "server_error"]
    assert await store.host_story("nowhere.org") is None

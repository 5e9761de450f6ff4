from pathlib import Path

import pytest

from asyncdl.model import CandidateKind, WorkKind
from asyncdl.status import ImageStatus
from asyncdl.store import LoadCounts, Store
from tests.store.makers import all_due, apply, failed, image, manifest, new_store, query, record, saved

A, B, C = "https://a.org/1.jpg", "https://b.org/1.jpg", "https://c.org/1.jpg"
M = "https://m.org/1/manifest.json"


async def test_a_new_record_becomes_images_numbered_in_order(store: Store) -> None:
    counts = await store.load([record(7, image(1, A, B), image(2, C))])
    assert counts == LoadCounts(records_new=1, images_new=2, candidates_new=3)
    works = sorted(await all_due(store), key=lambda work: work.number)
    assert [(work.external_id, work.number, work.host, work.status) for work in works] == [
        (7, 0, "a.org", ImageStatus.PENDING),
        (7, 1, "c.org", ImageStatus.PENDING),
    ]
    assert [(found.position, found.url, found.kind, found.spent) for found in works[0].candidates] == [
        (0, A, CandidateKind.IMAGE, None),
        (1, B, CandidateKind.IMAGE, None),
    ]


async def test_loading_twice_changes_nothing(store: Store) -> None:
    rows = [record(7, image(1, A, B), image(2, M), manifests=(manifest(M, 2),)), record("x-1", image(3, C))]
    await store.load(rows)
    before = await query(store, "SELECT * FROM images JOIN candidates ON image = id ORDER BY 1")
    assert await store.load(rows) == LoadCounts(images_known=3)
    assert await query(store, "SELECT * FROM images JOIN candidates ON image = id ORDER BY 1") == before


async def test_a_known_record_gets_new_photos_with_the_next_numbers(store: Store) -> None:
    await store.load([record(7, image(1, A))])
    counts = await store.load([record(7, image(2, B), image(1, A), image(3, C))])
    assert counts == LoadCounts(images_new=2, images_known=1, candidates_new=2)
    assert await query(store, "SELECT number, key_hash FROM images ORDER BY number") == [(0, 1), (1, 2), (2, 3)]


async def test_the_same_record_twice_in_one_call_is_one_record(store: Store) -> None:
    counts = await store.load([record(7, image(1, A)), record(8, image(5, C)), record(7, image(2, B), image(1, A))])
    assert counts == LoadCounts(records_new=2, images_new=3, images_known=1, candidates_new=3)


@pytest.mark.parametrize("external_id", ["BR0000012345678", "00123", -5, 1 << 60, "ä ö/..\\", "nul\0", "\ud800"])
async def test_ids_that_are_no_row_numbers_are_kept_as_text(store: Store, external_id: int | str) -> None:
    await store.load([record(5, image(1, A)), record(external_id, image(1, B))])
    assert (await store.load([record(external_id, image(1, B))])).records_new == 0
    (found,) = await store.find_records(external_id)
    assert found.id >= 1 << 60
    assert isinstance(found.external_id, str)


@pytest.mark.parametrize(("one", "same"), [(-5, "-5"), ("\ud800", "?"), (1 << 60, str(1 << 60))])
async def test_ids_that_are_stored_alike_are_one_record(store: Store, one: int | str, same: int | str) -> None:
    counts = await store.load([record(one, image(1, A)), record(same, image(2, B))])
    assert (counts.records_new, counts.images_new) == (1, 2)


async def test_text_ids_get_distinct_rows_over_several_loads(store: Store) -> None:
    for start in range(0, 30, 10):
        await store.load([record(f"id-{place}", image(place, A)) for place in range(start, start + 12)])
    assert (await store.record_counts()).total == 32


@pytest.mark.parametrize("biggest", [(1 << 60) - 1, 0])
async def test_integer_ids_at_the_bounds_are_row_numbers(store: Store, biggest: int) -> None:
    await store.load([record(biggest, image(1, A))])
    assert [found.id for found in await store.find_records(biggest)] == [biggest]


async def test_an_image_without_a_usable_url_is_failed_at_once(store: Store) -> None:
    await store.load([record(7, image(1), image(2, "not a url"), image(3, A)), record(8, image(4))])
    assert [(row.status, row.error, row.images) for row in await store.counts_by_error()] == [
        (ImageStatus.FAILED, "no_url", 3),
        (ImageStatus.PENDING, None, 1),
    ]
    assert (await store.record_counts()).by_status == {"pending": 0, "partial": 1, "done": 0, "failed": 1}


async def test_an_unusable_first_candidate_is_passed_over(store: Store) -> None:
    await store.load([record(7, image(1, "nonsense", A))])
    (work,) = await all_due(store)
    assert (work.host, work.candidate) == ("a.org", 1)


async def test_an_image_that_begins_with_a_manifest_waits_and_its_manifest_is_due(store: Store) -> None:
    counts = await store.load([record(7, image(1, M), manifests=(manifest(M, 1),))])
    assert counts.manifests_new == 1
    assert await all_due(store) == []
    (work,) = await all_due(store, WorkKind.MANIFEST)
    assert (work.kind, work.host, work.external_id, [found.url for found in work.candidates]) == (
        WorkKind.MANIFEST,
        "m.org",
        7,
        [M],
    )
    assert (await store.manifest_counts()).by_status["pending"] == 1


async def test_a_manifest_that_an_image_waits_for_is_made_when_it_was_not_given(store: Store) -> None:
    await store.load([record(7, image(1, M))])
    assert len(await all_due(store, WorkKind.MANIFEST)) == 1


async def test_a_new_url_reopens_an_image_that_had_failed(store: Store) -> None:
    await store.load([record(7, image(1, A))])
    await apply(store, failed(1))
    counts = await store.load([record(7, image(1, A, B))])
    assert (counts.candidates_new, counts.images_reopened, counts.images_known) == (1, 1, 1)
    (work,) = await all_due(store)
    assert (work.host, work.attempts) == ("a.org", 0)


async def test_a_better_url_goes_in_front_and_nothing_is_renumbered(store: Store) -> None:
    await store.load([record(7, image(1, "https://z.org/a", B))])
    await query(store, "SELECT 1")
    better = image(1, A)
    await store._db.write(lambda raw: raw.execute("UPDATE candidates SET rank = rank + 1").rowcount)
    await store.load([record(7, better)])
    (work,) = await all_due(store)
    assert [(found.position, found.url) for found in work.candidates] == [(-1, A), (0, "https://z.org/a"), (1, B)]
    assert work.candidate == 0  # in flight or not, what is tried now stays


async def test_a_new_url_leaves_a_saved_image_alone(store: Store) -> None:
    await store.load([record(7, image(1, A))])
    await apply(store, saved(1))
    counts = await store.load([record(7, image(1, A, B))])
    assert (counts.candidates_new, counts.images_reopened) == (1, 0)
    assert (await store.counts()).by_status["success"] == 1


async def test_nothing_is_stored_for_nothing(store: Store) -> None:
    assert await store.load([]) == LoadCounts()
    assert (await store.load([record(1)])).records_new == 1


async def test_the_cursor_of_a_source_moves_with_its_rows(tmp_path: Path) -> None:
    async with await new_store(tmp_path) as store:
        source = await store.add_source("media.txt", "tsv", "abc")
        assert (source.cursor, source.loaded) == (None, False)
        await store.load([record(1, image(1, A))], source=source.id, cursor="17")
        assert (await store.add_source("media.txt", "tsv", "abc")).cursor == "17"
        await store.finish_source(source.id, rows=20, rejected=2)
        (found,) = await store.sources()
        assert (found.loaded, found.rows, found.rejected, found.cursor) == (True, 20, 2, None)
        assert (await store.add_source("media.txt", "tsv", "other")).id != source.id

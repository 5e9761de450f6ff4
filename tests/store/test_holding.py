"""Whole records, read for matching: what is held, page by page and range by range."""

from __future__ import annotations

import pytest

from asyncdl.store import HeldCandidate, HeldManifest, HeldRecord, Renumbered, Store, holding
from asyncdl.store.records import FIRST_TEXT_ROW
from tests.store.makers import apply, failed, image, manifest, query, record, saved

A, B, M = "https://a.org/1.jpg", "https://b.org/1.jpg", "https://m.org/1/manifest.json"


async def test_a_record_is_held_with_all_that_matching_needs(store: Store) -> None:
    await store.load([record(7, image(1, A, B), image(2, M), manifests=(manifest(M, 2),)), record("B 8", image(3, A))])
    await apply(store, failed(1), saved(3))
    held = await store.held_records([7, FIRST_TEXT_ROW, 99])
    (first, second), manifests = held[7].images, held[7].manifests
    assert isinstance(held[7], HeldRecord)
    assert (first.number, first.key_hash, first.status.label, first.error) == (0, 1, "failed", "http_404")
    assert first.candidates == (HeldCandidate(0, A, 1, 0, None), HeldCandidate(1, B, 2, 0, None))
    assert second.stands_with == HeldCandidate(0, M, 1, 1, None)
    assert manifests == (HeldManifest(1, M, 2, second.status),)
    assert (held[7].next_number, held[FIRST_TEXT_ROW].external_id, len(held)) == (2, "B 8", 2)


async def test_a_page_ends_with_so_many_records_or_files(store: Store) -> None:
    await store.load([record(number, image(1, A), image(2, B)) for number in range(10)])
    await apply(store, *(saved(image_id) for image_id in range(1, 13)))
    sizes = []
    after = -1
    while page := await store.held_page(after, 4, 3):
        sizes.append([held.row for held in page])
        after = page[-1].row
    assert sizes == [[0, 1], [2, 3], [4, 5], [6, 7, 8, 9]]


async def test_ranges_of_ids_find_their_rows(store: Store) -> None:
    await store.load([record(5, image(1, A)), record(9, image(1, A)), record("b", image(1, A)), record("a", image(1, A))])
    assert await store.rows_between(None, None, named=False) == [5, 9]
    assert await store.rows_between(5, 9, named=False) == [5]
    assert await store.rows_between(None, None, named=True) == [FIRST_TEXT_ROW + 1, FIRST_TEXT_ROW]
    assert await store.rows_between("a", "b", named=True) == [FIRST_TEXT_ROW + 1]
    assert await store.record_rows([9, 10, "b", "c"]) == {9: 9, "b": FIRST_TEXT_ROW}


async def test_only_records_of_nothing_but_one_link_that_was_never_looked_at_need_no_rules(store: Store) -> None:
    await store.load(
        [
            record(1, image(0, A)),
            record(2, image(0, A), image(5, B)),
            record(3, image(7, A)),
            record(4, image(0, A), manifests=(manifest(M, 2),)),
        ]
    )
    assert await store.unkeyed_links([1, 2, 3, 4, 5]) == {1: A}


async def test_numbers_change_places(store: Store) -> None:
    await store.load([record(7, image(1, A), image(2, B))])
    await store.renumber([Renumbered(7, ((1, 1), (2, 0)), 5)])
    assert await query(store, "SELECT id, number FROM images ORDER BY id") == [(1, 1), (2, 0)]
    assert await query(store, "SELECT next_number FROM records") == [(5,)]


@pytest.mark.parametrize(
    "statement",
    [value for name, value in vars(holding).items() if name.startswith("_") and isinstance(value, str) and "SELECT" in value],
)
async def test_no_statement_reads_through_a_table(store: Store, statement: str) -> None:
    parameters = ["x"] * statement.count("?") if "external_id >=" in statement else [1] * statement.count("?")
    plan = [row[3] for row in await query(store, f"EXPLAIN QUERY PLAN {statement}", *parameters)]
    assert not [step for step in plan if step.startswith("SCAN") and "wanted" not in step], plan

"""The re-keying stage over the parts of real sources: its ranges, its cursor, what it leaves alone, what it says."""

from __future__ import annotations

import asyncio
import shutil
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from asyncdl.clock import SystemClock
from asyncdl.collection import Collection
from asyncdl.errors import CollectionError
from asyncdl.ingest import IngestOptions, RekeyCounts, Rekeying, RekeyProgress, Replaces, add, detect, ingest, living_sources
from asyncdl.ingest.rekeying import fold_range, ranges_of
from asyncdl.model import Batch, ManifestTransition
from asyncdl.sourcerows import NAMED, NUMBERED, Range
from asyncdl.status import ImageStatus
from asyncdl.store import Store
from asyncdl.urls import KEYS_VERSION, key_hash, resolve
from tests.ingest.conftest import GBIF_HEADER, gbif_row
from tests.store.makers import NOW, canvas, consistent, query, saved

IIIF = "https://iiif.example.org/iiif/2/sheet{}"
OPTIONS = IngestOptions(rows_per_range=10, fold_processes=0)
RECORDS = 60
SPOILING = (
    "UPDATE images SET key_hash = key_hash + 1 WHERE key_hash <> 0",
    "UPDATE images SET key_hash = 0 WHERE record % 10 = 1 AND record < 1000",
    "UPDATE candidates SET rank = 9, kind = 0 WHERE rank <> 0 AND spent IS NULL",
    "UPDATE manifests SET key_hash = key_hash - 1",
    "UPDATE meta SET value = '0' WHERE key = 'keys_version'",
)


def sources(place: Path) -> list[Path]:
    """Three sources: whole numbers with plain and other links, texts as ids, and one that meets records of the first."""
    lines = [GBIF_HEADER]
    for record in range(RECORDS):
        lines.append(gbif_row(record, f"https://example.org/{record}.jpg"))
        if record % 5 == 0:
            lines += [
                gbif_row(record, IIIF.format(record) + "/full/300,/0/default.jpg"),
                gbif_row(record, IIIF.format(record) + "/manifest"),
            ]
        if record % 5 == 1:
            lines[-1] = gbif_row(record, IIIF.format(record) + "/full/max/0/default.jpg")
    one, two, three = place / "multimedia.txt", place / "named.csv", place / "more.csv"
    one.write_text("\n".join(lines) + "\n")
    two.write_text(
        "barcode,link\n" + "".join(f"B {record},https://example.org/b{record % 30}.jpg\n" for record in range(2 * RECORDS))
    )
    three.write_text(
        "barcode,link\n"
        + "".join(
            f"{record},https://example.org/{record}.jpg\n{record},https://example.org/x{record}.jpg\n"
            for record in range(0, RECORDS, 3)
        )
    )
    return [one, two, three]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A collection of these sources, made once."""

    async def make() -> Path:
        place = tmp_path_factory.mktemp("whole")
        collection = Collection.create(place / "job")
        one, two, three = sources(place)
        specs = [detect(one), *(detect(path, id_column="barcode", url_column="link") for path in (two, three))]
        async with await Store.build(collection.db, {}) as store:
            await ingest(store, collection, specs)
            await store.finish_building()
        return collection.root

    return asyncio.run(make())


async def made(whole: Path, place: Path, *, spoilt: bool = True) -> tuple[Collection, Store]:
    """A copy of it, as other rules would have made it."""
    collection = Collection(shutil.copytree(whole, place / "job"))
    store = await Store.open(collection.db)
    if spoilt:
        await spoil(store)
    return collection, store


async def spoil(store: Store) -> None:
    for statement in SPOILING:
        await store._db.write(lambda raw, sql=statement: raw.execute(sql).rowcount)  # type: ignore[misc]


def folders(collection: Collection) -> list[Path]:
    return [collection.source_folder(number) for number in (1, 2, 3)]


def stage(collection: Collection, store: Store, *, dry_run: bool = False, progress: Any = None) -> Rekeying:
    return Rekeying(store, folders(collection), OPTIONS, SystemClock(), progress or (lambda _: None), dry_run=dry_run)


async def rows(store: Store) -> dict[str, list[tuple[Any, ...]]]:
    tables = (
        "records", "images", "candidates", "manifests", "canvases", "gone", "sources", "counters", "record_counters", "manifest_counters",
        "meta",
    )  # fmt: skip
    return {table: sorted(await query(store, f"SELECT * FROM {table}"), key=repr) for table in tables}


@pytest.fixture(scope="module")
def expected(whole: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[tuple[Any, ...]]]:
    """The rows of the collection that nobody spoilt."""

    async def read() -> dict[str, list[tuple[Any, ...]]]:
        _, store = await made(whole, tmp_path_factory.mktemp("today"), spoilt=False)
        async with store:
            return await rows(store)

    return asyncio.run(read())


async def test_every_row_is_as_if_todays_rules_had_made_it(
    whole: Path, tmp_path: Path, expected: dict[str, list[tuple[Any, ...]]]
) -> None:
    collection, store = await made(whole, tmp_path)
    async with store:
        assert (await rows(store))["images"] != expected["images"]
        seen: list[RekeyProgress] = []
        counts = await stage(collection, store, progress=seen.append).run()
        assert await rows(store) == expected
        await consistent(store)
        assert (seen[0].done, seen[-1].done) == (0, seen[-1].total)
        assert counts.records == seen[-1].total == 3 * RECORDS
        assert (counts.images_merged, counts.images_new, counts.links_moved) == (0, 0, 0)
        assert counts.images_keyed > counts.images_looked_up > 0
        assert await store.get_meta("keys_version") == str(KEYS_VERSION)


async def test_stopped_between_ranges_it_goes_on_and_comes_to_the_same(
    whole: Path, tmp_path: Path, expected: dict[str, list[tuple[Any, ...]]]
) -> None:
    (tmp_path / "other").mkdir()
    collection, store = await made(whole, tmp_path)
    async with store:
        other, undisturbed = await made(whole, tmp_path / "other")
        async with undisturbed:
            counts = await stage(other, undisturbed).run()
        for stop_after in (2, 1, 5):
            await _cancelled(collection, store, stop_after)
            assert await store.get_meta("keys_version") == "0"
        last: list[RekeyProgress] = []
        assert await stage(collection, store, progress=last.append).run() == counts
        assert last[0].done_before > 0
        assert await rows(store) == expected


async def _cancelled(collection: Collection, store: Store, ranges: int) -> None:
    left = ranges + 1

    def watch(_: RekeyProgress) -> None:
        nonlocal left
        left -= 1
        if left == 0:
            task.cancel()

    task = asyncio.ensure_future(stage(collection, store, progress=watch).run())
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_what_was_begun_for_other_rules_begins_anew(
    whole: Path, tmp_path: Path, expected: dict[str, list[tuple[Any, ...]]]
) -> None:
    collection, store = await made(whole, tmp_path)
    async with store:
        await _cancelled(collection, store, 3)
        cursor = await store.get_meta("rekeyed_up_to")
        assert cursor is not None
        await store.set_meta("rekeyed_up_to", cursor.replace(f'"version": {KEYS_VERSION}', '"version": 9999'))
        assert (await stage(collection, store).run()).records == 3 * RECORDS
        assert await rows(store) == expected


async def test_a_dry_run_counts_the_same_and_changes_nothing(whole: Path, tmp_path: Path) -> None:
    collection, store = await made(whole, tmp_path)
    async with store:
        before = await rows(store)
        dry = await stage(collection, store, dry_run=True).run()
        assert await rows(store) == before
        assert await stage(collection, store).run() == dry != RekeyCounts()


async def worked_and_added(whole: Path, collection: Collection, store: Store) -> None:
    """Read some manifests, save some images, and let a newer state take the place of the first source: some records and links are gone."""
    for manifest, record in await query(store, "SELECT id, record FROM manifests WHERE record % 2 = 0"):
        page = f"https://iiif.example.org/page{record}.jpg"
        shown = (canvas(key_hash(resolve(page).key), page),)
        await store.apply(Batch(manifests=(ManifestTransition(manifest, ImageStatus.SUCCESS, None, 1, canvases=shown),)), NOW)
    for (image,) in await query(store, "SELECT id FROM images WHERE status = 0 AND due = 0 AND id % 3 = 0"):
        await store.apply(Batch((saved(image),)), NOW)
    lines = (whole.parent / "multimedia.txt").read_text().splitlines()
    dropped = tuple(f"{record}\t" for record in range(4, RECORDS, 7))
    kept = [line for line in lines if not line.startswith(dropped) and ("/manifest" not in line or "0/manifest" in line)]
    newer = _written(collection.root / "newer.txt", "\n".join(kept) + "\n")
    await add(store, collection, [detect(newer)], Replaces.decided(1), OPTIONS, lambda _: None, at_ms=NOW)


async def test_after_an_addition_marks_counts_and_rows_are_as_they_were(whole: Path, tmp_path: Path) -> None:
    collection, store = await made(whole, tmp_path, spoilt=False)
    async with store:
        await worked_and_added(whole, collection, store)
        before = await rows(store)
        assert len(before["gone"]) > 5
        assert len(before["canvases"]) > 5
        await spoil(store)
        living = living_sources(collection, await store.sources(), all_needed=True)
        assert [source.number for source in living] == [2, 3, 4]
        folders = [source.folder for source in living]
        counts = await Rekeying(store, folders, OPTIONS, SystemClock(), lambda _: None, since=4).run()
        assert await rows(store) == before
        await consistent(store)
        assert (counts.images_gone, counts.images_named_again, counts.images_merged, counts.images_reopened) == (0, 0, 0, 0)


async def test_a_record_that_no_source_names_has_the_key_of_its_own_link(whole: Path, tmp_path: Path) -> None:
    collection, store = await made(whole, tmp_path)
    async with store:
        spec = detect(_written(tmp_path / "gone.csv", "barcode,link\nB 1,https://example.org/gone.jpg\n900,https://example.org/gone.jpg\n"),
                      id_column="barcode", url_column="link")  # fmt: skip
        await ingest(store, collection, [spec], OPTIONS)
        await store._db.write(lambda raw: raw.execute(SPOILING[0]).rowcount)
        await stage(collection, store).run()  # without its folder
        found = await query(
            store, "SELECT i.key_hash FROM images AS i JOIN candidates AS c ON c.image = i.id WHERE c.url LIKE '%gone%'"
        )
        assert found == [(key_hash(resolve("https://example.org/gone.jpg").key),)] * 2
        await consistent(store)


def _written(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


async def test_parts_that_are_damaged_are_told_and_nothing_is_changed(whole: Path, tmp_path: Path) -> None:
    collection, store = await made(whole, tmp_path)
    async with store:
        before = await rows(store)
        part = next(collection.source_folder(2).glob("names-*.parquet"))
        part.write_bytes(part.read_bytes()[:200])
        with pytest.raises(CollectionError, match="cannot be read"):
            await stage(collection, store).run()
        assert await rows(store) == before


async def test_ranges_cover_every_id_and_hold_few_rows_of_each_source(whole: Path, tmp_path: Path) -> None:
    collection, store = await made(whole, tmp_path)
    await store.close()
    ranges = ranges_of(folders(collection), 10)
    for kind in (NUMBERED, NAMED):
        of_kind = [each for each in ranges if each.kind == kind]
        assert (of_kind[0].first, of_kind[-1].after) == (None, None)
        assert all(one.after == other.first for one, other in pairwise(of_kind))
    folded = [fold_range(folders(collection), 100, each) for each in ranges]
    assert all(len(source) <= 20 for each in folded for source in each.sources)
    plain = {record for each in folded for record in each.plain}
    ruled = {record.external_id for each in folded for source in each.sources for record in source}
    assert plain & ruled == set()
    assert len(plain | ruled) == 3 * RECORDS
    assert ranges_of([], 10) == [Range(NUMBERED), Range(NAMED)]

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asyncdl.bulk_batch import BulkBatch, PlainImages
from asyncdl.errors import CollectionError
from asyncdl.model import CandidateKind, NewCandidate, NewImage, NewManifest, NewRecord
from asyncdl.store import Store
from asyncdl.store.building import LATER, building_path
from asyncdl.urls import key_hash, resolve

TABLES = ("records", "record_counters", "manifests", "manifest_counters", "counters", "hosts")


def photo(url: str) -> NewImage:
    found = resolve(url)
    return NewImage(found.key, key_hash(found.key), (NewCandidate(found.url, found.rank, found.kind, found.host),))


def record(identifier: int | str, *urls: str) -> NewRecord:
    images = tuple(sorted(map(photo, urls), key=lambda image: image.key))
    manifests = tuple(
        NewManifest(image.candidates[0].url, image.key, image.key_hash, image.candidates[0].host)
        for image in images
        if image.candidates[0].kind is CandidateKind.MANIFEST
    )
    return NewRecord(identifier, images, manifests)


def is_plain(one: NewRecord) -> bool:
    """Whether a fold would leave it unlooked at; here some are and some are not."""
    return len(one.images) == 1 and len(one.images[0].candidates) == 1 and one.images[0].candidates[0].url.endswith("2.jpg")


def in_columns(records: Sequence[NewRecord]) -> BulkBatch:
    """The same records as `Store.load` takes them, in columns."""
    plain = [one for one in records if is_plain(one)]
    records = [one for one in records if not is_plain(one)]
    images = [(place, image) for place, one in enumerate(records) for image in one.images]
    hosts = sorted({candidate.host for one in (*plain, *records) for image in one.images for candidate in image.candidates})
    candidates = [
        (place, position, candidate)
        for place, (_, image) in enumerate(images)
        for position, candidate in enumerate(image.candidates)
    ]
    only = [one.images[0].candidates[0] for one in plain]
    return BulkBatch(
        hosts=hosts,
        plain=PlainImages(
            [one.external_id for one in plain], [hosts.index(link.host) for link in only], [link.url for link in only]
        ),
        records=[one.external_id for one in records],
        record_images=[len(one.images) for one in records],
        image_hosts=[hosts.index(image.candidates[0].host) for _, image in images],
        image_keys=[image.key_hash for _, image in images],
        waiting=[place for place, (_, image) in enumerate(images) if image.candidates[0].kind is CandidateKind.MANIFEST],
        candidate_images=[place for place, _, _ in candidates],
        candidate_positions=[position for _, position, _ in candidates],
        candidate_urls=[candidate.url for _, _, candidate in candidates],
        candidate_ranks=[candidate.rank for _, _, candidate in candidates],
        candidate_kinds=[int(candidate.kind) for _, _, candidate in candidates],
        manifests=[
            (place, manifest.url, manifest.key_hash, hosts.index(manifest.host))
            for place, one in enumerate(records)
            for manifest in one.manifests
        ],
    )


async def built(folder: Path, batches: Sequence[Sequence[NewRecord]]) -> Path:
    async with await Store.build(folder / "asyncdl.sqlite", {}) as store:
        source = await store.add_source("archive", "dwca", "1")
        for number, records in enumerate(batches):
            await store.bulk_load(in_columns(records), source=source.id, cursor=str(number))
        for name in await store.missing_indexes():
            await store.build_index(name, folder)
        return await store.finish_building()


async def loaded(folder: Path, batches: Sequence[Sequence[NewRecord]]) -> Path:
    async with await Store.create(folder / "asyncdl.sqlite", {}) as store:
        source = await store.add_source("archive", "dwca", "1")
        for records in batches:
            await store.load(records, source=source.id)
    return folder / "asyncdl.sqlite"


def rows(path: Path) -> dict[str, list[object]]:
    """Every table, images by record and number: their own row numbers are nobody's business."""
    with closing(sqlite3.connect(path)) as connection:
        found = {table: connection.execute(f"SELECT * FROM {table} ORDER BY 1, 2").fetchall() for table in TABLES}
        images = connection.execute(
            "SELECT i.record, i.number, i.key_hash, i.host, i.status, i.due, i.attempts, i.candidate, i.error, c.position, c.url, c.rank, c.kind"
            " FROM images AS i JOIN candidates AS c ON c.image = i.id ORDER BY 1, 2, c.position"
        ).fetchall()
    found["images"] = [looked_up(*image) for image in images]
    return found


def looked_up(record: int, number: int, key: int, *rest: object) -> object:
    """The same row with key and rank, where nobody has looked at the link yet."""
    *values, url, rank, kind = rest
    link = resolve(str(url))
    assert key or (rank, kind) == (0, 0)
    return (record, number, key or key_hash(link.key), *values, url, rank or link.rank, kind)


def schema(path: Path) -> list[object]:
    with closing(sqlite3.connect(path)) as connection:
        return sorted(connection.execute("SELECT type, name, sql FROM sqlite_schema").fetchall(), key=repr)


PLACES = st.sampled_from(
    [
        "https://a.example.org/1.jpg",
        "https://a.example.org/2.jpg",
        "https://b.example.org/3.jpg",
        "https://iiif.rbge.org.uk/herb/iiif/E1/manifest",
    ]
)
BATCHES = st.lists(st.lists(st.sets(PLACES, min_size=1, max_size=3), min_size=1, max_size=4), min_size=1, max_size=3)


@given(BATCHES, st.booleans())
async def test_a_bulk_load_leaves_the_rows_that_a_load_leaves(
    tmp_path_factory: pytest.TempPathFactory, batches: list[list[set[str]]], named: bool
) -> None:
    folder = tmp_path_factory.mktemp("plain")
    number = 0
    records: list[list[NewRecord]] = []
    for batch in batches:
        records.append([])
        for urls in batch:
            number += 1
            records[-1].append(record(f"specimen {number:03d}" if named else number * 1000, *sorted(urls)))
    bulk, plain = await built(tmp_path_factory.mktemp("bulk"), records), await loaded(folder, records)
    assert rows(bulk) == rows(plain)
    assert schema(bulk) == schema(plain)


async def test_building_goes_on_at_the_cursor(tmp_path: Path) -> None:
    path = tmp_path / "asyncdl.sqlite"
    async with await Store.build(path, {"pinned": "yes"}) as store:
        source = await store.add_source("archive", "dwca", "1")
        await store.bulk_load(in_columns([record(1, "https://a.example.org/1.jpg")]), source=source.id, cursor="after the first")
    assert not path.exists()
    async with await Store.build(path, {"pinned": "no, it goes on"}) as store:
        assert (await store.add_source("archive", "dwca", "1")).cursor == "after the first"
        assert await store.get_meta("pinned") == "yes"
        assert await store.missing_indexes() == list(LATER)
        await store.build_index(LATER[0], tmp_path)
    async with await Store.build(path, {}) as store:
        assert await store.missing_indexes() == list(LATER[1:])
        for name in LATER[1:]:
            await store.build_index(name, tmp_path)
        assert await store.finish_building() == path
    assert not building_path(path).exists()
    async with await Store.open(path) as store:
        assert (await store.counts()).total == 1
        assert not (await store.discrepancies()).counters


async def test_nothing_is_built_over_a_database(tmp_path: Path) -> None:
    path = await built(tmp_path, [[record(1, "https://a.example.org/1.jpg")]])
    with pytest.raises(CollectionError, match="exists already"):
        await Store.build(path, {})

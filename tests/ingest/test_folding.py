"""A range folded in columns says what the rules say of each record."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from asyncdl.bulk_batch import BulkBatch
from asyncdl.ingest.fold import fold
from asyncdl.ingest.folding import FoldedRange, fold_in_columns, fold_to_records
from asyncdl.ingest.rejects import RejectReason
from asyncdl.ingest.rows import MediaRow
from asyncdl.sourcerows import COLUMNS, NAMED, NUMBERED, PHOTO_BORDER, URL_BORDER, Range
from asyncdl.urls import key_hash, media_digest, resolve

IIIF = "https://iiif.example.org/iiif/2/sheet1"
PLAIN = ("https://a.example.org/1.jpg", "https://a.example.org/2.jpg", "https://b.example.org/p/3.jpg")
LINKS = (
    *PLAIN,
    f"{IIIF}/full/300,/0/default.jpg",
    f"{IIIF}/full/full/0/default.jpg",
    f"{IIIF}/manifest",
    "https://www.gbif.org/occurrence/1",
    "https://www.inaturalist.org/photos/1",
    f"https://api.gbif.org/v1/image/cache/occurrence/1/media/{media_digest(PLAIN[0])}",
    "http://654355.jpg",
    "no link",
)
MAX_ROWS = 4

Said = tuple[int, tuple[tuple[str, ...], ...]]
PHOTOS = st.lists(st.lists(st.sampled_from(LINKS), min_size=1, max_size=3).map(tuple), min_size=1, max_size=2).map(tuple)
ROWS = st.lists(st.tuples(st.integers(1, 6), PHOTOS), min_size=1, max_size=24)


def part(folder: Path, rows: Sequence[Said], *, named: bool) -> Range:
    """Rows in the order given, as the parts of a source hold them."""
    kind = NAMED if named else NUMBERED
    with duckdb.connect(":memory:") as connection:
        columns = ", ".join(f"{name} {kind}" for name, kind in COLUMNS.items())
        connection.execute(f"CREATE TABLE part(record {'VARCHAR' if named else 'BIGINT'}, {columns})")
        for line, (record, photos) in enumerate(rows, 2):
            plain = len(photos) == 1 and len(photos[0]) == 1 and photos[0][0] in PLAIN
            packed = PHOTO_BORDER.join(URL_BORDER.join(photo) for photo in photos)
            given_id = f"specimen {record}" if named else record
            connection.execute(
                "INSERT INTO part(record, member, line, photos, plain) VALUES (?, 0, ?, ?, ?)", [given_id, line, packed, plain]
            )
        connection.execute(
            f"COPY (SELECT * FROM part ORDER BY record, member, line) TO '{folder}/{kind}-000.parquet' (FORMAT parquet)"
        )
    return Range(kind, part=f"{kind}-000.parquet")


Images = dict[int | str, tuple[list[tuple[int, list[tuple[str, int, int]], bool, str]], list[tuple[str, int, str]]]]


def in_words(batch: BulkBatch) -> Images:
    """What a batch says of each record: its images (key, candidates, whether it waits, host asked first) and manifests."""
    found: Images = {}
    for record, place, url in zip(batch.plain.records, batch.plain.hosts, batch.plain.urls, strict=True):
        link = resolve(url)
        found[record] = ([(key_hash(link.key), [(url, link.rank, int(link.kind))], False, batch.hosts[place])], [])
    records = [place for place, images in enumerate(batch.record_images) for _ in range(images)]
    candidates: dict[int, list[tuple[str, int, int]]] = {}
    numbered = zip(
        batch.candidate_images,
        batch.candidate_positions,
        batch.candidate_urls,
        batch.candidate_ranks,
        batch.candidate_kinds,
        strict=True,
    )
    for image, position, url, rank, kind in numbered:
        known = candidates.setdefault(image, [])
        assert position == len(known)
        known.append((url, rank, kind))
    for image, (place, key, host) in enumerate(zip(records, batch.image_keys, batch.image_hosts, strict=True)):
        images, _ = found.setdefault(batch.records[place], ([], []))
        images.append((key, candidates[image], image in batch.waiting, batch.hosts[host]))
    for place, url, key, host in batch.manifests:
        found[batch.records[place]][1].append((url, key, batch.hosts[host]))
    return found


def by_the_rules(rows: Sequence[Said], *, named: bool) -> Images:
    found: Images = {}
    for record in sorted({record for record, _ in rows}):
        said = [MediaRow(0, line, photos) for line, (owner, photos) in enumerate(rows, 2) if owner == record][:MAX_ROWS]
        folded = fold(record, said).record
        if folded is None:
            continue
        images = [
            (
                image.key_hash,
                [(one.url, one.rank, int(one.kind)) for one in image.candidates],
                image.candidates[0].kind == 1,
                image.candidates[0].host,
            )
            for image in folded.images
        ]
        manifests = [(manifest.url, manifest.key_hash, manifest.host) for manifest in folded.manifests]
        found[f"specimen {record}" if named else record] = (images, manifests)
    return found


def links_accounted_for(found: FoldedRange, rows: Sequence[Said]) -> bool:
    counts = found.counts
    links = sum(len(photo) for _, photos in rows for photo in photos)
    return links == counts.candidates + counts.duplicates + counts.links_rejected + counts.links_over_limit


@given(ROWS, st.booleans())
def test_columns_say_what_the_rules_say(tmp_path_factory: pytest.TempPathFactory, rows: list[Said], named: bool) -> None:
    folder = tmp_path_factory.mktemp("source")
    records = part(folder, rows, named=named)
    found = fold_in_columns(folder, records, MAX_ROWS)
    assert found.batch is not None
    assert in_words(found.batch) == by_the_rules(rows, named=named)
    for records_of_a_kind in (found.batch.plain.records, found.batch.records):
        assert list(records_of_a_kind) == sorted(records_of_a_kind)
    assert links_accounted_for(found, rows)
    assert found.counts.rows_folded == len(rows)


@given(ROWS, st.booleans())
def test_both_ways_of_folding_count_and_reject_alike(
    tmp_path_factory: pytest.TempPathFactory, rows: list[Said], named: bool
) -> None:
    folder = tmp_path_factory.mktemp("source")
    records = part(folder, rows, named=named)
    columns, merging = fold_in_columns(folder, records, MAX_ROWS), fold_to_records(folder, records, MAX_ROWS)
    assert columns.counts == merging.counts
    assert sorted(columns.rejects) == sorted(merging.rejects)
    assert columns.batch is not None
    in_batch = [*columns.batch.plain.records, *columns.batch.records]
    assert sorted(in_batch) == [record.external_id for record in merging.records]


@given(ROWS.flatmap(lambda rows: st.tuples(st.just(rows), st.permutations(rows))))
def test_folding_a_range_does_not_depend_on_the_order_of_rows(
    tmp_path_factory: pytest.TempPathFactory, both: tuple[list[Said], list[Said]]
) -> None:
    said = []
    for rows in both:
        folder = tmp_path_factory.mktemp("source")
        found = fold_in_columns(folder, part(folder, rows, named=False), len(rows))
        assert found.batch is not None
        said.append(in_words(found.batch))
    assert said[0] == said[1]


def test_rows_over_the_limit_are_rejected_one_by_one(tmp_path: Path) -> None:
    rows: list[Said] = [(1, ((f"https://a.example.org/{number}.jpg",),)) for number in range(6)]
    found = fold_in_columns(tmp_path, part(tmp_path, rows, named=False), MAX_ROWS)
    assert [(reject.line, reject.reason) for reject in found.rejects] == [
        (6, RejectReason.TOO_MANY_ROWS),
        (7, RejectReason.TOO_MANY_ROWS),
    ]
    assert found.batch is not None
    assert list(found.batch.record_images) == [MAX_ROWS]

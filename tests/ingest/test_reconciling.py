"""A collection made by other key rules and brought to today's: what comes out is what today's rules would have made of it."""

from __future__ import annotations

import asyncio
import hashlib
import tempfile
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from asyncdl.clock import SystemClock
from asyncdl.errors import IllegalMove
from asyncdl.ingest import IngestOptions
from asyncdl.ingest.fold import Resolve, fold
from asyncdl.ingest.rekeying import Rekeying, _Folded
from asyncdl.model import (
    Batch,
    CandidateKind,
    Failure,
    FileRole,
    JudgedRecord,
    ManifestTransition,
    NewCandidate,
    NewFile,
    NewImage,
    NewRecord,
    Transition,
    WorkKind,
)
from asyncdl.sourcerows import NAMED, NUMBERED, Range
from asyncdl.status import ImageStatus
from asyncdl.store import ImageRekey, RecordRekey, Store
from asyncdl.urls import ResolvedUrl, key_hash, media_digest, resolve
from tests.store.makers import NOW, canvas, consistent, query

P, R, S, E, F = ImageStatus
IIIF = "https://iiif.example.org/iiif/2/sheet{}"
PAGE = "https://a.example.org/view/one.html"
LINKS = (
    *(f"https://a.example.org/{name}.jpg" for name in "abc"),
    *(f"https://b.example.org/photo?id={number}" for number in range(3)),
    *(IIIF.format(number) + "/full/300,/0/default.jpg" for number in range(2)),
    IIIF.format(0) + "/full/full/0/default.jpg",
    *(IIIF.format(number) + "/manifest" for number in range(2)),
    "https://portal.example.org/imglib/seinet/x_web.jpg",
    "https://portal.example.org/imglib/seinet/x_tn.jpg",
    "https://api.gbif.org/v1/image/cache/occurrence/1/media/" + media_digest("https://a.example.org/a.jpg"),
    PAGE,
)


FILES = (
    "SELECT i.id, i.number, f.path, i.status, i.candidate, i.error FROM images AS i JOIN files AS f ON f.image = i.id ORDER BY i.id"
)


class Row(NamedTuple):
    photos: tuple[tuple[str, ...], ...]
    table: int = 0
    line: int = 0
    media_format: str = ""


def older(seed: int) -> Resolve:
    """Other rules: coarser or finer for some links, other words for the keys of others; some manifests not known, some links taken for ones."""

    def rules(url: str, media_format: str = "") -> ResolvedUrl:
        found = resolve(url, media_format)
        lot = hashlib.sha256(f"{seed} {url}".encode()).digest()
        key = {0: found.key, 1: f"coarse {found.host}", 2: f"{found.key} fine {url}", 3: f"other {found.key}"}[lot[0] % 4]
        if lot[1] % 5:
            return found._replace(key=key, rank=lot[2] % 5 + 1)
        kind = CandidateKind.IMAGE if found.kind is CandidateKind.MANIFEST else CandidateKind.MANIFEST
        return found._replace(key=key, kind=kind)

    return rules


rows = st.lists(
    st.builds(
        Row,
        st.lists(st.lists(st.sampled_from(LINKS), min_size=1, max_size=3, unique=True).map(tuple), min_size=1, max_size=2).map(
            tuple
        ),
    ),
    min_size=1,
    max_size=4,
)
said = st.dictionaries(st.integers(1, 3), rows, min_size=1)
fates = st.lists(st.tuples(st.sampled_from([P, R, S, S, E, F]), st.integers(0, 3), st.booleans()), min_size=24, max_size=24)


def folded(source: dict[int, list[Row]], rules: Resolve, *, named: bool = False) -> list[NewRecord]:
    found = [fold(f"specimen {record}" if named else record, source[record], rules).record for record in sorted(source)]
    return [record for record in found if record is not None]


def wanted(*sources: Sequence[NewRecord]) -> set[tuple[int | str, int]]:
    return {(record.external_id, image.key_hash) for source in sources for record in source for image in record.images}


async def identities(store: Store) -> set[tuple[int | str, int]]:
    return set(
        await query(store, "SELECT coalesce(r.external_id, r.id), i.key_hash FROM images AS i JOIN records AS r ON r.id = i.record")
    )


async def pages_with_a_file(store: Store) -> set[tuple[int | str, int]]:
    """Of these nobody knows a photo, but files are never given up."""
    rows = await query(
        store,
        "SELECT coalesce(r.external_id, r.id), i.key_hash FROM images AS i JOIN records AS r ON r.id = i.record"
        " JOIN candidates AS c ON c.image = i.id AND c.position = i.candidate WHERE i.status = 2 AND c.kind = 2",
    )
    return set(rows)


async def everything(store: Store) -> dict[str, list[tuple[Any, ...]]]:
    tables = (
        "records",
        "images",
        "candidates",
        "manifests",
        "canvases",
        "gone",
        "sources",
        "files",
        "failures",
        "counters",
        "record_counters",
        "manifest_counters",
    )
    return {table: sorted(await query(store, f"SELECT * FROM {table}"), key=repr) for table in tables}


async def with_fates(store: Store, given_fates: Sequence[tuple[ImageStatus, int, bool]]) -> None:
    """Let images meet what images meet."""
    images = await query(store, "SELECT id, due FROM images ORDER BY id")
    for (image, due), (to, place, spends) in zip(images, given_fates, strict=False):
        links = await query(store, "SELECT position, url, kind FROM candidates WHERE image = ? ORDER BY position", image)
        position, url, kind = links[place % len(links)]
        if due is None or kind == CandidateKind.MANIFEST or to is P:
            continue
        if to is S and resolve(url).kind is CandidateKind.MANIFEST:
            continue  # whatever older rules took it for, no picture came from there
        host = url.split("/")[2]
        file = NewFile(FileRole.ORIGINAL, f"files/{image}.jpg", image, bytes(32), "image/jpeg", 1, 1) if to is S else None
        spent = ((position, "http_404"),) if spends and to in (E, F) else ()
        move = Transition(image, to, 5 if to is R else None, 1, "timeout" if to in (R, E, F) else None, position, host, file, spent)
        await store.apply(Batch((move,)), NOW)


async def rekeyed(store: Store, *sources: Sequence[NewRecord], named: bool = False, since: int = 0) -> Rekeying:
    rekeying = Rekeying(store, [], IngestOptions(), SystemClock(), lambda _: None, since=since)
    async with store.transaction():
        await rekeying._bring_together(Range(NAMED if named else NUMBERED), _Folded({}, sources))
    return rekeying


async def spoilt_and_brought_back(
    sources: Sequence[dict[int, list[Row]]], given_fates: Sequence[tuple[ImageStatus, int, bool]], seed: int, *, named: bool
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        async with await Store.create(Path(folder) / "c.sqlite", {}) as store:
            for source in sources:
                await store.load(folded(source, older(seed), named=named))
            await with_fates(store, given_fates)
            await consistent(store)
            before = await query(store, FILES)
            numbers = dict(await query(store, "SELECT id, next_number FROM records"))
            given_numbers = set(await query(store, "SELECT record, number FROM images"))
            today = [folded(source, resolve, named=named) for source in sources]
            await rekeyed(store, *today, named=named)
            await consistent(store)
            kept = await pages_with_a_file(store)
            assert await identities(store) - kept == wanted(*today) - kept
            after = await query(store, FILES)
            assert after == before
            won = await query(
                store, "SELECT i.id FROM images AS i JOIN candidates AS c ON c.image = i.id AND c.position = i.candidate"
            )
            assert len(won) == len(await query(store, "SELECT id FROM images"))
            for record, number in await query(store, "SELECT record, number FROM images"):
                assert (record, number) in given_numbers or number >= numbers.get(record, 0), "a number was given again"
            await every_link_is_where_it_belongs(store, today)
            known = {(record.external_id, found.url) for source in today for record in source for found in record.manifests}
            assert known == set(
                await query(
                    store, "SELECT coalesce(r.external_id, r.id), m.url FROM manifests AS m JOIN records AS r ON r.id = m.record"
                )
            )
            state = await everything(store)
            again = await rekeyed(store, *today, named=named)
            assert await everything(store) == state
            assert again.counts.records_changed == 0


async def every_link_is_where_it_belongs(store: Store, today: Sequence[Sequence[NewRecord]]) -> None:
    """Ranks and kinds too."""
    held = set(
        await query(
            store,
            "SELECT coalesce(r.external_id, r.id), i.key_hash, c.url, c.kind FROM candidates AS c JOIN images AS i ON i.id = c.image"
            " JOIN records AS r ON r.id = i.record",
        )
    )
    named = {
        (record.external_id, image.key_hash, found.url, int(found.kind))
        for source in today for record in source for image in record.images for found in image.candidates
    }  # fmt: skip
    assert held == named
    doubled = await query(
        store, "SELECT record, key_hash FROM images GROUP BY 1, 2 HAVING count(*) > 1 AND count(*) > sum(status = 2)"
    )
    assert doubled == [], "two images of one photo, one of them without a file"


@settings(max_examples=100, deadline=None)
@given(st.lists(said, min_size=1, max_size=2), fates, st.integers(0, 1000), st.booleans())
def test_what_older_rules_made_becomes_what_todays_rules_make(
    sources: list[dict[int, list[Row]]], given_fates: list[tuple[ImageStatus, int, bool]], seed: int, named: bool
) -> None:
    asyncio.run(spoilt_and_brought_back(sources, given_fates, seed, named=named))


# ---- after an addition


async def added(store: Store, first: dict[int, list[Row]], second: dict[int, list[Row]], rules: Resolve) -> int:
    """Let a second source take the place of the first, by these rules; returns its number."""
    number = (await store.add_source("second", "tsv", "2")).id
    await store.decide_replaced(number, number - 1)
    new = folded(second, rules)
    of_record = {record.external_id: record for record in new}
    judged = [
        JudgedRecord(record, (of_record[record],) if record in of_record else (), record in of_record) for record in sorted(first)
    ]
    await store.add_range(new, judged, source=number, at_ms=NOW)
    await store.finish_addition(number, 1, 0, NOW)
    return number


async def spoilt_after_an_addition(
    first: dict[int, list[Row]], second: dict[int, list[Row]], given_fates: Sequence[tuple[ImageStatus, int, bool]], seed: int
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        async with await Store.create(Path(folder) / "c.sqlite", {}) as store:
            source = await store.add_source("first", "tsv", "1")
            await store.load(folded(first, older(seed)), source=source.id)
            await store.finish_source(source.id, 1, 0)
            await with_fates(store, given_fates[::2])
            since = await added(store, first, second, older(seed))
            await with_fates(store, given_fates[1::2])
            before = await query(store, FILES)
            marks = set(await query(store, "SELECT image FROM gone"))
            today = folded(second, resolve)
            counts = (await rekeyed(store, today, since=since)).counts
            await consistent(store)
            assert await query(store, FILES) == before
            images = await query(
                store, "SELECT i.record, i.key_hash, i.id, i.status, g.image FROM images AS i LEFT JOIN gone AS g ON g.image = i.id"
            )
            assert wanted(today) <= {(record, key) for record, key, *_ in images}
            for record, key, image, status, mark in images:
                assert ((record, key) not in wanted(today)) == (mark is not None), "gone is what the living source would not make"
                assert mark is None or status not in (P, R), "what is gone is not asked"
                assert mark is None or (image,) in marks or status in (S, F, E)
            assert counts.images_gone >= len(set(await query(store, "SELECT image FROM gone")) - marks)
            held = set(await query(store, "SELECT i.record, c.url FROM candidates AS c JOIN images AS i ON i.id = c.image"))
            assert {
                (record.external_id, found.url) for record in today for image in record.images for found in image.candidates
            } <= held
            state = await everything(store)
            again = await rekeyed(store, today, since=since)
            assert await everything(store) == state
            assert again.counts.records_changed == 0


@settings(max_examples=60, deadline=None)
@given(said, said, fates, st.integers(0, 1000))
def test_after_an_addition_gone_is_what_todays_rules_make_of_no_living_source(
    first: dict[int, list[Row]], second: dict[int, list[Row]], given_fates: list[tuple[ImageStatus, int, bool]], seed: int
) -> None:
    asyncio.run(spoilt_after_an_addition(first, second, given_fates, seed))


# ---- with manifests that were read


def renamed(seed: int) -> Resolve:
    """Rules that only have other words for the same keys."""

    def rules(url: str, media_format: str = "") -> ResolvedUrl:
        found = resolve(url, media_format)
        return found._replace(key=f"{seed} {found.key}" if found.key and (seed + len(found.key)) % 3 else found.key)

    return rules


PICTURES = (
    *LINKS[:5],
    IIIF.format(0) + "/full/max/0/default.jpg",
    IIIF.format(1) + "/full/max/0/default.jpg",
    IIIF.format(7) + "/full/max/0/default.jpg",
)
# A photo that a manifest may be of has no links of other keys: of several links of which the manifest shows one, nobody could tell which it was.
# Cached copies and pages are not here, for what they are depends on the very words of keys.
apart = st.lists(st.sampled_from(LINKS[:-2]), min_size=1, max_size=3, unique=True).map(
    lambda links: Row(tuple((link,) for link in links) if any("iiif" in link for link in links) else (tuple(links),))
)
said_apart = st.dictionaries(st.integers(1, 3), st.lists(apart, min_size=1, max_size=4), min_size=1)
reads = st.lists(st.lists(st.sampled_from(PICTURES), min_size=1, max_size=3, unique=True), max_size=4)


async def made_and_read(folder: Path, source: dict[int, list[Row]], rules: Resolve, given_reads: Sequence[Sequence[str]]) -> Store:
    """A collection whose manifests were read, all by these rules."""
    store = await Store.create(folder / "c.sqlite", {})
    await store.load(folded(source, rules))
    manifests = [manifest for (manifest,) in await query(store, "SELECT id FROM manifests ORDER BY record, url")]
    for manifest, pictures in zip(manifests, given_reads, strict=False):
        shown = tuple(canvas(key_hash(rules(url, "").key), url) for url in pictures)
        await store.apply(Batch(manifests=(ManifestTransition(manifest, S, None, 1, canvases=shown),)), NOW)
    return store


@settings(max_examples=60, deadline=None)
@given(said_apart, reads, fates, st.integers(1, 1000))
def test_what_manifests_brought_stays_what_it_is(
    source: dict[int, list[Row]], given_reads: list[list[str]], given_fates: list[tuple[ImageStatus, int, bool]], seed: int
) -> None:
    async def play() -> None:
        with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as other:
            async with await made_and_read(Path(one), source, resolve, given_reads) as today:
                expected = await identities(today)
            async with await made_and_read(Path(other), source, renamed(seed), given_reads) as store:
                await with_fates(store, given_fates)
                before = await query(store, FILES)
                await rekeyed(store, folded(source, resolve))
                await consistent(store)
                assert await identities(store) == expected
                assert await query(store, FILES) == before
                state = await everything(store)
                await rekeyed(store, folded(source, resolve))
                assert await everything(store) == state

    asyncio.run(play())


@settings(max_examples=60, deadline=None)
@given(said, reads, fates, st.integers(0, 1000))
def test_whatever_older_rules_and_manifests_made_nothing_is_lost(
    source: dict[int, list[Row]], given_reads: list[list[str]], given_fates: list[tuple[ImageStatus, int, bool]], seed: int
) -> None:
    async def play() -> None:
        with tempfile.TemporaryDirectory() as folder:
            async with await made_and_read(Path(folder), source, older(seed), given_reads) as store:
                await with_fates(store, given_fates)
                before = await query(store, FILES)
                known = "SELECT i.record, c.url FROM candidates AS c JOIN images AS i ON i.id = c.image UNION SELECT record, url FROM manifests"
                links = {link for link in await query(store, known) if link[1] != PAGE}  # beside pictures it is dropped
                today = folded(source, resolve)
                for _ in range(2):
                    await rekeyed(store, today)
                    await consistent(store)
                    assert await query(store, FILES) == before
                    assert links | pictures_of(today) <= set(await query(store, known))

    asyncio.run(play())


def pictures_of(records: Sequence[NewRecord]) -> set[tuple[int | str, str]]:
    """The links that rows name, but for manifests."""
    return {
        (record.external_id, found.url)
        for record in records
        for image in record.images
        for found in image.candidates
        if found.kind is not CandidateKind.MANIFEST
    }


# ---- one by one


ONE, TWO, THREE = (f"https://a.example.org/{name}.jpg" for name in ("one", "two", "three"))
MANIFEST = IIIF.format(5) + "/manifest"
WHERE = "SELECT i.number, c.url FROM images AS i JOIN candidates AS c ON c.image = i.id ORDER BY i.number, c.position"


def taken_for(keys: dict[str, str], kinds: dict[str, CandidateKind] | None = None) -> Resolve:
    """Today's rules, but for these links."""

    def rules(url: str, media_format: str = "") -> ResolvedUrl:
        found = resolve(url, media_format)
        return found._replace(key=keys.get(url, found.key), kind=(kinds or {}).get(url, found.kind))

    return rules


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    async with await Store.create(tmp_path / "c.sqlite", {}) as store:
        yield store
        await consistent(store)


def saved_as(image: int, position: int = 0) -> Transition:
    return Transition(
        image,
        S,
        None,
        1,
        candidate=position,
        file=NewFile(FileRole.ORIGINAL, f"files/{image}.jpg", 9, bytes(32), "image/jpeg", 1, 1),
    )


def failing(kind: WorkKind, work: int, url: str) -> Failure:
    return Failure(kind, work, NOW, "timeout", url, "a.example.org", 1)


def one_record(*links: str) -> dict[int, list[Row]]:
    return {7: [Row(((link,),)) for link in links]}


async def test_a_file_stays_with_the_photo_of_the_link_it_came_from(store: Store) -> None:
    source = one_record(ONE, TWO)
    await store.load(folded(source, taken_for({TWO: resolve(ONE).key})))
    (first, *_), (second, *_) = await query(store, "SELECT position, url FROM candidates ORDER BY position")
    await store.apply(Batch((saved_as(1, second),)), NOW)
    counts = (await rekeyed(store, folded(source, resolve))).counts
    left, went = (TWO, ONE) if first == 0 and (await query(store, WHERE))[0][1] == TWO else (ONE, TWO)
    assert await query(store, WHERE) == [(0, left), (1, went)]
    assert await query(store, "SELECT number, status, due FROM images ORDER BY number") == [(0, S, None), (1, P, 0)]
    assert (counts.links_moved, counts.images_new) == (1, 1)


async def test_images_of_one_photo_become_the_one_with_a_file_and_numbers_are_not_given_again(store: Store) -> None:
    small, large = (IIIF.format(3) + f"/full/{size}/0/default.jpg" for size in ("300,", "max"))
    source = one_record(small, large, TWO)
    await store.load(folded(source, taken_for({small: "a", large: "b", TWO: "c"})))
    await store.apply(Batch((saved_as(2),), failures=(failing(WorkKind.IMAGE, 1, small),)), NOW)
    counts = (await rekeyed(store, folded(source, resolve))).counts
    assert counts.images_merged == 1
    assert [(number, url) for number, url in await query(store, WHERE) if url != TWO] == [(1, large), (1, small)]
    assert await query(store, "SELECT kind, work_id FROM failures") == [(0, 2)]
    await store.load([NewRecord(7, (NewImage("k", 99, (NewCandidate(THREE, 1, CandidateKind.IMAGE, "a.example.org"),)),))])
    assert {number for (number,) in await query(store, "SELECT number FROM images")} == {1, 2, 3}


async def test_two_files_of_one_photo_both_stay(store: Store) -> None:
    small, large = (IIIF.format(3) + f"/full/{size}/0/default.jpg" for size in ("300,", "max"))
    source = one_record(small, large)
    await store.load(folded(source, taken_for({small: "a", large: "b"})))
    await store.apply(Batch((saved_as(1), saved_as(2))), NOW)
    counts = (await rekeyed(store, folded(source, resolve))).counts
    assert (counts.images_doubled, counts.images_merged) == (1, 0)
    assert await query(store, "SELECT count(*), count(DISTINCT key_hash) FROM images WHERE status = 2") == [(2, 1)]
    assert (await rekeyed(store, folded(source, resolve))).counts.records_changed == 0


@pytest.mark.parametrize(("other", "due"), [(P, 0), (F, None)])
async def test_an_image_that_had_ended_is_open_again_when_it_gains_something_to_try(
    store: Store, other: ImageStatus, due: int | None
) -> None:
    small, large = (IIIF.format(3) + f"/full/{size}/0/default.jpg" for size in ("300,", "max"))
    source = one_record(small, large)
    await store.load(folded(source, taken_for({small: "a", large: "b"})))
    failed = [Transition(image, F, None, 3, "http_404", spent=((0, "http_404"),)) for image in ((1,) if other is P else (1, 2))]
    await store.apply(Batch(tuple(failed)), NOW)
    await rekeyed(store, folded(source, resolve))
    ((status, due_now, attempts, error),) = await query(store, "SELECT status, due, attempts, error FROM images")
    assert (status, due_now) == (other, due)
    assert (attempts, error is None) == ((0, True) if other is P else (3, False))


async def test_a_link_that_is_a_manifest_now_is_read_as_one(store: Store) -> None:
    source = one_record(MANIFEST)
    await store.load(folded(source, taken_for({}, {MANIFEST: CandidateKind.IMAGE})))
    await store.apply(Batch((Transition(1, F, None, 2, "invalid_content_type", spent=((0, "invalid_content_type"),)),)), NOW)
    counts = (await rekeyed(store, folded(source, resolve))).counts
    assert (counts.manifests_new, counts.images_reopened) == (1, 1)
    assert await query(store, "SELECT status, due FROM images") == [(P, None)]
    assert await query(store, "SELECT url, status, due FROM manifests") == [(MANIFEST, P, 0)]
    assert await query(store, "SELECT kind, spent FROM candidates") == [(CandidateKind.MANIFEST, None)]


async def test_a_link_that_is_no_manifest_after_all_is_fetched_as_a_picture(store: Store) -> None:
    source = one_record(ONE)
    await store.load(folded(source, taken_for({}, {ONE: CandidateKind.MANIFEST})))
    await store.apply(
        Batch(manifests=(ManifestTransition(1, F, None, 4, "manifest_error"),), failures=(failing(WorkKind.MANIFEST, 1, ONE),)), NOW
    )
    assert await query(store, "SELECT status FROM images") == [(F,)]
    counts = (await rekeyed(store, folded(source, resolve))).counts
    assert (counts.manifests_gone, counts.images_reopened) == (1, 1)
    assert await query(store, "SELECT status, due FROM images") == [(P, 0)]
    assert await query(store, "SELECT * FROM manifests") == []
    assert await query(store, "SELECT kind, work_id FROM failures") == [(0, 1)]


async def test_what_is_left_of_an_image_when_its_next_link_goes_has_failed_as_its_links_had(store: Store) -> None:
    source = one_record(ONE, TWO)
    await store.load(folded(source, taken_for({TWO: resolve(ONE).key})))
    first, second = [url for _, url in await query(store, WHERE)]
    await store.apply(Batch((Transition(1, P, 0, 0, candidate=1, host="a.example.org", spent=((0, "http_410"),)),)), NOW)
    await rekeyed(store, folded(source, resolve))
    assert await query(store, "SELECT number, status, due, error FROM images ORDER BY number") == [
        (0, F, None, 1410),
        (1, P, 0, None),
    ]
    assert await query(store, WHERE) == [(0, first), (1, second)]


async def test_an_image_without_a_usable_link_is_left_as_it_is(store: Store) -> None:
    await store.load(
        [NewRecord(7, (NewImage("k", 5, (NewCandidate("http://654355.jpg", 1, CandidateKind.IMAGE, "654355.jpg"),)),))]
    )
    before = await everything(store)
    rekeying = await rekeyed(store, [])
    assert await everything(store) == before
    assert rekeying.counts.images_left == 1


async def test_an_image_that_has_a_file_is_never_merged_away(store: Store) -> None:
    await store.load(folded(one_record(ONE, TWO), resolve))
    await store.apply(Batch((saved_as(2),)), NOW)
    with pytest.raises(IllegalMove, match="has a file"):
        await store.rekey([RecordRekey(7, (ImageRekey(1, 5, merged=(2,)),))], NOW)

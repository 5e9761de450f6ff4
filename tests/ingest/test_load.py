"""The whole of ingest, into a real database."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from asyncdl.collection import Collection
from asyncdl.errors import SourceError
from asyncdl.ingest import Bounds, IngestOptions, IngestProgress, IngestReport, RejectReason, SourceFormat, Stage, detect, ingest
from asyncdl.sourcerows import SourceRows
from asyncdl.store import Store
from tests.ingest.conftest import AUDUBON, CORE_XML, GBIF_HEADER, OCCURRENCE, gbif_row, meta_xml, table_xml

MakeZip = Callable[..., Path]
IIIF = "https://iiif.example.org/iiif/2/sheet"


@pytest.fixture
def collection(tmp_path: Path) -> Collection:
    return Collection.create(tmp_path / "job")


@pytest.fixture
async def store(collection: Collection) -> AsyncIterator[Store]:
    async with await Store.create(collection.db, {}) as store:
        yield store


async def candidates(store: Store, record: int | str) -> list[list[str]]:
    (row,) = await store.find_records(record)
    story = await store.record_story(row.id)
    assert story is not None
    return [[candidate.url for candidate in image.candidates] for image in story.images]


def balanced(report: IngestReport) -> None:
    for source in report.sources:
        assert source.counts.balanced, source.counts
        rows = sum(count for reason, count in source.rejects.items() if reason.of_row and reason is not RejectReason.TOO_MANY_ROWS)
        assert rows == source.counts.rows_rejected
        assert source.rejects.get(RejectReason.UNUSABLE_LINK, 0) == source.counts.links_rejected


DIRTY = [
    GBIF_HEADER,
    gbif_row(2, f"{IIIF}1/full/300,/0/default.jpg"),
    gbif_row(1, "https://example.org/a.jpg", title='"NSG Chemnitzaue'),
    gbif_row(2, f"{IIIF}1/manifest", kind="", media_format="application/ld+json"),
    gbif_row(1, "", references="https://example.org/moved.jpg"),
    gbif_row(3, "http://654355.jpg"),
    gbif_row("", "https://example.org/c.jpg"),
    gbif_row(4, ""),
    gbif_row(1, "https://example.org/a.jpg"),
    gbif_row(5, "https://example.org/song.mp3", kind="Sound", media_format="audio/mpeg"),
    gbif_row(6, "https://example.org/a\tb.jpg"),
    gbif_row(7, "https://example.org/nul\0.jpg"),
    gbif_row(8, "https://example.org/d.jpg | https://example.org/e.jpg"),
    "9\tStillImage",
]


async def test_a_dirty_gbif_table(tmp_path: Path, collection: Collection, store: Store) -> None:
    path = tmp_path / "multimedia.txt"
    path.write_text("\n".join(DIRTY) + "\n")
    report = await ingest(store, collection, [detect(path)])
    balanced(report)
    (source,) = report.sources
    assert source.counts.rows_read == len(DIRTY) - 1
    assert source.rejects == {
        RejectReason.MISSING_ID: 1, RejectReason.NO_LINK: 1, RejectReason.NOT_AN_IMAGE: 1, RejectReason.WRONG_FIELD_COUNT: 2,
        RejectReason.NUL_BYTE: 1, RejectReason.UNUSABLE_LINK: 1,
    }  # fmt: skip
    assert await candidates(store, 1) == [["https://example.org/a.jpg"], ["https://example.org/moved.jpg"]]
    assert await candidates(store, 2) == [[f"{IIIF}1/manifest", f"{IIIF}1/full/300,/0/default.jpg"]]
    assert await candidates(store, 8) == [["https://example.org/d.jpg"], ["https://example.org/e.jpg"]]
    said = SourceRows(collection.source_folder(1)).of_record(1)
    assert [(row.line, row.licence, row.rights_holder, row.creator, row.title) for row in said] == [
        (3, "CC0", "Museum", "A. Painter", '"NSG Chemnitzaue'), (5, "CC0", "Museum", "A. Painter", ""), (9, "CC0", "Museum", "A. Painter", ""),
    ]  # fmt: skip
    assert (await store.counts()).total == source.images_new == 5
    assert source.rejects_path is not None
    kept = [line.split("\t")[1:3] for line in source.rejects_path.read_text().splitlines()[1:]]
    assert sorted(kept) == sorted([
        ["6", "unusable_link"], ["7", "missing_id"], ["8", "no_link"], ["10", "not_an_image"], ["11", "wrong_field_count"],
        ["12", "nul_byte"], ["14", "wrong_field_count"],
    ])  # fmt: skip
    assert not any(collection.scratch.iterdir())


async def test_an_archive_of_all_kinds_of_tables(make_zip: MakeZip, collection: Collection, store: Store) -> None:
    ac = "http://rs.tdwg.org/ac/terms/"
    core = table_xml("core", OCCURRENCE, "occurrence.csv", {1: "http://rs.tdwg.org/dwc/terms/associatedMedia"},
                     'fieldsTerminatedBy="," encoding="windows-1252" ignoreHeaderLines="1"')  # fmt: skip
    audubon = table_xml(
        "extension", AUDUBON, "ac.txt", {1: ac + "accessURI", 2: ac + "thumbnailAccessURI", 3: ac + "goodQualityAccessURI"}
    )
    big, web, thumb = (f"https://portal.example.org/imglib/0/x{end}.jpg" for end in ("", "_web", "_tn"))
    path = make_zip({
        "meta.xml": meta_xml(core, audubon),
        "occurrence.csv": 'id,associatedMedia\r\nurn:1,"https://example.org/1,2.jpg | https://example.org/b.jpg"\r\nurn:2,\r\n'.encode("cp1252"),
        "ac.txt": f"coreid\taccess\tthumb\tgood\nurn:2\t{big}\t{thumb}\t{web}\nurn:1\thttps://example.org/b.jpg\t\t\n",
    })  # fmt: skip
    report = await ingest(store, collection, [detect(path)])
    balanced(report)
    assert report.sources[0].counts.rows_without_media == 1
    assert report.sources[0].counts.duplicates == 1
    assert report.sources[0].rejects_path is None
    assert await candidates(store, "urn:1") == [["https://example.org/1,2.jpg"], ["https://example.org/b.jpg"]]
    assert await candidates(store, "urn:2") == [[big, web, thumb]]


async def test_running_again_changes_nothing(tmp_path: Path, collection: Collection, store: Store) -> None:
    path = tmp_path / "multimedia.txt"
    path.write_text("\n".join(DIRTY) + "\n")
    first = (await ingest(store, collection, [detect(path)])).sources[0]
    again = (await ingest(store, collection, [detect(path)])).sources[0]
    assert again.already_loaded
    assert (await store.counts()).total == first.images_new


async def stories(store: Store, records: int) -> list[object]:
    return [
        [(image.state.number, [candidate.url for candidate in image.candidates]) for image in story.images]
        for record in range(records)
        if (story := await store.record_story(record))
    ]


@pytest.mark.parametrize("bulk", [True, False])
async def test_cancelled_between_ranges_and_run_again_it_ends_as_an_undisturbed_one(tmp_path: Path, bulk: bool) -> None:
    records = 300
    lines = [gbif_row(record, f"https://example.org/{record}/{n}.jpg") for record in range(records) for n in range(record % 4 + 1)]
    random.Random(3).shuffle(lines)
    path = tmp_path / "multimedia.txt"
    path.write_text("\n".join([GBIF_HEADER, *lines]) + "\n")
    options = IngestOptions(rows_per_range=50)
    found = []
    for name, stop_after in (("undisturbed", 0), ("cancelled", 2), ("cancelled later", 8)):
        collection = Collection.create(tmp_path / name)
        async with await _made(collection, bulk=bulk) as store:
            if stop_after:
                await _cancelled(store, collection, path, options, stop_after)
                assert 0 < (await store.counts()).total < len(lines)
                assert not any(collection.scratch.iterdir())
            report = await ingest(store, collection, [detect(path)], options)
            balanced(report)
            found.append((await stories(store, records), report.sources[0].counts))
    assert len(found[0][0]) == records
    assert found[0] == found[1] == found[2]


async def _made(collection: Collection, *, bulk: bool) -> Store:
    """A database that is being built, or one that is there."""
    return await (Store.build if bulk else Store.create)(collection.db, {})


async def _cancelled(store: Store, collection: Collection, path: Path, options: IngestOptions, batches: int) -> None:
    """An ingest that is cancelled after so many committed batches."""
    left = batches

    def watch(progress: IngestProgress) -> None:
        nonlocal left
        if progress.stage is Stage.LOAD:
            left -= 1
            if left == 0:
                task.cancel()

    task = asyncio.ensure_future(ingest(store, collection, [detect(path)], options, watch))
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_row_order_does_not_matter(tmp_path: Path) -> None:
    found = []
    for name, seed in (("a", 1), ("b", 2)):
        lines = [gbif_row(n % 5, f"https://example.org/{n}{end}.jpg") for n in range(40) for end in ("", "_tn")]
        random.Random(seed).shuffle(lines)
        path = tmp_path / f"{name}.txt"
        path.write_text("\n".join([GBIF_HEADER, *lines]) + "\n")
        collection = Collection.create(tmp_path / name)
        async with await Store.create(collection.db, {}) as store:
            await ingest(store, collection, [detect(path)])
            found.append(await stories(store, 5))
    assert found[0] == found[1]


async def test_lists_have_the_number_of_the_row_as_id(tmp_path: Path, collection: Collection, store: Store) -> None:
    one, two = tmp_path / "one.txt", tmp_path / "two.txt"
    one.write_text("# mine\nhttps://example.org/a.jpg\n\nhttps://example.org/b.jpg\n")
    two.write_text("nonsense\nexample.org/c.jpg\n")
    report = await ingest(store, collection, [detect(one), detect(two, SourceFormat.URLS)])
    balanced(report)
    assert await candidates(store, 2) == [["https://example.org/a.jpg"]]
    assert await candidates(store, 4) == [["https://example.org/b.jpg"]]
    assert [[url.partition("://")[2] for url in urls] for urls in await candidates(store, "two.txt:2")] == [["example.org/c.jpg"]]
    assert report.sources[1].rejects == {RejectReason.UNUSABLE_LINK: 1}


async def test_lists_in_archives_do_not_meet_either(make_zip: MakeZip, collection: Collection, store: Store) -> None:
    one, two = (make_zip({f"{name}.txt": f"https://example.org/{name}.jpg\n"}, f"{name}.zip") for name in "ab")
    await ingest(store, collection, [detect(one), detect(two)])
    assert await candidates(store, 1) == [["https://example.org/a.jpg"]]
    assert await candidates(store, "b.zip:1") == [["https://example.org/b.jpg"]]


async def test_named_columns(tmp_path: Path, collection: Collection, store: Store) -> None:
    path = tmp_path / "t.csv"
    path.write_text("barcode;page;file\nB 1;https://example.org/p;https://example.org/a.jpg\n")
    await ingest(store, collection, [detect(path, id_column="barcode", url_column="file")])
    assert await candidates(store, "B 1") == [["https://example.org/a.jpg"]]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (GBIF_HEADER + "\n", "it has no rows"),
        (GBIF_HEADER + "\n" + gbif_row(1, "") + "\n", "no row of it has a link"),
        (GBIF_HEADER + "\n" + gbif_row(1, "http://654355.jpg") + "\n", "no link of it is usable"),
        ("# nothing here\n# at all\n", "it has no rows"),
    ],
)
async def test_sources_of_which_nothing_comes(
    tmp_path: Path, collection: Collection, store: Store, content: str, says: str
) -> None:
    path = tmp_path / "source"
    path.write_text(content)
    with pytest.raises(SourceError, match=says):
        await ingest(store, collection, [detect(path, SourceFormat.URLS if content.startswith("#") else None)])
    assert (await store.counts()).total == 0
    assert not any(collection.scratch.iterdir())


async def test_an_archive_whose_records_have_no_media(make_zip: MakeZip, collection: Collection, store: Store) -> None:
    core = CORE_XML.replace("catalogNumber", "associatedMedia")
    path = make_zip({"meta.xml": meta_xml(core), "occurrence.txt": "id\tassociatedMedia\n1\t\n2\t\n"})
    with pytest.raises(SourceError, match="no row of it has a link"):
        await ingest(store, collection, [detect(path)])


async def test_a_record_with_too_many_rows_is_cut_and_accounted_for(tmp_path: Path, collection: Collection, store: Store) -> None:
    path = tmp_path / "multimedia.txt"
    path.write_text("\n".join([GBIF_HEADER, *(gbif_row(1, f"https://example.org/{n}.jpg") for n in range(10))]) + "\n")
    report = await ingest(store, collection, [detect(path)], IngestOptions(bounds=Bounds(max_rows_per_record=4)))
    balanced(report)
    assert report.sources[0].rejects == {RejectReason.TOO_MANY_ROWS: 6}
    assert len(await candidates(store, 1)) == 4


async def test_progress_names_its_stages_and_ends_at_the_total(tmp_path: Path, collection: Collection, store: Store) -> None:
    path = tmp_path / "multimedia.txt"
    path.write_text("\n".join(DIRTY) + "\n")
    seen: list[IngestProgress] = []
    await ingest(store, collection, [detect(path)], progress=seen.append)
    assert list(dict.fromkeys(step.stage for step in seen)) == [Stage.READ, Stage.SORT, Stage.LOAD]
    assert seen[0].total == path.stat().st_size
    assert (seen[-1].done, seen[-1].counts.images) == (seen[-1].total, 5)


async def test_a_real_publisher_archive(collection: Collection, store: Store) -> None:
    folder = Path(__file__).parents[1] / "data" / "dwca" / "nhm-escaped-quotes"
    report = await ingest(store, collection, [detect(folder)])
    balanced(report)
    assert len(await candidates(store, 779)) == 4
    said = SourceRows(collection.source_folder(1)).of_record(779)
    assert {row.rights_holder for row in said} == {"The Trustees of the Natural History Museum, London"}

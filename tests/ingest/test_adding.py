"""Adding sources through all stages, into a real database."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable
from pathlib import Path
from typing import Any

import pytest

from asyncdl.collection import Collection
from asyncdl.errors import CollectionError, SourceError, UsageError
from asyncdl.ingest import (
    AddedSource,
    AddReport,
    IngestOptions,
    IngestProgress,
    RejectReason,
    Replaces,
    Stage,
    add,
    detect,
    ingest,
)
from asyncdl.model import Batch, Transition
from asyncdl.sourcerows import SourceRows
from asyncdl.status import ImageStatus
from asyncdl.store import Store
from tests.ingest.conftest import GBIF_HEADER, gbif_row
from tests.store.makers import NOW, consistent, file, query

URL = "https://example.org/{}.jpg"
Rows = Iterable[tuple[object, str]]


@pytest.fixture
def collection(tmp_path: Path) -> Collection:
    return Collection.create(tmp_path / "job")


@pytest.fixture
async def store(collection: Collection) -> AsyncIterator[Store]:
    async with await Store.create(collection.db, {}) as store:
        yield store


def table(path: Path, rows: Rows) -> Path:
    path.write_text("\n".join([GBIF_HEADER, *(gbif_row(record, link) for record, link in rows)]) + "\n")
    return path


def links(path: Path, *names: str) -> Path:
    path.write_text("".join(f"{URL.format(name)}\n" for name in names))
    return path


async def begun(store: Store, collection: Collection, source: Path) -> None:
    await ingest(store, collection, [detect(source)])


async def added(
    store: Store,
    collection: Collection,
    *sources: Path,
    replaces: str = "auto",
    dry_run: bool = False,
    rows_per_range: int = 51_200,
    watch: Callable[[IngestProgress], None] = lambda _: None,
) -> AddReport:
    specs = [detect(source) for source in sources]
    options = IngestOptions(rows_per_range=rows_per_range)
    report = await add(store, collection, specs, Replaces.parse(replaces), options, watch, at_ms=NOW, dry_run=dry_run)
    await consistent(store)
    assert not any(collection.scratch.iterdir())
    for source in report.sources:
        assert source.counts.balanced
    return report


async def content(store: Store) -> dict[str, list[Any]]:
    names = [name for (name,) in await query(store, "SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name")]
    return {name: sorted(await query(store, f"SELECT * FROM {name}"), key=repr) for name in names}


def names_of(collection: Collection) -> list[str]:
    return sorted(
        str(path.relative_to(collection.root))
        for path in collection.root.rglob("*")
        if path.is_file() and "sqlite" not in path.name
    )


async def images(store: Store, *, gone: bool = False) -> dict[tuple[object, int], str]:
    rows = await query(
        store,
        "SELECT coalesce(r.external_id, r.id), i.number, c.url FROM images AS i JOIN records AS r ON r.id = i.record JOIN candidates AS c"
        f" ON c.image = i.id WHERE i.id {'' if gone else 'NOT'} IN (SELECT image FROM gone)",
    )
    return {(record, number): url.removeprefix("https://example.org/").removesuffix(".jpg") for record, number, url in rows}


OLD = [(1, URL.format("a")), (2, URL.format("b")), (2, URL.format("c")), (3, URL.format("d")), (4, URL.format("e"))]
NEW = [
    (1, URL.format("a")),
    (2, URL.format("b")),
    (2, URL.format("x")),
    (4, URL.format("e")),
    (5, URL.format("f")),
    (6, "http://654355.jpg"),
]


async def test_a_newer_state_adds_what_is_new_and_marks_what_is_gone(tmp_path: Path, collection: Collection, store: Store) -> None:
    await begun(store, collection, table(tmp_path / "old.txt", OLD))
    await store.apply(
        Batch(tuple(Transition(one, ImageStatus.SUCCESS, None, 1, file=file(f"{one}.jpg")) for one in (1, 2, 3))), NOW
    )
    (source,) = (await added(store, collection, table(tmp_path / "new.txt", NEW))).sources
    assert source.replaces is not None
    assert (source.replaces.number, source.replaces.name, source.replaces.share) == (1, "old.txt", 0.75)
    done = source.added
    assert (done.records_new, done.records_changed, done.records_known, done.records_gone) == (1, 1, 2, 1)
    assert (done.images_new, done.images_changed, source.images_known, done.images_gone, done.images_withdrawn) == (2, 0, 3, 2, 1)
    assert (source.records_unusable, source.rejects) == (1, {RejectReason.UNUSABLE_LINK: 1})
    assert await images(store) == {(1, 0): "a", (2, 0): "b", (2, 2): "x", (4, 0): "e", (5, 0): "f"}
    assert await images(store, gone=True) == {(2, 1): "c", (3, 0): "d"}
    assert (await store.counts()).by_status == {"pending": 3, "retry": 0, "success": 3, "exhausted": 0, "failed": 1}
    assert [(one.name, one.living) for one in await store.sources()] == [("old.txt", False), ("new.txt", True)]


async def test_a_dry_run_says_the_same_numbers_and_changes_nothing(tmp_path: Path, collection: Collection, store: Store) -> None:
    await begun(store, collection, table(tmp_path / "old.txt", OLD))
    new = table(tmp_path / "new.txt", NEW)
    before, files = await content(store), names_of(collection)
    (tried,) = (await added(store, collection, new, dry_run=True, rows_per_range=2)).sources
    assert (await content(store), names_of(collection)) == (before, files)
    (real,) = (await added(store, collection, new, rows_per_range=2)).sources

    def figures(source: AddedSource) -> tuple[object, ...]:
        return (
            source.number, source.replaces, source.counts, source.added, source.records_unusable, source.images_known, source.rejects,
            source.samples,
        )  # fmt: skip

    assert figures(tried) == figures(real)


async def test_the_same_source_is_there_already_and_an_older_state_may_come_back(
    tmp_path: Path, collection: Collection, store: Store
) -> None:
    old, new = table(tmp_path / "old.txt", OLD), table(tmp_path / "new.txt", NEW)
    await begun(store, collection, old)
    before = await content(store)
    (again,) = (await added(store, collection, old)).sources
    assert (again.already_there, again.number) == (True, 1)
    assert await content(store) == before
    await added(store, collection, new)
    (back,) = (await added(store, collection, old)).sources
    assert (back.number, back.replaces and back.replaces.number, back.added.images_named_again, back.added.images_reopened) == (
        3,
        2,
        2,
        2,
    )
    assert await images(store) == {(1, 0): "a", (2, 0): "b", (2, 1): "c", (3, 0): "d", (4, 0): "e"}


async def test_another_archive_stands_beside_and_nothing_is_gone(tmp_path: Path, collection: Collection, store: Store) -> None:
    await begun(store, collection, table(tmp_path / "old.txt", OLD))
    (source,) = (
        await added(store, collection, table(tmp_path / "other.txt", [(1, URL.format("z")), (9, URL.format("y"))]))
    ).sources
    assert (source.replaces, source.added.images_gone, source.added.images_new) == (None, 0, 2)
    assert [one.living for one in await store.sources()] == [True, True]


async def test_a_person_may_say_what_is_replaced(tmp_path: Path, collection: Collection, store: Store) -> None:
    await begun(store, collection, table(tmp_path / "old.txt", OLD))
    part = table(tmp_path / "part.txt", OLD[:1])
    with pytest.raises(UsageError, match="no living source 7"):
        await added(store, collection, part, replaces="7")
    (source,) = (await added(store, collection, part, replaces="1", dry_run=True)).sources
    assert (source.replaces and source.replaces.share, source.added.images_gone) == (0.25, 4)
    (source,) = (await added(store, collection, table(tmp_path / "new.txt", NEW), replaces="none")).sources
    assert (source.replaces, source.added.images_gone) == (None, 0)
    with pytest.raises(UsageError, match="more than one"):
        await added(store, collection, part, part, replaces="1")


@pytest.mark.parametrize("word", ["both", "", "-1", "0", "1.5"])
def test_what_replaces_cannot_be(word: str) -> None:
    with pytest.raises(UsageError, match="--replaces"):
        Replaces.parse(word)


async def test_a_longer_list_is_a_newer_state_whatever_was_put_in_between(
    tmp_path: Path, collection: Collection, store: Store
) -> None:
    path = tmp_path / "links.txt"
    await begun(store, collection, links(path, "a", "b", "b", "c", "d"))
    assert await images(store) == {(1, 0): "a", (2, 0): "b", (3, 0): "b", (4, 0): "c", (5, 0): "d"}
    (source,) = (await added(store, collection, links(path, "new", "a", "b", "b", "c", "other"))).sources
    assert source.replaces is not None
    assert (source.replaces.number, source.replaces.share) == (1, 0.8)
    assert (source.added.records_new, source.added.records_known, source.added.records_gone) == (2, 4, 1)
    assert await images(store) == {(1, 0): "a", (2, 0): "b", (3, 0): "b", (4, 0): "c", (6, 0): "new", (7, 0): "other"}
    (third,) = (await added(store, collection, links(path, "a", "b", "last"), replaces="2")).sources
    assert third.added.records_new == 1
    assert (await images(store))[8, 0] == "last"  # number 5 was given before, and is not given again


async def test_another_list_does_not_meet_the_lines_of_the_first(tmp_path: Path, collection: Collection, store: Store) -> None:
    await begun(store, collection, links(tmp_path / "one.txt", "a", "b"))
    (source,) = (await added(store, collection, links(tmp_path / "two.txt", "c", "d"))).sources
    assert source.replaces is None
    assert await images(store) == {(1, 0): "a", (2, 0): "b", ("two.txt:1", 0): "c", ("two.txt:2", 0): "d"}
    other = tmp_path / "elsewhere"
    other.mkdir()
    await added(store, collection, links(other / "two.txt", "e"))
    assert (await images(store))["two.txt 3:1", 0] == "e"
    (source,) = (await added(store, collection, links(tmp_path / "two.txt", "top", "c", "d"))).sources
    assert source.replaces is not None
    assert source.replaces.number == 2
    assert (await images(store))["two.txt:3", 0] == "top"


async def test_lines_beside_ids_do_not_meet_them(tmp_path: Path, collection: Collection, store: Store) -> None:
    await begun(store, collection, table(tmp_path / "old.txt", OLD))
    await added(store, collection, links(tmp_path / "links.txt", "p", "q"))
    assert {record for record, _ in await images(store)} == {1, 2, 3, 4, "links.txt:1", "links.txt:2"}
    for source, replaced in ((table(tmp_path / "more.txt", NEW), "2"), (links(tmp_path / "some.txt", "r"), "1")):
        before = await content(store)
        with pytest.raises(UsageError, match="column of ids"):
            await added(store, collection, source, replaces=replaced)
        assert await content(store) == before


@pytest.mark.parametrize("bad", [[(1, "http://654355.jpg")], [(1, "")]])
async def test_a_source_without_a_usable_link_leaves_nothing(
    tmp_path: Path, collection: Collection, store: Store, bad: Rows
) -> None:
    await begun(store, collection, table(tmp_path / "old.txt", OLD[:1]))
    before = await content(store)
    with pytest.raises(SourceError, match="nothing to download"):
        await added(store, collection, table(tmp_path / "bad.txt", bad))
    assert await content(store) == before
    assert [path.name for path in collection.sources.iterdir()] == ["1"]
    (source,) = (await added(store, collection, table(tmp_path / "new.txt", NEW))).sources
    assert source.number == 2


async def test_stopped_in_the_middle_it_can_only_be_finished(tmp_path: Path, collection: Collection, store: Store) -> None:
    await begun(store, collection, table(tmp_path / "old.txt", OLD))
    new, other = table(tmp_path / "new.txt", NEW), table(tmp_path / "other.txt", OLD[:1])

    def stop(step: IngestProgress) -> None:
        if step.stage is Stage.COMPARE and step.done:
            raise KeyboardInterrupt

    with pytest.raises(UsageError, match="no addition is unfinished"):
        await added(store, collection)
    with pytest.raises(KeyboardInterrupt):
        await added(store, collection, new, rows_per_range=2, watch=stop)
    await consistent(store)
    for sources, dry_run in (((other,), False), ((new,), True), ((), True)):
        with pytest.raises(UsageError, match=r"new\.txt is unfinished"):
            await added(store, collection, *sources, dry_run=dry_run)
    new.unlink()  # what it says is in the collection
    (source,) = (await added(store, collection, rows_per_range=2)).sources
    assert (source.name, source.number, source.added.images_new, source.added.images_gone) == ("new.txt", 2, 2, 2)
    assert source.replaces is not None
    assert source.replaces.number == 1
    with pytest.raises(UsageError, match="no addition is unfinished"):
        await added(store, collection)


async def test_stopped_while_it_was_read_it_has_left_nothing(tmp_path: Path, collection: Collection, store: Store) -> None:
    await begun(store, collection, table(tmp_path / "old.txt", OLD))
    new, other = table(tmp_path / "new.txt", NEW), table(tmp_path / "other.txt", OLD[:1])

    def stop(step: IngestProgress) -> None:
        if step.stage is Stage.SORT:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        await added(store, collection, new, watch=stop)
    assert len(await store.sources()) == 2
    await added(store, collection, other, replaces="none")
    assert [source.name for source in await store.sources()] == ["old.txt", "other.txt"]


async def test_what_was_said_about_the_replaced_source_holds_when_it_is_finished(
    tmp_path: Path, collection: Collection, store: Store
) -> None:
    await begun(store, collection, table(tmp_path / "old.txt", OLD))

    def stop(step: IngestProgress) -> None:
        if step.stage is Stage.COMPARE:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        await added(store, collection, table(tmp_path / "new.txt", NEW), replaces="none", watch=stop)
    (source,) = (await added(store, collection)).sources
    assert (source.replaces, source.added.images_gone) == (None, 0)


async def test_a_source_whose_parts_are_missing_is_named(tmp_path: Path, collection: Collection, store: Store) -> None:
    await begun(store, collection, table(tmp_path / "old.txt", OLD))
    (collection.source_folder(1) / "about.json").unlink()
    new = table(tmp_path / "new.txt", NEW)
    with pytest.raises(CollectionError, match="sources/1 is missing"):
        await added(store, collection, new)
    (source,) = (await added(store, collection, new, replaces="none")).sources
    assert (source.added.images_new, source.added.images_gone) == (2, 0)


async def test_several_sources_one_after_the_other(tmp_path: Path, collection: Collection, store: Store) -> None:
    await begun(store, collection, table(tmp_path / "old.txt", OLD))
    new, other = table(tmp_path / "new.txt", NEW), links(tmp_path / "links.txt", "p")
    report = await added(store, collection, new, other, table(tmp_path / "copy.txt", NEW))
    assert [source.replaces and source.replaces.number for source in report.sources] == [1, None, 2]
    assert [source.added.images_new for source in report.sources] == [2, 1, 0]
    assert SourceRows(collection.source_folder(4)).about.name == "copy.txt"


async def test_stages_are_told(tmp_path: Path, collection: Collection, store: Store) -> None:
    await begun(store, collection, table(tmp_path / "old.txt", OLD))
    seen: list[IngestProgress] = []
    await added(store, collection, table(tmp_path / "new.txt", NEW), watch=seen.append)
    assert list(dict.fromkeys(step.stage for step in seen)) == [Stage.READ, Stage.SORT, Stage.COMPARE]
    assert (seen[-1].done, seen[-1].total) == (6, 6)

"""`init --reset` through the application: what moves, what comes back, what each state of the old database leads to."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from asyncdl import setaside
from asyncdl.app.additions import AddOptions, add_sources
from asyncdl.app.collections import initialise
from asyncdl.app.resetting import Reset
from asyncdl.blobs import Intent, IntentJournal
from asyncdl.collection import Collection, record_path
from asyncdl.errors import CollectionError, CollectionLocked, SourceError, UsageError, WrittenByNewer
from asyncdl.ingest import detect
from asyncdl.lane_records import LaneRecord
from asyncdl.model import Batch, FileRole, NewFile, Transition
from asyncdl.settings import IngestSettings
from asyncdl.sourcerows import SourceRows
from asyncdl.status import ImageStatus
from asyncdl.store import Store
from tests.store.makers import NOW, consistent, query

RECORDS = 6


class Job:
    """A collection made of a list, some of whose images have files."""

    def __init__(self, place: Path) -> None:
        self.root = place / "job"
        self.list = place / "list.tsv"
        self.told: list[str] = []

    def write(self, urls: Callable[[int], str], records: int = RECORDS) -> None:
        self.list.write_text("gbifID\tidentifier\n" + "".join(f"{100 + n}\t{urls(n)}\n" for n in range(records)))

    async def init(self, *, reset: bool = False, source: Path | None = None) -> Reset:
        anew = Reset(self.root, [str(source or self.list)], asked=reset, tell=self.told.append)
        await initialise(self.root, [detect(source or self.list)], IngestSettings(), lambda _: None, reset=anew)
        return anew

    async def save(self, *records: int) -> None:
        async with await Store.open(Collection(self.root).db) as store:
            for record in records:
                (found,) = await query(store, "SELECT id FROM images WHERE record = ?", record)
                await store.apply(Batch((Transition(found[0], ImageStatus.SUCCESS, None, 1, file=self.file(record)),)), NOW)
            await store.apply(Batch(lanes=(LaneRecord("a.org", NOW),)), NOW)

    def file(self, record: int) -> NewFile:
        path, body = record_path(record, 0, "jpg"), f"photo {record}".encode()
        (self.root / path).parent.mkdir(parents=True, exist_ok=True)
        (self.root / path).write_bytes(body)
        return NewFile(FileRole.ORIGINAL, path, len(body), hashlib.sha256(body).digest(), "image/jpeg", 1, 1)

    async def saved(self) -> list[int]:
        async with await Store.open(Collection.open(self.root).db) as store:
            await consistent(store)
            assert (await store.last_run()) is None
            return [record for (record,) in await query(store, "SELECT record FROM images WHERE status = 2 ORDER BY record")]

    def kept(self) -> list[Path]:
        return sorted((self.root / "before").iterdir()) if (self.root / "before").exists() else []

    def on_disk(self) -> dict[str, bytes]:
        return {path.relative_to(self.root).as_posix(): path.read_bytes() for path in self.root.rglob("*") if path.is_file()}


def url_of(number: int) -> str:
    return f"https://a.example.org/{number}.jpg"


@pytest.fixture
async def job(tmp_path: Path) -> Job:
    job = Job(tmp_path)
    job.write(url_of)
    await job.init()
    await job.save(101, 103, 104)
    return job


async def test_files_whose_photos_are_still_named_are_adopted_the_rest_is_told(job: Job) -> None:
    job.write(lambda n: url_of(n) if n != 4 else "https://b.example.org/other.jpg")
    reset = await job.init(reset=True)
    assert await job.saved() == [101, 103]
    assert reset.account is not None
    assert (reset.account.adopted, reset.account.strays, reset.account.lanes) == (2, 1, 1)
    (kept,) = job.kept()
    assert reset.kept == kept
    async with await Store.open(kept / "asyncdl.sqlite", read_only=True) as old:
        assert (await old.counts()).by_status["success"] == 3
    assert (kept / "sources/1/about.json").is_file()
    assert "kept in" in job.told[0]
    assert setaside.mark_of(job.root) is None
    async with await Store.open(Collection(job.root).db, read_only=True) as new:
        (event,) = await new.events(5)
    assert (event.kind, json.loads(event.detail)["adopted"]) == ("reset", 2)
    with pytest.raises(UsageError, match="is a collection already"):
        await job.init()


async def add(job: Job, source: Path) -> None:
    await add_sources(job.root, [str(source)], IngestSettings(), AddOptions(), lambda _: None)


async def test_after_an_addition_all_sources_are_kept_and_marks_are_not_carried_over(job: Job, tmp_path: Path) -> None:
    newer = tmp_path / "newer.tsv"
    newer.write_text("\n".join(line for line in job.list.read_text().splitlines() if not line.startswith("103")) + "\n")
    await add(job, newer)
    async with await Store.open(Collection(job.root).db, read_only=True) as store:
        assert [source.images_gone for source in await store.sources()] == [0, 1]
    reset = await job.init(reset=True)
    assert await job.saved() == [101, 103, 104]
    assert reset.kept is not None
    assert sorted(folder.name for folder in (reset.kept / "sources").iterdir()) == ["1", "2"]
    assert [folder.name for folder in Collection(job.root).sources.iterdir()] == ["1"]
    async with await Store.open(Collection(job.root).db, read_only=True) as store:
        assert [source.living for source in await store.sources()] == [True]
        assert await query(store, "SELECT * FROM gone") == []
    await add(job, newer)
    async with await Store.open(Collection(job.root).db, read_only=True) as store:
        assert await query(store, "SELECT i.record FROM gone AS g JOIN images AS i ON i.id = g.image") == [(103,)]


class Listing(Job):
    """A collection of a list without ids, which a newer state continued: a line stands in front of the others."""

    links = tuple(f"https://a.example.org/{name}.jpg" for name in "abcdef")

    async def begin(self) -> None:
        self.list = self.list.with_suffix(".txt")
        self.list.write_text("\n".join(self.links) + "\n")
        await self.init()
        await self.save(2, 4)
        self.list.write_text("\n".join(("https://a.example.org/first.jpg", *self.links)) + "\n")
        await add(self, self.list)

    async def ids(self) -> dict[str, int | str]:
        async with await Store.open(Collection.open(self.root).db) as store:
            rows = await query(
                store,
                "SELECT c.url, coalesce(r.external_id, r.id) FROM candidates AS c JOIN images AS i ON i.id = c.image JOIN records AS r ON r.id = i.record",
            )
            return {url.rpartition("/")[2][:-4]: record for url, record in rows}


async def test_the_lines_of_a_list_keep_the_numbers_they_first_had(tmp_path: Path) -> None:
    job = Listing(tmp_path)
    await job.begin()
    numbers = {"first": 7} | dict(zip("abcdef", range(1, 7), strict=True))
    assert await job.ids() == numbers
    await job.init(reset=True)
    assert await job.ids() == numbers
    assert await job.saved() == [2, 4]
    about = SourceRows(Collection(job.root).source_folder(1)).about
    assert (about.line_prefix, about.next_line, about.continues) == ("", 8, 0)


async def test_of_two_lists_only_one_continues_an_earlier_one(tmp_path: Path) -> None:
    job = Listing(tmp_path)
    await job.begin()
    older = tmp_path / "older.txt"
    older.write_text("\n".join((*job.links, "https://a.example.org/other.jpg")) + "\n")
    specs = [detect(path) for path in (job.list, older)]
    await initialise(
        job.root, specs, IngestSettings(), lambda _: None, reset=Reset(job.root, ["list.txt", "older.txt"], asked=True)
    )
    assert (await job.ids())["other"] == "older.txt:7"
    assert await job.saved() == [2, 4]


async def test_lists_that_cannot_be_read_are_done_without(tmp_path: Path) -> None:
    job = Listing(tmp_path)
    await job.begin()
    for part in Collection(job.root).sources.glob("*/rows-*.parquet"):
        content = bytearray(part.read_bytes())
        content[4 : len(content) // 2] = bytes(len(content) // 2 - 4)
        part.write_bytes(content)
    await job.init(reset=True)
    assert (await job.ids())["first"] == 1


async def test_without_a_collection_it_is_a_plain_init(tmp_path: Path) -> None:
    job = Job(tmp_path)
    job.write(url_of)
    reset = await job.init(reset=True)
    assert (reset.account, reset.kept, job.kept(), job.told) == (None, None, [], [])
    assert await job.saved() == []


async def test_what_a_crash_left_is_adopted_before_its_rows_go(job: Job) -> None:
    collection = Collection(job.root)
    async with await Store.open(collection.db) as store:
        (found,) = await query(store, "SELECT id FROM images WHERE record = 105")
    file = job.file(105)
    facts = {
        "media_type": "image/jpeg",
        "width": 1,
        "height": 1,
        "attempts": 1,
        "candidate": 0,
        "host": "a.example.org",
        "flag": None,
    }
    IntentJournal(collection.intents / "journal").append([Intent(found[0], file.path, file.size_bytes, file.sha256, facts)])
    await job.init(reset=True)
    assert await job.saved() == [101, 103, 104, 105]


def zeros(database: Path) -> None:
    database.write_bytes(bytes(8192))


def empty(database: Path) -> None:
    database.write_bytes(b"")


def half(database: Path) -> None:
    database.write_bytes(database.read_bytes()[: database.stat().st_size // 2])


@pytest.mark.parametrize("spoil", [zeros, empty, half, Path.unlink])
async def test_with_a_database_that_cannot_be_read_the_files_stay_and_the_copy_too(job: Job, spoil: Callable[[Path], Any]) -> None:
    database = Collection(job.root).db
    spoil(database)
    damaged = database.read_bytes() if database.exists() else None
    reset = await job.init(reset=True)
    assert await job.saved() == []
    assert reset.account is not None
    assert reset.account.unreadable
    (kept,) = job.kept()
    assert ((kept / database.name).read_bytes() if damaged is not None else None) == damaged
    assert (job.root / record_path(101, 0, "jpg")).read_bytes() == b"photo 101"


async def test_a_newer_database_is_left_alone(job: Job) -> None:
    async with await Store.open(Collection(job.root).db) as store:
        await store._db.write(lambda raw: raw.execute("PRAGMA user_version = 999"))
    before = job.on_disk()
    with pytest.raises(WrittenByNewer):
        await job.init(reset=True)
    assert job.on_disk() == before


async def test_a_source_that_turns_out_to_be_empty_undoes_it(job: Job, tmp_path: Path) -> None:
    empty_table = tmp_path / "empty.tsv"
    empty_table.write_text("gbifID\tidentifier\n7\t\n")
    before = job.on_disk()
    with pytest.raises(SourceError, match="nothing to download") as told:
        await job.init(reset=True, source=empty_table)
    assert "as it was before" in told.value.todo
    assert {name: body for name, body in job.on_disk().items() if not name.startswith("rejects/")} == before
    assert await job.saved() == [101, 103, 104]
    assert (await job.init(reset=True)).account is not None


async def test_a_run_that_holds_it_is_not_disturbed(job: Job) -> None:
    before = job.on_disk()
    with Collection(job.root).lock():
        held = {name: body for name, body in job.on_disk().items() if name != "lock"}
        with pytest.raises(CollectionLocked):
            await job.init(reset=True)
        assert {name: body for name, body in job.on_disk().items() if name != "lock"} == held
    assert job.on_disk() == before


async def stopped_while_adopting(job: Job) -> None:
    """A reset that is stopped when it begins to adopt."""

    def watch(step: Any) -> None:
        if step.stage == "adopt":
            task.cancel()

    task = asyncio.ensure_future(
        initialise(job.root, [detect(job.list)], IngestSettings(), watch, reset=Reset(job.root, [str(job.list)], asked=True))
    )
    with pytest.raises(asyncio.CancelledError):
        await task


@pytest.mark.parametrize("asked", [True, False])
async def test_stopped_it_goes_on_whether_it_is_asked_for_again_or_not(job: Job, asked: bool) -> None:
    await stopped_while_adopting(job)
    with pytest.raises(CollectionError, match="is being made anew") as told:
        Collection.open(job.root)
    assert f"asyncdl init {job.root} {job.list}" in told.value.todo
    await job.init(reset=asked)
    assert await job.saved() == [101, 103, 104]
    assert len(job.kept()) == 1


async def test_stopped_and_asked_for_with_other_sources_it_begins_anew_with_the_same_copy(job: Job, tmp_path: Path) -> None:
    await stopped_while_adopting(job)
    other = tmp_path / "other.tsv"
    other.write_text(job.list.read_text().replace("101\t", "201\t"))
    with pytest.raises(UsageError, match="made anew from something else"):
        await job.init(source=other)
    await job.init(reset=True, source=other)
    assert await job.saved() == [103, 104]
    assert len(job.kept()) == 1


async def test_a_mark_that_was_left_at_the_very_end_is_no_reset(job: Job) -> None:
    await job.init(reset=True)
    (kept,) = job.kept()
    setaside._save(job.root, setaside.SetAside(setaside.Phase.BUILDING, f"before/{kept.name}", NOW, ()))
    assert (await job.init(reset=True)).finished
    assert job.kept() == [kept]
    setaside._save(job.root, setaside.SetAside(setaside.Phase.BUILDING, f"before/{kept.name}", NOW, ()))
    assert await job.saved() == [101, 103, 104]  # whoever opens it for writing clears the mark
    assert setaside.mark_of(job.root) is None

import asyncio
import hashlib
import shutil
import threading
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from asyncdl.blobs import Intent, IntentJournal
from asyncdl.clock import Instant, SystemClock, VirtualClock
from asyncdl.errors import CollectionError, EnvironmentStops
from asyncdl.model import Batch, FileRole, NewFile, NewRecord, Transition
from asyncdl.status import ImageStatus
from asyncdl.store import Discrepancies, Store, StoredFile
from asyncdl.store.reader import Reader
from asyncdl.upkeep import verify
from asyncdl.upkeep.findings import Damage
from asyncdl.upkeep.repair import Repair
from asyncdl.upkeep.verify import Verification, VerifyOptions, VerifyProgress, VerifyReport
from tests.report.samples import NOW_MS, Sample, new_image, stored_file

ALL = VerifyOptions(hash_one_in=1, database=True)
FIRST, RAW = "files/100/000/1000001-00.jpg", "files/100/000/1000001-01.dng"


async def look(sample: Sample, options: VerifyOptions = ALL, *, beside_a_run: bool = False) -> VerifyReport:
    async with await Store.open(sample.collection.db, read_only=True) as store:
        return await Verification(sample.collection, store, options, SystemClock(), beside_a_run=beside_a_run).run()


async def fix(sample: Sample, options: VerifyOptions = ALL) -> tuple[VerifyReport, Repair]:
    async with await Store.open(sample.collection.db) as store:
        repair = Repair(sample.root, store, NOW_MS)
        report = await Verification(sample.collection, store, options, SystemClock(), beside_a_run=False, repair=repair).run()
        assert await store.discrepancies() == Discrepancies()
    return report, repair


def found(report: VerifyReport) -> list[tuple[Damage, str]]:
    assert sum(report.findings.counts.values()) == len(report.findings.examples)
    return [(finding.damage, finding.path) for finding in report.findings.examples]


def all_contents(root: Path) -> Counter[bytes]:
    """What all files below `files/` and `quarantine/` hold: what a repair must not lose."""
    folders = (root / "files", root / "quarantine")
    return Counter(path.read_bytes() for folder in folders for path in folder.rglob("*") if path.is_file())


def names(root: Path) -> set[str]:
    return {path.relative_to(root).as_posix() for path in (root / "files").rglob("*")}


async def status_of(sample: Sample, image: int) -> ImageStatus:
    async with await Store.open(sample.collection.db, read_only=True) as store:
        return (await store.image_states([image]))[image].status


def cut(root: Path) -> None:
    with (root / FIRST).open("rb+") as file:
        file.truncate(10)


def flip(root: Path) -> None:
    content = bytearray((root / FIRST).read_bytes())
    content[100] ^= 1
    (root / FIRST).write_bytes(content)


def lose(root: Path) -> None:
    (root / FIRST).unlink()


def link(root: Path) -> None:
    (root / FIRST).rename(root / "elsewhere")
    (root / FIRST).symlink_to(root / "elsewhere")


def lose_folder(root: Path) -> None:
    shutil.move(root / "files/100", root / "elsewhere")
    (root / "files/100").write_bytes(b"")


async def test_a_sound_collection_is_clean(sample: Sample) -> None:
    report = await look(sample)
    assert (found(report), report.harmful, report.files_checked, report.files_read, report.bytes_read) == ([], 0, 2, 2, 2300)
    assert (report.integrity, report.discrepancies) == ((), Discrepancies())


@pytest.mark.parametrize(
    ("damage", "kind"),
    [(lose, Damage.MISSING), (cut, Damage.WRONG_SIZE), (flip, Damage.WRONG_DIGEST), (link, Damage.NOT_A_FILE)],
)
async def test_each_kind_of_damage_is_found_and_mended(sample: Sample, damage: Callable[[Path], None], kind: Damage) -> None:
    damage(sample.root)
    kept = all_contents(sample.root)
    assert found(await look(sample)) == [(kind, FIRST)]
    report, repair = await fix(sample)
    assert (found(report), repair.images_reopened, repair.unfixed, repair.problems) == ([(kind, FIRST)], 1, 0, [])
    assert FIRST not in names(sample.root)
    assert all_contents(sample.root) == kept
    assert (await status_of(sample, sample.saved), await status_of(sample, sample.raw)) == (
        ImageStatus.PENDING,
        ImageStatus.SUCCESS,
    )
    assert found(await look(sample)) == []


async def test_a_file_in_the_place_of_a_folder_hides_all_that_was_in_it(sample: Sample) -> None:
    lose_folder(sample.root)
    assert found(await look(sample)) == [(Damage.MISSING, FIRST), (Damage.MISSING, RAW), (Damage.ORPHAN, "files/100")]
    _, repair = await fix(sample)
    assert (repair.images_reopened, repair.files_moved, repair.unfixed) == (2, 1, 0)
    assert (sample.root / "elsewhere" / "000" / "1000001-00.jpg").is_file()


async def test_what_is_reopened_is_due_with_all_its_links(sample: Sample) -> None:
    flip(sample.root)
    await fix(sample)
    async with await Store.open(sample.collection.db, read_only=True) as store:
        state = (await store.image_states([sample.saved]))[sample.saved]
        assert (state.due_ms, state.attempts, state.error, state.host) == (0, 0, None, "good.example.org")
        assert await store.files_of([sample.saved]) == []


async def test_damage_of_the_bytes_needs_reading_and_a_sample_reads_its_share(sample: Sample) -> None:
    flip(sample.root)
    report = await look(sample, VerifyOptions())
    assert (found(report), report.files_read) == ([], 0)
    by_offset = [await look(sample, VerifyOptions(hash_one_in=2, hash_offset=offset)) for offset in (0, 1)]
    assert [report.files_read for report in by_offset] == [1, 1]
    assert [damage for report in by_offset for damage, _ in found(report)] == [Damage.WRONG_DIGEST]


async def test_files_that_no_row_knows_are_found_anywhere_below_files_and_moved(sample: Sample) -> None:
    strays = ["files/note.txt", "files/100/000/1000001-02.jpg", "files/999/999/999999-00.jpg", "files/a/b/c/d/e.jpg"]
    for place, path in enumerate(strays):
        (sample.root / path).parent.mkdir(parents=True, exist_ok=True)
        (sample.root / path).write_bytes(b"stray %d" % place)
    (sample.root / "files/linked.jpg").symlink_to(sample.root / RAW)
    kept = all_contents(sample.root)
    assert sorted(found(await look(sample))) == sorted((Damage.ORPHAN, path) for path in [*strays, "files/linked.jpg"])
    _, repair = await fix(sample)
    assert (repair.files_moved, repair.unfixed, repair.images_reopened) == (5, 0, 0)
    assert repair.folder is not None
    assert (repair.folder / strays[1]).read_bytes() == b"stray 1"
    assert (repair.folder / "files/linked.jpg").is_symlink()
    assert all_contents(sample.root) == kept
    assert found(await look(sample)) == []


async def test_leftovers_of_a_kill_are_told_but_no_damage(sample: Sample) -> None:
    (sample.collection.part / "5-7").write_bytes(b"half")
    placed = stored_file(sample.root, 1000004, 0, b"whole")
    intent = Intent(sample.untouched, placed.path, placed.size_bytes, placed.sha256, {})
    IntentJournal(sample.collection.intents / "journal").append([intent])
    report = await look(sample)
    assert found(report) == [(Damage.UNSETTLED, placed.path), (Damage.STALE_PART, "files/.part/5-7")]
    assert report.harmful == 0
    _, repair = await fix(sample)
    assert (repair.files_moved, repair.unfixed) == (1, 0)
    assert (sample.root / placed.path).is_file()  # the next run settles it


async def test_all_files_of_a_damaged_image_go_and_none_of_another(sample: Sample) -> None:
    (sample.root / "files/100/000/small.jpg").write_bytes(b"small")
    jpeg = NewFile(FileRole.JPEG, "files/100/000/small.jpg", 5, hashlib.sha256(b"small").digest(), "image/jpeg", 1, 1)
    async with await Store.open(sample.collection.db) as store:
        await store.apply(Batch((Transition(sample.saved, ImageStatus.SUCCESS, None, 1, file=jpeg),)), NOW_MS)
    assert found(await look(sample)) == []
    flip(sample.root)
    kept = all_contents(sample.root)
    report, repair = await fix(sample)
    assert found(report) == [(Damage.WRONG_DIGEST, FIRST)]
    assert (repair.images_reopened, repair.files_moved) == (1, 2)
    assert all_contents(sample.root) == kept
    assert (sample.root / RAW).is_file()


async def test_a_path_that_leads_elsewhere_is_never_followed(sample: Sample) -> None:
    outside = sample.root / "asyncdl.toml"
    outside.write_text("contact = 'me'")
    evil = NewFile(FileRole.ORIGINAL, "files/../asyncdl.toml", 14, bytes(32), "image/jpeg", 1, 1)
    async with await Store.open(sample.collection.db) as store:
        await store.apply(Batch((Transition(sample.saved, ImageStatus.SUCCESS, None, 1, file=evil),)), NOW_MS)
    (sample.root / FIRST).unlink()
    report, repair = await fix(sample)
    assert found(report) == [(Damage.BAD_PATH, "files/../asyncdl.toml")]
    assert (repair.files_moved, repair.images_reopened) == (0, 1)
    assert outside.read_text() == "contact = 'me'"


async def test_an_unreadable_file_is_told_and_left_alone(sample: Sample, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: Path) -> bytes:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr("asyncdl.upkeep.filecheck._sha256", refuse)  # the tests may run as root, whom nothing refuses
    report, repair = await fix(sample)
    assert [damage for damage, _ in found(report)] == [Damage.UNREADABLE] * 2
    assert (repair.files_moved, repair.images_reopened, repair.unfixed) == (0, 0, 2)
    assert await status_of(sample, sample.saved) is ImageStatus.SUCCESS


async def test_a_file_that_cannot_be_moved_keeps_its_row(sample: Sample) -> None:
    flip(sample.root)
    (sample.root / "quarantine").write_text("in the way")
    _, repair = await fix(sample)
    assert (repair.images_reopened, repair.unfixed) == (0, 1)
    assert repair.problems[0].startswith(FIRST)
    assert await status_of(sample, sample.saved) is ImageStatus.SUCCESS
    assert (sample.root / FIRST).is_file()


async def test_two_repairs_never_share_a_folder(sample: Sample) -> None:
    folders = set()
    for _ in range(2):
        (sample.root / "files/stray.jpg").write_bytes(b"x")
        _, repair = await fix(sample)
        assert repair.folder is not None
        folders.add(repair.folder.name)
    assert folders == {"2026-05-28T202640Z", "2026-05-28T202640Z-1"}


async def test_wrong_counters_and_stranded_images_are_found_and_mended(sample: Sample) -> None:
    async with await Store.open(sample.collection.db) as store:
        await store._db.write(lambda raw: raw.execute("UPDATE counters SET images = images + 3 WHERE status = 2"))
        await store._db.write(lambda raw: raw.execute("UPDATE records SET successes = 9 WHERE id = 1000001"))
        await store._db.write(lambda raw: raw.execute("UPDATE images SET due = NULL WHERE id = ?", (sample.retrying,)))
    report = await look(sample)
    assert report.discrepancies is not None
    assert report.discrepancies.stranded == (sample.retrying,)
    assert report.discrepancies.records == (1000001,)
    assert report.harmful >= 3
    _, repair = await fix(sample)
    assert repair.unfixed == 0
    assert await status_of(sample, sample.retrying) is ImageStatus.PENDING
    assert (await look(sample)).harmful == 0


async def test_a_damaged_database_is_not_repaired_upon(sample: Sample) -> None:
    async with await Store.open(sample.collection.db) as store:

        def corrupt(raw: object) -> None:
            raw.execute("PRAGMA foreign_keys = OFF")  # type: ignore[attr-defined]
            raw.execute("INSERT INTO hosts(id, name, lane) VALUES (99, 'x', 'x')")  # type: ignore[attr-defined]
            raw.execute("INSERT INTO counters VALUES (99, 0, -1, 0, 0)")  # type: ignore[attr-defined]
            raw.execute("DELETE FROM hosts WHERE id = 99")  # type: ignore[attr-defined]

        await store._db._run(corrupt)
    report = await look(sample)
    assert report.integrity is not None
    assert "refers to nothing in hosts" in report.integrity[0]
    flip(sample.root)
    with pytest.raises(CollectionError, match="the database is damaged"):
        await fix(sample)
    assert (sample.root / FIRST).is_file()


async def test_a_disk_that_is_not_mounted_is_no_reason_to_fetch_all_again(sample: Sample) -> None:
    async with await Store.open(sample.collection.db) as store:
        await store.load([NewRecord(3000000, tuple(new_image(f"https://many.example.org/{number}.jpg") for number in range(20)))])
        (row,) = await store.find_records(3000000)
        story = await store.record_story(row.id)
        assert story is not None
        moves = [
            Transition(
                image.state.id, ImageStatus.SUCCESS, None, 1, file=stored_file(sample.root, 3000000, number, b"x%d" % number)
            )
            for number, image in enumerate(story.images)
        ]
        await store.apply(Batch(tuple(moves)), NOW_MS)
    shutil.rmtree(sample.root / "files")
    with pytest.raises(EnvironmentStops, match="none of the first 22 files is there"):
        await fix(sample)
    assert await status_of(sample, sample.saved) is ImageStatus.SUCCESS
    assert (await look(sample)).findings.counts == {Damage.MISSING: 22}
    _, repair = await fix(sample, VerifyOptions(accept_loss=True))
    assert (repair.images_reopened, repair.unfixed) == (22, 0)


async def test_many_pages_and_progress(sample: Sample, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verify, "PAGE_FILES", 1)
    told: list[VerifyProgress] = []
    async with await Store.open(sample.collection.db, read_only=True) as store:
        report = await Verification(sample.collection, store, ALL, SystemClock(), beside_a_run=False, watch=told.append).run()
    assert (report.files_checked, report.harmful) == (2, 0)
    assert [(now.stage, now.done, now.total) for now in told] == [
        ("database", 0, 0), ("files", 1, 2), ("files", 2, 2), ("strays", 0, 0),
    ]  # fmt: skip


async def test_beside_a_run_young_files_and_unfinished_bodies_are_its_own_affair(sample: Sample) -> None:
    (sample.collection.part / "5-7").write_bytes(b"half")
    (sample.root / "files/100/000/1000009-00.jpg").write_bytes(b"just placed")
    report = await look(sample, beside_a_run=True)
    assert (found(report), report.too_young, report.harmful) == ([], 1, 0)
    later = VirtualClock(Instant(0.0, SystemClock().now().utc_ms + 3_600_000))
    async with await Store.open(sample.collection.db, read_only=True) as store:
        report = await Verification(sample.collection, store, ALL, later, beside_a_run=True).run()
    assert found(report) == [(Damage.ORPHAN, "files/100/000/1000009-00.jpg")]


class _Moving(Reader):
    """A reader beside which a run replaces a row as soon as its page was read."""

    def __init__(self, store: Store, image: int, file: NewFile) -> None:
        super().__init__(store._db)
        self._move = Batch((Transition(image, ImageStatus.SUCCESS, None, 2, file=file),))
        self._writer = store
        self._moved = False

    async def files_page(self, after_id: int, limit: int) -> list[StoredFile]:
        page = await super().files_page(after_id, limit)
        if not self._moved:
            self._moved = True
            await self._writer.apply(self._move, NOW_MS)
        return page


async def test_a_row_that_changed_since_it_was_read_is_no_damage(sample: Sample) -> None:
    file = stored_file(sample.root, 1000001, 0, b"another picture")  # over the old one, as a run would
    async with await Store.open(sample.collection.db) as store:
        reader = _Moving(store, sample.saved, file)
        report = await Verification(sample.collection, reader, ALL, SystemClock(), beside_a_run=True).run()
    assert found(report) == []


async def test_a_look_that_is_stopped_ends_with_its_threads(sample: Sample) -> None:
    async with await Store.open(sample.collection.db, read_only=True) as store:
        task: asyncio.Task[VerifyReport] | None = None

        def stop(now: VerifyProgress) -> None:
            assert task is not None
            task.cancel()

        task = asyncio.create_task(Verification(sample.collection, store, ALL, SystemClock(), beside_a_run=False, watch=stop).run())
        with pytest.raises(asyncio.CancelledError):
            await task
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("verify")]

import asyncio
import sqlite3
from pathlib import Path

import pytest

from asyncdl.errors import CollectionError, CollectionLocked, EnvironmentStops, IllegalMove
from asyncdl.lane_records import LaneRecord
from asyncdl.store import Store, database
from asyncdl.store.connection import translated
from asyncdl.store.filesystem import classify
from asyncdl.store.schema import APPLICATION_ID
from tests.store.makers import apply, consistent, failed, image, new_store, query, record, saved

A = "https://a.org/1.jpg"


def size_of(path: Path | str) -> int:
    return Path(path).stat().st_size


def names_in(folder: Path) -> list[str]:
    return [entry.name for entry in folder.iterdir()]


def is_there(path: str) -> bool:
    return Path(path).exists()


async def pragma(store: Store, name: str) -> object:
    return (await query(store, f"PRAGMA {name}"))[0][0]


async def test_the_connection_is_set_up_as_promised(store: Store) -> None:
    found = {
        name: await pragma(store, name)
        for name in (
            "journal_mode",
            "synchronous",
            "wal_autocheckpoint",
            "page_size",
            "trusted_schema",
            "cell_size_check",
            "foreign_keys",
        )
    }
    assert found == {
        "journal_mode": "wal",
        "synchronous": 2,
        "wal_autocheckpoint": 0,
        "page_size": 4096,
        "trusted_schema": 0,
        "cell_size_check": 1,
        "foreign_keys": 1,
    }
    assert await pragma(store, "application_id") == APPLICATION_ID


async def test_durability_none_syncs_less(tmp_path: Path) -> None:
    await (await new_store(tmp_path)).close()
    async with await Store.open(tmp_path / "collection.sqlite", synchronous="NORMAL") as store:
        assert await pragma(store, "synchronous") == 1


async def test_a_closed_store_is_one_file_and_opens_again(tmp_path: Path) -> None:
    store = await new_store(tmp_path, record(1, image(1, A)))
    await store.close()
    await store.close()
    assert names_in(tmp_path) == ["collection.sqlite"]
    async with await Store.open(tmp_path / "collection.sqlite") as again:
        assert (await again.counts()).total == 1
        assert await again.get_meta("image") == "original"
        assert (await again.get_meta("keys_version") or "").isdecimal()
    with pytest.raises(CollectionError, match="closed"):
        await store.counts()


async def test_create_refuses_what_is_there(tmp_path: Path) -> None:
    (tmp_path / "collection.sqlite").write_text("mine")
    with pytest.raises(CollectionError, match="exists already"):
        await new_store(tmp_path)
    assert (tmp_path / "collection.sqlite").read_text() == "mine"


async def test_create_in_a_place_that_cannot_be_written_says_so(tmp_path: Path) -> None:
    with pytest.raises(EnvironmentStops):
        await Store.create(tmp_path / "nowhere" / "a.sqlite", {})


async def test_a_creation_that_was_killed_is_begun_anew(tmp_path: Path) -> None:
    (tmp_path / "collection.sqlite.new").write_bytes(b"half a database")
    async with await new_store(tmp_path) as store:
        assert (await store.counts()).total == 0


def other_program(path: Path) -> None:
    with sqlite3.connect(path) as raw:
        raw.execute("CREATE TABLE t(x)")
    raw.close()


def newer_schema(path: Path) -> None:
    with sqlite3.connect(path) as raw:
        raw.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        raw.execute("PRAGMA user_version = 999")
    raw.close()


def no_database(path: Path) -> None:
    path.write_bytes(b"\x89PNG" * 4000)


def nothing(path: Path) -> None:
    path.unlink(missing_ok=True)


def empty_file(path: Path) -> None:
    path.write_bytes(b"")


@pytest.mark.parametrize("read_only", [False, True])
@pytest.mark.parametrize(
    ("make", "words"),
    [
        (nothing, "does not exist"),
        (no_database, "not a database"),
        (other_program, "another program"),
        (empty_file, "another program"),
        (newer_schema, "newer asyncdl"),
    ],
)
async def test_what_is_no_collection_is_refused_in_a_sentence(tmp_path: Path, make: object, words: str, read_only: bool) -> None:
    path = tmp_path / "c.sqlite"
    assert callable(make)
    make(path)
    before = path.read_bytes() if path.exists() else None
    with pytest.raises(CollectionError, match=words) as caught:
        await Store.open(path, read_only=read_only)
    assert caught.value.exit_status == 5
    assert caught.value.todo
    assert (path.read_bytes() if path.exists() else None) == before


async def test_damage_is_told_as_damage(tmp_path: Path) -> None:
    await (await new_store(tmp_path, *(record(place, image(1, A)) for place in range(3000)))).close()
    path = tmp_path / "collection.sqlite"
    content = bytearray(path.read_bytes())
    for page in range(1, len(content) // 4096):
        content[page * 4096 : page * 4096 + 64] = b"\xff" * 64
    path.write_bytes(content)
    with pytest.raises(CollectionError, match="damaged"):
        async with await Store.open(path) as store:
            await store.discrepancies()


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (sqlite3.SQLITE_FULL, EnvironmentStops),
        (sqlite3.SQLITE_IOERR_FSYNC, EnvironmentStops),
        (sqlite3.SQLITE_READONLY_DBMOVED, EnvironmentStops),
        (sqlite3.SQLITE_BUSY, CollectionLocked),
        (sqlite3.SQLITE_CORRUPT_VTAB, CollectionError),
        (sqlite3.SQLITE_CONSTRAINT_UNIQUE, sqlite3.IntegrityError),
    ],
)
def test_result_codes_become_our_errors_and_programming_errors_stay(code: int, kind: type[Exception]) -> None:
    error = sqlite3.IntegrityError("as SQLite says")
    error.sqlite_errorcode = code
    assert isinstance(translated(error, Path("x")), kind)


async def test_a_full_disk_loses_nothing_and_the_connection_goes_on(store: Store) -> None:
    await store.load([record(1, image(1, A))])
    pages = await pragma(store, "page_count")
    assert await pragma(store, f"max_page_count = {pages}") == pages
    with pytest.raises(EnvironmentStops, match="full"):
        await store.load([record(place, image(1, A + "x" * 500)) for place in range(2, 200)])
    assert (await store.counts()).total == 1
    await pragma(store, "max_page_count = 1000000")
    await store.load([record(place, image(1, A)) for place in range(2, 200)])
    assert (await store.counts()).total == 199


async def test_readers_see_what_is_committed_while_the_writer_lives(tmp_path: Path) -> None:
    writer = await new_store(tmp_path, record(1, image(1, A)))
    reader = await Store.open(tmp_path / "collection.sqlite", read_only=True)
    async with writer, reader:
        assert (await reader.counts()).by_status["pending"] == 1
        await apply(writer, saved(1))
        assert (await reader.counts()).by_status["success"] == 1
        with pytest.raises(EnvironmentStops):
            await reader.set_meta("a", "b")


async def test_a_transaction_over_several_calls_is_all_or_nothing(store: Store) -> None:
    async def fail_at_the_end() -> None:
        async with store.transaction():
            await store.load([record(1, image(1, A))])
            assert (await store.counts()).total == 1
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail_at_the_end()
    assert (await store.counts()).total == 0
    async with store.transaction():
        await store.load([record(1, image(1, A))])
        with pytest.raises(IllegalMove):
            await apply(store, saved(1), failed(99))
        await store.set_meta("k", "v")
    assert (await store.counts()).by_status["pending"] == 1
    assert await store.get_meta("k") == "v"


async def test_other_tasks_wait_for_a_transaction(store: Store) -> None:
    entered, leave = asyncio.Event(), asyncio.Event()

    async def hold() -> None:
        async with store.transaction():
            await store.load([record(1, image(1, A))])
            entered.set()
            await leave.wait()
            raise ZeroDivisionError

    async with asyncio.TaskGroup() as tasks:
        holder = asyncio.ensure_future(hold())
        await entered.wait()
        count = tasks.create_task(store.counts())
        leave.set()
        with pytest.raises(ZeroDivisionError):
            await holder
    assert count.result().total == 0


async def test_a_transaction_inside_a_transaction_is_a_mistake(store: Store) -> None:
    async with store.transaction():
        with pytest.raises(RuntimeError):
            async with store.transaction():
                pass


async def test_a_cancelled_caller_leaves_whole_transactions_and_a_usable_connection(store: Store) -> None:
    """Cancel at every step of the loop that the calls take, until one run is not reached by the cancellation."""
    for steps in range(100):
        done = False

        async def work(number: int) -> None:
            nonlocal done
            await store.load([record(number, image(1, A), image(2, A))])
            async with store.transaction():
                await store.set_meta("a", str(number))
                await store.set_meta("b", str(number))
            done = True

        task = asyncio.ensure_future(work(steps))
        for _ in range(steps):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait({task})
        assert task.cancelled() or done
        assert await store.get_meta("a") == await store.get_meta("b")
        assert (await store.counts()).total == 2 * (await store.record_counts()).total
    await apply(store, lanes=(LaneRecord("x"),))


async def test_the_log_is_folded_back_when_it_has_grown(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "_CHECKPOINT_BYTES", 500_000)
    store._db._checkpoint_at_bytes = 500_000
    largest = 0
    for start in range(0, 6000, 100):
        await store.load([record(place, image(1, A)) for place in range(start, start + 100)])
        largest = max(largest, size_of(f"{store.path}-wal"))
    assert largest < 2_000_000
    assert size_of(store.path) > 500_000


async def test_a_network_file_system_is_held_exclusively_and_read_by_snapshot(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "collection.sqlite"
    await (await new_store(tmp_path, record(1, image(1, A)), record(2, image(1, A)))).close()
    monkeypatch.setattr(database, "file_system_of", lambda _: classify("nfs4"))
    async with await Store.open(path) as store:
        assert store.exclusive
        assert await pragma(store, "locking_mode") == "exclusive"
        await apply(store, saved(1, 70), lanes=(LaneRecord("a.org", note="n"),))
        assert not is_there(f"{path}-shm")
        with pytest.raises(CollectionLocked):
            await Store.open(path, read_only=True)
        await store.snapshot()
        await apply(store, saved(2))
        async with await Store.open(path, read_only=True) as reader:
            assert (await reader.counts()).by_status == {"pending": 1, "retry": 0, "success": 1, "exhausted": 0, "failed": 0}
            assert await reader.saved_bytes() == 70
            assert (await reader.counts_by_host(5))[0].lane_record == LaneRecord("a.org", note="n")
        await consistent(store)
    async with await Store.open(path, read_only=True) as reader:  # nobody holds it: the database itself is read
        assert (await reader.counts()).by_status["success"] == 2
        assert len(await reader.files_page(0, 10)) == 2
        with pytest.raises(EnvironmentStops):
            await reader.set_meta("a", "b")


async def test_a_file_system_that_cuts_files_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("asyncdl.store.connection.file_system_of", lambda _: classify("afs"))
    with pytest.raises(CollectionError, match="afs"):
        await new_store(tmp_path)

"""SIGKILL at moments nobody chose, then again, then a run to the end: nothing cut, nothing lost, nothing doubled.

The moments come from a seeded generator, as amounts of progress seen from outside: so many more requests at the
server, so many more files, a body being written. So a failure can be had again.
"""

from __future__ import annotations

import hashlib
import sqlite3
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random
from urllib.parse import urlsplit

import pytest
import pytest_asyncio

from asyncdl.demo.log import LogEntry
from asyncdl.demo.museum import Museum
from tests.e2e.holdings import (
    ask,
    check_order,
    check_successes,
    check_whole,
    final_files,
    identities,
    images,
    unfinished_files,
)
from tests.e2e.program import RUN, started, type_in
from tests.e2e.sources import table_of

CONCURRENCY = 8
RATE_PER_SECOND = 30
BATCH_SECONDS = 1.0
# What may be fetched again after a kill: what was in flight, what a batch of a second holds, and what came while it was committed.
WINDOW = CONCURRENCY + 2 * RATE_PER_SECOND * BATCH_SECONDS
SETTINGS = (*RUN, "--concurrency", CONCURRENCY, "--rate", RATE_PER_SECOND, "--wait", "4s", "--spool-memory", "20kB")


@dataclass(frozen=True, slots=True)
class Undisturbed:
    """A museum, its archive, and what a run that nobody disturbs makes of it."""

    museum: Museum
    archive: Path
    statuses: dict[tuple[str, int], str]


@pytest_asyncio.fixture
async def undisturbed(tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[Undisturbed]:
    """At the scale that the test gives as parameter."""
    async with Museum(scale=request.param, delay_factor=0.1) as museum:
        archive = museum.write_archive(tmp_path / "archive.zip").path
        collection = tmp_path / "undisturbed"
        assert (await type_in("init", collection, archive)).status == 0
        assert (await type_in("run", collection, *RUN, "--wait", "4s")).status == 7
        statuses = identities(images(collection))
        assert len(statuses) > 150
        museum.log.clear()
        yield Undisturbed(museum, archive, statuses)


def moment(random: Random, museum: Museum, collection: Path) -> tuple[str, Callable[[], bool]]:
    """A random moment from now on, as a condition to wait for."""
    match random.choice(("requests", "requests", "files", "body")):
        case "requests":
            asked = len(museum.log) + random.randrange(1, 40)
            return f"{asked} requests", lambda: len(museum.log) >= asked
        case "files":
            files = len(final_files(collection)) + random.randrange(1, 30)
            return f"{files} files", lambda: len(final_files(collection)) >= files
        case _:
            return "a body on the disk", lambda: bool(unfinished_files(collection))


def done_at(collection: Path) -> set[tuple[str, str]]:
    """Host and path that each image that counts as done was fetched from at last, before any redirect."""
    won = {image.won for image in images(collection) if image.status == "success"}
    return {(urlsplit(url).netloc, urlsplit(url).path) for url in won}


def fetched_whole(museum: Museum, entries: list[LogEntry]) -> Counter[tuple[str, str]]:
    """How often each photo was sent whole."""
    whole = [entry for entry in entries if entry.sha256 and entry.path != "/robots.txt" and "manifest" not in entry.path]
    return Counter((urlsplit(museum.base_urls[entry.host]).netloc, entry.path.partition("?")[0]) for entry in whole)


async def kill_and_look(kills: int, seed: int, given: Undisturbed, collection: Path) -> None:
    """The loop: start, wait for the moment, kill, look at what is there."""
    random, museum, killed = Random(seed), given.museum, 0
    for kill in range(kills):
        before = list(museum.log)
        ready = done_at(collection)
        async with started("run", collection, *SETTINGS) as program:
            what, reached = moment(random, museum, collection)
            await program.until_or_end(reached, f"seed {seed}, kill {kill}: {what}")
            killed += await program.kill()
        check_successes(collection)
        check_whole(collection, {entry.sha256 for entry in museum.log})
        sent_before, sent_now = fetched_whole(museum, before), fetched_whole(museum, list(museum.log)[len(before) :])
        assert not ready & sent_now.keys(), f"seed {seed}, kill {kill}: what was done is fetched again"
        again = sum((sent_before & sent_now).values())
        assert again <= WINDOW, f"seed {seed}, kill {kill}: {again} fetched again"
    assert killed >= kills * 0.8, f"seed {seed}: there was work for {killed} kills only"


async def loop(kills: int, seed: int, given: Undisturbed, collection: Path) -> None:
    """A whole job under fire: it has to come to what the undisturbed one came to."""
    assert (await type_in("init", collection, given.archive)).status == 0
    await kill_and_look(kills, seed, given, collection)
    ready = done_at(collection)
    asked = len(given.museum.log)
    ended = await type_in("run", collection, *SETTINGS)
    assert ended.status == 7, ended.err
    assert not ready & fetched_whole(given.museum, list(given.museum.log)[asked:]).keys()
    assert check_order(collection) == list(given.statuses.values()).count("success")
    found = identities(images(collection))
    assert found == given.statuses
    verified = await type_in("verify", collection, "--hash", "--db")
    assert verified.status == 0, verified.out


@pytest.mark.parametrize("undisturbed", [0.3], indirect=True)
async def test_six_kills_lose_nothing_and_double_nothing(undisturbed: Undisturbed, collection: Path) -> None:
    await loop(6, 20_261, undisturbed, collection)


@pytest.mark.slow
@pytest.mark.parametrize("undisturbed", [1.2], indirect=True)
@pytest.mark.parametrize("seed", [1, 2])
async def test_thirty_kills_lose_nothing_and_double_nothing(undisturbed: Undisturbed, collection: Path, seed: int) -> None:
    await loop(30, seed, undisturbed, collection)


@contextmanager
def no_commits(collection: Path) -> Iterator[None]:
    """Hold the database as another writer would: what a run commits in the meantime has to wait."""
    with closing(sqlite3.connect(collection / "asyncdl.sqlite", isolation_level=None, timeout=10)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        yield
        connection.execute("ROLLBACK")


async def killed_before_its_commit(collection: Path) -> set[str]:
    """Kill a run of which a batch has its names and no rows; return the names."""
    async with started("run", collection, *SETTINGS) as program:
        await program.until(lambda: paths(collection), "the first files that are committed")
        with no_commits(collection):
            await program.until(lambda: set(final_files(collection)) - paths(collection), "files under their final names")
            await program.kill()
    orphans = set(final_files(collection)) - paths(collection)
    assert orphans, "every name had its row"
    return orphans


def paths(collection: Path) -> set[str]:
    """The files that rows know."""
    return {path for (path,) in ask(collection, "SELECT path FROM files")}


async def test_a_file_with_its_name_but_no_row_is_adopted_on_proof_and_not_fetched_again(
    museum: Museum, archive: Path, collection: Path
) -> None:
    assert (await type_in("init", collection, archive)).status == 0
    orphans = sorted(await killed_before_its_commit(collection))
    check_whole(collection, {entry.sha256 for entry in museum.log})
    cut, zeroed, *whole = (collection / name for name in orphans)  # as a power cut may leave what was not synced
    cut.write_bytes(cut.read_bytes()[:500])
    zeroed.write_bytes(bytes(zeroed.stat().st_size))
    digests = {hashlib.sha256(path.read_bytes()).hexdigest() for path in whole}
    asked = len(museum.log)
    ended = await type_in("run", collection, *SETTINGS)
    assert f"put in order: {len(whole)} finished files adopted" in ended.err
    assert set(orphans) <= paths(collection)
    assert not digests & {entry.sha256 for entry in list(museum.log)[asked:]}
    check_order(collection)


async def test_killed_while_it_puts_things_in_order(museum: Museum, archive: Path, collection: Path) -> None:
    assert (await type_in("init", collection, archive)).status == 0
    orphans = await killed_before_its_commit(collection)
    files = final_files(collection)
    for _ in range(2):
        with no_commits(collection):  # so that it cannot come to the end of putting things in order
            async with started("run", collection, *SETTINGS) as program:
                await program.until(lambda: str(program.pid) in (collection / "lock").read_text(), "the lock")
                await program.kill()
        assert final_files(collection) == files
    ended = await type_in("run", collection, *SETTINGS, "--max-images", "1")
    assert f"put in order: {len(orphans)} finished files adopted" in ended.err
    assert check_order(collection) >= len(orphans)


# -- killed while it reads the source -------------------------------------------------------------------------


def rows_of(collection: Path) -> list[tuple[object, ...]]:
    """Everything that ingest writes, in an order that does not depend on when."""
    return ask(
        collection,
        "SELECT r.id, r.external_id, r.images, r.next_number, i.number, i.key_hash, i.status, i.due, h.name, c.position, c.url, c.rank, "
        "c.kind FROM records AS r JOIN images AS i ON i.record = r.id JOIN hosts AS h ON h.id = i.host "
        "JOIN candidates AS c ON c.image = i.id ORDER BY r.id, i.number, c.position",
    )


def loaded(collection: Path) -> int:
    """Images that are committed so far."""
    return 0 if not (collection / "asyncdl.sqlite").exists() else int(ask(collection, "SELECT count(*) FROM images")[0][0])


async def test_init_that_is_killed_and_typed_again_comes_to_the_same_rows(tmp_path: Path, collection: Path) -> None:
    rows = ((5_000_000 + n * 7_919 % 10_500, f"http://127.0.0.1:9/sheets/{n}.jpg") for n in range(21_000))
    source = table_of(tmp_path / "source.tsv", rows)
    whole = tmp_path / "undisturbed"
    assert (await type_in("init", whole, source)).status == 0

    moments: list[tuple[str, Callable[[], bool]]] = [
        ("its folder", collection.is_dir),
        ("the sorter's folder", (collection / "scratch" / "ingest").is_dir),
        ("the first rows", lambda: loaded(collection) > 0),
        ("more rows", lambda: loaded(collection) > 10_000),
    ]
    for what, reached in moments:
        async with started("init", collection, source) as program:
            await program.until_or_end(reached, what)
            await program.kill()
    ended = await type_in("init", collection, source)
    if ended.status == 2:  # the last kill came when everything was there
        assert "is a collection already" in ended.err
    else:
        assert ended.status == 0, ended.err
    assert rows_of(collection) == rows_of(whole)
    assert ask(collection, "SELECT images FROM record_counters, counters WHERE counters.status = 0") == ask(
        whole, "SELECT images FROM record_counters, counters WHERE counters.status = 0"
    )
    assert check_order(collection) == 0

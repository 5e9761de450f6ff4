"""One run per collection; a crash is noticed, repaired and reported at the next start."""

from __future__ import annotations

import os
import re
import socket
import time
from pathlib import Path

from tests.e2e.holdings import ask, check_order, images
from tests.e2e.program import RUN, started, status_of, type_in
from tests.e2e.sources import hang, list_of, served
from tests.scripted import Act, ScriptedServer

LOCKED = 4


async def held(origin: ScriptedServer, collection: Path) -> None:
    """A collection whose first run comes to no end by itself."""
    urls = hang(origin, "whole")
    urls.append(origin.script("/held.jpg", Act.HOLD))
    origin.script("/held.jpg", served("held"))
    assert (await type_in("init", collection, list_of(collection.parent / "links.txt", urls))).status == 0


async def test_a_second_run_ends_at_once_and_says_who_holds_the_collection(origin: ScriptedServer, collection: Path) -> None:
    await held(origin, collection)
    async with started("run", collection, *RUN, "--grace", "0s") as first:
        await first.until(lambda: origin.requests_of("/held.jpg"), "a request in flight")
        asked, began = len(origin.requests), time.monotonic()
        second = await type_in("run", collection, *RUN)
        assert time.monotonic() - began < 10
        assert second.status == LOCKED
        assert "another run holds the collection" in second.err
        assert f"process {first.pid} on {socket.gethostname()} since 2" in second.err
        assert second.out == ""
        for words in (("verify", collection, "--fix"), ("unlock", collection, "--message", "I insist")):
            assert (await type_in(*words)).status == LOCKED
        running = (await status_of(collection))["running"]
        assert (running["pid"], running["host"]) == (first.pid, socket.gethostname())
        assert len(origin.requests) == asked
        assert first.running
        await first.kill()


async def test_after_a_kill_the_next_run_says_that_it_put_things_in_order(origin: ScriptedServer, collection: Path) -> None:
    await held(origin, collection)
    async with started("run", collection, *RUN) as first:
        await first.until(lambda: origin.requests_of("/held.jpg"), "a request in flight")
        await first.kill()
    said = (await type_in("status", collection)).out
    assert "killed" in said or "did not end" in said or "crash" in said, said
    ended = await type_in("run", collection, *RUN)
    assert ended.status == 0
    assert "the last run did not end properly; put in order" in ended.err
    assert ask(collection, "SELECT count(*) FROM events WHERE kind = 'repair'") == [(1,)]
    assert check_order(collection) == 2
    clean = await type_in("run", collection, *RUN)
    assert "put in order" not in clean.err


async def test_a_mark_of_a_process_whose_number_was_given_again_does_not_lock(origin: ScriptedServer, collection: Path) -> None:
    """After a restart of the machine some other program has the pid that stands in the lock: here, this test's."""
    await held(origin, collection)
    async with started("run", collection, *RUN) as first:
        await first.until(lambda: origin.requests_of("/held.jpg"), "a request in flight")
        await first.kill()
    lock = collection / "lock"
    mark, changed = re.subn(rf'"pid": {first.pid}\b', f'"pid": {os.getpid()}', lock.read_text())
    assert changed == 1
    lock.write_text(mark)
    ended = await type_in("run", collection, *RUN, "--no-progress")
    assert ended.status == 0
    assert "put in order" in ended.err  # which is no progress, and is said without it
    assert {image.status for image in images(collection)} == {"success"}

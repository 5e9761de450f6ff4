"""Stopping: signals, limits of time and of images, work that may not be asked for yet; and what the next run makes of it."""

from __future__ import annotations

import signal
import time
from datetime import datetime
from pathlib import Path

import pytest

from tests.e2e.holdings import ask, check_order, check_successes, images
from tests.e2e.program import RUN, started, status_of, type_in
from tests.e2e.sources import hang, list_of, served
from tests.scripted import Act, ScriptedServer, answer

STOPPED, WAITING = 3, 7
SIGNALS = pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])


def made_of(urls: list[str], collection: Path) -> tuple[object, ...]:
    """The words that make a collection of these links and run it."""
    return ("get", list_of(collection.parent / "links.txt", urls), collection, *RUN)


def asked_photos(server: ScriptedServer) -> list[str]:
    return [request.path for request in server.requests if request.path != "/robots.txt"]


# -- signals ----------------------------------------------------------------------------------------------------


async def test_the_first_signal_lets_what_is_in_flight_finish_and_commits_it(origin: ScriptedServer, collection: Path) -> None:
    words = made_of(hang(origin, *"abcdefgh", before=(1.0,)), collection)
    async with started(*words, "--host-connections", "2", "--grace", "20s") as program:
        await program.until(lambda: len(asked_photos(origin)) == 2, "two requests in flight")
        program.signal(signal.SIGINT)
        ended = await program.end(within=15)
    assert ended.status == STOPPED
    assert "stopping: finishing what is in flight" in ended.err
    assert ended.last_line.startswith("2 of 8 images done, 6 waiting")
    assert "stopped (signal)" in ended.last_line
    assert len(asked_photos(origin)) == 2
    assert check_order(collection) == 2
    status = await status_of(collection)
    assert status["running"] is None
    assert status["last_run"]["exit_status"] == STOPPED
    rest = await type_in("run", collection, *RUN)
    assert rest.status == 0
    assert "put in order" not in rest.err
    assert sorted(asked_photos(origin)) == [f"/{name}.jpg" for name in "abcdefgh"]


async def test_what_does_not_finish_within_the_grace_is_left_due_and_unpaid(origin: ScriptedServer, collection: Path) -> None:
    held = origin.script("/held.jpg", Act.HOLD)
    origin.script("/held.jpg", served("held"))
    words = made_of([held, *hang(origin, "whole")], collection)
    async with started(*words, "--grace", "1s") as program:
        await program.until(lambda: len(asked_photos(origin)) == 2, "both requests")
        await program.until(lambda: check_successes(collection) == 1, "the other's commit")
        asked_at = time.monotonic()
        program.signal(signal.SIGTERM)
        ended = await program.end(within=15)
    assert 0.9 < time.monotonic() - asked_at < 8
    assert ended.status == STOPPED
    assert [image.attempts for image in images(collection) if image.status == "pending"] == [0]
    assert (await type_in("run", collection, *RUN)).status == 0
    assert check_order(collection) == 2


@SIGNALS
async def test_the_second_signal_ends_it_at_once(origin: ScriptedServer, collection: Path, number: signal.Signals) -> None:
    words = made_of([origin.script("/held.jpg", Act.HOLD)], collection)
    async with started(*words, "--grace", "1h") as program:
        await program.until(lambda: asked_photos(origin), "a request in flight")
        program.signal(number)
        await program.says("again to stop at once")
        program.signal(number)
        ended = await program.end(within=5)
    assert ended.status == STOPPED
    assert images(collection)[0].status == "pending"


async def test_a_signal_while_it_waits_for_work_ends_it(origin: ScriptedServer, collection: Path) -> None:
    busy = origin.script("/later.jpg", answer(429, b"", {"Retry-After": "600"}))
    words = made_of([busy], collection)
    async with started(*words, "--wait", "1h") as program:
        await program.until(lambda: asked_photos(origin), "a request")
        program.signal(signal.SIGTERM)
        ended = await program.end(within=10)
    assert ended.status == WAITING  # nothing is due now: that is what a caller has to know
    assert "next due" in ended.last_line


async def test_a_signal_while_init_reads_ends_it_and_init_goes_on(collection: Path, tmp_path: Path) -> None:
    source = list_of(tmp_path / "long.txt", (f"http://127.0.0.1:9/{n}.jpg" for n in range(30_000)))
    async with started("init", collection, source) as program:
        await program.until((collection / "scratch" / "ingest").exists, "reading")
        program.signal(signal.SIGINT)
        ended = await program.end(within=10)
    assert ended.status == STOPPED
    assert "interrupted" in ended.err
    assert (await type_in("init", collection, source)).status == 0
    assert len(images(collection)) == 30_000


# -- limits -----------------------------------------------------------------------------------------------------


async def test_max_time_stops_it(origin: ScriptedServer, collection: Path) -> None:
    words = made_of(hang(origin, *(f"photo{n}" for n in range(40))), collection)
    began = time.monotonic()
    ended = await type_in(*words, "--host-rate", "4", "--max-time", "2s")
    assert 2 <= time.monotonic() - began < 15
    assert ended.status == STOPPED
    assert "stopped (time limit)" in ended.last_line
    assert 0 < check_order(collection) < 40


async def test_max_images_tries_exactly_so_many(origin: ScriptedServer, elsewhere: ScriptedServer, collection: Path) -> None:
    words = made_of([*hang(origin, *"abcdefgh"), *hang(elsewhere, *"ijklmnop")], collection)
    ended = await type_in(*words, "--max-images", "5")
    assert ended.status == STOPPED
    assert "stopped (image limit)" in ended.last_line
    assert len(asked_photos(origin)) + len(asked_photos(elsewhere)) == 5
    assert check_order(collection) == 5
    rest = await type_in("run", collection, *RUN, "--max-images", "11")
    assert rest.status == 0  # the limit was reached, and nothing is left
    assert check_order(collection) == 16


# -- not yet ----------------------------------------------------------------------------------------------------


def refused_once(server: ScriptedServer, name: str, seconds: int) -> str:
    """A photo that is served from the second time on."""
    server.script(f"/{name}.jpg", answer(429, b"slow down", {"Retry-After": str(seconds)}))
    return server.script(f"/{name}.jpg", served(name))


def seconds_until(text: str) -> float:
    return datetime.fromisoformat(text).timestamp() - time.time()


async def test_no_wait_ends_with_7_and_a_later_run_keeps_the_promise(origin: ScriptedServer, collection: Path) -> None:
    words = made_of([refused_once(origin, "later", 6)], collection)
    ended = await type_in(*words, "--wait", "0s")
    refused = origin.requests_of("/later.jpg")[0].at
    assert ended.status == WAITING
    assert "next due " in ended.last_line
    due_at = (await status_of(collection))["next_due_at"]
    assert refused + 6 - time.monotonic() - 1 <= seconds_until(due_at) <= refused + 8 - time.monotonic()
    early = await type_in("run", collection, *RUN, "--wait", "0s")
    assert early.status == WAITING
    assert len(origin.requests_of("/later.jpg")) == 1
    late = await type_in("run", collection, *RUN, "--wait", "20s")
    assert late.status == 0, late.out
    first, second = origin.requests_of("/later.jpg")
    assert second.at - first.at >= 6
    assert images(collection)[0].attempts == 1  # the refusal was the host's, and cost nothing


async def test_a_retry_after_holds_across_kill_9(origin: ScriptedServer, elsewhere: ScriptedServer, collection: Path) -> None:
    words = made_of([refused_once(origin, "later", 6), *hang(elsewhere, *"abcdef", before=(0.5,))], collection)
    async with started(*words) as program:
        await program.until(lambda: origin.requests_of("/later.jpg"), "the refusal")
        await program.until(lambda: ask(collection, "SELECT 1 FROM lanes WHERE pause_until_ms > 0"), "the pause in the database")
        await program.kill()
    ended = await type_in("run", collection, *RUN, "--wait", "20s")
    assert ended.status == 0
    requests = [request.at for request in origin.requests if request.path == "/later.jpg"]
    assert len(requests) == 2
    assert requests[1] - requests[0] >= 6
    assert not [r for r in origin.requests if requests[0] < r.at < requests[0] + 6], "asked for something before the time"
    assert check_order(collection) == 7

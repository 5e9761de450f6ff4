"""What people order about hosts while a run is at work, seen in the log of the server."""

from __future__ import annotations

import time
from pathlib import Path

from tests.e2e.holdings import check_order
from tests.e2e.program import RUN, started, status_of, type_in
from tests.e2e.sources import hang, list_of, photo
from tests.scripted import ScriptedServer

SECONDS = 3.0
"""How soon a run obeys: half a second of polling, and what a shared machine takes."""


def host_of(server: ScriptedServer) -> str:
    return f"127.0.0.1:{server.port}"


async def test_a_run_obeys_limits_pauses_and_resumes_within_seconds(
    origin: ScriptedServer, elsewhere: ScriptedServer, collection: Path
) -> None:
    mine, others = hang(origin, *(f"mine{n}" for n in range(60))), hang(elsewhere, *(f"other{n}" for n in range(60)))
    assert (await type_in("init", collection, list_of(collection.parent / "links.txt", [*mine, *others]))).status == 0
    async with started("run", collection, *RUN, "--host-rate", "8", "--wait", "20s") as program:
        await program.until(lambda: len(origin.requests) > 3, "it asks")
        paused = await type_in("hosts", "pause", collection, host_of(origin), "--note", "their working hours")
        assert paused.status == 0, paused.err
        assert "at once in the run that is at work" in paused.out
        before, elsewhere_before = len(origin.requests), len(elsewhere.requests)
        await program.until(lambda: len(elsewhere.requests) > elsewhere_before + 8, "the other host is asked")
        assert len(origin.requests) <= before + 1  # what was on its way
        slower = await type_in(
            "hosts", "limit", collection, host_of(origin), "--rate", "2/s", "--connections", "1", "--note", "asked"
        )
        assert slower.status == 0, slower.err
        resumed_at = time.monotonic()
        resumed = await type_in("hosts", "resume", collection, host_of(origin), "--note", "evening")
        assert resumed.status == 0, resumed.err
        before = len(origin.requests)
        await program.until(lambda: len(origin.requests) > before + 4, "it is asked again")
        since = [request.at for request in origin.requests[before:]]
        assert since[0] - resumed_at < SECONDS + 2  # the command itself takes a second to start
        assert since[4] - since[0] >= 4 / 2 - 0.25
        freed = await type_in(
            "hosts", "limit", collection, host_of(origin), "--rate", "50/s", "--connections", "4", "--note", "new server"
        )
        assert freed.status == 0, freed.err
        ended = await program.end()
    assert ended.status == 0, ended.err
    assert check_order(collection) == 120


async def test_images_of_a_blocked_host_come_from_others_and_the_rest_waits(
    origin: ScriptedServer, elsewhere: ScriptedServer, collection: Path
) -> None:
    """Over two runs: the second gets what waited, when the block has been lifted."""
    names = [f"photo{n}" for n in range(12)]
    mine, others = hang(origin, *names), hang(elsewhere, *names[:6])
    lines = ["gbifID\taccessURI\tthumbnailAccessURI", *(f"{n + 1}\t{mine[n]}\t{others[n] if n < 6 else ''}" for n in range(12))]
    table = collection.parent / "media.txt"
    table.write_text("\n".join([*lines, ""]))
    assert (await type_in("init", collection, table)).status == 0
    blocked = await type_in("hosts", "block", collection, host_of(origin), "--note", "they asked us to")
    assert blocked.status == 0, blocked.err
    ended = await type_in("run", collection, *RUN, "--wait", "1s")
    assert ended.status == 7, ended.err
    assert origin.requests == []
    assert check_order(collection) == 6
    listed = (await type_in("hosts", "list", collection, "--json")).json["hosts"]
    assert next(lane["stop_note"] for lane in listed if lane["host"] == host_of(origin)) == "they asked us to"
    assert (await type_in("hosts", "resume", collection, host_of(origin), "--note", "they changed their mind")).status == 0
    assert (await type_in("run", collection, *RUN)).status == 0
    assert check_order(collection) == 12


async def test_a_budget_holds_across_kill_9(origin: ScriptedServer, elsewhere: ScriptedServer, collection: Path) -> None:
    """robots.txt counts; what was reserved and not spent when the run was killed is forfeited, never spent twice."""
    budget = 9
    mine, others = hang(origin, *(f"mine{n}" for n in range(20))), hang(elsewhere, *(f"other{n}" for n in range(20)))
    assert (await type_in("init", collection, list_of(collection.parent / "links.txt", [*mine, *others]))).status == 0
    words = ("--requests-per-day", budget, "--note", "their terms")
    assert (await type_in("hosts", "limit", collection, host_of(origin), *words)).status == 0
    for requests in (3, 6):
        async with started("run", collection, *RUN) as program:
            await program.until(lambda: len(origin.requests) >= requests, f"{requests} requests")  # noqa: B023  awaited at once
            assert await program.kill()
    ended = await type_in("run", collection, *RUN, "--wait", "1s")
    assert ended.status == 7, ended.err
    assert budget - 4 <= len(origin.requests) <= budget
    assert len(elsewhere.requests) >= 20
    lane = next(
        lane for lane in (await type_in("hosts", "list", collection, "--json")).json["hosts"] if lane["host"] == host_of(origin)
    )
    assert lane["pause_reason"] == "budget spent: requests per day"
    assert lane["spent"] == {"requests_per_day": budget}
    before = len(origin.requests)
    assert (await type_in("run", collection, *RUN, "--wait", "1s")).status == 7
    assert len(origin.requests) == before
    raised = await type_in("hosts", "limit", collection, host_of(origin), "--requests-per-day", "100", "--note", "they agreed")
    assert raised.status == 0, raised.err
    assert (await type_in("run", collection, *RUN, "--wait", "1s")).status == 0
    assert check_order(collection) == 40


async def test_a_budget_of_bytes_counts_what_came(origin: ScriptedServer, collection: Path) -> None:
    urls = hang(origin, *(f"photo{n}" for n in range(30)))
    assert (await type_in("init", collection, list_of(collection.parent / "links.txt", urls))).status == 0
    words = ("--per-hour", "20kB", "--connections", "1", "--note", "x")
    assert (await type_in("hosts", "limit", collection, host_of(origin), *words)).status == 0
    ended = await type_in("run", collection, *RUN, "--wait", "1s")
    assert ended.status == 7, ended.err
    size_bytes = len(photo(f"{origin.port}/photo0"))
    photos = [request for request in origin.requests if request.path.startswith("/photo")]
    assert 0.5 * 20_000 <= len(photos) * size_bytes <= 20_000 + 1.1 * size_bytes


async def test_hosts_that_are_joined_share_one_pace(origin: ScriptedServer, elsewhere: ScriptedServer, collection: Path) -> None:
    urls = [*hang(origin, *(f"mine{n}" for n in range(6))), *hang(elsewhere, *(f"other{n}" for n in range(6)))]
    assert (await type_in("init", collection, list_of(collection.parent / "links.txt", urls))).status == 0
    joined = await type_in("hosts", "join", collection, host_of(elsewhere), "--as", host_of(origin), "--note", "one machine")
    assert joined.status == 0, joined.err
    assert (await type_in("run", collection, *RUN, "--host-rate", "5")).status == 0
    times = sorted(request.at for server in (origin, elsewhere) for request in server.requests)
    assert len(times) == 14
    assert min(last - first for first, last in zip(times, times[5:], strict=False)) >= 5 / 5 - 0.25
    assert check_order(collection) == 12


async def test_a_host_that_a_person_gives_up_ends_at_once_and_its_images_with_it(
    origin: ScriptedServer, elsewhere: ScriptedServer, collection: Path
) -> None:
    urls = [*hang(origin, *(f"mine{n}" for n in range(60))), *hang(elsewhere, *(f"other{n}" for n in range(10)))]
    assert (await type_in("init", collection, list_of(collection.parent / "links.txt", urls))).status == 0
    async with started("run", collection, *RUN, "--host-rate", "4") as program:
        await program.until(lambda: len(origin.requests) > 3, "it asks")
        given_up = await type_in("hosts", "give-up", collection, host_of(origin), "--note", "the museum has closed")
        assert given_up.status == 0, given_up.err
        assert "given up, at once in the run that is at work" in given_up.out
        asked = len(origin.requests)
        ended = await program.end()
    assert len(origin.requests) <= asked + 1
    status = await status_of(collection)
    assert status["by_error_type"] == {"lane_given_up": 60 - (check_order(collection) - 10)}
    assert "lane_given_up" in ended.last_line

"""Hosts that are dead, closed to us, or ask for something: from the program and from the log of the server."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from tests.e2e.holdings import DATABASE, ask, check_order, images
from tests.e2e.program import RUN, started, status_of, type_in
from tests.e2e.sources import hang, list_of
from tests.scripted import Act, ScriptedServer, answer

HOUR_SECONDS = 3_600
DAY_SECONDS = 86_400


def age(collection: Path, seconds: float) -> None:
    """Let time pass: whatever is remembered of hosts lies so much further back."""
    with closing(sqlite3.connect(collection / DATABASE)) as connection, connection:
        for column in ("pause_until_ms", "last_incident_ms", "down_since_ms"):
            connection.execute(f"UPDATE lanes SET {column} = {column} - ? WHERE {column} <> 0", (round(seconds * 1000),))


def pictures(server: ScriptedServer) -> list[str]:
    """What was asked of a server, robots.txt left out."""
    return [request.path for request in server.requests if request.path != "/robots.txt"]


async def test_a_dead_host_is_given_up_in_the_end_and_taken_back_when_asked_for(
    elsewhere: ScriptedServer, collection: Path
) -> None:
    async with ScriptedServer() as dying:
        links = hang(dying, "one", "two", "three")
        port = dying.port
    others = hang(elsewhere, "other")
    words = (*RUN, "--wait", "0s", "--give-up-after", "7d")
    assert (await type_in("get", list_of(collection.parent / "links.txt", [*links, *others]), collection, *words)).status == 7
    for _ in range(2):
        age(collection, HOUR_SECONDS)
        assert (await type_in("run", collection, *words)).status == 7
    told = (await type_in("explain", collection, f"127.0.0.1:{port}")).out
    assert "the host has been down since" in told
    assert "next probe" in told
    [host] = [host for host in (await status_of(collection))["hosts"] if host["down_since"]]
    assert (host["pending"], host["given_up_at"]) == (3, None)

    age(collection, 6 * DAY_SECONDS)
    assert (await type_in("run", collection, *words)).status == 7
    age(collection, 2 * DAY_SECONDS)
    ended = await type_in("run", collection, *words)
    assert ended.status == 0, ended.out + ended.err
    assert "is given up" in ended.err
    assert {(image.status, image.attempts) for image in images(collection) if image.won in links} == {("exhausted", 0)}
    status = await status_of(collection)
    assert status["by_error_type"] == {"lane_given_up": 3}
    assert [host["given_up_at"] is not None for host in status["hosts"]].count(True) == 1
    assert "given up with its host" in (await type_in("explain", collection, links[0])).out
    assert [row[0] for row in ask(collection, "SELECT detail FROM events WHERE kind = 'host'")][-1].endswith(
        "is given up (connect_failed)"
    )

    async with ScriptedServer(port=port) as back:
        hang(back, "one", "two", "three")
        assert (await type_in("retry", collection, "--host", f"127.0.0.1:{port}")).status == 0
        assert (await type_in("run", collection, *words)).status == 0
    assert check_order(collection) == 4


async def test_what_a_host_that_was_given_up_cannot_give_another_may(origin: ScriptedServer, collection: Path) -> None:
    """A redirect into a dead host, and a link of its own: both end without a request."""
    async with ScriptedServer() as dying:
        port = dying.port
    dead = f"http://127.0.0.1:{port}/1.jpg"
    moved = origin.script(
        "/moved.jpg", b"HTTP/1.1 302 Found\r\nLocation: " + dead.encode() + b"\r\nContent-Length: 0\r\n\r\n", Act.CLOSE
    )
    words = (*RUN, "--wait", "0s")
    assert (await type_in("init", collection, list_of(collection.parent / "links.txt", [dead, moved]))).status == 0
    with closing(sqlite3.connect(collection / DATABASE)) as connection, connection:
        connection.execute(
            "INSERT INTO lanes(lane, pause_until_ms, pause_reason, incidents, last_incident_ms, down_since_ms, given_up_ms,"
            " robots_fetched_ms, held, note) VALUES (?, 0, 'dns_error', 40, 1, 1, 1, 0, 0, '')",
            (f"127.0.0.1:{port}",),
        )
    assert (await type_in("run", collection, *words)).status == 0
    assert {image.status for image in images(collection)} == {"exhausted"}
    assert [request.path for request in origin.requests] == ["/robots.txt", "/moved.jpg"]


async def test_a_ban_stops_the_host_and_costs_no_image_anything(
    origin: ScriptedServer, elsewhere: ScriptedServer, collection: Path
) -> None:
    forbidden = answer(403, b"<h1>Forbidden</h1>", {"Content-Type": "text/html"})
    links = [origin.script(f"/{n}.jpg", forbidden) for n in range(40)]
    others = hang(elsewhere, "other")
    words = (*RUN, "--wait", "0s")
    ended = await type_in("get", list_of(collection.parent / "links.txt", [*links, *others]), collection, *words)
    assert ended.status == 7, ended.err
    assert "refuses us altogether" in ended.err
    asked = len(pictures(origin))
    assert 5 <= asked <= 6  # the burst, and what was under way
    for number in range(3):
        assert (await type_in("run", collection, *words)).status == 7
        assert len(pictures(origin)) == asked, "earlier than the pause allows"
        age(collection, 31 * HOUR_SECONDS)
        ended = await type_in("run", collection, *words)
        assert ended.status == 7
        asked += 1
        assert len(pictures(origin)) == asked, f"probe {number + 1} is one request"
    assert "waits for you to write to it" in ended.err
    age(collection, 31 * DAY_SECONDS)
    assert (await type_in("run", collection, *words)).status == 7
    assert len(pictures(origin)) == asked, "a fourth probe"
    assert {(image.status, image.attempts) for image in images(collection) if image.won in links} == {("pending", 0)}
    [host] = [host for host in (await status_of(collection))["hosts"] if host["held"]]
    assert host["banned_since"] is not None
    assert "refused us altogether" in (await type_in("explain", collection, links[0])).out
    words_back = ("hosts", "resume", collection, f"127.0.0.1:{origin.port}", "--note", "the curator lets us in")
    assert (await type_in(*words_back)).status == 0
    await type_in("run", collection, *words)
    assert len(pictures(origin)) > asked
    assert check_order(collection) == 1


async def test_images_that_are_forbidden_among_others_fail_and_the_run_ends(origin: ScriptedServer, collection: Path) -> None:
    closed = [origin.script(f"/closed{n}.jpg", answer(403)) for n in range(6)]
    links = [*closed[:3], *hang(origin, "one", "two"), *closed[3:]]
    ended = await type_in("get", list_of(collection.parent / "links.txt", links), collection, *RUN)
    assert ended.status == 0, ended.out + ended.err
    assert {(image.status, image.attempts) for image in images(collection) if image.won in closed} == {("failed", 1)}
    assert (await status_of(collection))["by_error_type"] == {"http_403": 6}
    assert check_order(collection) == 2


async def test_a_challenge_is_no_fault_of_the_images(origin: ScriptedServer, collection: Path) -> None:
    page = answer(503, b"<title>Just a moment...</title>", {"Content-Type": "text/html", "CF-Mitigated": "challenge"})
    links = [origin.script(f"/{n}.jpg", page) for n in range(12)]
    ended = await type_in("get", list_of(collection.parent / "links.txt", links), collection, *RUN, "--wait", "0s")
    assert ended.status == 7
    assert {(image.status, image.attempts) for image in images(collection)} == {("pending", 0)}
    assert (await status_of(collection))["hosts"][0]["pause_reason"] == "banned"


async def test_a_person_gives_a_host_up_at_once_in_a_run_and_takes_it_back(
    origin: ScriptedServer, elsewhere: ScriptedServer, collection: Path
) -> None:
    """Its images end while the other host goes on."""
    mine = hang(origin, *(f"mine{n}" for n in range(30)), before=(1.0,))
    others = hang(elsewhere, *(f"other{n}" for n in range(12)), before=(0.3,))
    links = list_of(collection.parent / "links.txt", [*mine, *others])
    host = f"127.0.0.1:{origin.port}"
    async with started("get", links, collection, *RUN, "--host-connections", "1") as program:
        await program.until(lambda: len(pictures(origin)) > 1, "it is asked")
        given_up = await type_in("hosts", "give-up", collection, host, "--note", "closed for good")
        assert given_up.status == 0, given_up.err
        assert "given up, at once in the run that is at work" in given_up.out
        ended = await program.end()
    assert ended.status == 0, ended.err
    assert len(pictures(origin)) < 12
    status = await status_of(collection)
    assert status["images"]["exhausted"] + status["images"]["success"] == 42
    assert status["by_error_type"] == {"lane_given_up": status["images"]["exhausted"]}
    assert {image.attempts for image in images(collection) if image.status == "exhausted"} == {0}
    assert (await type_in("retry", collection, "--error-type", "lane_given_up")).status == 0
    assert (await type_in("run", collection, *RUN, "--max-images", "2")).status == 3
    told = await type_in("hosts", "give-up", collection, host, "--note", "closed after all")
    assert "the next run ends what waits for it" in told.out
    asked = len(origin.requests)
    assert (await type_in("run", collection, *RUN)).status == 0
    assert len(origin.requests) == asked

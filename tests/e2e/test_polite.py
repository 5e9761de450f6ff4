"""Politeness, measured where it counts: in the log of the server."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from email.utils import formatdate
from pathlib import Path

import pytest

from asyncdl.demo.museum import Museum
from asyncdl.version import __version__
from tests.e2e.holdings import ask, check_order, images
from tests.e2e.program import RUN, started, status_of, type_in
from tests.e2e.sources import hang, list_of, photo, served, table_of
from tests.scripted import LoggedRequest, ScriptedServer, Step, answer

LATE_SECONDS = 0.25
"""How much later than the others a request may arrive: the server and the program share two processors with much else."""


async def fetched(urls: Sequence[str], collection: Path, *words: object, status: int = 0) -> None:
    """Init and run over these links."""
    ended = await type_in("get", list_of(collection.parent / "links.txt", urls), collection, *RUN, *words)
    assert ended.status == status, ended.out + ended.err


def least_gap(times: Sequence[float], requests: int) -> float:
    """The shortest time in which so many requests came."""
    ordered = sorted(times)
    return min((last - first for first, last in zip(ordered, ordered[requests - 1 :], strict=False)), default=float("inf"))


async def test_no_host_is_asked_faster_or_more_at_once_than_allowed(archive: Path, museum: Museum, collection: Path) -> None:
    """Redirects over three hosts, manifests, second attempts and robots.txt all count."""
    rate, connections = 6, 2
    assert (await type_in("init", collection, archive)).status == 0
    ended = await type_in("run", collection, *RUN, "--host-rate", rate, "--host-connections", connections, "--wait", "3s")
    assert ended.status == 7, ended.err
    kinds = [(entry.host, entry.path, entry.status) for entry in museum.log]
    assert any(status in (301, 302, 303, 307) for _, _, status in kinds)
    assert any("manifest" in path for _, path, _ in kinds)
    assert any(status == 503 for _, _, status in kinds)
    assert sum(path == "/robots.txt" for _, path, _ in kinds) >= 12
    for host in {host for host, _, _ in kinds}:
        times = [entry.at for entry in museum.log.of(host)]
        for requests in (2, rate + 1, 2 * rate + 1):
            assert least_gap(times, requests) >= (requests - 1) / rate - LATE_SECONDS, f"{host}: {requests} requests came too fast"
    assert max(row.peak_in_flight for row in museum.log.traffic()) <= connections


async def test_no_more_requests_at_once_than_allowed_where_answers_take_long(
    origin: ScriptedServer, elsewhere: ScriptedServer, collection: Path
) -> None:
    """Redirected ones count where they arrive."""
    seconds = 0.4
    urls = hang(origin, *(f"slow{n}" for n in range(14)), before=(seconds,))
    for n in range(6):
        elsewhere.script(f"/moved{n}.jpg", answer(302, b"", {"Location": origin.url(f"/moved{n}.jpg")}))
        hang(origin, f"moved{n}", before=(seconds,))
    moved = [elsewhere.url(f"/moved{n}.jpg") for n in range(6)]
    await fetched([*urls, *moved], collection, "--host-connections", "3")
    times = [request.at for request in origin.requests if request.path != "/robots.txt"]
    assert len(times) == 20
    assert least_gap(times, 4) >= seconds - 0.1  # the fourth came when one of three had its answer
    assert least_gap(times, 3) < seconds - 0.1  # and three were under way at once


RATE, CONNECTIONS, ANSWER_SECONDS, PAUSE_SECONDS = 10, 2, 0.4, 3


def troubled(origin: ScriptedServer, elsewhere: ScriptedServer) -> list[str]:
    """Links of all kinds. All that `origin` answers takes `ANSWER_SECONDS`, so that its connections are full; in the middle it refuses once."""
    slow: tuple[Step, ...] = (ANSWER_SECONDS,)
    origin.script("/robots.txt", *slow, answer(200, b"User-agent: *\nDisallow: /closed/\n", {"Content-Type": "text/plain"}))
    canvases = [
        {"@id": f"{url}#canvas", "@type": "sc:Canvas", "images": [{"resource": {"@id": url, "@type": "dctypes:Image"}}]}
        for url in hang(origin, "scans/1", "scans/2", before=slow)
    ]
    book = {
        "@context": "http://iiif.io/api/presentation/2/context.json",
        "@type": "sc:Manifest",
        "sequences": [{"canvases": canvases}],
    }
    manifest = origin.script(
        "/book/manifest", *slow, answer(200, json.dumps(book).encode(), {"Content-Type": "application/ld+json"})
    )
    origin.script("/broken.jpg", *slow, answer(500, b"try again"))
    origin.script("/busy.jpg", *slow, answer(429, b"slow down", {"Retry-After": str(PAUSE_SECONDS)}))
    for n in range(3):
        elsewhere.script(f"/moved{n}.jpg", answer(302, b"", {"Location": origin.url(f"/there{n}.jpg")}))
        hang(origin, f"there{n}", before=slow)
    first, busy, last = (
        hang(origin, "first", "broken", before=slow),
        hang(origin, "busy", before=slow),
        hang(origin, "last", before=slow),
    )
    return [
        *first, manifest, *(elsewhere.url(f"/moved{n}.jpg") for n in range(3)), *busy, *last, origin.url("/closed/one.jpg"),
        *hang(elsewhere, *(f"quick{n}" for n in range(22))),
    ]  # fmt: skip


async def test_a_server_finds_every_limit_kept_across_kill_9(
    origin: ScriptedServer, elsewhere: ScriptedServer, collection: Path, tmp_path: Path
) -> None:
    """Rate, connections, pauses and robots.txt, with redirects, a manifest and a second attempt among the requests."""
    table = table_of(tmp_path / "links.tsv", enumerate(troubled(origin, elsewhere), start=1))
    assert (await type_in("init", collection, table)).status == 0
    words = ("run", collection, *RUN, "--host-rate", RATE, "--host-connections", CONNECTIONS, "--wait", "20s")
    async with started(*words) as program:
        await program.until(lambda: origin.requests_of("/busy.jpg"), "the refusal")
        await program.until(lambda: ask(collection, "SELECT 1 FROM lanes WHERE pause_until_ms > 0"), "the pause in the database")
        before = len(origin.requests)
        assert await program.kill()
    ended = await type_in(*words)
    assert ended.status == 7, ended.err  # what robots.txt forbids is asked again another day
    assert (await status_of(collection))["by_error_type"] == {"robots_disallowed": 1}
    assert check_order(collection) == 2 + 2 + 3 + 1 + 1 + 22

    asked = [request.path for request in origin.requests]
    assert 0 < before < len(asked)
    assert {"/book/manifest", "/scans/1.jpg", "/there0.jpg"} <= set(asked)
    assert (asked[0], elsewhere.requests[0].path) == ("/robots.txt", "/robots.txt")
    assert not [path for path in asked if path.startswith("/closed/")]
    assert asked.count("/broken.jpg") == 2
    refused = origin.requests_of("/busy.jpg")[0].at + ANSWER_SECONDS
    assert not [r.path for r in origin.requests if refused + LATE_SECONDS < r.at < refused + PAUSE_SECONDS], (
        "asked during the pause"
    )
    for server in (origin, elsewhere):
        times = [request.at for request in server.requests]
        for requests in (RATE // 2 + 1, RATE + 1, 2 * RATE + 1):
            assert least_gap(times, requests) >= (requests - 1) / RATE - LATE_SECONDS, f"{requests} requests came too fast"
    assert least_gap([request.at for request in origin.requests], CONNECTIONS + 1) >= ANSWER_SECONDS - 0.1


async def test_the_whole_process_keeps_its_rate(origin: ScriptedServer, elsewhere: ScriptedServer, collection: Path) -> None:
    urls = [*hang(origin, *(f"a{n}" for n in range(10))), *hang(elsewhere, *(f"b{n}" for n in range(10)))]
    await fetched(urls, collection, "--rate", "10")
    times = [request.at for request in (*origin.requests, *elsewhere.requests)]
    assert len(times) == 22
    assert least_gap(times, 11) >= 1 - LATE_SECONDS


@pytest.mark.parametrize("as_date", [False, True], ids=["seconds", "date"])
async def test_after_429_the_host_is_left_alone_as_long_as_it_says_and_others_go_on(
    origin: ScriptedServer, elsewhere: ScriptedServer, collection: Path, *, as_date: bool
) -> None:
    seconds = 4
    ends = int(time.time()) + 6  # a date is of whole seconds; the program needs some to start
    asked_for = formatdate(ends, usegmt=True) if as_date else str(seconds)
    origin.script("/first.jpg", answer(429, b"slow down", {"Retry-After": asked_for}))
    mine = [origin.script("/first.jpg", served("first")), *hang(origin, "second", "third")]
    others = hang(elsewhere, *(f"other{n}" for n in range(12)))
    await fetched([*mine, *others], collection, "--wait", "30s", "--host-rate", "5", "--host-connections", "1")
    refused = origin.requests_of("/first.jpg")[0]
    later = [request.at for request in origin.requests if request.at > refused.at]
    if as_date:
        assert time.time() >= ends
        assert min(later) - time.monotonic() >= ends - time.time()
    else:
        assert min(later) - refused.at >= seconds
    elsewhere_meanwhile = [request for request in elsewhere.requests if refused.at < request.at < min(later)]
    assert len(elsewhere_meanwhile) > 5
    assert check_order(collection) == 15
    assert {image.attempts for image in images(collection)} == {1}


# -- robots.txt -------------------------------------------------------------------------------------------------


def rules(server: ScriptedServer, text: str) -> None:
    server.script("/robots.txt", answer(200, text.encode(), {"Content-Type": "text/plain"}))


async def test_robots_txt_is_read_first_and_obeyed(origin: ScriptedServer, elsewhere: ScriptedServer, collection: Path) -> None:
    rules(origin, "User-agent: *\nDisallow: /closed/\n")
    urls = hang(origin, "open/one", "closed/two", "open/three")
    elsewhere.script("/moved.jpg", answer(302, b"", {"Location": origin.url("/closed/four.jpg")}))
    origin.script("/closed/four.jpg", served("four"))
    await fetched([*urls, elsewhere.url("/moved.jpg")], collection, status=7)  # what is forbidden today is asked again another day
    assert origin.requests[0].path == "/robots.txt"
    assert elsewhere.requests[0].path == "/robots.txt"
    assert sorted(request.path for request in origin.requests) == ["/open/one.jpg", "/open/three.jpg", "/robots.txt"]
    assert (await status_of(collection))["by_error_type"] == {"robots_disallowed": 2}
    assert check_order(collection) == 2


async def test_robots_txt_is_kept_between_runs_and_its_delay_too(origin: ScriptedServer, collection: Path) -> None:
    rules(origin, "User-agent: *\nDisallow: /closed/\nCrawl-delay: 1\n")
    urls = hang(origin, "one", "two", "three", "closed/four")
    await fetched(urls, collection, "--max-images", "1", status=3)
    first = len(origin.requests)
    ended = await type_in("run", collection, *RUN)
    assert ended.status == 7, ended.err
    assert [request.path for request in origin.requests].count("/robots.txt") == 1
    assert "/closed/four.jpg" not in [request.path for request in origin.requests]
    assert least_gap([request.at for request in origin.requests[first:]], 2) >= 1 - LATE_SECONDS
    assert {(image.status, image.attempts) for image in images(collection)} == {("success", 1), ("retry", 0)}
    told = (await type_in("explain", collection, urls[-1])).out
    assert "asked again when the rules may have changed" in told
    assert check_order(collection) == 3


async def test_what_is_not_to_be_used_for_machine_learning_is_left(origin: ScriptedServer, collection: Path) -> None:
    asked = {
        "noai": {"X-Robots-Tag": "noindex, noai"},
        "named": {"X-Robots-Tag": "asyncdl: noimageai"},
        "others": {"X-Robots-Tag": "somebot: noai"},
        "noindex": {"X-Robots-Tag": "none"},
    }
    urls = [origin.script(f"/{name}.jpg", served(name, headers)) for name, headers in asked.items()]
    await fetched(urls, collection)
    assert (await status_of(collection))["by_error_type"] == {"noai": 2}
    assert sorted(image.won.rpartition("/")[2] for image in images(collection) if image.status == "failed") == [
        "named.jpg",
        "noai.jpg",
    ]
    assert (await type_in("retry", collection, "--error-type", "noai")).status == 0
    assert (await type_in("run", collection, *RUN, "--noai", "ignore")).status == 0
    assert check_order(collection) == 4


async def test_robots_may_be_ignored_for_a_host_that_gave_leave(
    origin: ScriptedServer, elsewhere: ScriptedServer, collection: Path
) -> None:
    for server in (origin, elsewhere):
        rules(server, "User-agent: *\nDisallow: /\n")
    urls = [*hang(origin, "one"), *hang(elsewhere, "two")]
    who = "leave of the curator, 3 March"
    await fetched(urls, collection, "--robots", f"ignore:127.0.0.1:{origin.port}", "--robots-note", who, status=7)
    assert [request.path for request in origin.requests] == ["/one.jpg"]
    assert (await status_of(collection))["robots_ignored"] == {"hosts": [f"127.0.0.1:{origin.port}"], "note": who}
    assert ask(collection, "SELECT subject, detail FROM events WHERE kind = 'robots'") == [
        (f"127.0.0.1:{origin.port}", f"robots.txt is not obeyed: {who}")
    ]
    assert [request.path for request in elsewhere.requests] == ["/robots.txt"]


async def test_a_robots_txt_that_cannot_be_read_means_wait(origin: ScriptedServer, collection: Path) -> None:
    origin.script("/robots.txt", answer(503, b"closed", {"Retry-After": "3"}))
    origin.script("/robots.txt", answer(404))
    await fetched(hang(origin, "one", "two"), collection, "--wait", "0s", status=7)
    assert [request.path for request in origin.requests] == ["/robots.txt"]
    assert {(image.status, image.attempts) for image in images(collection)} == {("pending", 0)}
    assert (await type_in("run", collection, *RUN)).status == 0
    assert [request.path for request in origin.requests[:2]] == ["/robots.txt", "/robots.txt"]
    assert origin.requests[1].at - origin.requests[0].at >= 3
    assert check_order(collection) == 2


async def test_a_crawl_delay_is_kept(origin: ScriptedServer, collection: Path) -> None:
    rules(origin, "User-agent: asyncdl\nCrawl-delay: 1\n")
    await fetched(hang(origin, "one", "two", "three"), collection)
    photos = [request.at for request in origin.requests[1:]]
    assert least_gap(photos, 2) >= 1 - LATE_SECONDS


# -- who asks ---------------------------------------------------------------------------------------------------


def check_manners(request: LoggedRequest, contact: str) -> None:
    agent = request.headers["user-agent"]
    assert agent.startswith(f"asyncdl/{__version__} (+http")
    assert agent.endswith(f"; {contact})")
    assert request.method == "GET"
    assert not {"cookie", "referer", "authorization"} & request.headers.keys()
    assert request.headers["accept-encoding"] == "identity"


async def test_every_request_says_who_asks_and_carries_nothing_else(
    origin: ScriptedServer, elsewhere: ScriptedServer, collection: Path
) -> None:
    cookie = {"Set-Cookie": "visit=1; Path=/"}
    origin.script("/robots.txt", answer(404, b"", cookie))
    origin.script("/moved.jpg", answer(302, b"", {"Location": "/there.jpg", **cookie}))
    origin.script("/there.jpg", answer(301, b"", {"Location": elsewhere.url("/here.jpg"), **cookie}))
    elsewhere.script("/here.jpg", served("here", cookie))
    urls = [origin.url("/moved.jpg"), origin.script("/plain.jpg", answer(200, photo("plain"), cookie))]
    contact = "digitisation@museum-of-plants.org"
    await fetched(urls, collection, "--contact", contact)
    requests = [*origin.requests, *elsewhere.requests]
    assert len(requests) == 6
    for request in requests:
        check_manners(request, contact)


async def test_a_paused_host_is_said_to_be_paused(origin: ScriptedServer, collection: Path) -> None:
    url = origin.script(
        "/busy.jpg", answer(503, b"<h1>Closed for inventory</h1>", {"Retry-After": "600", "Content-Type": "text/html"})
    )
    await fetched([url], collection, "--wait", "0s", status=7)
    (host,) = (await status_of(collection))["hosts"]
    assert host["paused_until"] is not None
    assert host["pause_reason"] == "unavailable"
    assert ask(collection, "SELECT attempts, due FROM images") == [(0, 0)]
    told = (await type_in("explain", collection, url)).out
    assert "Closed for inventory" in told

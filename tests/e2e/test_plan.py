"""A plan before and after, and a probe, seen from the server's log."""

from __future__ import annotations

from pathlib import Path

from asyncdl.demo.museum import Museum
from tests.e2e.holdings import ask, final_files, images, unfinished_files
from tests.e2e.program import RUN, type_in
from tests.e2e.sources import hang, list_of, photo, served, table_of
from tests.scripted import Act, ScriptedServer, answer

LOOPBACK = ("--allow-private", "127.0.0.0/8")


async def test_a_plan_reckons_with_limits_before_and_with_sizes_after(
    origin: ScriptedServer, elsewhere: ScriptedServer, collection: Path
) -> None:
    urls = [*hang(origin, *(f"a{n}" for n in range(29))), *hang(elsewhere, *(f"b{n}" for n in range(9)))]
    assert (await type_in("init", collection, list_of(collection.parent / "links.txt", urls))).status == 0
    before = (await type_in("plan", collection, "--json", "--host-rate", "2")).json
    assert origin.requests == elsewhere.requests == []
    assert before["images"]["planned"] == 38
    assert before["requests"] == 40
    assert [host["host"] for host in before["hosts"]] == [f"127.0.0.1:{origin.port}", f"127.0.0.1:{elsewhere.port}"]
    assert before["floor"]["seconds"] == 15
    assert before["bytes"]["expected"] == 38 * 500_000
    assert before["write_to"][0]["saves_seconds"] == 7.5
    ended = await type_in("run", collection, *RUN, "--max-images", "30")
    assert ended.status == 3, ended.err
    after = (await type_in("plan", collection, "--json")).json
    assert after["images"]["planned"] == 8
    assert after["bytes"]["expected"] < before["bytes"]["expected"] / 38 * 8
    assert after["sampled_images"] == 30


async def test_status_says_which_host_decides_and_how_polite_the_run_was(
    origin: ScriptedServer, elsewhere: ScriptedServer, collection: Path
) -> None:
    elsewhere.script("/b0.jpg", answer(429, b"slow down", {"Retry-After": "1"}))
    urls = [*hang(origin, *(f"a{n}" for n in range(20))), *hang(elsewhere, *(f"b{n}" for n in range(5)))]
    assert (await type_in("init", collection, list_of(collection.parent / "links.txt", urls))).status == 0
    before = (await type_in("status", collection, "--json")).json
    assert (before["eta"]["host"], before["eta"]["seconds"]) == (f"127.0.0.1:{origin.port}", 7)
    ended = await type_in("run", collection, *RUN, "--host-rate", "5")
    assert ended.status == 0, ended.err
    after = (await type_in("status", collection, "--json")).json
    assert after["eta"] is None
    counts = after["last_run"]["counts"]
    assert (counts["saved"], counts["refused"]) == (25, 1)
    assert counts["requests"] == len(origin.requests) + len(elsewhere.requests) == 28
    assert 0.2 < counts["efficiency"] <= 1.0
    assert "1 of 28 requests refused" in (await type_in("status", collection)).out


async def test_a_probe_asks_no_host_more_than_five_times_and_changes_no_image(
    archive: Path, museum: Museum, collection: Path
) -> None:
    """Redirects over three hosts, robots.txt and busy hosts all count."""
    assert (await type_in("init", collection, archive)).status == 0
    before = images(collection)
    ended = await type_in("plan", collection, "--probe", "--json", *LOOPBACK)
    assert ended.status == 0, ended.err
    hosts = {entry.host for entry in museum.log}
    assert len(hosts) > 8
    assert {host: len(museum.log.of(host)) for host in hosts if len(museum.log.of(host)) > 5} == {}
    assert any(len(museum.log.of(host)) == 5 for host in hosts)
    assert images(collection) == before
    assert ask(collection, "SELECT count(*) FROM failures") == ask(collection, "SELECT count(*) FROM files") == [(0,)]
    assert final_files(collection) == {}
    assert unfinished_files(collection) == []
    assert all(host["requests"] <= 5 for host in ended.json["probe"])
    errors = {image["error"] for host in ended.json["probe"] for image in host["images"]}
    assert not [error for error in errors if error and error.startswith("no answer")], (
        "whoever has had its questions is not waited for"
    )


async def test_a_probe_says_type_size_redirects_and_whether_connections_are_kept(
    origin: ScriptedServer, elsewhere: ScriptedServer, collection: Path
) -> None:
    elsewhere.script("/moved.jpg", answer(302, b"", {"Location": origin.url("/there.jpg")}))
    origin.script("/there.jpg", served("there"))
    elsewhere.script("/page.jpg", answer(200, b"<html><body>please log in</body></html>", {"Content-Type": "image/jpeg"}))
    elsewhere.script("/closing.jpg", answer(200, photo("c"), {"Connection": "close"}), Act.CLOSE)
    urls = [elsewhere.url(f"/{name}.jpg") for name in ("moved", "page", "closing")]
    assert (await type_in("init", collection, list_of(collection.parent / "links.txt", urls))).status == 0
    ended = await type_in("plan", collection, "--probe", "--json", *LOOPBACK)
    (host,) = ended.json["probe"]
    moved, page, closing = (next(image for image in host["images"] if image["url"] == url) for url in urls)
    assert (moved["type"], moved["bytes"], moved["redirects"]) == ("image/jpeg", len(photo("there")), [f"127.0.0.1:{origin.port}"])
    assert (page["type"], page["announced_type"], page["error"]) == ("text/html", "image/jpeg", "invalid_content_type")
    assert (closing["bytes"], host["http_version"], host["keep_alive"]) == (len(photo("c")), "1.1", False)
    assert host["robots"].startswith("status 404")
    assert ended.json["sampled_images"] == 2
    told = await type_in("plan", collection, "--probe", *LOOPBACK)
    assert f"127.0.0.1:{elsewhere.port}" in told.out
    assert "invalid_content_type" in told.out


async def test_a_probe_obeys_robots_and_remembers_a_pause(
    origin: ScriptedServer, elsewhere: ScriptedServer, collection: Path
) -> None:
    origin.script("/robots.txt", answer(200, b"User-agent: *\nDisallow: /private/\n", {"Content-Type": "text/plain"}))
    elsewhere.script("/robots.txt", answer(404))
    elsewhere.script("/busy.jpg", answer(429, b"slow down", {"Retry-After": "600"}))
    urls = [*hang(origin, "private/one", "open"), elsewhere.url("/busy.jpg"), *hang(elsewhere, "later", "later2")]
    table = table_of(collection.parent / "links.tsv", enumerate(urls))
    assert (await type_in("init", collection, table)).status == 0
    ended = await type_in("plan", collection, "--probe", "--json", *LOOPBACK)
    assert [request.path for request in origin.requests] == ["/robots.txt", "/open.jpg"]
    assert [request.path for request in elsewhere.requests] == ["/robots.txt", "/busy.jpg"]
    probed = {host["host"]: host for host in ended.json["probe"]}
    forbidden = {image["url"]: image["error"] for image in probed[f"127.0.0.1:{origin.port}"]["images"]}
    assert forbidden == {urls[0]: "robots_disallowed", urls[1]: None}
    busy = probed[f"127.0.0.1:{elsewhere.port}"]
    assert 590 < busy["paused_seconds"] < 610
    assert {image["error"] for image in busy["images"]} == {"rate_limited", "not asked: the host is left alone for now"}
    again = await type_in("plan", collection, "--probe", "--json", *LOOPBACK)
    assert len(elsewhere.requests) == 2
    assert next(host for host in again.json["hosts"] if host["host"].endswith(str(elsewhere.port)))["paused_seconds"] > 500


async def test_a_probe_keeps_within_budgets(origin: ScriptedServer, elsewhere: ScriptedServer, collection: Path) -> None:
    urls = [*hang(origin, "a", "b", "c"), *hang(elsewhere, "d", "e", "f")]
    assert (await type_in("init", collection, list_of(collection.parent / "links.txt", urls))).status == 0
    for server, budget in ((origin, ("--per-hour", "50MB")), (elsewhere, ("--requests-per-day", "2"))):
        order = await type_in("hosts", "limit", collection, f"127.0.0.1:{server.port}", *budget, "--note", "their page")
        assert order.status == 0, order.err
    ended = await type_in("plan", collection, "--probe", "--json", *LOOPBACK)
    assert ended.status == 0, ended.err
    assert len(origin.requests) == 4
    assert len(elsewhere.requests) == 2
    again = await type_in("plan", collection, "--probe", "--json", *LOOPBACK)
    assert again.status == 0, again.err
    assert len(elsewhere.requests) == 2


async def test_no_probe_without_a_contact(collection: Path, tmp_path: Path) -> None:
    links = list_of(tmp_path / "links.txt", ["https://images.museum-of-plants.org/1.jpg"])
    assert (await type_in("init", collection, links)).status == 0
    ended = await type_in("plan", collection, "--probe")
    assert ended.status == 6
    assert "contact" in ended.err

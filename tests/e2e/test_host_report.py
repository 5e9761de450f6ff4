"""The log for a web master, held against the log of the server and against `status`."""

from __future__ import annotations

import csv
import io
import time
from collections import Counter
from datetime import datetime
from pathlib import Path

from tests.e2e.holdings import ask
from tests.e2e.program import RUN, status_of, type_in
from tests.e2e.sources import hang, list_of, photo, served
from tests.scripted import ScriptedServer, answer


async def test_the_log_says_what_the_server_saw_and_what_status_counts(
    origin: ScriptedServer, elsewhere: ScriptedServer, collection: Path
) -> None:
    origin.script("/busy.jpg", answer(429, b"slow down", {"Retry-After": "1"}))
    origin.script("/gone.jpg", answer(404, b"=cmd|' /C calc'!A0"))
    origin.script("/page.jpg", answer(200, b"<html><body>please log in</body></html>", {"Content-Type": "text/html"}))
    elsewhere.script("/moved.jpg", answer(302, b"", {"Location": origin.url("/there.jpg")}))
    origin.script("/there.jpg", 0.05, served("there"))
    urls = [*hang(origin, "one", "two", "busy"), origin.url("/gone.jpg"), origin.url("/page.jpg"), elsewhere.url("/moved.jpg")]
    began = time.time()
    ended = await type_in("get", list_of(collection.parent / "links.txt", urls), collection, *RUN)
    assert ended.status == 0, ended.err
    host = f"127.0.0.1:{origin.port}"
    reported = await type_in("report", collection, "--for-host", host)
    assert reported.status == 0, reported.err
    lines = list(csv.DictReader(io.StringIO(reported.out)))
    assert Counter(line["url"] for line in lines) == Counter(origin.url(request.path) for request in origin.requests)
    assert {line["method"] for line in lines} == {request.method for request in origin.requests} == {"GET"}
    by_outcome = Counter(line["outcome"] for line in lines)
    assert by_outcome == {
        "saved": 3,
        "read": 1,
        "rate_limited": 1,
        "http_404": 1,
        "invalid_content_type": 1,
        "saved for another": 1,
    }
    there = next(line for line in lines if line["url"].endswith("/there.jpg"))
    assert (int(there["bytes"]), there["status"]) == (len(photo("there")), "200")
    assert int(there["duration_ms"]) >= 50
    times = [datetime.fromisoformat(line["time"]).timestamp() for line in lines]
    assert times == sorted(times)
    assert began - 1 < times[0] <= times[-1] < time.time()
    counted = {row["host"]: row["success"] for row in (await status_of(collection))["hosts"]}
    assert by_outcome["saved"] == counted[host]
    assert sum(by_outcome[name] for name in ("rate_limited", "http_404", "invalid_content_type")) == ask(
        collection, "SELECT count(*) FROM failures"
    )[0][0]  # fmt: skip
    other = await type_in("report", collection, "--for-host", f"127.0.0.1:{elsewhere.port}", "-o", collection.parent / "other.csv")
    assert "2 lines" in other.err
    with (collection.parent / "other.csv").open() as file:
        (moved,) = (line for line in csv.DictReader(file) if line["kind"] == "image")
    assert (moved["outcome"], moved["status"], moved["redirected_to"]) == ("saved elsewhere", "3xx", origin.url("/there.jpg"))
    recent = await type_in("report", collection, "--for-host", host, "--since", "2030-01-01")
    assert recent.out.splitlines() == [reported.out.splitlines()[0]]


async def test_an_unknown_host_is_a_clear_error_and_leaves_no_file(origin: ScriptedServer, collection: Path) -> None:
    assert (await type_in("init", collection, list_of(collection.parent / "links.txt", hang(origin, "one")))).status == 0
    target = collection.parent / "nobody.csv"
    ended = await type_in("report", collection, "--for-host", "nobody.org", "-o", target)
    assert (ended.status, target.exists(), list(collection.parent.glob("nobody*"))) == (2, False, [])
    assert "nothing is known of the host nobody.org" in ended.err
    assert (await type_in("report", collection, "--for-host", "https://nobody.org/x")).status == 2
    assert (await type_in("report", collection, "--for-host", "nobody.org", "-o", "/nowhere/x.csv")).status == 6

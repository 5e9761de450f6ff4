import io
import json
from typing import Any

import pytest
from rich.console import Console

from asyncdl.errors import error_type
from asyncdl.lane_records import LaneRecord, RobotsRecord
from asyncdl.model import Batch, Transition
from asyncdl.report.explain import Explanation, Subject, explain
from asyncdl.report.explain_json import explanation_json
from asyncdl.report.explain_view import render_explanation
from asyncdl.report.wording import verdict_text
from asyncdl.status import ImageStatus
from asyncdl.store import Store
from tests.report.samples import HOSTILE_ID, MANIFEST_URL, NOT_FOUND_PAGE_URL, NOW_MS, SAVED_URL, Sample, terminal_safe


async def ask(sample: Sample, asked: str) -> Explanation | None:
    async with await Store.open(sample.collection.db, read_only=True) as store:
        return await explain(store, asked, NOW_MS + 60_000, sources=sample.collection.sources)


async def told(sample: Sample, asked: str) -> tuple[str, dict[str, Any]]:
    found = await ask(sample, asked)
    assert found is not None
    file = io.StringIO()
    Console(file=file, width=400, highlight=False, emoji=False).print(render_explanation(found, "herbarium"))
    text = file.getvalue()
    assert terminal_safe(text)
    return text, json.loads(json.dumps(explanation_json(found, "herbarium")))


def image_in(found: dict[str, Any], number: int = 0) -> dict[str, Any]:
    image = found["records"][0]["images"][number]
    assert isinstance(image, dict)
    return image


async def test_a_saved_image_tells_its_file_digest_licence_and_key(sample: Sample) -> None:
    text, found = await told(sample, "1000001")
    image = image_in(found)
    assert (found["kind"], image["status"], image["why"]) == ("record", "success", "saved: 1 file, 800 B")
    assert image["key"].endswith("good.example.org/img/1.jpg")
    assert image["files"][0]["bytes"] == 800
    assert len(image["files"][0]["sha256"]) == 64
    assert image["source_rows"][0]["licence"] == "CC BY 4.0"
    assert image["files"][0]["path"] in text
    assert image["files"][0]["sha256"] in text
    assert "licence CC BY 4.0" in text
    assert r"creator A. Botanist\x1b[0m" in text
    assert "rights holder The [i]Museum[/i]" in text


async def test_a_raw_file_says_what_can_be_done_with_it(sample: Sample) -> None:
    text, found = await told(sample, "1000001")
    assert image_in(found, 1)["what_to_do"] == "nothing: it is kept as it came"
    assert "kept bit-exact" in text


async def test_a_failed_image_shows_the_evidence_disarmed(sample: Sample) -> None:
    text, found = await told(sample, "1000002")
    image = image_in(found)
    assert (image["status"], image["error"]["name"]) == ("failed", "http_404")
    assert [candidate["spent"] for candidate in image["candidates"]] == ["http_404", "invalid_content_type"]
    assert [candidate["rank"] for candidate in image["candidates"]] == [1, 2]
    assert image["failures"][0]["http_status"] == 404
    assert image["failures"][0]["page_seen"] == 2
    assert image["failures"][0]["verdict"] == "rules this link out for good"
    assert image["failures"][0]["final_url"] == "https://good.example.org/sorry"
    assert "a lasting cause: the host answered with status 404 (2 of 2 links ruled out)" in text
    assert r"\x1b]0;owned\x07<b>Not [bold]found[/bold]\u202e here second line" in text
    assert r"a\x1b[31m\u202egpj.exe?x=[red]" in text
    assert "asyncdl retry herbarium --error-type http_404" in text


async def test_an_image_that_is_tried_again_says_when(sample: Sample) -> None:
    _, found = await told(sample, "1000002")
    image = image_in(found, 1)
    assert (image["status"], image["due_at"], image["due_now"]) == ("retry", "2096-10-02T07:06:40Z", False)
    assert image["why"].startswith("last time the answer did not come, stalled or was too slow, 2 attempts so far; due 2096-10-02")
    assert image["failures"][0]["verdict"] == "cost the image an attempt; asked again later"


async def test_an_image_behind_a_manifest_says_for_what_it_waits(sample: Sample) -> None:
    text, found = await told(sample, "1000003")
    assert image_in(found)["why"] == "waits for its IIIF manifest: not asked yet; due now, in its host's queue"
    assert found["records"][0]["manifests"][0]["url"] == MANIFEST_URL
    assert f"manifest pending, due now: {MANIFEST_URL}" in text


def test_a_refusal_that_nobody_paid_for_is_not_said_to_rule_anything_out() -> None:
    assert verdict_text(error_type("http_403"), 1) == "rules this link out for good"
    assert verdict_text(error_type("http_403"), 0).startswith("nobody pays")


async def test_an_image_at_a_paused_host_says_so(sample: Sample) -> None:
    _, found = await told(sample, "1000004")
    assert "not asked yet; the host is left alone until 2096-10-02" in image_in(found)["why"]
    assert image_in(found, 1)["error"]["name"] == "no_url"


async def test_a_given_up_image_of_a_hostile_id(sample: Sample) -> None:
    text, found = await told(sample, HOSTILE_ID)
    assert found["records"][0]["id"] == HOSTILE_ID
    assert image_in(found)["why"].startswith("given up after 4 attempts: the host failed while answering")
    assert r"SPEC [red]\x1b[2J/7" in text


async def test_a_url_finds_its_record_by_key_and_marks_the_image(sample: Sample) -> None:
    text, found = await told(sample, SAVED_URL.replace("https", "http"))
    assert (found["kind"], found["records"][0]["id"]) == ("url", 1000001)
    assert [image["asked_for"] for image in found["records"][0]["images"]] == [True, False]
    assert text.count("<- asked for") == 1


@pytest.mark.parametrize("asked", ["good.example.org", "GOOD.example.org", "https://good.example.org/", " good.example.org "])
async def test_a_host_tells_figures_errors_and_last_failures(sample: Sample, asked: str) -> None:
    text, found = await told(sample, asked)
    assert found["kind"] == Subject.HOST
    host = found["host"]
    assert host["images"]["success"] == 2
    assert host["main_error"]["name"] == "http_404"
    assert host["last_failures"][0]["url"] == NOT_FOUND_PAGE_URL
    assert "http_404" in text


async def test_a_paused_host_says_until_when_and_why(sample: Sample) -> None:
    text, found = await told(sample, "busy.example.org")
    assert found["host"]["state"]["incidents"] == 3
    assert found["host"]["state"]["paused_until"] == "2096-10-02T07:06:40Z"
    assert r"429: slow [b]down[/b]\x1b[5m" in text
    assert "1 image waiting" in text


async def test_a_host_that_is_down_says_since_when_and_when_it_is_probed(sample: Sample) -> None:
    since, probe = NOW_MS - 86_400_000, NOW_MS + 3_600_000
    async with await Store.open(sample.collection.db) as store:
        await store.apply(Batch(lanes=(LaneRecord("busy.example.org", probe, "dns_error", 12, NOW_MS, since),)), NOW_MS)
    for asked in ("busy.example.org", "1000004"):
        text, _ = await told(sample, asked)
        assert "the host has been down since 2026-05-27T20:26:40Z" in text
        assert "next probe 2026-05-28T21:26:40Z (in 59m00s): dns_error" in text


async def test_a_host_that_was_given_up_says_when_and_how_to_take_it_back(sample: Sample) -> None:
    lane = LaneRecord("slow.example.org", 0, "dns_error", 40, NOW_MS, NOW_MS - 15 * 86_400_000, NOW_MS)
    async with await Store.open(sample.collection.db) as store:
        await store.apply(
            Batch((Transition(sample.retrying, ImageStatus.EXHAUSTED, None, 1, "lane_given_up"),), lanes=(lane,)), NOW_MS
        )
    for asked in ("slow.example.org", "1000002"):
        text, _ = await told(sample, asked)
        assert "the host was given up 2026-05-28T20:26:40Z" in text
        assert "down since 2026-05-13T20:26:40Z" in text
        assert "`asyncdl retry herbarium --host slow.example.org` asks it again" in text


async def test_a_host_shows_its_robots_files(sample: Sample) -> None:
    file = RobotsRecord("https://busy.example.org", "busy.example.org", 200, NOW_MS, NOW_MS - 86_400_000, "User-agent: *\n")
    async with await Store.open(sample.collection.db) as store:
        await store.apply(Batch(robots=(file,)), NOW_MS)
    text, found = await told(sample, "busy.example.org")
    assert "https://busy.example.org/robots.txt: status 200, read 2026-05-28T20:26:40Z" in text
    assert "unchanged since 2026-05-27T20:26:40Z" in text
    assert found["host"]["robots"][0]["text"] == "User-agent: *\n"


async def test_a_host_in_good_order_says_what_to_type(sample: Sample) -> None:
    async with await Store.open(sample.collection.db) as store:
        await store.apply(Batch((Transition(sample.retrying, ImageStatus.EXHAUSTED, None, 4, "timeout"),)), NOW_MS)
    _, found = await told(sample, "slow.example.org")
    assert found["host"]["what_to_do"] == "`asyncdl retry herbarium --host slow.example.org`"


@pytest.mark.parametrize("asked", ["999", "https://good.example.org/img/none.jpg", "nowhere.example.org", "\x1b[31m", ""])
async def test_nothing_known_is_none(sample: Sample, asked: str) -> None:
    assert await ask(sample, asked) is None

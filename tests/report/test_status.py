import io
import json
import re
from dataclasses import replace

from rich.console import Console

from asyncdl.collection import Holder
from asyncdl.forecast import LaneCeilings
from asyncdl.lane_records import LaneRecord
from asyncdl.model import Batch, Transition
from asyncdl.report.advice import next_steps
from asyncdl.report.status import StatusReport, gather_status, to_json
from asyncdl.report.status_view import render_status
from asyncdl.status import ImageStatus
from asyncdl.store import Store
from tests.report.samples import FAR_MS, NOW_MS, Sample, fail_manifest, terminal_safe

HOLDER = Holder("node[b]1", 42, "1", "boot", NOW_MS)


async def report_of(sample: Sample, now_ms: int = NOW_MS + 60_000, running: Holder | None = None) -> StatusReport:
    async with await Store.open(sample.collection.db, read_only=True) as store:
        return await gather_status(store, now_ms, running=running)


def shown(report: StatusReport, place: str = "herbarium", width: int = 300) -> str:
    file = io.StringIO()
    Console(file=file, width=width, highlight=False, emoji=False).print(render_status(report, place))
    return file.getvalue()


async def test_json_counts_images_records_manifests_and_causes(sample: Sample) -> None:
    found = json.loads(json.dumps(to_json(await report_of(sample))))
    assert found["images"] == {"total": 8, "pending": 2, "retry": 1, "success": 2, "exhausted": 1, "failed": 2}
    assert found["records"]["total"] == 5
    assert found["records"] == {"total": 5, "pending": 1, "partial": 2, "done": 1, "failed": 1}
    assert found["manifests"]["total"] == found["manifests"]["pending"] == 1
    assert found["by_error_type"] == {"http_404": 1, "timeout": 1, "server_error": 1, "no_url": 1}
    assert found["flags"] == {"raw_unprocessed": 1}
    assert found["bytes"] == 800 + 1500
    assert found["running"] is None
    assert found["last_run"]["exit_status"] == 7
    assert found["last_run"]["counts"] == {"saved": 2}
    assert [source["name"] for source in found["sources"]] == ["archive [x].zip"]
    cause = next(row for row in found["causes"] if row["error_type"] == "http_404")
    assert (cause["status"], cause["blame"], cause["transient"], cause["images"]) == ("failed", "image", False, 1)
    assert cause["remedy"]


async def test_hosts_say_what_stands_where_and_which_are_left_alone(sample: Sample) -> None:
    found = to_json(await report_of(sample))
    hosts = {host["host"]: host for host in found["hosts"]}
    assert hosts["good.example.org"]["success"] == 2
    assert hosts["good.example.org"]["bytes"] == 2300
    assert hosts["good.example.org"]["paused_until"] is None
    assert hosts["busy.example.org"]["paused_until"] == "2096-10-02T07:06:40Z"
    assert hosts["busy.example.org"]["pause_reason"].startswith("429")
    assert hosts["slow.example.org"]["main_error"] == "timeout"
    assert found["paused_images"] == 1


async def test_with_limits_hosts_have_an_end_and_the_slowest_decides(sample: Sample) -> None:
    async with await Store.open(sample.collection.db, read_only=True) as store:
        report = await gather_status(store, NOW_MS + 60_000, ceilings=LaneCeilings(0.5, 2, 0.0))
    found = to_json(report)
    hosts = {host["host"]: host for host in found["hosts"]}
    assert hosts["slow.example.org"]["eta_seconds"] == 4  # the image and robots.txt
    assert hosts["good.example.org"]["eta_seconds"] is None  # nothing waits there
    assert found["eta"]["host"] == "busy.example.org"
    assert found["eta"]["end_at"].startswith("2096-10-02")
    assert "busy.example.org decides" in shown(report)


async def test_what_the_last_run_noted_of_its_politeness_is_told(sample: Sample) -> None:
    report = await report_of(sample)
    assert report.last_run is not None
    assert "politeness" not in shown(report)
    noted = replace(report.last_run, counts_json='{"requests": 3400, "refused": 17, "efficiency": 0.96}')
    text = shown(replace(report, last_run=noted))
    assert "efficiency 0.96, 17 of 3,400 requests refused (0.5 %)" in text
    assert "politeness" not in shown(replace(report, last_run=replace(noted, counts_json="[1]")))


async def test_next_due_is_now_later_or_never(sample: Sample) -> None:
    found = to_json(await report_of(sample))  # the manifest is due at once
    assert (found["next_due_at"], found["due_now"]) == ("2026-05-28T20:27:40Z", True)
    await fail_manifest(sample)
    found = to_json(await report_of(sample))
    assert (found["next_due_at"], found["due_now"]) == ("2096-10-02T07:06:40Z", False)
    async with await Store.open(sample.collection.db) as store:
        ended = tuple(Transition(one, ImageStatus.FAILED, None, 1, "http_410") for one in (sample.retrying, sample.untouched))
        await store.apply(Batch(ended), NOW_MS)
    found = to_json(await report_of(sample))
    assert (found["next_due_at"], found["due_now"]) == (None, False)


async def test_people_see_causes_hosts_times_and_the_next_command_but_no_markup(sample: Sample) -> None:
    text = shown(await report_of(sample))
    assert terminal_safe(text)
    assert "2 of 8 saved (25.0 %)" in text
    assert re.search(r"1\s+failed\s+http_404\s+image\s+the host answered with status 404", text)
    assert r"slow [b]down[/b]\x1b[5m" in text
    assert "archive [x].zip (dwca): 9 rows, 1 rejected" in text
    assert "asyncdl run herbarium" in text
    assert "asyncdl retry herbarium --status exhausted" in text


async def test_on_eighty_columns_every_host_has_its_name_and_its_reason(sample: Sample) -> None:
    text = shown(await report_of(sample), width=80)
    rows = text.partition("By host")[2]
    for host in ("good.example.org", "busy.example.org"):
        assert re.search(rf"^{re.escape(host)} +\d", rows, re.MULTILINE), rows
    assert "  busy.example.org: the host is left alone until" in rows


async def test_next_steps_follow_the_state(sample: Sample) -> None:
    assert any("a run is at work" in step for step in next_steps(await report_of(sample, running=HOLDER), "x"))
    assert not any("asyncdl run" in step for step in next_steps(await report_of(sample, running=HOLDER), "x"))
    await fail_manifest(sample)
    assert any("nothing before 2096-10-02" in step for step in next_steps(await report_of(sample), "x"))
    async with await Store.open(sample.collection.db) as store:
        await store.apply(
            Batch(lanes=(LaneRecord("slow.example.org", held=True), LaneRecord("busy.example.org", held=True))), NOW_MS
        )
    assert any("hosts that are held" in step for step in next_steps(await report_of(sample), "x"))


async def test_a_running_and_a_crashed_run_are_told_apart(sample: Sample) -> None:
    assert "running: process 42 on node[b]1" in shown(await report_of(sample, running=HOLDER))
    async with await Store.open(sample.collection.db) as store:
        last = await store.last_run()
        assert last is not None
        await store.start_run(last.info)
    report = await report_of(sample)
    assert report.crashed
    assert "did not end by itself" in shown(report)
    assert not (await report_of(sample, running=HOLDER)).crashed


async def test_a_snapshot_says_how_old_it_is_and_does_not_pretend_to_know_the_queue(sample: Sample) -> None:
    async with await Store.open(sample.collection.db) as store:
        snapshot = await store.snapshot()
    async with await Store.open(snapshot, read_only=True) as store:
        report = await gather_status(store, NOW_MS, as_of_ms=NOW_MS - 30_000)
    found = to_json(report)
    assert (found["images"]["total"], found["as_of"]) == (8, "2026-05-28T20:26:10Z")
    text = shown(report)
    assert "(30s ago): a snapshot" in text
    assert "the snapshot does not say until when" in text


async def test_times_beyond_the_calendar_are_shown_as_its_end(sample: Sample) -> None:
    async with await Store.open(sample.collection.db) as store:
        await store.apply(Batch(lanes=(LaneRecord("good.example.org", 1 << 60, "for ever"),)), NOW_MS)
    hosts = {host["host"]: host for host in to_json(await report_of(sample))["hosts"]}
    assert hosts["good.example.org"]["paused_until"] == "9999-12-31T23:59:59Z"
    assert FAR_MS < 1 << 60

import io
import json

from rich.console import Console

from asyncdl.forecast import LaneCeilings, Process, Space
from asyncdl.report.plan import PlanReport, gather_plan, to_json
from asyncdl.report.plan_view import render_plan
from asyncdl.store import Store
from tests.report.samples import NOW_MS, Sample, terminal_safe

CEILINGS = LaneCeilings(3.0, 2, 25e6)
SPACE = Space(10**12, 10**11, 10**6, 4096)


async def plan_of(sample: Sample, space: Space = SPACE, default: LaneCeilings = CEILINGS) -> PlanReport:
    async with await Store.open(sample.collection.db, read_only=True) as store:
        return await gather_plan(store, NOW_MS, default=default, process=Process(), space=space, keep_free="auto", shown=20)


def shown(plan: PlanReport) -> str:
    file = io.StringIO()
    Console(file=file, width=200, highlight=False, emoji=False).print(render_plan(plan, "herbarium"))
    return file.getvalue()


async def test_what_is_waiting_is_planned_and_nothing_else(sample: Sample) -> None:
    found = json.loads(json.dumps(to_json(await plan_of(sample))))
    assert found["images"]["planned"] == found["images"]["pending"] + found["images"]["retry"] == 3
    hosts = {host["host"]: host for host in found["hosts"]}
    assert set(hosts) == {"slow.example.org", "iiif.example.org", "busy.example.org"}
    assert hosts["iiif.example.org"]["requests"] == 3  # the image, its manifest, robots.txt
    assert found["requests"] == sum(host["requests"] for host in hosts.values())
    assert found["sampled_images"] == 2


async def test_the_pause_of_a_host_decides_the_end(sample: Sample) -> None:
    found = to_json(await plan_of(sample))
    assert found["floor"]["binds"] == "host"
    assert found["hosts"][0]["host"] == "busy.example.org"
    assert found["floor"]["end_at"].startswith("2096-10-02T07:06:4")
    assert found["hosts"][0]["paused_seconds"] > 10**9


async def test_a_disk_that_is_too_small_binds(sample: Sample) -> None:
    small = await plan_of(sample, Space(10**6, 10**6, 10**6, 4096))
    assert to_json(small)["floor"]["binds"] == "disk"
    assert to_json(small)["disk"]["fits"] is False
    assert "it does not fit" in shown(small)
    few = await plan_of(sample, Space(10**12, 10**11, 2, 4096))
    assert to_json(few)["floor"]["binds"] == "inodes"


async def test_people_are_told_what_binds_until_when_and_whom_to_write_to(sample: Sample) -> None:
    text = shown(await plan_of(sample))
    assert terminal_safe(text)
    assert "set by the slowest host (busy.example.org)" in text
    assert "at the earliest" in text
    assert "alone: 0s" not in text
    assert "takes 0bit/s" not in text
    assert "from 2 images whose size is known" in text
    assert "next" in text.lower()


async def test_nobody_is_told_to_write_a_letter_that_saves_minutes(sample: Sample) -> None:
    assert "Worth writing to" not in shown(await plan_of(sample))
    slow = shown(await plan_of(sample, default=LaneCeilings(1 / 86_400, 1, 25e6)))
    assert "Worth writing to" in slow
    assert "a limit (rate) twice as high saves" in slow


async def test_what_the_line_has_carried_is_told_beside_what_it_must_carry(sample: Sample) -> None:
    plan = await plan_of(sample)
    assert to_json(plan)["line_seen_bits_per_second"] is None
    assert "at best" not in shown(plan)
    async with await Store.open(sample.collection.db) as store:
        run = await store.last_run()
        assert run is not None
        await store.note_run(run.id, '{"top_bits_per_second": 22000000}')
    seen = await plan_of(sample)
    assert to_json(seen)["line_seen_bits_per_second"] == 22e6
    assert "the last run has had 22Mbit/s at best" in shown(seen)
    async with await Store.open(sample.collection.db) as store:
        await store.note_run(run.id, "[broken")
    assert to_json(await plan_of(sample))["line_seen_bits_per_second"] is None

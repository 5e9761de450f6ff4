from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from asyncdl.clock import SystemClock
from asyncdl.lane_records import LaneRecord, Spent
from asyncdl.limits import Stop
from asyncdl.model import Batch
from asyncdl.store import Store
from tests.cli.runner import type_in
from tests.report.samples import NOW_MS, Sample, build

Capsys = pytest.CaptureFixture[str]
GOOD = "good.example.org"


@pytest.fixture
def sample(tmp_path: Path) -> Sample:
    return asyncio.run(build(tmp_path / "herbarium"))


def lane(sample: Sample, name: str = GOOD) -> LaneRecord:
    async def read() -> LaneRecord:
        async with await Store.open(sample.collection.db, read_only=True) as store:
            return (await store.load_lanes([name]))[name]

    return asyncio.run(read())


def listed(sample: Sample, capsys: Capsys, name: str = GOOD) -> dict[str, object]:
    ended = type_in(capsys.readouterr, "hosts", "list", sample.root, "--json")
    assert ended.status == 0, ended.err
    found: dict[str, object] = next(each for each in json.loads(ended.out)["hosts"] if each["host"] == name)
    return found


def test_limits_are_kept_and_listed_with_whose_they_are(sample: Sample, capsys: Capsys) -> None:
    said = ("--rate", "20/min", "--per-hour", "5GB", "--connections", "0", "--until", "2d", "--note", "their curator [red]asked")
    ended = type_in(capsys.readouterr, "hosts", "limit", sample.root, GOOD, *said)
    assert (ended.status, ended.err) == (0, "")
    assert "good.example.org: at most 20/min, 5GB an hour; no limit of connections until " in ended.out
    found = listed(sample, capsys)
    assert found["limits"] == {
        "rate_per_second": pytest.approx(1 / 3), "connections": 0, "bandwidth_bits_per_second": 25e6, "bytes_per_hour": 5_000_000_000,
    }  # fmt: skip
    assert found["whose"] == {
        "rate_per_second": "you", "connections": "you", "bandwidth_bits_per_second": "settings", "bytes_per_hour": "you",
    }  # fmt: skip
    assert found["limits_note"] == "their curator [red]asked"
    shown = type_in(capsys.readouterr, "hosts", "list", sample.root).out
    assert "their curator [red]asked" in shown
    explained = type_in(capsys.readouterr, "explain", sample.root, GOOD).out
    assert "your limits until" in explained


def test_a_new_limit_replaces_the_whole_of_the_earlier_one_and_can_be_taken_back(sample: Sample, capsys: Capsys) -> None:
    type_in(capsys.readouterr, "hosts", "limit", sample.root, GOOD, "--rate", "1", "--note", "one")
    type_in(capsys.readouterr, "hosts", "limit", sample.root, GOOD, "--connections", "1", "--note", "two")
    order = lane(sample).order
    assert order is not None
    assert (order.limits.rate_per_second, order.limits.connections, order.limits_note) == (None, 1, "two")
    assert (
        "your limits are taken back"
        in type_in(capsys.readouterr, "hosts", "limit", sample.root, GOOD, "--reset", "--note", "x").out
    )
    assert "you" not in str(listed(sample, capsys)["whose"])


@pytest.mark.parametrize("verb", ["pause", "block"])
def test_a_stop_is_kept_shown_everywhere_and_ended(sample: Sample, capsys: Capsys, verb: str) -> None:
    ended = type_in(capsys.readouterr, "hosts", verb, sample.root, GOOD, "--note", "moving house")
    assert ended.status == 0, ended.err
    assert f"good.example.org: {verb}{'d' if verb == 'pause' else 'ed'} until you resume it" in ended.out
    order = lane(sample).order
    assert order is not None
    assert order.stop is Stop(verb)
    assert listed(sample, capsys)["stop"] == verb
    status = json.loads(type_in(capsys.readouterr, "status", sample.root, "--json").out)
    assert next(host["stop"] for host in status["hosts"] if host["host"] == GOOD) == verb
    word = f"{verb}{'d' if verb == 'pause' else 'ed'} by you"
    for words in (("hosts", "list", sample.root), ("status", sample.root), ("explain", sample.root, GOOD)):
        assert f"{word}: moving house" in type_in(capsys.readouterr, *words).out
    explained = type_in(capsys.readouterr, "explain", sample.root, GOOD).out
    assert f"asyncdl hosts resume {sample.root} {GOOD}" in explained
    ended = type_in(capsys.readouterr, "hosts", "resume", sample.root, GOOD, "--note", "they have moved")
    assert "good.example.org: may be asked again" in ended.out
    assert listed(sample, capsys)["stop"] is None


def test_resuming_lifts_a_ban_and_our_own_pauses_but_not_the_hosts_word(sample: Sample, capsys: Capsys) -> None:
    far = NOW_MS * 3

    async def trouble() -> None:
        async with await Store.open(sample.collection.db) as store:
            banned = LaneRecord(GOOD, far, "banned", 4, 5, 6, 7, held=True, note="a burst of 403")
            asked = LaneRecord("busy.example.org", far, "rate_limited", 4, 5, held=True)
            await store.apply(Batch(lanes=(banned, asked)), NOW_MS)

    asyncio.run(trouble())
    for host in (GOOD, "busy.example.org"):
        assert type_in(capsys.readouterr, "hosts", "resume", sample.root, host, "--note", "they said yes").status == 0
    good, busy = lane(sample), lane(sample, "busy.example.org")
    assert (good.held, good.note, good.pause_until_ms, good.incidents, good.down_since_ms, good.given_up_ms) == (
        False,
        "",
        0,
        0,
        0,
        0,
    )
    assert (busy.held, busy.pause_until_ms, busy.pause_reason) == (False, far, "rate_limited")


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (("pause", "god.example.org", "--note", "x"), "did you mean good.example.org"),
        (("pause", "a/b c", "--note", "x"), "is no host"),
        (("pause", GOOD, "--note", " "), "needs a note"),
        (("pause", GOOD), "--note"),
        (("pause", GOOD, "--note", "x", "--until", "yesterday"), "is no time"),
        (("pause", GOOD, "--note", "x", "--until", "2001-01-01"), "has passed"),
        (("limit", GOOD, "--note", "x"), "say what to limit"),
        (("limit", GOOD, "--note", "x", "--rate", "1", "--reset"), "takes no limits"),
        (("limit", GOOD, "--note", "x", "--rate", "fast"), "--rate 'fast': not a rate"),
        (("limit", GOOD, "--note", "x", "--per-day", "-1"), "negative"),
    ],
)
def test_what_cannot_be_meant_is_status_2_and_changes_nothing(
    sample: Sample, capsys: Capsys, words: tuple[str, ...], complaint: str
) -> None:
    ended = type_in(capsys.readouterr, "hosts", words[0], sample.root, *words[1:])
    assert ended.status == 2
    assert complaint in ended.err
    assert listed(sample, capsys)["state"] == "open"


def test_a_host_that_no_link_names_is_taken_when_one_insists(sample: Sample, capsys: Capsys) -> None:
    words = ("hosts", "pause", sample.root, "redirected.example.org", "--note", "x", "--unlisted")
    assert type_in(capsys.readouterr, *words).status == 0
    assert listed(sample, capsys, "redirected.example.org")["stop"] == "pause"


def test_hosts_are_put_in_one_lane_and_back(sample: Sample, capsys: Capsys) -> None:
    for verb in ("pause", "resume"):
        assert type_in(capsys.readouterr, "hosts", verb, sample.root, GOOD, "--note", "taken back").status == 0
    words = ("hosts", "join", sample.root, GOOD, "busy.example.org", "--as", "busy.example.org", "--note", "one machine")
    ended = type_in(capsys.readouterr, *words)
    assert (ended.status, ended.err) == (0, "")
    assert "good.example.org: in the lane of busy.example.org" in ended.out
    assert type_in(capsys.readouterr, "hosts", "list", sample.root).out.count("\ngood.example.org") == 0
    assert listed(sample, capsys, "busy.example.org")["hosts"] == ["busy.example.org", GOOD]
    paused = type_in(capsys.readouterr, "hosts", "pause", sample.root, GOOD, "--note", "x")
    assert "holds for busy.example.org" not in paused.out
    assert "busy.example.org: paused" in paused.out
    assert "paused by you" in type_in(capsys.readouterr, "explain", sample.root, GOOD).out
    assert type_in(capsys.readouterr, "hosts", "part", sample.root, GOOD, "--note", "it has moved").status == 0
    assert listed(sample, capsys)["hosts"] == [GOOD]


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (("join", "god.example.org", "--as", GOOD, "--note", "x"), "did you mean good.example.org"),
        (("join", GOOD, "--as", "a/b", "--note", "x"), "is no host"),
        (("join", GOOD, "--as", " ", "--note", "x"), "--as names no host"),
        (("part", GOOD, "--note", ""), "needs a note"),
    ],
)
def test_a_grouping_that_cannot_be_meant_is_refused(sample: Sample, capsys: Capsys, words: tuple[str, ...], complaint: str) -> None:
    ended = type_in(capsys.readouterr, "hosts", words[0], sample.root, *words[1:])
    assert ended.status == 2
    assert complaint in ended.err


def test_a_host_that_no_link_names_is_joined_and_put_back(sample: Sample, capsys: Capsys) -> None:
    words = ("hosts", "join", sample.root, "redirected.example.org", "--as", GOOD, "--note", "x", "--unlisted")
    assert type_in(capsys.readouterr, *words).status == 0
    ended = type_in(capsys.readouterr, "hosts", "part", sample.root, "redirected.example.org", "--note", "two machines")
    assert (ended.status, ended.err) == (0, "")


def test_hosts_at_one_address_are_found_and_joined(tmp_path: Path, capsys: Capsys) -> None:
    links = tmp_path / "links.txt"
    links.write_text(
        "http://127.0.0.1:8101/1.jpg\nhttp://127.0.0.1:8101/2.jpg\nhttp://127.0.0.1:8102/1.jpg\nhttp://127.0.0.9:8103/1.jpg\n"
    )
    root = tmp_path / "herbarium"
    assert type_in(capsys.readouterr, "init", root, links).status == 0
    looked = type_in(capsys.readouterr, "hosts", "group", root, "--dry-run")
    assert looked.out == "127.0.0.1:8102: would share an address with 127.0.0.1:8101\n"
    assert "127.0.0.1:8102: in the lane of 127.0.0.1:8101" in type_in(capsys.readouterr, "hosts", "group", root).out
    lanes = {
        each["host"]: each["hosts"] for each in json.loads(type_in(capsys.readouterr, "hosts", "list", root, "--json").out)["hosts"]
    }
    assert lanes == {"127.0.0.1:8101": ["127.0.0.1:8101", "127.0.0.1:8102"], "127.0.0.9:8103": ["127.0.0.9:8103"]}
    assert "no two hosts" in type_in(capsys.readouterr, "hosts", "group", root).out


def test_what_is_spent_of_a_budget_is_listed(sample: Sample, capsys: Capsys) -> None:
    async def spend() -> None:
        async with await Store.open(sample.collection.db) as store:
            now_ms = SystemClock().now().utc_ms
            old, new = Spent(now_ms - 100_000_000, 40), Spent(now_ms - 1_000, 7)
            await store.apply(Batch(lanes=(LaneRecord(GOOD, spent={"requests_per_day": (old, new)}),)), NOW_MS)

    asyncio.run(spend())
    assert type_in(capsys.readouterr, "hosts", "limit", sample.root, GOOD, "--requests-per-day", "2000", "--note", "x").status == 0
    assert listed(sample, capsys)["spent"] == {"requests_per_day": 7}
    assert (
        f"{GOOD}: 7 of 2,000 requests a day are spent or reserved" in type_in(capsys.readouterr, "hosts", "list", sample.root).out
    )

from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from asyncdl.lane_records import LaneRecord
from asyncdl.model import Batch, NewRecord, Transition
from asyncdl.status import ImageStatus
from asyncdl.store import Discrepancies, RetryFilter, Store
from asyncdl.upkeep import retry
from asyncdl.upkeep.retry import RetryReport, carry_out, preview, reopen
from asyncdl.upkeep.retry_filter import retry_command_body
from tests.report.samples import NOW_MS, Sample, add_many, fail_manifest, new_image

LATER_MS = NOW_MS + 1000
ANYTHING = RetryFilter(statuses=frozenset({ImageStatus.FAILED, ImageStatus.EXHAUSTED, ImageStatus.RETRY}))


async def states_after(sample: Sample, wanted: RetryFilter, limit: int | None = None) -> tuple[RetryReport, dict[str, ImageStatus]]:
    async with await Store.open(sample.collection.db) as store:
        expected = await preview(store, wanted)
        report = await reopen(store, wanted, LATER_MS, limit)
        if limit is None:
            assert (report.images, report.manifests, report.by_error) == (expected.images, expected.manifests, expected.by_error)
        names = ("saved", "raw", "not_found", "retrying", "waiting", "exhausted", "untouched", "no_url")
        found = await store.image_states([getattr(sample, name) for name in names])
        assert await store.discrepancies() == Discrepancies()
        return report, {name: found[getattr(sample, name)].status for name in names}


async def reopened(sample: Sample, wanted: RetryFilter) -> set[str]:
    async with await Store.open(sample.collection.db, read_only=True) as store:
        before = {row: state.status for row, state in (await store.image_states(range(1, 9))).items()}
    report, after = await states_after(sample, wanted)
    names = {name for name, status in after.items() if status is not before[getattr(sample, name)]}
    assert all(after[name] is ImageStatus.PENDING for name in names)
    assert report.images == len(names)
    return names


async def test_without_a_filter_what_ended_is_reopened_as_new(sample: Sample) -> None:
    assert await reopened(sample, RetryFilter()) == {"not_found", "exhausted"}
    async with await Store.open(sample.collection.db) as store:
        (row,) = await store.find_records(1000002)
        story = await store.record_story(row.id)
        assert story is not None
        image = story.images[0]
    assert (image.state.due_ms, image.state.attempts, image.state.error, image.state.candidate) == (0, 0, None, 0)
    assert [candidate.spent for candidate in image.candidates] == [None, None]
    assert len(image.failures) == 2  # the evidence stays


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        (RetryFilter(error_types=frozenset({"http_404"})), {"not_found"}),
        (RetryFilter(error_types=frozenset({"http_404", "server_error"})), {"not_found", "exhausted"}),
        (RetryFilter(error_types=frozenset({"timeout"})), set()),
        (RetryFilter(statuses=frozenset({ImageStatus.EXHAUSTED})), {"exhausted"}),
        (RetryFilter(statuses=frozenset({ImageStatus.RETRY})), {"retrying"}),
        (ANYTHING, {"not_found", "exhausted", "retrying"}),
        (RetryFilter(hosts=frozenset({"good.example.org"})), {"not_found"}),
        (RetryFilter(hosts=frozenset({"nowhere.example.org"})), set()),
        (RetryFilter(since_ms=NOW_MS + 5000), {"exhausted"}),
        (RetryFilter(since_ms=NOW_MS + 10_000), set()),
        (RetryFilter(hosts=frozenset({"good.example.org"}), error_types=frozenset({"server_error"})), set()),
    ],
)
async def test_exactly_the_rows_of_the_filter_are_reopened(sample: Sample, wanted: RetryFilter, expected: set[str]) -> None:
    assert await reopened(sample, wanted) == expected


async def test_an_image_without_any_link_stays_and_is_told(sample: Sample) -> None:
    report, after = await states_after(sample, RetryFilter(error_types=frozenset({"no_url"})))
    assert (report.images, report.without_link, report.by_error) == (0, 1, {})
    assert after["no_url"] is ImageStatus.FAILED


async def test_a_failed_manifest_is_reopened_with_the_image_that_waited_for_it(sample: Sample) -> None:
    await fail_manifest(sample)
    report, after = await states_after(sample, RetryFilter(error_types=frozenset({"manifest_error"})))
    assert (report.images, report.manifests) == (1, 1)
    assert after["waiting"] is ImageStatus.PENDING
    async with await Store.open(sample.collection.db) as store:
        (row,) = await store.find_records(1000003)
        story = await store.record_story(row.id)
        assert story is not None
        assert (story.manifests[0].status, story.manifests[0].due_ms) == (ImageStatus.PENDING, 0)
        assert story.images[0].state.due_ms is None


async def test_doing_it_twice_changes_nothing(sample: Sample) -> None:
    await states_after(sample, RetryFilter())
    report, _ = await states_after(sample, RetryFilter())
    assert (report.images, report.manifests) == (0, 0)


async def test_many_pages_are_all_reopened(sample: Sample, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retry, "PAGE_ROWS", 7)
    await add_many(sample, 50)
    report, _ = await states_after(sample, RetryFilter(error_types=frozenset({"http_410"})))
    assert (report.images, report.by_error, report.complete) == (50, {"http_410": 50}, True)


async def test_a_limit_stops_and_says_so(sample: Sample, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retry, "PAGE_ROWS", 7)
    await add_many(sample, 50)
    wanted = RetryFilter(error_types=frozenset({"http_410"}))
    report, _ = await states_after(sample, wanted, limit=20)
    assert (report.images, report.complete) == (20, False)
    report, _ = await states_after(sample, wanted, limit=30)
    assert report.images == 30


async def test_a_lane_that_was_given_up_is_asked_again(sample: Sample) -> None:
    async with await Store.open(sample.collection.db) as store:
        await store.apply(
            Batch(
                (Transition(sample.retrying, ImageStatus.EXHAUSTED, None, 2, "lane_given_up"),),
                lanes=(LaneRecord("slow.example.org", incidents=9, down_since_ms=5, given_up_ms=7, note="kept"),),
            ),
            NOW_MS,
        )
        await reopen(store, RetryFilter(error_types=frozenset({"lane_given_up"})), LATER_MS)
        lane = (await store.load_lanes(["slow.example.org"]))["slow.example.org"]
    assert (lane.given_up_ms, lane.down_since_ms, lane.incidents, lane.note) == (0, 0, 9, "kept")


async def test_a_run_carries_out_what_it_finds_in_its_inbox(sample: Sample) -> None:
    async with await Store.open(sample.collection.db) as store:
        done = await carry_out(store, retry_command_body(RetryFilter()), LATER_MS)
        refused = await carry_out(store, {"command": "retry", "statuses": ["success"]}, LATER_MS)
    assert (done["images"], done["by_error_type"]) == (2, {"http_404": 1, "server_error": 1})
    assert "cannot be re-opened" in refused["error"]


STATES = st.sampled_from([
    (ImageStatus.FAILED, "http_404"), (ImageStatus.FAILED, "http_410"), (ImageStatus.EXHAUSTED, "timeout"), (ImageStatus.RETRY, "timeout"),
])  # fmt: skip
WANTED = st.builds(
    RetryFilter,
    error_types=st.frozensets(st.sampled_from(["http_404", "http_410", "timeout"])),
    hosts=st.frozensets(st.sampled_from(["h0.example.org", "h1.example.org"])),
    statuses=st.frozensets(st.sampled_from([ImageStatus.FAILED, ImageStatus.EXHAUSTED, ImageStatus.RETRY]), min_size=1),
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(images=st.lists(STATES, min_size=1, max_size=12), wanted=WANTED)
async def test_counters_equal_a_recount_and_exactly_the_matching_rows_move(
    tmp_path_factory: pytest.TempPathFactory, images: Sequence[tuple[ImageStatus, str]], wanted: RetryFilter
) -> None:
    path: Path = tmp_path_factory.mktemp("retry") / "collection.sqlite"
    async with await Store.create(path, {}) as store:
        urls = [f"https://h{number % 3}.example.org/{number}.jpg" for number in range(len(images))]
        await store.load([NewRecord(number + 1, (new_image(url),)) for number, url in enumerate(urls)])
        moves = [
            Transition(number + 1, to, LATER_MS if to is ImageStatus.RETRY else None, 1, error)
            for number, (to, error) in enumerate(images)
        ]
        await store.apply(Batch(tuple(moves)), NOW_MS)
        expected = {
            number + 1
            for number, (to, error) in enumerate(images)
            if to in wanted.statuses
            and (not wanted.error_types or error in wanted.error_types)
            and (not wanted.hosts or f"h{number % 3}.example.org" in wanted.hosts)
        }
        report = await reopen(store, wanted, LATER_MS)
        states = await store.image_states(range(1, len(images) + 1))
        assert {row for row, state in states.items() if state.status is ImageStatus.PENDING} == expected
        assert report.images == len(expected)
        assert await store.discrepancies() == Discrepancies()

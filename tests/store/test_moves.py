import pytest

from asyncdl.errors import AsyncdlError, IllegalMove
from asyncdl.lane_records import LaneRecord
from asyncdl.model import Evidence, Failure, FileRole, Transition, WorkKind
from asyncdl.status import LEGAL_MOVES, ImageStatus, RecordStatus
from asyncdl.store import Store
from tests.store.makers import NOW, all_due, apply, failed, failure, file, image, query, record, reopened, saved

A, B = "https://a.org/1.jpg", "https://b.org/1.jpg"
P, R, S, E, F = ImageStatus


async def test_a_saved_image_has_its_file_and_counts(store: Store) -> None:
    await store.load([record(7, image(1, A), image(2, B))])
    applied = await apply(store, saved(1, 150))
    assert (applied.images_moved, applied.due) == (1, ())
    assert (await store.counts()).by_status == {"pending": 1, "retry": 0, "success": 1, "exhausted": 0, "failed": 0}
    assert await store.saved_bytes() == 150
    (stored,) = await store.files_page(0, 10)
    assert (stored.image, stored.external_id, stored.number, stored.role, stored.size_bytes) == (1, 7, 0, FileRole.ORIGINAL, 150)
    (found,) = await store.find_records(7)
    assert (found.status, found.successes, found.open_images, found.completed_ms) == (RecordStatus.PARTIAL, 1, 1, None)


async def test_a_record_is_done_when_its_last_image_is(store: Store) -> None:
    await store.load([record(7, image(1, A), image(2, B))])
    await apply(store, saved(1), saved(2))
    (found,) = await store.find_records(7)
    assert (found.status, found.completed_ms) == (RecordStatus.DONE, NOW)
    await apply(store, Transition(1, P, 0, 0))
    (found,) = await store.find_records(7)
    assert (found.status, found.completed_ms) == (RecordStatus.PARTIAL, None)


async def test_a_retry_is_due_at_its_time_and_names_the_host_to_nudge(store: Store) -> None:
    await store.load([record(7, image(1, A, B)), record(8, image(1, A))])
    applied = await apply(
        store,
        Transition(1, R, 5000, 1, error="timeout", candidate=1, host="b.org", spent=((0, "http_404"),)),
        Transition(2, R, 9000, 1, error="timeout"),
    )
    assert applied.due == (("a.org", 9000), ("b.org", 5000))
    first, second = sorted(await all_due(store), key=lambda work: work.id)
    assert (first.host, first.candidate, first.attempts, first.status) == ("b.org", 1, 1, R)
    assert [found.spent for found in first.candidates] == ["http_404", None]
    assert second.host == "a.org"
    assert await all_due(store, before_ms=4999) == []


async def test_reopening_begins_again_with_the_first_candidate(store: Store) -> None:
    await store.load([record(7, image(1, A, B))])
    await apply(
        store, Transition(1, F, None, 2, error="http_404", candidate=1, host="b.org", spent=((0, "http_404"), (1, "http_404")))
    )
    applied = await apply(store, reopened(1))
    assert applied.due == (("a.org", 0),)
    (work,) = await all_due(store)
    assert (work.host, work.candidate, work.attempts, work.status) == ("a.org", 0, 0, P)
    assert [found.spent for found in work.candidates] == [None, None]
    assert (await store.counts_by_error())[0].error is None


async def test_reopening_an_image_without_any_link_leaves_it(store: Store) -> None:
    await store.load([record(7, image(1))])
    assert (await apply(store, reopened(1))).images_moved == 0
    assert (await store.counts()).by_status["failed"] == 1


async def test_a_missing_file_takes_its_row_and_bytes_along(store: Store) -> None:
    await store.load([record(7, image(1, A))])
    await apply(store, saved(1, 150))
    await apply(store, Transition(1, P, 0, 0))
    assert (await store.files_page(0, 10), await store.saved_bytes()) == ([], 0)


async def test_a_second_file_of_another_role_is_added_and_one_of_the_same_replaces(store: Store) -> None:
    await store.load([record(7, image(1, A))])
    await apply(store, saved(1, 150))
    await apply(store, Transition(1, S, None, 1, file=file("1.dng.jpg", 40, FileRole.DEVELOPED)))
    assert await store.saved_bytes() == 190
    await apply(store, Transition(1, S, None, 1, file=file("1.jpg", 160)))
    assert await store.saved_bytes() == 200
    assert {stored.role for stored in await store.files_of([1])} == {FileRole.ORIGINAL, FileRole.DEVELOPED}
    await apply(store, Transition(1, S, None, 1, error="raw_unprocessed"))
    assert await store.saved_bytes() == 200


async def test_an_image_may_move_twice_in_a_batch(store: Store) -> None:
    await store.load([record(7, image(1, A))])
    await apply(store, Transition(1, R, 10, 1, error="timeout"), saved(1, 150))
    assert (await store.counts()).by_status["success"] == 1


@pytest.mark.parametrize("before", list(ImageStatus))
@pytest.mark.parametrize("after", list(ImageStatus))
async def test_only_the_moves_of_the_table_are_made(store: Store, before: ImageStatus, after: ImageStatus) -> None:
    await store.load([record(7, image(1, A))])
    if before is not P:
        await apply(store, move_to(before))
    if (before, after) in LEGAL_MOVES:
        await apply(store, move_to(after))
        assert (await store.image_states([1]))[1].status is after
        return
    with pytest.raises(IllegalMove):
        await apply(store, move_to(after))
    assert (await store.image_states([1]))[1].status is before


def move_to(status: ImageStatus) -> Transition:
    return Transition(1, status, None if status.terminal else 10, 1, file=file() if status is S else None)


@pytest.mark.parametrize(
    "wrong",
    [
        failed(99),
        Transition(2, S, None, 1),
        Transition(2, F, 10, 1),
        Transition(2, R, None, 1),
        Transition(2, P, None, 0),
        Transition(2, R, -1, 0),
        Transition(2, F, None, 1, file=file()),
    ],
    ids=[
        "no such image",
        "saved without a file",
        "ended but due",
        "retry never",
        "pending never",
        "before time",
        "failed with a file",
    ],
)
async def test_a_wrong_transition_undoes_the_whole_batch(store: Store, wrong: Transition) -> None:
    await store.load([record(7, image(1, A), image(2, B))])
    with pytest.raises(AsyncdlError):
        await apply(store, saved(1), wrong, failures=(failure(1),), lanes=(LaneRecord("a.org"),))
    assert (await store.counts()).by_status["pending"] == 2
    assert await query(
        store, "SELECT (SELECT count(*) FROM files) + (SELECT count(*) FROM failures) + (SELECT count(*) FROM lanes)"
    ) == [(0,)]


async def test_failures_are_stored_with_their_page_once(store: Store) -> None:
    await store.load([record(7, image(1, A)), record(8, image(1, A))])
    evidence = Evidence("Not Found\0", 404, "text/html", "no such \ud800 picture", "https://b.org/gone")
    both = tuple(Failure(WorkKind.IMAGE, place, NOW, "http_404", A, "a.org", 1, evidence) for place in (1, 2))
    await apply(store, failed(1), failed(2), failures=both)
    assert await query(store, "SELECT n, text FROM texts") == [(2, "no such ? picture")]
    story = await store.record_story(7)
    assert story is not None
    (found,) = story.images[0].failures
    assert (found.error, found.http_status, found.page_text, found.page_count) == ("http_404", 404, "no such ? picture", 2)
    assert (found.detail, found.final_url, found.media_type) == ("Not Found\ufffd", "https://b.org/gone", "text/html")


async def test_what_comes_from_outside_is_cut_to_a_bound(store: Store) -> None:
    await store.load([record(7, image(1, A))])
    huge = Evidence("d" * 10**6, None, "m" * 10**6, "p" * 10**6, "u" * 10**6)
    await apply(store, failures=(Failure(WorkKind.IMAGE, 1, NOW, "timeout", "u" * 10**6, "a.org", 1, huge),))
    ((size,),) = await query(store, "SELECT length(detail) + length(url) + length(final_url) + length(media_type) FROM failures")
    assert size == 2 * 2000 + 2 * 8192


async def test_an_unknown_error_type_is_kept_as_other(store: Store) -> None:
    await store.load([record(7, image(1, A))])
    await apply(store, failed(1, "something_new"))
    assert [row.error for row in await store.counts_by_error()] == ["other"]


async def test_lanes_are_remembered_and_replaced(store: Store) -> None:
    lane = LaneRecord("a.org", 5, "429", 2, 3, 4, 0, held=True, note="asked by mail", banned_since_ms=7, ban_probes=2)
    await apply(store, lanes=(lane, LaneRecord("b.org")))
    assert await store.load_lanes(["a.org", "nowhere.org"]) == {"a.org": lane}
    await apply(store, lanes=(LaneRecord("a.org", 9),))
    assert [(found.lane, found.pause_until_ms, found.held) for found in await store.lanes_page("", 10)] == [
        ("a.org", 9, False),
        ("b.org", 0, False),
    ]
    assert [found.lane for found in await store.lanes_page("a.org", 10)] == ["b.org"]


async def test_an_empty_batch_changes_nothing(store: Store) -> None:
    assert (await apply(store)).images_moved == 0

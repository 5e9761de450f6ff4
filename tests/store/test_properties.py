"""Any sequence of legal moves keeps counters, roll-ups and the queue in step with the rows."""

import asyncio
import tempfile
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from asyncdl.errors import IllegalMove
from asyncdl.model import ManifestTransition, NewRecord, Transition
from asyncdl.status import ImageStatus
from asyncdl.store import Store
from tests.store.makers import apply, canvas, consistent, file, image, manifest, new_store, query, record

P, R, S, E, F = ImageStatus
HOSTS = ["a.org", "b.org"]
M = "https://m.org/{}/manifest.json"

urls = st.builds("https://{}/{}.jpg".format, st.sampled_from(HOSTS), st.integers(1, 4))
images = st.lists(
    st.tuples(st.integers(1, 5), st.lists(st.one_of(urls, st.just("M"), st.just("no url")), max_size=3, unique=True)),
    max_size=3,
    unique_by=lambda pair: pair[0],
)
loads = st.lists(st.tuples(st.sampled_from([1, 2, "x"]), images), min_size=1, max_size=3)
moves = st.tuples(
    st.integers(1, 6),
    st.sampled_from(list(ImageStatus)),
    st.integers(0, 9),
    st.booleans(),
    st.sampled_from([*HOSTS, None]),
    st.integers(0, 2),
)
manifest_moves = st.tuples(
    st.integers(1, 3), st.sampled_from(list(ImageStatus)), st.lists(st.tuples(st.integers(1, 8), urls), max_size=3)
)
steps = st.lists(
    st.one_of(
        st.tuples(st.just("load"), loads),
        st.tuples(st.just("move"), st.lists(moves, max_size=4)),
        st.tuples(st.just("manifest"), manifest_moves),
    ),
    max_size=12,
)


def a_load(given_records: list[tuple[int | str, list[tuple[int, list[str]]]]]) -> list[NewRecord]:
    rows = []
    for external_id, given_images in given_records:
        m = M.format(external_id)
        made = tuple(image(key, *(m if url == "M" else url for url in found)) for key, found in given_images)
        rows.append(record(external_id, *made, manifests=(manifest(m, 1),)))
    return rows


def a_move(found: tuple[int, ImageStatus, int, bool, str | None, int]) -> Transition:
    image_id, to, due, reset, host, position = found
    return Transition(
        image_id,
        to,
        None if to.terminal else due,
        1,
        error=None if to in (S, P) else "timeout",
        candidate=None if to.terminal else position,
        host=host,
        file=file(size_bytes=due) if to is S else None,
        spent=((position, "http_404"),) if to is R else (),
        reset_spent=reset and to is P,
    )


async def one_step(store: Store, step: tuple[str, Any]) -> None:
    match step:
        case ("load", list(found)):
            await store.load(a_load(found))
        case ("move", list(found)):
            await apply(store, *(a_move(move) for move in found))
        case ("manifest", (manifest_id, to, canvases)):
            terminal = to.terminal
            shown = tuple(canvas(key, url) for key, url in canvases) if to is S else ()
            await apply(store, manifests=(ManifestTransition(manifest_id, to, None if terminal else 5, 1, canvases=shown),))


async def play(sequence: list[tuple[str, Any]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        async with await new_store(Path(folder)) as store:
            for step in sequence:
                before = await query(store, "SELECT record, next_number FROM (SELECT id AS record, next_number FROM records)")
                try:
                    await one_step(store, step)
                except IllegalMove:
                    assert await query(store, "SELECT id, next_number FROM records") == before
                await consistent(store)
                after = dict(await query(store, "SELECT id, next_number FROM records"))
                assert all(after[row] >= number for row, number in before)
            counted = await query(store, "SELECT status, count(*) FROM images GROUP BY status")
            by_status = (await store.counts()).by_status
            assert {ImageStatus(status).label: n for status, n in counted} == {label: n for label, n in by_status.items() if n}


@settings(max_examples=150, deadline=None)
@given(steps)
def test_counters_roll_ups_and_queue_follow_the_rows(sequence: list[tuple[str, Any]]) -> None:
    asyncio.run(play(sequence))


@settings(max_examples=40, deadline=None)
@given(loads)
def test_loading_again_adds_nothing(given_records: list[tuple[int | str, list[tuple[int, list[str]]]]]) -> None:
    async def twice() -> None:
        with tempfile.TemporaryDirectory() as folder:
            async with await new_store(Path(folder)) as store:
                rows = a_load(given_records)
                await store.load(rows)
                before = await query(store, "SELECT * FROM images JOIN candidates ON image = id ORDER BY id, position")
                again = await store.load(rows)
                assert (again.records_new, again.images_new, again.candidates_new, again.manifests_new, again.images_reopened) == (
                    0,
                    0,
                    0,
                    0,
                    0,
                )
                assert await query(store, "SELECT * FROM images JOIN candidates ON image = id ORDER BY id, position") == before

    asyncio.run(twice())

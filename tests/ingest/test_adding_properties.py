"""Any sequence of small source states: the collection names what the living sources name today, and nothing that is there is lost or shifted."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from asyncdl.collection import Collection
from asyncdl.ingest import IngestOptions, IngestProgress, Replaces, SourceFormat, SourceSpec, Stage, workers
from asyncdl.ingest.accounts import Tally
from asyncdl.ingest.addaccounts import AddedSource
from asyncdl.ingest.addition import Addition, Order
from asyncdl.ingest.fold import fold
from asyncdl.ingest.loading import Loading
from asyncdl.ingest.rejects import RejectsFile
from asyncdl.ingest.rows import MediaRow
from asyncdl.ingest.succession import living_sources
from asyncdl.model import Batch, ManifestTransition, NewRecord, Transition
from asyncdl.sourcerows import SourceRows
from asyncdl.status import ImageStatus
from asyncdl.store import Store
from tests.ingest.parts import PLAIN, Row, Said, write_parts
from tests.store.makers import NOW, canvas, consistent, file, query

P, R, S, E, F = ImageStatus
SHEET = "https://iiif.example.org/iiif/2/sheet1"
LINKS = (
    f"{PLAIN}org/1.jpg",
    f"{PLAIN}org/2.jpg",
    f"{SHEET}/full/300,/0/default.jpg",
    f"{SHEET}/full/max/0/default.jpg",
    "http://654355.jpg",
)
MANIFESTS = (f"{SHEET}/manifest", "https://iiif.example.org/book/manifest")
OPTIONS = IngestOptions(rows_per_range=3, fold_processes=1)


def states(links: Sequence[str]) -> st.SearchStrategy[Said]:
    rows = st.one_of(
        st.sampled_from(links),
        st.tuples(st.lists(st.sampled_from(links), min_size=2, max_size=3, unique=True).map(tuple)),
    )
    return st.dictionaries(st.integers(1, 4), st.lists(rows, min_size=1, max_size=4), min_size=1, max_size=4).filter(usable)


def usable(said: Said) -> bool:
    return any(folded(record, rows) is not None for record, rows in said.items())


def folded(record: int, rows: Sequence[Row]) -> NewRecord | None:
    return fold(record, [MediaRow(0, line, ((row,),) if isinstance(row, str) else row) for line, row in enumerate(rows)]).record


def named_by(living: Mapping[int, Said]) -> dict[tuple[int, int], set[str]]:
    """What an ingest of these sources alone makes: images by record and key, with their links."""
    found: dict[tuple[int, int], set[str]] = {}
    for said in living.values():
        for record, rows in said.items():
            if made := folded(record, rows):
                for image in made.images:
                    found.setdefault((record, image.key_hash), set()).update(one.url for one in image.candidates)
    return found


@dataclass
class Game:
    """A collection in the course of a sequence of additions; `living` are the sources that count, by number."""

    store: Store
    collection: Collection
    stop_after: int = 0
    living: dict[int, Said] = field(default_factory=dict)
    saved: dict[int, tuple[Any, ...]] = field(default_factory=dict)
    numbers: dict[int, tuple[int, int]] = field(default_factory=dict)
    done: list[AddedSource] = field(default_factory=list)

    async def begin(self, said: Said) -> None:
        """The first source, as `init` loads it."""
        state = await self.store.add_source("first", "tsv", "0")
        folder = write_parts(self.collection.source_folder(state.id), said)
        with RejectsFile(self.collection.rejects / "first.tsv", 100) as rejects:
            loading = Loading(self.store, state.id, SourceRows(folder), rejects, OPTIONS, Tally())
            await loading.run(None, lambda: None, SourceRows(folder).ranges(OPTIONS.rows_per_range))
        await self.store.finish_source(state.id, 1, 0)
        self.living[state.id] = said

    async def add(self, said: Said, replaced: int) -> None:
        """Add a state; it takes the place of the source `replaced`, or of none (0). May be stopped in the middle and taken up again."""
        name = f"state {len(self.done)}"
        state = await self.store.add_source(name, "tsv", "1")
        await self.store.decide_replaced(state.id, replaced)
        write_parts(self.collection.source_folder(state.id), said)
        left = self.stop_after

        def watch(step: IngestProgress) -> None:
            nonlocal left
            if step.stage is Stage.COMPARE and step.done:
                left -= 1
                if left == 0:
                    raise Stopped

        order = Order(self.store, self.collection, Replaces(), OPTIONS, watch, NOW + len(self.done), keep=True)
        spec = SourceSpec("", SourceFormat.TSV, name, "1")
        for _ in range(2):
            states_now = {one.id: one for one in await self.store.sources()}
            living = living_sources(self.collection, list(states_now.values()), all_needed=True)
            try:
                added = await Addition(order, spec, living).go_on(states_now[state.id])
            except Stopped:
                continue
            break
        self.living = {number: one for number, one in self.living.items() if number != replaced} | {state.id: said}
        self.done.append(added)
        balanced(added, said)

    async def work(self, moves: Sequence[tuple[int, str]]) -> None:
        """A run in between: some open images get their file, some fail, some manifests are read."""
        open_images = [
            image for (image,) in await query(self.store, "SELECT id FROM images WHERE status IN (0, 1) AND due IS NOT NULL")
        ]
        manifests = [one for (one,) in await query(self.store, "SELECT id FROM manifests WHERE status IN (0, 1)")]
        for place, what in moves:
            if what == "read" and manifests:
                pages = tuple(canvas(900 + page, f"https://iiif.example.org/page{page}.jpg") for page in range(1 + place % 2))
                one = manifests.pop(place % len(manifests))
                await self.store.apply(Batch(manifests=(ManifestTransition(one, S, None, 1, canvases=pages),)), NOW)
                open_images = [image for image in open_images if await self._is_open(image)]
            elif what != "read" and open_images:
                image = open_images.pop(place % len(open_images))
                await self.store.apply(Batch((_move(image, what),)), NOW)
        rows = await query(
            self.store, "SELECT i.id, f.path, f.size_bytes FROM images AS i JOIN files AS f ON f.image = i.id WHERE i.status = 2"
        )
        self.saved = {image: tuple(rest) for image, *rest in rows}

    async def _is_open(self, image: int) -> bool:
        return bool(await query(self.store, "SELECT 1 FROM images WHERE id = ? AND status IN (0, 1) AND due IS NOT NULL", image))

    async def check(self) -> None:
        """What always holds."""
        await consistent(self.store)
        rows = await query(
            self.store, "SELECT i.id, f.path, f.size_bytes FROM images AS i JOIN files AS f ON f.image = i.id WHERE i.status = 2"
        )
        files = {image: tuple(rest) for image, *rest in rows}
        assert {image: files.get(image) for image in self.saved} == self.saved, "what is done stays done"
        numbers = {
            image: (record, number) for image, record, number in await query(self.store, "SELECT id, record, number FROM images")
        }
        assert {image: numbers[image] for image in self.numbers if image in numbers} == {
            image: place for image, place in self.numbers.items() if image in numbers
        }, "numbers never shift"
        assert len(set(numbers.values())) == len(numbers)
        self.numbers |= numbers
        asked = "SELECT 1 FROM gone AS g JOIN images AS i ON i.id = g.image WHERE i.status IN (0, 1)"
        assert await query(self.store, asked) == [], "what is gone is not asked"

    async def named(self) -> dict[tuple[int, int], set[str]]:
        """The images that are not gone, with their links."""
        await self.store._db.write(_look_up)
        rows = await query(
            self.store,
            "SELECT i.record, i.key_hash, c.url FROM images AS i JOIN candidates AS c ON c.image = i.id WHERE i.id NOT IN (SELECT image FROM gone)",
        )
        found: dict[tuple[int, int], set[str]] = {}
        for record, key, url in rows:
            found.setdefault((record, key), set()).add(url)
        return found


class Stopped(Exception):
    """The process that added is gone."""


def _look_up(raw: Any) -> None:
    from asyncdl.store.unkeyed import look_up_keys  # noqa: PLC0415

    look_up_keys(raw, [record for (record,) in raw.execute("SELECT id FROM records")])


def _move(image: int, what: str) -> Transition:
    if what == "save":
        return Transition(image, S, None, 1, file=file(f"{image}.jpg", 10 + image))
    return Transition(image, F, None, 1, error="http_404") if what == "fail" else Transition(image, E, None, 4, error="timeout")


def balanced(added: AddedSource, said: Said) -> None:
    """Every row, link and record of the source is accounted for."""
    counts, done = added.counts, added.added
    assert counts.balanced, counts
    there = done.records_new + done.records_changed - done.records_changed_elsewhere + done.records_known + added.records_unusable
    assert there == len(said)


SEQUENCES = st.lists(
    st.tuples(
        states(LINKS),
        st.integers(0, 3),
        st.lists(st.tuples(st.integers(0, 9), st.sampled_from(["save", "fail", "exhaust"])), max_size=4),
    ),
    min_size=1,
    max_size=4,
)
WITH_MANIFESTS = st.lists(
    st.tuples(
        states((*LINKS, *MANIFESTS)),
        st.integers(0, 3),
        st.lists(st.tuples(st.integers(0, 9), st.sampled_from(["save", "fail", "exhaust", "read"])), max_size=4),
    ),
    min_size=1,
    max_size=4,
)
Sequences = list[tuple[Said, int, list[tuple[int, str]]]]


@pytest.fixture(autouse=True)
def in_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """The rules are applied here, not in a process that would have to be started for every example."""
    monkeypatch.setattr(workers, "_FEW", 1_000)


async def play(
    first: Said, sequence: Sequences, folder: Path, *, bulk: bool, exact: bool, stop_after: int = 0
) -> dict[str, list[Any]]:
    """Play a sequence and check after every step; returns every row of the database at the end."""
    collection = Collection.create(folder)
    store = await (Store.build if bulk else Store.create)(collection.db, {})
    game = Game(store, collection, stop_after)
    try:
        await game.begin(first)
        for name in await store.missing_indexes():
            await store.build_index(name, collection.scratch)
        for said, choice, moves in sequence:
            await game.work(moves)
            await game.check()
            numbers = sorted(game.living)
            await game.add(said, numbers[choice % len(numbers)] if choice < 3 else 0)
            await game.check()
            if exact:
                named, expected = await game.named(), named_by(game.living)
                assert set(named) == set(expected)
                assert all(links <= named[image] for image, links in expected.items())
        return await _content(store)
    finally:
        await store.close()


async def _content(store: Store) -> dict[str, list[Any]]:
    names = [name for (name,) in await query(store, "SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name")]
    return {name: sorted(await query(store, f"SELECT * FROM {name}"), key=repr) for name in names}


def play_once(first: Said, sequence: Sequences, *, bulk: bool = False, exact: bool = False) -> None:
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(play(first, sequence, Path(folder) / "c", bulk=bulk, exact=exact))


def play_twice(first: Said, sequence: Sequences, stop_after: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        whole = asyncio.run(play(first, sequence, Path(folder) / "a", bulk=False, exact=False))
        stopped = asyncio.run(play(first, sequence, Path(folder) / "b", bulk=False, exact=False, stop_after=stop_after))
    assert stopped == whole


FEW = settings(max_examples=12, deadline=None)
MANY = settings(max_examples=60, deadline=None)


@FEW
@given(states(LINKS), SEQUENCES, st.booleans())
def test_what_is_not_gone_is_what_the_living_sources_make_today(first: Said, sequence: Sequences, bulk: bool) -> None:
    play_once(first, sequence, bulk=bulk, exact=True)


@FEW
@given(states((*LINKS, *MANIFESTS)), WITH_MANIFESTS)
def test_with_manifests_read_in_between_nothing_is_lost_and_nothing_gone_is_asked(first: Said, sequence: Sequences) -> None:
    play_once(first, sequence)


@settings(max_examples=6, deadline=None)
@given(states((*LINKS, *MANIFESTS)), WITH_MANIFESTS, st.integers(1, 2))
def test_stopped_after_any_range_and_taken_up_again_it_ends_in_the_same_rows(
    first: Said, sequence: Sequences, stop_after: int
) -> None:
    play_twice(first, sequence, stop_after)


@pytest.mark.slow
@MANY
@given(states(LINKS), SEQUENCES, st.booleans())
def test_many_sequences_name_what_the_living_sources_make(first: Said, sequence: Sequences, bulk: bool) -> None:
    play_once(first, sequence, bulk=bulk, exact=True)


@pytest.mark.slow
@MANY
@given(states((*LINKS, *MANIFESTS)), WITH_MANIFESTS, st.integers(1, 3))
def test_many_sequences_with_manifests_end_in_the_same_rows(first: Said, sequence: Sequences, stop_after: int) -> None:
    play_twice(first, sequence, stop_after)

"""Files of an earlier database adopted on proof, page by page; numbers and pauses carried over."""

from __future__ import annotations

import asyncio
import hashlib
import os
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from asyncdl.clock import SystemClock
from asyncdl.collection import record_path
from asyncdl.demo.pictures import picture
from asyncdl.lane_records import LaneRecord, Spent
from asyncdl.limits import LaneLimits, LaneOrder
from asyncdl.model import Batch, FileRole, JudgedRecord, ManifestTransition, NewFile, NewRecord, Transition
from asyncdl.status import ImageStatus
from asyncdl.store import Store
from asyncdl.upkeep import readopting
from asyncdl.upkeep.readopting import Readoption, ReadoptionProgress
from asyncdl.upkeep.readoption_account import ReadoptionAccount, Refusal
from asyncdl.urls import host_of, key_hash, resolve
from tests.store.makers import NOW, canvas, consistent, image, manifest, query, record

P, R, S, E, F = ImageStatus
A, B, C, D = (f"https://{host}.org/1.jpg" for host in "abcd")
M = "https://iiif.org/1/manifest.json"


class Place:
    """A folder with an earlier database and a new one."""

    def __init__(self, root: Path, old: Store, new: Store) -> None:
        self.root = root
        self.old = old
        self.new = new

    async def save(
        self, number: int, body: bytes, *, of: int = 7, error: str | None = None, sha256: bytes | None = None, won: str = ""
    ) -> str:
        """Let an image of the earlier database have a file; returns its path."""
        (found,) = await query(self.old, "SELECT id FROM images WHERE record = ? AND number = ?", of, number)
        path = record_path(of, number, "jpg")
        (self.root / path).parent.mkdir(parents=True, exist_ok=True)
        (self.root / path).write_bytes(body)
        digest = hashlib.sha256(body).digest() if sha256 is None else sha256
        file = NewFile(FileRole.ORIGINAL, path, len(body), digest, "image/jpeg", 4, 3, created_ms=NOW - 5)
        links = await query(self.old, "SELECT position FROM candidates WHERE image = ? AND url = ?", found[0], won)
        position = links[0][0] if links else None
        move = Transition(found[0], S, None, 2, error, position, host_of(won) if links else None, file)
        await self.old.apply(Batch((move,)), NOW)
        return path

    async def adopt(
        self, watch: Callable[[ReadoptionProgress], None] = lambda _: None, *, same_rules: bool = True
    ) -> ReadoptionAccount:
        account = await ReadoptionAccount.go_on(self.new, self.root / "reset.tsv")
        await Readoption(self.root, self.old, self.new, account, SystemClock(), watch, same_rules=same_rules).run()
        await consistent(self.new)
        return account

    async def files(self) -> list[tuple[Any, ...]]:
        return await query(
            self.new, "SELECT i.number, f.path, f.sha256 <> x'', i.attempts, i.error, f.created_ms, c.url FROM files AS f JOIN images AS i ON i.id = f.image"
            " JOIN candidates AS c ON c.image = i.id AND c.position = i.candidate ORDER BY i.record, i.number"
        )  # fmt: skip


async def place(root: Path, old: Sequence[NewRecord], new: Sequence[NewRecord]) -> Place:
    stores = []
    for name, records in (("old", old), ("new", new)):
        store = await Store.create(root / f"{name}.sqlite", {})
        await store.load(records)
        stores.append(store)
    return Place(root, *stores)


def played(root: Path, old: Sequence[NewRecord], new: Sequence[NewRecord], work: Callable[[Place], Any]) -> None:
    async def play() -> None:
        there = await place(root, old, new)
        async with there.old, there.new:
            await work(there)

    asyncio.run(play())


def test_a_file_that_is_what_its_row_says_is_adopted_under_its_number(tmp_path: Path) -> None:
    async def work(there: Place) -> None:
        path = await there.save(1, b"photo", won=B, error="raw_unprocessed")
        seen: list[ReadoptionProgress] = []
        account = await there.adopt(seen.append)
        assert await there.files() == [(1, path, 1, 2, 200, NOW - 5, B)]
        assert await query(there.new, "SELECT number, key_hash FROM images ORDER BY number") == [(0, 1), (1, 2), (2, 3)]
        assert (account.adopted, account.adopted_bytes, account.refused, account.strays) == (1, 5, {}, 0)
        assert seen[-1] == ReadoptionProgress(1, 5, 5)

    played(tmp_path, [record(7, image(1, A), image(2, B))], [record(7, image(3, C), image(1, A), image(2, B))], work)


def spoil_size(path: Path) -> None:
    path.write_bytes(b"longer than it was")


def spoil_bytes(path: Path) -> None:
    path.write_bytes(b"phOto")


def make_link(path: Path) -> None:
    path.rename(path.with_name("elsewhere"))
    path.symlink_to(path.with_name("elsewhere"))


def make_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


@pytest.mark.parametrize(
    ("spoil", "why"),
    [
        (os.unlink, Refusal.MISSING),
        (spoil_size, Refusal.WRONG_SIZE),
        (spoil_bytes, Refusal.WRONG_DIGEST),
        (make_link, Refusal.NOT_A_FILE),
        (make_folder, Refusal.NOT_A_FILE),
    ],
)
def test_a_file_that_is_not_what_its_row_says_is_due_again_and_listed(
    tmp_path: Path, spoil: Callable[[Path], None], why: Refusal
) -> None:
    async def work(there: Place) -> None:
        path = await there.save(0, b"photo", won=A)
        spoil(tmp_path / path)
        account = await there.adopt()
        assert (account.adopted, account.refused) == (0, {why: 1})
        assert await query(there.new, "SELECT status, due FROM images") == [(P, 0)]
        assert (tmp_path / "reset.tsv").read_text().splitlines()[1].split("\t")[:2] == [path, str(why)]

    played(tmp_path, [record(7, image(1, A))], [record(7, image(1, A))], work)


def test_a_file_that_was_never_read_is_adopted_when_it_is_whole_with_its_mark(tmp_path: Path) -> None:
    async def work(there: Place) -> None:
        whole = picture(3, 40, 30, "whole")
        first = await there.save(0, whole, sha256=b"", error="legacy_unverified_index")
        await there.save(1, whole[:-40], sha256=b"", error="legacy_unverified_index")
        account = await there.adopt()
        assert await there.files() == [(0, first, 1, 2, 201, NOW - 5, A)]
        assert (account.digests_noted, account.refused) == (1, {Refusal.NOT_WHOLE: 1})
        assert await query(there.new, "SELECT sha256 FROM files") == [(hashlib.sha256(whole).digest(),)]

    played(tmp_path, [record(7, image(1, A), image(2, B))], [record(7, image(1, A), image(2, B))], work)


def test_files_without_an_image_are_counted_and_left(tmp_path: Path) -> None:
    async def work(there: Place) -> None:
        for number, url in enumerate((A, B)):
            await there.save(number, b"photo", won=url)
        await there.save(0, b"gone", of=8, won=C)
        account = await there.adopt()
        assert account.refused == {Refusal.NO_IMAGE: 1, Refusal.NO_RECORD: 1}
        assert account.strays == 2
        assert await query(there.new, "SELECT number FROM images WHERE record = 7 ORDER BY number") == [(0,), (2,)]
        assert all((tmp_path / record_path(of, number, "jpg")).exists() for of, number in ((7, 0), (7, 1), (8, 0)))

    old = [record(7, image(1, A), image(2, B)), record(8, image(3, C))]
    played(tmp_path, old, [record(7, image(1, A), image(9, D))], work)


def test_pictures_that_a_manifest_brought_are_adopted_before_it_is_read_again(tmp_path: Path) -> None:
    async def work(there: Place) -> None:
        shown = (canvas(21, A), canvas(22, B), canvas(23, C))
        await there.old.apply(Batch(manifests=(ManifestTransition(1, S, None, 1, canvases=shown),)), NOW)
        kept = [await there.save(number, f"photo {number}".encode(), won=url) for number, url in ((0, A), (2, C))]
        assert (await there.adopt()).adopted == 2
        assert [row[:2] for row in await there.files()] == [(0, kept[0]), (2, kept[1])]
        applied = await there.new.apply(Batch(manifests=(ManifestTransition(1, S, None, 1, canvases=shown),)), NOW)
        assert applied.images_created == 0, "the one that waits takes the picture that is missing"
        assert await query(there.new, "SELECT number, key_hash, status FROM images ORDER BY number") == [
            (0, 21, S),
            (2, 23, S),
            (3, 22, P),
        ]
        await consistent(there.new)

    records = [record(7, image(1, M), manifests=(manifest(M, 1),))]
    played(tmp_path, records, records, work)


def test_a_file_whose_image_was_gone_is_adopted_and_the_mark_is_not(tmp_path: Path) -> None:
    async def work(there: Place) -> None:
        path = await there.save(0, b"photo", won=A)
        await add_to(there.old, {7: [(2, [B])]}, {7: []})
        assert await query(there.old, "SELECT image FROM gone") == [(1,), (2,)]
        assert (await there.adopt()).adopted == 1
        assert [row[:2] for row in await there.files()] == [(0, path)]
        assert await query(there.new, "SELECT * FROM gone") == []

    played(tmp_path, [record(7, image(1, A), image(3, C))], [record(7, image(1, A), image(2, B))], work)


def test_pauses_and_limits_of_hosts_are_kept(tmp_path: Path) -> None:
    lane = LaneRecord(
        "a.org", NOW + 9_000_000, "rate_limited", 3, NOW, 0, 0, held=True, note="they asked for it",
        order=LaneOrder("a.org", NOW, LaneLimits(0.5, 1), limits_note="their curator"), spent={"bytes_per_day": (Spent(NOW, 7),)},
    )  # fmt: skip

    async def work(there: Place) -> None:
        await there.old.apply(Batch(lanes=(lane, LaneRecord("b.org", 5))), NOW)
        assert lane.order is not None
        await there.old.order(lane.order)
        assert (await there.adopt()).lanes == 2
        assert (await there.new.load_lanes(["a.org"]))["a.org"] == lane

    played(tmp_path, [record(7, image(1, A))], [record(7, image(1, A))], work)


def test_text_ids_are_found_whatever_their_rows_are(tmp_path: Path) -> None:
    async def work(there: Place) -> None:
        (row,) = await query(there.old, "SELECT id FROM records WHERE external_id = 'B 2'")
        body = b"photo"
        (tmp_path / "files").mkdir()
        (tmp_path / "files/b2.jpg").write_bytes(body)
        file = NewFile(FileRole.ORIGINAL, "files/b2.jpg", 5, hashlib.sha256(body).digest(), "image/jpeg", 1, 1)
        (held,) = await query(there.old, "SELECT id FROM images WHERE record = ?", row[0])
        await there.old.apply(Batch((Transition(held[0], S, None, 1, file=file),)), NOW)
        assert (await there.adopt()).adopted == 1
        assert await query(
            there.new,
            "SELECT r.external_id FROM files AS f JOIN images AS i ON i.id = f.image JOIN records AS r ON r.id = i.record",
        ) == [("B 2",)]

    played(tmp_path, [record("B 2", image(1, A))], [record("A 1", image(1, A)), record("B 2", image(1, A))], work)


def many(count: int) -> list[NewRecord]:
    return [
        record(number, image(number + 1, f"https://a.org/{number}.jpg"), image(number + 2, f"https://b.org/{number}.jpg"))
        for number in range(count)
    ]


def test_stopped_after_any_page_it_goes_on_and_comes_to_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readopting, "PAGE_RECORDS", 4)
    monkeypatch.setattr(readopting, "PAGE_FILES", 3)
    expected: list[Any] = []
    for name, stops in (("undisturbed", ()), ("stopped", (1, 2, 1))):

        async def work(there: Place, stops: Sequence[int] = stops) -> None:
            for number in range(0, 20, 3):
                await there.save(0, f"photo {number}".encode(), of=number, won=f"https://a.org/{number}.jpg")
                if number % 2:
                    (there.root / record_path(number, 0, "jpg")).unlink()
            for pages in stops:
                await _stopped(there, pages)
            account = await there.adopt()
            rows = await query(there.new, "SELECT record, number, key_hash, status FROM images ORDER BY record, number")
            expected.append((rows, await there.files(), account.counts(), (there.root / "reset.tsv").read_bytes()))

        (tmp_path / name).mkdir()
        played(tmp_path / name, many(20), many(20)[::-1], work)
    assert expected[0] == expected[1]
    assert expected[0][2]["adopted"] == 4


async def _stopped(there: Place, pages: int) -> None:
    """A re-adoption that is cancelled when it reads the file of its so manieth page."""
    left = pages + 1

    def watch(_: ReadoptionProgress) -> None:
        nonlocal left
        left -= 1
        if left == 0:
            task.cancel()

    task = asyncio.ensure_future(there.adopt(watch))
    with pytest.raises(asyncio.CancelledError):
        await task


def test_a_database_that_turns_out_to_be_damaged_ends_it_with_what_was_adopted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(readopting, "PAGE_RECORDS", 100)

    async def work(there: Place) -> None:
        await there.save(0, b"photo", of=3, won="https://a.org/3.jpg")
        await there.old.close()
        content = bytearray((tmp_path / "old.sqlite").read_bytes())
        content[len(content) // 2 :] = b"\xff" * (len(content) - len(content) // 2)
        (tmp_path / "old.sqlite").write_bytes(content)
        async with await Store.open(tmp_path / "old.sqlite") as old:
            there.old = old
            account = await there.adopt()
            assert "is damaged" in account.unreadable
            assert (await ReadoptionAccount.go_on(there.new, tmp_path / "reset.tsv")).unreadable == account.unreadable

    played(tmp_path, many(2000), many(2000), work)


# ---- whatever was there before


LINKS = [*(f"https://{host}.org/{number}.jpg" for host in "ab" for number in range(3)), M]
photos = st.lists(
    st.tuples(st.integers(1, 6), st.lists(st.sampled_from(LINKS), min_size=1, max_size=3, unique=True)),
    max_size=4,
    unique_by=lambda pair: pair[0],
)
collections = st.dictionaries(st.integers(1, 3), photos.filter(bool), min_size=1)
saves = st.lists(st.tuples(st.integers(1, 3), st.integers(0, 3), st.integers(0, 2), st.booleans()), max_size=6)


def records_of(said: dict[int, list[tuple[int, list[str]]]]) -> list[NewRecord]:
    return [
        record(number, *(image(key, *urls) for key, urls in images), manifests=(manifest(M, 1),))
        for number, images in sorted(said.items())
    ]


async def add_to(old: Store, added: Said, before: Said) -> None:
    """A newer state of the source takes its place in the earlier database: some images are gone."""
    records = records_of(added)
    of_record = {one.external_id: one for one in records}
    judged = [JudgedRecord(one, (of_record[one],) if one in of_record else (), one in of_record) for one in sorted(before)]
    number = (await old.add_source("newer", "tsv", "2")).id
    await old.add_range(records, judged, source=number, at_ms=NOW)


Said = dict[int, list[tuple[int, list[str]]]]


@settings(max_examples=120, deadline=None)
@given(collections, collections, st.one_of(st.none(), collections), saves, st.booleans())
def test_a_file_is_adopted_on_proof_and_its_number_never_given_to_another(
    before: Said, after: Said, added: Said | None, given_saves: list[tuple[int, int, int, bool]], same_rules: bool
) -> None:
    async def work(there: Place) -> None:
        saved: dict[tuple[int, int], tuple[int, str, bytes]] = {}
        for of, number, place_, good in given_saves:
            rows = await query(
                there.old,
                "SELECT i.id, i.key_hash FROM images AS i WHERE i.record = ? AND i.number = ? AND i.status = 0",
                of,
                number,
            )
            links = rows and await query(
                there.old, "SELECT url FROM candidates WHERE image = ? AND kind = 0 ORDER BY position", rows[0][0]
            )
            if links:
                url = links[place_ % len(links)][0]
                body = f"{of}-{number}".encode()
                path = await there.save(number, body, of=of, won=url)
                if good:
                    saved[of, number] = (rows[0][1], url, body)
                else:
                    (there.root / path).write_bytes(b"0-0")
        if added is not None:
            await add_to(there.old, added, before)
        next_numbers = dict(await query(there.old, "SELECT id, next_number FROM records"))
        had = {(of, number): urls for of, number, urls in await _links(there.old)}
        await there.adopt(same_rules=same_rules)
        assert await query(there.new, "SELECT * FROM gone") == []
        keys = {(of, number): key for of, number, key in await query(there.new, "SELECT record, number, key_hash FROM images")}
        has = {(of, number): urls for of, number, urls in await _links(there.new)}
        for of, number, path in await query(
            there.new, "SELECT i.record, i.number, f.path FROM files AS f JOIN images AS i ON i.id = f.image"
        ):
            key, url, body = saved[of, number]
            assert path == record_path(of, number, "jpg")
            assert (there.root / path).read_bytes() == body
            proof = (same_rules and key == keys[of, number], url in has[of, number], key_hash(resolve(url).key) == keys[of, number])
            assert any(proof)
        for of, number in keys:
            if of in next_numbers and number < next_numbers[of]:
                assert had[of, number] & has[of, number] or same_rules, "a number went to another photo"
        numbers = dict(await query(there.new, "SELECT id, next_number FROM records"))
        assert all(number < numbers[of] for of, number in keys)
        assert all(numbers[of] >= next_numbers[of] for of in numbers if of in next_numbers)

    with tempfile.TemporaryDirectory() as folder:
        played(Path(folder), records_of(before), records_of(after), work)


async def _links(store: Store) -> list[tuple[int, int, set[str]]]:
    found: dict[tuple[int, int], set[str]] = {}
    sql = "SELECT i.record, i.number, c.url FROM images AS i LEFT JOIN candidates AS c ON c.image = i.id"
    for of, number, url in await query(store, sql):
        found.setdefault((of, number), set()).add(url)
    return [(of, number, urls) for (of, number), urls in found.items()]

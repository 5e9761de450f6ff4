from __future__ import annotations

import errno
import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from asyncdl.blobs import Intent, IntentJournal, LocalFault, Placement, place_batch, rename_all, sync_folders, sync_parts
from asyncdl.blobs.faults import fault_of

# Every call by which a batch reaches the disk; each of them fails in turn in the anomaly loop.
CALLS = ("open", "write", "fsync", "fdatasync", "close", "rename", "mkdir", "fstat")


class Room:
    """A collection's folders, and placements in them: even numbers in memory, odd ones in their part file."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.part = root / "files" / ".part"
        self.aside = root / "aside"
        self.part.mkdir(parents=True)
        self.journal = IntentJournal(root / "intents")

    def placement(self, number: int, body: bytes | None = None) -> Placement:
        body = b"body %d " % number * 100 if body is None else body
        part = self.part / f"{number}-1.part"
        final = self.root / "files" / f"{number % 3:03d}" / f"{number:03d}" / f"{number}-01.jpg"
        in_memory = number % 2 == 0
        if not in_memory:
            part.write_bytes(body)
        return Placement(part, final, len(body), hashlib.sha256(body).digest(), body if in_memory else None)

    def batch(self, count: int) -> list[tuple[Placement, Intent]]:
        placements = [self.placement(number) for number in range(count)]
        return [
            (placement, Intent(number, str(placement.final.relative_to(self.root)), placement.size_bytes, placement.sha256))
            for number, placement in enumerate(placements)
        ]

    def parts(self) -> list[str]:
        return sorted(path.name for path in self.part.iterdir())


@pytest.fixture
def room(tmp_path: Path) -> Room:
    return Room(tmp_path / "c")


def digest_of(path: Path) -> bytes:
    return hashlib.sha256(path.read_bytes()).digest()


@pytest.mark.parametrize("durable", [True, False])
def test_a_batch_gets_its_names(room: Room, durable: bool) -> None:
    batch = room.batch(150)
    placed = place_batch(batch, room.journal, room.aside, durable=durable)
    assert placed.done == tuple(placement for placement, _ in batch)
    assert (placed.faults, placed.displaced, room.parts()) == ((), (), [])
    assert all(digest_of(placement.final) == placement.sha256 for placement, _ in batch)
    assert room.journal.pending() == tuple(intent for _, intent in batch)


def test_an_empty_batch(room: Room) -> None:
    assert place_batch([], room.journal, room.aside).done == ()


def test_the_steps_come_in_their_order(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    """Bytes on the disk, intent on the disk, name, folder on the disk."""
    seen: list[str] = []
    kinds = {"fdatasync": "sync part", "rename": "rename"}
    for name in ("fdatasync", "rename", "fsync"):
        monkeypatch.setattr(os, name, recorder(name, getattr(os, name), seen, kinds, room.journal))
    room.placement(0)
    place_batch(room.batch(2), room.journal, room.aside)
    collapsed = [step for index, step in enumerate(seen) if index == 0 or seen[index - 1] != step]
    assert collapsed == ["sync part", "sync journal", "sync folder", "rename", "sync folder"]


def recorder(
    name: str, real: Callable[..., Any], seen: list[str], kinds: dict[str, str], journal: IntentJournal
) -> Callable[..., Any]:
    def call(*args: Any, **kwargs: Any) -> Any:
        if name == "fsync":
            is_folder = os.path.isdir(f"/proc/self/fd/{args[0]}")  # noqa: PTH112
            assert is_folder or journal.pending()
            seen.append("sync folder" if is_folder else "sync journal")
        else:
            seen.append(kinds[name])
        return real(*args, **kwargs)

    return call


def test_new_folders_and_their_parents_are_to_be_synced(room: Room) -> None:
    synced = sync_parts([room.placement(1), room.placement(4)])
    renamed = rename_all(synced.done, room.aside)
    files = room.root / "files"
    assert renamed.folders == {files, files / "001", files / "001" / "001", files / "001" / "004"}
    sync_folders(renamed.folders)


def test_the_same_content_under_the_final_name_is_replaced_by_the_synced_file(room: Room) -> None:
    placement = room.placement(2)
    assert placement.body is not None
    placement.final.parent.mkdir(parents=True)
    placement.final.write_bytes(placement.body)
    before = placement.final.stat().st_ino
    renamed = rename_all(sync_parts([placement]).done, room.aside)
    assert (renamed.done, renamed.displaced) == ((placement,), ())
    assert placement.final.stat().st_ino != before


@pytest.mark.parametrize("in_the_way", ["file", "link", "folder"])
def test_other_content_under_the_final_name_is_moved_aside_never_overwritten(room: Room, in_the_way: str) -> None:
    placement = room.placement(2)
    placement.final.parent.mkdir(parents=True)
    elsewhere = room.root / "elsewhere"
    elsewhere.write_bytes(b"other")
    if in_the_way == "file":
        placement.final.write_bytes(b"other")
    elif in_the_way == "link":
        placement.final.symlink_to(elsewhere)
    else:
        placement.final.mkdir()
    renamed = rename_all(sync_parts([placement]).done, room.aside)
    assert digest_of(placement.final) == placement.sha256
    ((displaced, moved_to),) = renamed.displaced
    assert displaced is placement
    assert moved_to.parent == room.aside
    assert room.aside in renamed.folders
    assert moved_to.is_dir() if in_the_way == "folder" else moved_to.read_bytes() == b"other"
    assert elsewhere.read_bytes() == b"other"


def test_a_part_file_that_is_not_whole_is_discarded(room: Room) -> None:
    placement = room.placement(1)
    placement.part.write_bytes(b"short")
    synced = sync_parts([placement])
    assert synced.done == ()
    assert synced.faults[0][1].error == "local_io"
    assert room.parts() == []


def test_a_part_file_that_is_gone_is_a_fault_of_that_file_only(room: Room) -> None:
    lost, fine = room.placement(1), room.placement(3)
    lost.part.unlink()
    synced = sync_parts([lost, fine])
    assert synced.done == (fine,)
    assert [placement for placement, _ in synced.faults] == [lost]


def test_a_failed_sync_is_not_tried_again(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[int] = []

    def failing(handle: int) -> None:
        calls.append(handle)
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(os, "fdatasync", failing)
    synced = sync_parts([room.placement(1), room.placement(2)])
    assert len(calls) == 2
    assert synced.done == ()
    assert {fault.error for _, fault in synced.faults} == {"local_io"}
    assert room.parts() == []


def test_a_folder_that_cannot_be_synced_ends_the_batch(room: Room) -> None:
    with pytest.raises(LocalFault, match="syncing a folder"):
        sync_folders([room.root / "missing"])


@pytest.mark.parametrize(
    ("number", "error"),
    [
        (errno.ENOSPC, "disk_full"),
        (errno.EDQUOT, "disk_full"),
        (errno.EIO, "local_io"),
        (errno.EROFS, "local_io"),
        (errno.EMFILE, "local_io"),
        (errno.EACCES, "local_io"),
        (errno.ESTALE, "local_io"),
    ],
)
def test_local_faults(number: int, error: str) -> None:
    assert fault_of(OSError(number, os.strerror(number)), "writing").error == error


@pytest.mark.parametrize("name", CALLS)
def test_whichever_call_fails_nothing_half_done_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """The anomaly loop: the n-th call fails, for every n, until a whole batch goes through."""
    failed = True
    nth = 0
    while failed:
        nth += 1
        assert nth < 100
        room = Room(tmp_path / f"{name}-{nth}")
        batch = room.batch(4)
        failed = _place_with_failure(room, batch, monkeypatch, name, nth)
    assert nth > 1, "the call was never made"


def _place_with_failure(
    room: Room, batch: list[tuple[Placement, Intent]], monkeypatch: pytest.MonkeyPatch, name: str, nth: int
) -> bool:
    real = getattr(os, name)
    count = 0

    def call(*args: Any, **kwargs: Any) -> Any:
        nonlocal count
        count += 1
        if count == nth:
            if name == "close":
                real(*args)  # Linux has let go of the handle even when it reports an error
            raise OSError(errno.EIO, "Input/output error")
        return real(*args, **kwargs)

    with monkeypatch.context() as patch:
        patch.setattr(os, name, call)
        try:
            placed = place_batch(batch, room.journal, room.aside)
        except LocalFault:
            placed = None  # nothing may be committed; whatever has a final name is whole and intended
    finals = {placement for placement, _ in batch if placement.final.exists()}
    assert all(digest_of(placement.final) == placement.sha256 for placement in finals)
    intended = {intent.path for intent in room.journal.pending()}
    assert {str(placement.final.relative_to(room.root)) for placement in finals} <= intended
    if placed is not None:
        assert set(placed.done) == finals
        assert len(placed.done) + len(placed.faults) == len(batch)
    assert room.parts() == []
    return count >= nth

import os
from pathlib import Path

import pytest

from asyncdl.errors import UsageError
from asyncdl.legacy.account import Reason, Refused
from asyncdl.legacy.giving import Giver, Mode, remove, same_bytes

PATH = "files/000/001/1-00.jpg"


@pytest.fixture
def place(tmp_path: Path) -> Path:
    (tmp_path / "files/.part").mkdir(parents=True)
    (tmp_path / "old.jpg").write_bytes(b"photo" * 1000)
    return tmp_path


def giver(place: Path, mode: Mode, *, same_device: bool = True) -> Giver:
    return Giver(place, place / "files/.part", mode, same_device=same_device)


@pytest.mark.parametrize(
    ("mode", "same_device", "linked"),
    [(Mode.LINK, True, True), (Mode.MOVE, True, True), (Mode.MOVE, False, False), (Mode.COPY, True, False)],
)
def test_the_old_file_stays_until_it_is_removed(place: Path, mode: Mode, same_device: bool, linked: bool) -> None:
    gives = giver(place, mode, same_device=same_device)
    for _ in range(2):  # harmless twice
        assert gives.give(place / "old.jpg", PATH, 1) is None
    gives.sync()
    assert (place / "old.jpg").samefile(place / PATH) is linked
    assert (place / PATH).read_bytes() == (place / "old.jpg").read_bytes()
    assert list((place / "files/.part").iterdir()) == []


@pytest.mark.parametrize("mode", list(Mode))
def test_nothing_is_overwritten(place: Path, mode: Mode) -> None:
    (place / PATH).parent.mkdir(parents=True)
    (place / PATH).write_bytes(b"other" * 1000)
    assert giver(place, mode).give(place / "old.jpg", PATH, 1) == Refused(PATH, Reason.NAME_TAKEN)
    assert (place / PATH).read_bytes() == b"other" * 1000


def test_a_copy_that_a_kill_cut_is_made_anew(place: Path) -> None:
    (place / "files/.part/1-legacy.part").write_bytes(b"pho")
    assert giver(place, Mode.COPY).give(place / "old.jpg", PATH, 1) is None
    assert (place / PATH).read_bytes() == b"photo" * 1000


def test_where_there_are_no_links_the_way_out_is_named(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_links(*_: object, **__: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", no_links)
    with pytest.raises(UsageError, match="second name") as refused:
        giver(place, Mode.LINK).give(place / "old.jpg", PATH, 1)
    assert "--copy" in refused.value.todo


def test_only_a_file_whose_bytes_are_kept_is_removed(place: Path) -> None:
    (place / "kept.jpg").write_bytes(b"photo" * 1000)
    (place / "other.jpg").write_bytes(b"PHOTO" * 1000)
    (place / "link.jpg").symlink_to(place / "kept.jpg")
    assert not same_bytes(place / "old.jpg", place / "other.jpg")
    pairs = [(place / "old.jpg", place / name) for name in ("other.jpg", "link.jpg", "nowhere.jpg")]
    assert remove(pairs) == 0
    assert (place / "old.jpg").exists()
    assert remove([(place / "old.jpg", place / "kept.jpg")]) == 1
    assert not (place / "old.jpg").exists()

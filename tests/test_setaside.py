"""The state of a collection moved away and back: killed at any call, it ends the same."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from asyncdl import setaside
from asyncdl.errors import CollectionError, EnvironmentStops
from asyncdl.setaside import Phase

NOW_MS = 1_780_000_000_000
CONTENT = {
    "asyncdl.sqlite": "rows", "asyncdl.sqlite-wal": "log", "sources/1/about.json": "{}", "sources/1/rows-000.parquet": "parts",
    "intents/journal": "intent", "files/1/2/3.jpg": "photo", "asyncdl.toml": "settings",
}  # fmt: skip
STAY = {"files/1/2/3.jpg", "asyncdl.toml"}


class Killed(BaseException):
    """Nothing catches it, as nothing catches SIGKILL."""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return filled(tmp_path / "collection")


def filled(root: Path) -> Path:
    for name, text in CONTENT.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


def content(root: Path) -> dict[str, str]:
    return {path.relative_to(root).as_posix(): path.read_text() for path in root.rglob("*") if path.is_file()}


def moved_and_marked(root: Path) -> None:
    """What an `init --reset` does, as often as it is called."""
    mark = setaside.mark_of(root) or setaside.begin(root, NOW_MS, ("a.zip",))
    if mark.phase is Phase.MOVING:
        setaside.move(root, mark)


def built(root: Path) -> Path:
    (root / "sources/1").mkdir(parents=True)
    (root / "sources/1/about.json").write_text("new")
    (root / "asyncdl.sqlite.building").write_text("half")
    return root


def restored(root: Path) -> None:
    if (mark := setaside.mark_of(root)) is not None:
        setaside.restore(root, mark)


def test_the_database_its_sources_and_its_journal_are_kept_and_the_files_stay(root: Path) -> None:
    moved_and_marked(root)
    mark = setaside.mark_of(root)
    assert mark is not None
    assert (mark.phase, mark.sources, mark.kept) == (Phase.BUILDING, ("a.zip",), "before/2026-05-28T202640Z")
    now = content(root)
    del now["intents/reset.json"]
    assert now == {name if name in STAY else f"{mark.kept}/{name}": text for name, text in CONTENT.items()}


def test_two_within_a_second_are_kept_apart(root: Path) -> None:
    moved_and_marked(root)
    setaside.forget(root)
    (root / "asyncdl.sqlite").write_text("second")
    moved_and_marked(root)
    assert (root / "before/2026-05-28T202640Z/asyncdl.sqlite").read_text() == "rows"
    assert (root / "before/2026-05-28T202640Z-1/asyncdl.sqlite").read_text() == "second"


def test_given_up_everything_is_where_it_was(root: Path) -> None:
    moved_and_marked(root)
    restored(built(root))
    assert content(root) == CONTENT
    assert not (root / "before").exists()


def built_after(root: Path) -> None:
    moved_and_marked(root)
    built(root)


@pytest.mark.parametrize(("prepare", "work"), [(lambda _: None, moved_and_marked), (built_after, restored)], ids=["away", "back"])
@pytest.mark.parametrize("name", ["rename", "replace", "fsync", "unlink", "rmdir"])
def test_killed_at_any_call_and_called_again_it_ends_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, prepare: Callable[[Path], object], work: Callable[[Path], None], name: str
) -> None:
    undisturbed = filled(tmp_path / "undisturbed")
    prepare(undisturbed)
    work(undisturbed)
    killed, nth = True, 0
    while killed:
        nth += 1
        root = filled(tmp_path / f"killed-{nth}")
        prepare(root)
        killed = _kill_at(name, nth, monkeypatch, lambda: work(root))  # noqa: B023  called at once
        work(root)
        assert content(root) == content(undisturbed), f"{name} {nth}"
    assert nth > 1 or name not in ("rename", "fsync")


def _kill_at(name: str, nth: int, monkeypatch: pytest.MonkeyPatch, work: Callable[[], None]) -> bool:
    """Whether the call was reached, which then does not return."""
    count = 0
    real = getattr(os, name)

    def call(*args: Any, **kwargs: Any) -> Any:
        nonlocal count
        count += 1
        if count == nth:
            raise Killed
        return real(*args, **kwargs)

    with monkeypatch.context() as patch:
        patch.setattr(os, name, call)
        try:
            work()
        except Killed:
            return True
    return False


def test_a_disk_that_refuses_is_told(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", refuse)
    with pytest.raises(EnvironmentStops, match="No space left"):
        moved_and_marked(root)


def test_where_there_is_no_folder_nothing_is_set_aside(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert setaside.mark_of(tmp_path / "file") is None
    assert setaside.mark_of(tmp_path / "nowhere") is None


@pytest.mark.parametrize("text", ["", "[]", '{"phase": "dancing", "kept": "", "began_ms": 0, "sources": []}', "x" * 1_000_001])
def test_a_mark_that_is_none_is_told(root: Path, text: str) -> None:
    (root / "intents/reset.json").write_text(text)
    with pytest.raises(CollectionError, match=r"reset\.json"):
        setaside.mark_of(root)

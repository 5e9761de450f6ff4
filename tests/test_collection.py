import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asyncdl.collection import Collection, record_path
from asyncdl.errors import CollectionError, CollectionLocked, EnvironmentStops, UsageError
from asyncdl.store import Store


async def test_a_new_collection_opens_once_its_database_stands(tmp_path: Path) -> None:
    root = tmp_path / "a" / "plants"
    collection = Collection.create(root)
    with pytest.raises(CollectionError, match="no collection"):
        Collection.open(root)
    Collection.create(root)  # an init that was killed before the database stood goes on
    await (await Store.create(collection.db, {})).close()
    opened = Collection.open(root)
    assert all(
        folder.is_dir() for folder in (opened.files, opened.part, opened.control, opened.logs, opened.rejects, opened.scratch)
    )
    with pytest.raises(UsageError, match="already"):
        Collection.create(root)


def test_what_is_no_collection_is_refused_and_left_alone(tmp_path: Path) -> None:
    with pytest.raises(CollectionError, match="does not exist") as caught:
        Collection.open(tmp_path / "nowhere")
    assert caught.value.exit_status == 5
    assert caught.value.todo
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(CollectionError, match="no collection"):
        Collection.open(tmp_path)
    with pytest.raises(CollectionError, match="no folder"):
        Collection.open(tmp_path / "mine.txt")
    with pytest.raises(UsageError, match="is a file"):
        Collection.create(tmp_path / "mine.txt")
    assert [entry.name for entry in tmp_path.iterdir()] == ["mine.txt"]


def test_somebody_elses_files_are_not_taken_over(tmp_path: Path) -> None:
    (tmp_path / "files").mkdir()
    (tmp_path / "files" / "holiday.jpg").write_bytes(b"x")
    with pytest.raises(UsageError, match="no collection's"):
        Collection.create(tmp_path)


def test_a_folder_that_cannot_be_made_is_an_environment_fault(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(EnvironmentStops) as caught:
        Collection.create(tmp_path / "file" / "below")
    assert caught.value.exit_status == 6


def test_opening_to_read_makes_nothing(tmp_path: Path) -> None:
    (tmp_path / "asyncdl.sqlite").write_bytes(b"")
    Collection.open(tmp_path, read_only=True)
    assert [entry.name for entry in tmp_path.iterdir()] == ["asyncdl.sqlite"]


def test_the_lock_is_held_once_and_let_go(tmp_path: Path) -> None:
    collection = Collection.create(tmp_path)
    with collection.lock() as lock:
        assert lock.previous_crashed is None
        holder = collection.holder()
        with pytest.raises(CollectionLocked, match=str(holder)), Collection(tmp_path).lock():
            pass
        with pytest.raises(CollectionLocked):
            collection.unlock()
    assert collection.holder() is None
    assert collection.unlock() is None
    with collection.lock() as again:
        assert again.previous_crashed is None


def test_unfinished_bodies_are_swept(tmp_path: Path) -> None:
    collection = Collection.create(tmp_path)
    (collection.part / "a").write_bytes(b"half")
    (collection.part / "b").symlink_to("/nowhere")
    (collection.part / "folder").mkdir()
    assert collection.sweep_parts() == 2
    assert [entry.name for entry in collection.part.iterdir()] == ["folder"]


@pytest.mark.parametrize(
    ("external_id", "number", "extension", "path"),
    [
        (0, 0, "jpg", "files/000/000/000000-00.jpg"),
        (42, 3, "png", "files/000/042/000042-03.png"),
        (1234567890, 0, "jpg", "files/123/456/1234567890-00.jpg"),
        (123456, 117, "tiff", "files/123/456/123456-117.tiff"),
        ("BR0000012345678", 0, "dng", "files/fa4/9bf/BR0000012345678-fa49bff181c0-00.dng"),
    ],
)
def test_where_a_file_lies(external_id: int | str, number: int, extension: str, path: str) -> None:
    assert record_path(external_id, number, extension) == path


@given(st.one_of(st.integers(), st.text(max_size=300), st.text("/.\\\0\n ", max_size=20)), st.integers(0, 10_000))
def test_no_id_leaves_the_alphabet_of_paths(external_id: int | str, number: int) -> None:
    path = record_path(external_id, number, "jpg")
    assert re.fullmatch(r"files/[0-9a-f]{3}/[0-9a-f]{3}/[A-Za-z0-9]+(-[A-Za-z0-9]+)*-\d{2,}\.jpg", path)
    assert max(map(len, path.split("/"))) <= 80


@given(st.lists(st.one_of(st.integers(0, 1 << 62), st.text(max_size=20)), unique_by=str, min_size=2, max_size=20))
def test_different_records_have_different_files_on_every_file_system(external_ids: list[int | str]) -> None:
    assert len({record_path(external_id, 0, "jpg").casefold() for external_id in external_ids}) == len(external_ids)


@pytest.mark.parametrize(("number", "extension"), [(0, "JPG"), (0, "../x"), (0, ""), (0, "jpg/x"), (-1, "jpg"), (0, "a" * 9)])
def test_names_that_our_code_must_not_ask_for(number: int, extension: str) -> None:
    with pytest.raises(ValueError, match="no name"):
        record_path(1, number, extension)

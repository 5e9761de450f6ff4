"""What the machine or its set-up does not allow: exit 6 with a sentence, before anything is asked of anybody."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.e2e.holdings import ask, check_order
from tests.e2e.program import RUN, type_in
from tests.e2e.sources import hang, list_of
from tests.scripted import ScriptedServer

ENVIRONMENT = 6
linux_or_no_root = pytest.mark.skipif(os.geteuid() == 0 and sys.platform != "linux", reason="permissions do not hold for root here")
AUDIT = """
import sys
def _note(event, arguments):
    if event in ("socket.connect", "socket.getaddrinfo", "socket.sendto"):
        with open({path!r}, "a") as file:
            file.write(f"{{event}} {{arguments}}\\n")
sys.addaudithook(_note)
"""


def listening(tmp_path: Path) -> tuple[Path, dict[str, str]]:
    """A file that gets a line for every socket the program connects and every name it looks up, and how to have that."""
    heard = tmp_path / "heard"
    (tmp_path / "hook").mkdir()
    (tmp_path / "hook" / "sitecustomize.py").write_text(AUDIT.format(path=str(heard)))
    return heard, {"PYTHONPATH": str(tmp_path / "hook")}


async def test_a_public_host_is_not_asked_by_nobody(collection: Path, tmp_path: Path) -> None:
    heard, environment = listening(tmp_path)
    source = list_of(tmp_path / "links.txt", ["https://images.museum-of-plants.org/1.jpg"])
    for words in (("get", source, collection), ("run", collection)):
        ended = await type_in(*words, environment=environment)
        assert ended.status == ENVIRONMENT
        assert "no contact address is set" in ended.err
        assert "images.museum-of-plants.org" in ended.err
        assert "--contact" in ended.err
    assert not heard.exists()
    assert ask(collection, "SELECT count(*) FROM runs") == [(0,)]
    assert ask(collection, "SELECT status, attempts, due FROM images") == [(0, 0, 0)]


async def test_the_listener_of_the_test_above_hears(origin: ScriptedServer, collection: Path, tmp_path: Path) -> None:
    heard, environment = listening(tmp_path)
    source = list_of(tmp_path / "links.txt", hang(origin, "one"))
    assert (await type_in("get", source, collection, *RUN, environment=environment)).status == 0
    assert "127.0.0.1" in heard.read_text()


@linux_or_no_root
async def test_a_folder_that_may_not_be_written(tmp_path: Path) -> None:
    shelf = tmp_path / "shelf"
    shelf.mkdir(mode=0o555)
    source = list_of(tmp_path / "links.txt", ["http://127.0.0.1:9/1.jpg"])
    ended = await type_in("init", shelf / "new", source, obeying=True)
    assert ended.status == ENVIRONMENT
    assert "cannot be made: Permission denied" in ended.err
    assert "choose a folder you may write to" in ended.err
    assert list(shelf.iterdir()) == []


@contextmanager
def read_only(collection: Path) -> Iterator[None]:
    """Nobody may write into a collection."""
    folders = [collection, *(path for path in collection.rglob("*") if path.is_dir())]
    for path in collection.rglob("*"):
        path.chmod(0o555 if path.is_dir() else 0o444)
    collection.chmod(0o555)
    try:
        yield
    finally:
        for folder in folders:
            folder.chmod(0o755)
        for path in collection.rglob("*"):
            path.chmod(0o755 if path.is_dir() else 0o644)


@linux_or_no_root
async def test_a_collection_that_may_not_be_written(origin: ScriptedServer, collection: Path, tmp_path: Path) -> None:
    assert (await type_in("get", list_of(tmp_path / "links.txt", hang(origin, "one")), collection, *RUN)).status == 0
    with read_only(collection):
        ended = await type_in("run", collection, obeying=True)
        assert ended.status == ENVIRONMENT, ended.err
        assert str(collection) in ended.err
        assert "Permission denied" in ended.err
        assert len(ended.err.splitlines()) == 2
        looked = await type_in("status", collection, "--json", obeying=True)
        assert looked.status == 0, looked.err
        assert looked.json["images"]["success"] == 1
    assert (await type_in("run", collection)).status == 0
    assert check_order(collection) == 1

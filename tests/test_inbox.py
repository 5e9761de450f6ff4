import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asyncdl import inbox as module
from asyncdl.inbox import Inbox


@pytest.fixture
def inbox(tmp_path: Path) -> Inbox:
    made = Inbox(tmp_path)
    made.make_folders()
    return made


def test_a_command_waits_until_it_is_acknowledged(inbox: Inbox) -> None:
    first = inbox.post({"retry": {"host": "a.org"}})
    second = inbox.post({"pause": "b.org", "note": "ä\x1b[0m"})
    for _ in range(2):
        assert {(command.id, str(command.body)) for command in inbox.take()} == {
            (first, "{'retry': {'host': 'a.org'}}"),
            (second, "{'pause': 'b.org', 'note': 'ä\\x1b[0m'}"),
        }
    assert inbox.result(first) is None
    inbox.acknowledge(first, {"reopened": 3})
    assert inbox.result(first) == {"reopened": 3}
    assert [command.id for command in inbox.take()] == [second]
    assert inbox.withdraw(second)
    assert not inbox.withdraw(second)
    assert inbox.take() == []
    inbox.acknowledge(first, {"reopened": 3})


def test_commands_come_oldest_first_and_bounded(inbox: Inbox, monkeypatch: pytest.MonkeyPatch) -> None:
    times = iter(range(10**18, 10**18 + 10**9, 10**6))
    monkeypatch.setattr("asyncdl.inbox.time.time_ns", lambda: next(times))
    ids = [inbox.post({"n": number}) for number in range(103)]
    assert [command.id for command in inbox.take()] == ids[:100]
    for command_id in ids[:50]:
        inbox.acknowledge(command_id, {})
    assert [command.body["n"] for command in inbox.take()] == list(range(50, 103))


def test_only_so_many_results_are_kept(inbox: Inbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_MAX_KEPT_RESULTS", 3)
    for number in range(6):
        inbox.acknowledge(inbox.post({"n": number}), {"n": number})
    assert len(list((tmp_path / "done").iterdir())) == 3


def test_a_command_too_large_is_not_posted(inbox: Inbox) -> None:
    with pytest.raises(ValueError, match="at most"):
        inbox.post({"x": "y" * 70_000})
    assert inbox.take() == []


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("README", b"{}"),
        ("000001700000000-zzzzzzzzzzzz.json", b"{}"),
        ("000001700000000-aaaaaaaaaaaa.json", b"{"),
        ("000001700000000-aaaaaaaaaaaa.json", b"[1]"),
        ("000001700000000-aaaaaaaaaaaa.json", b"\xff\xfe"),
        ("000001700000000-aaaaaaaaaaaa.json", b'{"x": "' + b"y" * 70_000 + b'"}'),
        ("000001700000000-aaaaaaaaaaaa.json", b"[" * 60_000),
        ("..\x1b[31m.json", b"{}"),
    ],
)
def test_junk_is_told_once_left_alone_and_stops_nothing(inbox: Inbox, tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / "inbox" / name).write_bytes(content)
    good = inbox.post({"ok": True})
    told: list[str] = []
    for _ in range(3):
        assert [command.id for command in inbox.take(told.append)] == [good]
    assert len(told) == 1
    assert told[0].startswith(name)
    assert (tmp_path / "inbox" / name).exists()


def test_links_folders_and_half_written_files_are_no_commands(inbox: Inbox, tmp_path: Path) -> None:
    (tmp_path / "secret.json").write_text("{}")
    (tmp_path / "inbox" / "000001700000000-aaaaaaaaaaaa.json").symlink_to(tmp_path / "secret.json")
    (tmp_path / "inbox" / "000001700000000-bbbbbbbbbbbb.json").mkdir()
    os.mkfifo(tmp_path / "inbox" / "000001700000000-cccccccccccc.json")
    (tmp_path / "inbox" / "000001700000000-dddddddddddd.json.tmp").write_text('{"half": ')
    told: list[str] = []
    assert inbox.take(told.append) == []
    assert len(told) == 3


@given(
    st.dictionaries(
        st.text(max_size=20), st.recursive(st.none() | st.booleans() | st.integers() | st.text(max_size=50), st.lists, max_leaves=5)
    )
)
def test_what_is_posted_is_what_is_taken(tmp_path_factory: pytest.TempPathFactory, body: dict[str, object]) -> None:
    made = Inbox(tmp_path_factory.mktemp("control"))
    made.make_folders()
    made.post(body)
    assert [command.body for command in made.take()] == [body]

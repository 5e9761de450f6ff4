from __future__ import annotations

from pathlib import Path

import pytest

from asyncdl.blobs import Intent, IntentJournal, LocalFault

INTENTS = tuple(
    Intent(number, f"files/000/00{number}/{number}-01.jpg", 10, bytes([number]) * 32, {"width": 3}) for number in range(3)
)


def test_what_was_intended_is_pending_until_cleared(tmp_path: Path) -> None:
    journal = IntentJournal(tmp_path / "intents")
    assert journal.pending() == ()
    journal.append(INTENTS[:1])
    journal.append(INTENTS[1:], durable=False)
    assert IntentJournal(tmp_path / "intents").pending() == INTENTS
    journal.clear()
    assert journal.pending() == ()
    journal.append(INTENTS)
    assert journal.pending() == INTENTS


def test_a_journal_that_was_never_written_can_be_cleared(tmp_path: Path) -> None:
    IntentJournal(tmp_path / "intents").clear()
    assert not (tmp_path / "intents").exists()


def test_a_cut_at_any_byte_loses_only_lines_that_are_not_whole(tmp_path: Path) -> None:
    path = tmp_path / "intents"
    IntentJournal(path).append(INTENTS)
    data = path.read_bytes()
    for length in range(len(data)):
        path.write_bytes(data[:length])
        found = IntentJournal(path).pending()
        whole = data[: length + 1].count(b"\n")
        assert found == INTENTS[:whole]


@pytest.mark.parametrize(
    "junk",
    [
        b"\x00" * 4096 + b"\n",
        b"\xff\xfe\n",
        b"[]\n",
        b"{}\n",
        b"3\n",
        b'["a","b",1,"00",{}]\n',
        b'[1,"b",1,"zz",{}]\n',
        b'[1,"b",1,5,{}]\n',
        b"\n",
    ],
)
def test_junk_lines_are_passed_by(tmp_path: Path, junk: bytes) -> None:
    path = tmp_path / "intents"
    path.write_bytes(junk)
    journal = IntentJournal(path)
    journal.append(INTENTS)
    assert journal.pending() == INTENTS


def test_texts_of_any_kind_survive(tmp_path: Path) -> None:
    journal = IntentJournal(tmp_path / "intents")
    intent = Intent(1, "a\u2028b\nc", 1, b"\x01" * 32, {"page": "x\r\ny\u0085"})
    journal.append([intent])
    assert journal.pending() == (intent,)


def test_a_journal_that_cannot_be_written_is_a_local_fault(tmp_path: Path) -> None:
    with pytest.raises(LocalFault, match="local_io"):
        IntentJournal(tmp_path / "missing" / "intents").append(INTENTS)
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(LocalFault, match="local_io"):
        IntentJournal(tmp_path / "link").append(INTENTS)

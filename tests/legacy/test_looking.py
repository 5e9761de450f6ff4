import hashlib
import os
from pathlib import Path

import pytest

from asyncdl.demo.dng import dng_bytes
from asyncdl.legacy.account import Reason, Refused
from asyncdl.legacy.looking import Seen, look
from tests.legacy.trees import PAGE, jpeg


def test_a_photo_is_known_by_its_content_whatever_its_name(tmp_path: Path) -> None:
    content = jpeg("one")
    (tmp_path / "1.tif").write_bytes(content)
    unread, read = look(tmp_path, "1.tif", read=False), look(tmp_path, "1.tif", read=True)
    assert unread == Seen("1.tif", len(content), b"", "jpg", "image/jpeg", False, 160, 120)
    assert isinstance(read, Seen)
    assert read.sha256 == hashlib.sha256(content).digest()


@pytest.mark.parametrize(
    ("content", "reason"),
    [(b"", Reason.EMPTY), (jpeg("x")[:1023], Reason.TOO_SMALL), (PAGE, Reason.PAGE), (bytes(range(256)) * 10, Reason.NOT_AN_IMAGE)],
)
def test_what_is_no_photo_is_refused_without_reading_it_all(tmp_path: Path, content: bytes, reason: Reason) -> None:
    (tmp_path / "1.jpg").write_bytes(content)
    found = look(tmp_path, "1.jpg", read=False)
    assert isinstance(found, Refused)
    assert (found.said, found.reason) == ("1.jpg", reason)


def test_a_cut_photo_is_seen_when_it_is_read(tmp_path: Path) -> None:
    (tmp_path / "1.jpg").write_bytes(jpeg("one")[:-200])
    assert isinstance(look(tmp_path, "1.jpg", read=False), Seen)
    found = look(tmp_path, "1.jpg", read=True)
    assert isinstance(found, Refused)
    assert found.reason is Reason.TRUNCATED


def test_links_pipes_and_folders_are_no_files(tmp_path: Path) -> None:
    (tmp_path / "1.jpg").write_bytes(jpeg("one"))
    (tmp_path / "2.jpg").symlink_to(tmp_path / "1.jpg")
    os.mkfifo(tmp_path / "3.jpg")
    (tmp_path / "4.jpg").mkdir()
    for path in ("2.jpg", "3.jpg", "4.jpg"):
        found = look(tmp_path, path, read=True)
        assert isinstance(found, Refused)
        assert found.reason is Reason.NOT_A_FILE


def test_a_raw_file_is_known_as_one(tmp_path: Path) -> None:
    (tmp_path / "1.raw").write_bytes(dng_bytes(1))
    found = look(tmp_path, "1.raw", read=True)
    assert isinstance(found, Seen)
    assert (found.extension, found.raw) == ("dng", True)

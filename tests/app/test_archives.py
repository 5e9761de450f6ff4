from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asyncdl.app.archives import is_address, suggested_name, why_not
from asyncdl.collection import archive_name, archive_slot
from asyncdl.resumable import FirstAnswer

URL = "https://ipt.institute.edu/archive.do?r=lichens"


def answer(disposition: str = "", url: str = URL, media_type: str = "application/zip") -> FirstAnswer:
    return FirstAnswer(url, media_type, {"Content-Disposition": disposition} if disposition else {})


@pytest.mark.parametrize(
    ("disposition", "url", "name"),
    [
        ('attachment; filename="dwca-lichens-v1.4.zip"', URL, "dwca-lichens-v1.4.zip"),
        ("attachment; filename*=UTF-8''Fl%C3%A9chtes.zip", URL, "Fléchtes.zip"),
        ("attachment; filename=../../etc/passwd", URL, "passwd"),
        ("attachment; filename=..\\..\\x.zip", URL, "x.zip"),
        ("attachment; filename*=klingon''x", "https://a.org/b.zip", "x"),
        ("inline", "https://cdn.org/0012345-2026.zip?sig=1", "0012345-2026.zip"),
        ("", "https://cdn.org/", "archive.do"),
        ("filename", "https://cdn.org/a%2Fb.zip", "b.zip"),
    ],
)
def test_a_file_goes_by_what_the_server_calls_it_or_by_its_address(disposition: str, url: str, name: str) -> None:
    assert suggested_name(answer(disposition, url), URL) == name


@given(st.text(max_size=80))
def test_no_header_of_a_server_makes_naming_fail_or_leaves_the_alphabet(disposition: str) -> None:
    name = archive_name(suggested_name(answer(disposition.replace("\0", "")), URL), URL)
    assert archive_slot(URL) in name
    assert set(name) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-.")
    assert not name.startswith(".")
    assert len(name) < 80


def test_two_addresses_never_share_a_name() -> None:
    assert archive_name("dwca.zip", URL) != archive_name("dwca.zip", f"{URL}2")
    assert archive_name("dwca.zip", URL) == f"dwca-{archive_slot(URL)}.zip"
    assert archive_name("no extension here", URL) == f"no-extension-here-{archive_slot(URL)}"
    assert archive_name("", URL) == f"archive-{archive_slot(URL)}"


@pytest.mark.parametrize(
    ("begin", "media_type", "says"),
    [
        (b"\xef\xbb\xbf\n<!DOCTYPE HTML>", "application/zip", "a web page"),
        (b"<div>", "text/html", "a web page"),
        (b"[1]", "application/json", "JSON"),
        (b"<?xml?>", "text/xml", "XML"),
        (b"PK\x03\x04", "text/html", None),
        (b"gbifID\tidentifier", "text/html", None),
        (b'{"id": 1}', "application/x-ndjson", None),
        (b"", "", None),
    ],
)
def test_what_is_no_source_is_known_by_its_beginning(begin: bytes, media_type: str, says: str | None) -> None:
    found = why_not(begin, answer(media_type=media_type))
    assert found is None if says is None else says in (found or "")


def test_what_is_an_address() -> None:
    assert [is_address(text) for text in ("http://a", "HTTPS://a", "-", "http.zip", "./https://a")] == [
        True,
        True,
        False,
        False,
        False,
    ]

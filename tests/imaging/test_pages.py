from __future__ import annotations

import time
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asyncdl.imaging import text_page
from asyncdl.imaging.pages import MAX_READ_BYTES, MAX_TEXT_CHARACTERS


def test_a_page_becomes_what_a_reader_would_see() -> None:
    page = b"""<!DOCTYPE html><html><head><title>Sign in &mdash; Museum</title>
      <style>p { color: red }</style><script>if (a < b) { track("x") }</script></head>
      <body><!-- hidden --><p>Please <b>log</b>in<br>to see  image&nbsp;42.</p><noscript>JS!</noscript><p>Bye</body>"""
    assert text_page(page) == "Sign in — Museum Please login to see image 42. Bye"


@pytest.mark.parametrize(
    "body",
    [
        '{"error": "no <b>such</b> image", "code": 404}',
        "<?xml version='1.0'?> <Error><Code>SlowDown</Code></Error>",
    ],
)
def test_json_and_xml_stay_as_they_are(body: str) -> None:
    assert text_page(body.encode()) == body


@pytest.mark.parametrize(
    ("body", "charset"),
    [
        ("<p>Übermaß".encode(), None),
        ("<p>Übermaß".encode("latin-1"), "iso-8859-1"),
        ("<p>Übermaß".encode("cp1252"), None),
        ("<p>Übermaß".encode("cp1252"), "no-such-charset"),
        ("<p>Übermaß".encode("cp1252"), "a\0b"),
        ("<p>Übermaß".encode(), "hex"),
        ("<p>Übermaß".encode(), "unicode_escape"),
        ("<p>Übermaß".encode(), '"UTF-8"'),
        ("\ufeff<p>Übermaß".encode("utf-16-le"), "utf-8"),
        ("<p>Übermaß".encode("utf-16-le"), None),
        ("<p>Übermaß".encode("utf-16-be"), None),
        ("\ufeff<p>Übermaß".encode(), "latin-1"),
    ],
)
def test_the_encoding_is_found(body: bytes, charset: str | None) -> None:
    assert text_page(body, charset) == "Übermaß"


def test_what_steers_a_terminal_or_the_direction_of_writing_is_gone() -> None:
    page = "<p>a\x1b[31mb\x07c\u202egnp.exe\u2066\u200bd&#27;[2Je&#8238;f"
    assert text_page(page.encode()) == "a[31mbcgnp.exed[2Jef"


def test_a_long_page_is_cut() -> None:
    assert len(text_page(b"<p>" + b"word " * 10_000)) <= MAX_TEXT_CHARACTERS
    assert text_page(b"<p>" + b" " * MAX_READ_BYTES + b"too far") == ""


@pytest.mark.parametrize(
    "body", [b"<![foo", b"<![CDATA[x", b"<!a [ <!b", b"<!DOCTYPE x [ <!ELEMENT", b"&#xFFFFFFFFFF;", b"<a <b <c"]
)
def test_malformed_markup_is_answered_with_some_text(body: bytes) -> None:
    assert isinstance(text_page(body + b" and text"), str)


@pytest.mark.parametrize("end", [b"", b">", b"'>", b"-->"])
@pytest.mark.parametrize(
    "unit",
    [b"<", b"<!--", b"</", b"<a ", b"<!", b"<?", b"&", b"<a b='", b"<a '>", b'<a ">', b"<script>", b"<![", b"<svg/>", b"<style"],
)
def test_hostile_repetition_costs_little(unit: bytes, end: bytes) -> None:
    page = b"<p>" + unit * ((MAX_READ_BYTES - 10) // len(unit)) + end
    start = time.process_time()
    text_page(page)
    assert time.process_time() - start < 0.5


def test_a_quoted_attribute_may_hold_what_ends_a_tag() -> None:
    assert text_page(b"""<p>one <img alt="a > b" title='c > d'> two</p>""") == "one two"
    assert text_page(b"<p>if a < b and c > d") == "if a < b and c > d"


@given(body=st.binary(max_size=400), charset=st.none() | st.text(max_size=20))
def test_any_bytes_give_a_clean_text(body: bytes, charset: str | None) -> None:
    text = text_page(body, charset)
    assert len(text) <= MAX_TEXT_CHARACTERS
    assert not any(unicodedata.category(character) in {"Cc", "Cf", "Cs"} for character in text)


@given(st.text(alphabet="<>!-[]&;#/ abscriptdoyx=\"'\n", max_size=120))
def test_any_markup_gives_a_text(text: str) -> None:
    assert isinstance(text_page(text.encode()), str)

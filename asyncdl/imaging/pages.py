"""The readable text of a web page, JSON or XML document that came where an image was expected.

Evidence for people: what a host says when it refuses. Pure, bounded, and without an exception for any input.
"""

from __future__ import annotations

import codecs
import re
import unicodedata
from collections.abc import Iterator
from html import unescape

from asyncdl.imaging.sniff import sniff

MAX_READ_BYTES = 16 * 1024
MAX_TEXT_CHARACTERS = 1800

_SILENT_TAGS = frozenset({"script", "style", "noscript", "template", "svg"})
_INLINE_TAGS = frozenset({"a", "abbr", "b", "code", "em", "font", "i", "small", "span", "strong", "sub", "sup", "u"})
_TAG_NAME = re.compile(r"/?([a-z][^\s/>]*)")
_TAG_REST = re.compile(r"""(?:[^"'>]|"[^"]*"|'[^']*')*>""")  # a quoted attribute may hold a ">"
_MAX_TAG_CHARACTERS = 1024
# Text encodings of Python that no server means, or that fail in ways of their own.
_NO_CHARSETS = frozenset({"idna", "punycode", "unicode-escape", "raw-unicode-escape", "undefined", "utf-7", "mbcs", "oem"})
_INVISIBLE = frozenset({"Cc", "Cf", "Cs", "Co", "Cn"})  # control, bidirectional and zero-width, surrogates, private use


def text_page(body: bytes, charset: str | None = None) -> str:
    """The text of a page, at most `MAX_TEXT_CHARACTERS`, from at most `MAX_READ_BYTES` of it.

    HTML loses its tags, scripts and styles; JSON and XML are kept as they are. White space is collapsed, and
    characters that steer a terminal or the direction of writing are removed. `charset` is the one of the
    Content-Type; it is overruled by a byte order mark and ignored when it is unknown.
    """
    head = body[:MAX_READ_BYTES]
    text = _decode(head, charset)
    if sniff(head).extension not in {"json", "xml", "svg", "txt"}:
        text = _without_tags(text)
    return _cleaned(text)[:MAX_TEXT_CHARACTERS].rstrip()


def _decode(head: bytes, charset: str | None) -> str:
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return head.decode("utf-16", "replace")
    if head.startswith(b"\xef\xbb\xbf"):
        return head[3:].decode("utf-8", "replace")
    if head[:1] == b"<" and head[1:2] == b"\0":
        return head.decode("utf-16-le", "replace")
    if head[:2] == b"\0<":
        return head.decode("utf-16-be", "replace")
    known = _known_charset(charset or "utf-8")
    text = head.decode(known, "replace")
    # A wrong or missing announcement: a page that is not UTF-8 is most often Windows-1252 (WHATWG Encoding).
    return head.decode("cp1252", "replace") if known == "utf-8" and text.count("\ufffd") > 1 else text


def _known_charset(charset: str) -> str:
    try:
        name = codecs.lookup(charset.strip("\"' ")).name
        "".encode(name)  # refuses codecs that are no text encodings
    except (LookupError, ValueError):
        return "utf-8"
    return "utf-8" if name in _NO_CHARSETS else name


def _without_tags(text: str) -> str:
    return unescape("".join(_pieces(text)))


def _pieces(text: str) -> Iterator[str]:
    """The text between tags, outside comments and silent elements.

    Every step moves forward, so the time is linear: the standard library's parser takes seconds for some 16 kB pages,
    and raises on others. What is opened and never closed ends the text.
    """
    lower = text.lower() if len(text.lower()) == len(text) else text  # a few letters grow in lower case
    position = 0
    while (start := lower.find("<", position)) >= 0:
        yield text[position:start]
        if lower.startswith("<!--", start):
            position, gap = _after(lower, "-->", start + 4), ""
        elif name := _TAG_NAME.match(lower, start + 1):
            position = _end_of_tag(lower, name.end())
            if name[1] in _SILENT_TAGS and lower[start + 1] != "/":
                position = _end_of_tag(lower, _after(lower, f"</{name[1]}", position))
            gap = "" if name[1] in _INLINE_TAGS else " "
        elif lower.startswith(("<!", "<?", "</"), start):
            position, gap = _after(lower, ">", start), " "
        else:  # "a < b"
            position, gap = start + 1, "<"
        yield gap
    yield text[position:]


def _end_of_tag(text: str, position: int) -> int:
    found = _TAG_REST.match(text, position, position + _MAX_TAG_CHARACTERS)
    return found.end() if found else _after(text, ">", position)


def _after(text: str, mark: str, position: int) -> int:
    found = text.find(mark, position)
    return found + len(mark) if found >= 0 else len(text)


def _cleaned(text: str) -> str:
    visible = text if text.isascii() and text.isprintable() else "".join(map(_visible, text))
    return " ".join(visible.split())


def _visible(character: str) -> str:
    if character.isspace():
        return " "
    return "" if unicodedata.category(character) in _INVISIBLE else character

"""From a published text to the parts of a URL, written one way: trimming, escapes, dots and slashes.

Here lives what is true of every URL, whoever published it. This module knows no host by name, no size and no
family; it never changes the URL that will be requested beyond trimming, HTML entities and a missing scheme.
"""

from __future__ import annotations

import re

MAX_URL_BYTES = 8192
"""Longer texts are no URL that a server would take (the usual limit of a request line is 8 kB)."""


def words(text: str) -> frozenset[str]:
    """The words of a text as a set: how small vocabularies are written in this package."""
    return frozenset(text.split())


_TRIMMED = " \t\r\n\f\v\u00a0\ufeff\u200b"
# Only entities that end in a semicolon: `&copy=1` and `&sect=2` are parameters, not © and §.
_ENTITY = re.compile(r"&(?:#(\d{1,7})|#[xX]([0-9a-fA-F]{1,6})|(amp|lt|gt|quot|apos));")
_NAMED = {"amp": "&", "lt": "<", "gt": ">", "quot": '"', "apos": "'"}
_FORBIDDEN = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_OTHER_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*:(?!\d)")
_BROKEN_SCHEME = re.compile(r"(https?)(?::/*|//+)", re.IGNORECASE)

_PATH_PLAIN = r"A-Za-z0-9\-._~!$'()*+,=:@/"
_QUERY_PLAIN = r"A-Za-z0-9\-._~!$'()*,=:@/?"
_ODD_IN_PATH = re.compile(rf"[^{_PATH_PLAIN}]")
_ODD_IN_QUERY = re.compile(rf"[^{_QUERY_PLAIN}]")
_PATH_TOKEN = re.compile(rf"%[0-9A-Fa-f]{{2}}|[^{_PATH_PLAIN}]")
_QUERY_TOKEN = re.compile(rf"%[0-9A-Fa-f]{{2}}|[^{_QUERY_PLAIN}]")
_SESSION_IN_PATH = re.compile(r";(?:jsessionid|phpsessid|sessionid)=[^/;]*", re.IGNORECASE)
_SLASHES = re.compile(r"/{2,}")


def _entity(match: re.Match[str]) -> str:
    decimal, hexadecimal, name = match.groups()
    if name:
        return _NAMED[name]
    code = int(decimal) if decimal else int(hexadecimal, 16)
    return chr(code) if 0 < code < 0x110000 else match[0]


def clean_text(text: str) -> str:
    """The text trimmed and HTML-unescaped (`&amp;`, `&#61;`); "" when it cannot be a URL at all."""
    if text.isascii() and len(text) <= MAX_URL_BYTES and "&" not in text and text.isprintable() and " " not in text:
        return text  # nearly every URL there is
    text = text.strip(_TRIMMED)
    if "&" in text:
        for _ in range(3):  # entities of entities occur (&amp;amp;), endless ones do not
            unescaped = _ENTITY.sub(_entity, text)
            if unescaped == text:
                break
            text = unescaped
        text = text.strip(_TRIMMED)
    if len(text) > MAX_URL_BYTES or (not text.isascii() and len(text.encode("utf-8", "surrogatepass")) > MAX_URL_BYTES):
        return ""
    if not text.isprintable() and _FORBIDDEN.search(text):
        return ""
    return text


def with_scheme(text: str) -> str:
    """The text as an http(s) URL: a scheme is added where none is, a broken one (`http:/x`, `https//x`) mended.

    "" for every other scheme (`data:`, `urn:`, `ftp:`, `C:`). A bare host gets `http`, as GBIF's own parser does.
    """
    if text.startswith(("https://", "http://")) or text[:8].lower().startswith(("https://", "http://")):
        return text
    if broken := _BROKEN_SCHEME.match(text):
        return f"{broken[1]}://{text[broken.end() :]}"
    if text.startswith("//"):
        return "http:" + text
    if not text or text[0] in "/\\.?#" or _OTHER_SCHEME.match(text):
        return ""
    return "http://" + text


def without_doubled_scheme(url: str) -> str:
    """`http://https://host/x` as `https://host/x`; "" when the scheme is not doubled."""
    inner = url[url.index("://") + 3 :]
    match = _BROKEN_SCHEME.match(inner)
    return f"{match[1]}://{inner[match.end() :]}" if match else ""


def split_url(url: str) -> tuple[str, str]:
    """Authority and the rest (path and query, no fragment) of a URL with a scheme; a default port is dropped."""
    start = url.find("://") + 3
    slash = url.find("/", start)
    authority, rest = (url[start:], "") if slash < 0 else (url[start:slash], url[slash:])
    if "?" in authority or "#" in authority:  # http://host?x=1 has no path
        cut = min(position for mark in "?#" if (position := authority.find(mark)) >= 0)
        authority, rest = authority[:cut], "/" + authority[cut:] + rest
    if "#" in rest:
        rest = rest[: rest.index("#")]
    if ":" in authority:
        authority = authority.removesuffix(":443" if url[4] in "sS" else ":80")
    return authority, rest


def _rewrite(decoded: frozenset[str], match: re.Match[str]) -> str:
    token = match[0]
    if len(token) == 3:
        char = chr(int(token[1:], 16))
        return char if char in decoded else token.upper()
    return "".join(f"%{byte:02X}" for byte in token.encode())


_UNRESERVED = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~!$'()*,=:@")
_DECODED_IN_PATH = _UNRESERVED | {"+"}  # not "/": %2F inside a name is not a folder
_DECODED_IN_QUERY = _UNRESERVED | {"/", "?"}  # not "+": there it means a space


def normal_path(path: str) -> str:
    """A path with one spelling: escapes uniform (RFC 3986, 6.2.2), `//` and dots resolved, no session, no last slash."""
    if _ODD_IN_PATH.search(path):
        if ";" in path:
            path = _SESSION_IN_PATH.sub("", path)
        path = _PATH_TOKEN.sub(lambda match: _rewrite(_DECODED_IN_PATH, match), path)
    return settled_path(path)


def settled_path(path: str) -> str:
    """A path without empty and dot segments and without a last slash."""
    if "//" in path:
        path = _SLASHES.sub("/", path)
    if "/." in path:
        path = _without_dots(path)
    return path.rstrip("/")


def _without_dots(path: str) -> str:
    kept: list[str] = []
    for segment in path.split("/")[1:]:
        if segment == "..":
            del kept[-1:]
        elif segment != ".":
            kept.append(segment)
    return "".join("/" + segment for segment in kept)


def normal_parameter(parameter: str) -> str:
    """One `name=value` of a query with one spelling; `+` is a space there."""
    if not _ODD_IN_QUERY.search(parameter):
        return parameter
    return _QUERY_TOKEN.sub(lambda match: _rewrite(_DECODED_IN_QUERY, match), parameter.replace("+", "%20"))

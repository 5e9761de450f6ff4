"""How a table of text is written: separator, quote, encoding, line ends, headers; and guessing it from its beginning.

Pure: it sees the first bytes of a file, never the file.
"""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass, replace

HEAD_BYTES = 65_536
_SAMPLE_LINES = 20
_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_LINK = re.compile(r"(?:https?|ftp)://\S", re.IGNORECASE)
_QUOTED = re.compile(r'"(?:[^"]|"")*"')


@dataclass(frozen=True, slots=True)
class Dialect:
    """How a table is written. `quote` is empty where quotes are plain characters; `terminator` is what the writer declares."""

    delimiter: str
    quote: str = ""
    encoding: str = "utf-8"
    terminator: str = "\n"
    header_lines: int = 0


def known_encoding(name: str) -> bool:
    """Whether this Python decodes text of that encoding."""
    try:
        return codecs.lookup(name)._is_text_encoding  # noqa: SLF001  no public way to ask
    except LookupError:
        return False


def encoding_of(head: bytes, declared: str = "utf-8") -> str:
    """The encoding of a file: a byte order mark wins, then UTF-16 that shows by its NULs, then what is declared."""
    for mark, name in _BOMS:
        if head.startswith(mark):
            return name
    sample = head[:400]
    if len(sample) >= 8 and codecs.lookup(declared).name in {"utf-8", "ascii"}:
        if sample[1::2].count(0) > len(sample) * 0.4 and 0 not in sample[0::2]:
            return "utf-16-le"
        if sample[0::2].count(0) > len(sample) * 0.4 and 0 not in sample[1::2]:
            return "utf-16-be"
    return declared


def is_byte_oriented(encoding: str) -> bool:
    """Whether a newline is the byte 0x0A in it, so that lines can be cut before decoding."""
    try:
        return "\r\n\t".encode(encoding) == b"\r\n\t"
    except UnicodeError:
        return False


def terminator_of(head: bytes, declared: str = "\n") -> bytes:
    r"""What ends a line: the declared text where it is odd and occurs, else `\n`, or `\r` where only that occurs.

    A `\r` before the `\n` is dropped by whoever cuts lines, so `\n` serves for `\r\n` too.
    """
    odd = declared.strip("\r\n").encode()
    whole = declared.encode()
    if odd and whole in head:
        return whole
    if b"\n" not in head and b"\r" in head.rstrip(b"\r"):
        return b"\r"
    return b"\n"


def looks_like_link(text: str) -> bool:
    """Whether a cell or a line begins with an address (`http`, `https`, `ftp`)."""
    return _LINK.match(text.strip().strip('"')) is not None


def sample_lines(head: bytes) -> list[str]:
    """The first whole, non-empty lines of a file, decoded leniently."""
    encoding = encoding_of(head)
    text = head.decode(encoding, "replace").removeprefix("\ufeff")
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    if len(head) >= HEAD_BYTES and len(lines) > 1:
        lines.pop()
    return [line for line in lines if line.strip()][:_SAMPLE_LINES]


def is_link_list(lines: list[str]) -> bool:
    """Whether these are lines of one address each: no header, no tab, no column of something else. A few lines may be damaged."""
    links = [line for line in lines if not line.startswith("#")]
    good = [looks_like_link(line) and not line.lstrip().startswith('"') and len(line.split()) == 1 for line in links]
    return bool(links) and good[0] and sum(good) * 4 > len(good) * 3 and not any("\t" in line.strip() for line in links)


def guess_delimiter(lines: list[str]) -> str:
    """The separator of a table with these first lines; a comma where nothing speaks for another."""
    head = [_QUOTED.sub('""', line) for line in lines]
    if any("\t" in line for line in head[:1]):
        return "\t"
    counts = {mark: head[0].count(mark) if head else 0 for mark in (",", ";", "|")}
    best = max(counts, key=lambda mark: counts[mark])
    return best if counts[best] or not any("\t" in line for line in head) else "\t"


def guess_dialect(head: bytes, delimiter: str | None = None) -> Dialect:
    """The dialect of a bare table.

    Tab-separated text is GBIF's (quotes are plain characters) unless its first line quotes its cells; any
    other separator comes with double quotes (RFC 4180).
    """
    lines = sample_lines(head)
    mark = delimiter or guess_delimiter(lines)
    quoted = mark != "\t" or (bool(lines) and lines[0].startswith('"') and f'"{mark}"' in lines[0])
    dialect = Dialect(mark, '"' if quoted else "", encoding_of(head))
    return replace(dialect, header_lines=1 if has_header(lines, mark) else 0)


def has_header(lines: list[str], delimiter: str) -> bool:
    """Whether the first line names columns: none of its cells is an address or a bare number."""
    if not lines:
        return False
    cells = [cell.strip().strip('"') for cell in lines[0].split(delimiter)]
    return not any(looks_like_link(cell) or cell.isdigit() for cell in cells)

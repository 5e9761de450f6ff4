r"""What may reach a terminal, and the consoles that write to it.

Texts from outside (URLs, server answers, cells of a source, names of files) can hold sequences that move
the cursor, recolour the screen, reverse the reading order or forge a line of a log. `printable` makes any
text one harmless line for plain output; `safe` is the same with rich's markup disarmed as well, for
everything that goes through rich. Pure but for the two consoles. It knows nothing of what is shown.
"""

from __future__ import annotations

import sys
import unicodedata
from typing import TextIO

from rich.console import Console
from rich.markup import escape

MAX_TEXT_CHARS = 300
PLAIN_WIDTH_CHARS = 160  # of lines that go to a file or a pipe, where nothing tells the width

_NAMED = {"\n": r"\n", "\r": r"\r", "\t": r"\t"}
_CUT = "\N{HORIZONTAL ELLIPSIS}"


def printable(text: str, max_chars: int = MAX_TEXT_CHARS) -> str:
    r"""`text` as one line of at most `max_chars` characters without anything a terminal acts on.

    Control characters (so every ANSI sequence), bidi and other format characters, line separators and lone
    surrogates (bytes that were no UTF-8) become `\xNN` or `\uNNNN`; other kinds of space become a space. What
    is longer ends in an ellipsis.
    """
    if len(text) <= max_chars and text.isprintable():
        return text
    parts: list[str] = []
    length = 0
    for index, character in enumerate(text):
        part = _printable_character(character)
        room = max_chars - length - (index + 1 < len(text))
        if len(part) > room:
            return "".join(parts) + _CUT[: max_chars - length]
        parts.append(part)
        length += len(part)
    return "".join(parts)


def safe(text: str, max_chars: int = MAX_TEXT_CHARS) -> str:
    """`printable` text whose square brackets rich will not read as markup; for untrusted text in anything rich renders.

    Rich also turns `:name:` into a picture, harmless but wrong; the consoles made here do not.
    """
    return escape(printable(text, max_chars))


def stdout_console() -> Console:
    """The console for results."""
    return _console(sys.stdout)


def stderr_console() -> Console:
    """The console for the live display, notices and errors."""
    return _console(sys.stderr)


def _console(stream: TextIO) -> Console:
    """A console without guessing at words; colours only on a terminal and without NO_COLOR, which rich itself heeds."""
    console = Console(file=stream, highlight=False, emoji=False)
    if not console.is_terminal:
        console = Console(file=stream, highlight=False, emoji=False, width=PLAIN_WIDTH_CHARS)
    return console


def _printable_character(character: str) -> str:
    if character.isprintable():
        return character
    if named := _NAMED.get(character):
        return named
    if unicodedata.category(character) == "Zs":
        return " "
    code = ord(character)
    if code <= 0xFF:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"

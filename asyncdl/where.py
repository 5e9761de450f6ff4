"""The language of `--where`: one condition on one column, as a person writes it, parsed into frozen values. Pure.

    countryCode=DE            is DE (case and blanks around it do not count)
    countryCode=DE,AT,CH      is one of them; "in quotes" a comma is part of a value
    countryCode!=DE           is none of them; empty cells pass
    year=1900..1950           a range, both ends included; either end may be left out
    year>=1900   year<1950    one end
    eventDate=2000-01..2010   dates as ISO text: 2010 includes all of 2010
    catalogNumber=*           is not empty
    catalogNumber=            is empty

How cells of a source are compared is said in `ingest.wheresql`; what GBIF is asked for, in `gbif.predicates`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Final

from asyncdl.errors import UsageError
from asyncdl.terminal import printable
from asyncdl.terms import local_name

MAX_CONDITION_CHARS: Final = 100_000
MAX_VALUES: Final = 10_000
"""Values of one condition: longer lists of ids belong in a table of their own."""

NUMBER_PATTERN: Final = r"[+-]?(?:0|[1-9][0-9]{0,25})(?:\.[0-9]+)?(?:[eE][+-]?[0-9]{1,2})?"
"""What counts as a number. `0012` does not: such numbers are names (of sheets, say), and 12 is another one."""
YEAR_PATTERN: Final = r"[0-9]{4}"
DATE_PATTERN: Final = r"[0-9]{4}-[0-9]{2}(?:-[0-9]{2}(?:T.*)?)?"

_HOW: Final = "write COLUMN=VALUE, COLUMN=V1,V2, COLUMN!=V, COLUMN=LOW..HIGH, COLUMN>=V, COLUMN=* (not empty) or COLUMN= (empty)"
_CONDITION: Final = re.compile(r"\s*([^=!<>]+?)\s*(!=|>=|<=|=|<|>)(.*)", re.DOTALL)
_PLACES: Final = {"occurrence": "occurrence", "media": "media", "multimedia": "media"}
_SHOWN_CHARS: Final = 80


class Shape(StrEnum):
    """What a bound of a range is, which decides how cells are compared with it."""

    NUMBER = "number"
    YEAR = "year"
    DATE = "date"
    TEXT = "text"


@dataclass(frozen=True, slots=True)
class Bound:
    """One end of a range. `inclusive`: what equals it, or is a text that begins with it, belongs to the range."""

    text: str
    inclusive: bool = True

    @property
    def shape(self) -> Shape:
        """Number, year (a number too), ISO date, or text."""
        if re.fullmatch(YEAR_PATTERN, self.text):
            return Shape.YEAR
        if re.fullmatch(NUMBER_PATTERN, self.text):
            return Shape.NUMBER
        return Shape.DATE if re.fullmatch(DATE_PATTERN, self.text) else Shape.TEXT


@dataclass(frozen=True, slots=True)
class Value:
    """A cell that says just this. An empty value: an empty cell."""

    text: str


@dataclass(frozen=True, slots=True)
class Between:
    """A cell within a range; None: no end on that side."""

    low: Bound | None
    high: Bound | None


@dataclass(frozen=True, slots=True)
class Anything:
    """A cell that is not empty."""


Wanted = Value | Between | Anything


@dataclass(frozen=True, slots=True)
class Condition:
    """A column whose cell must be one of `wanted`, or, `negated`, none of them.

    `column` is a term's local name in lower case; `place` is `occurrence` or `media` where a person said which table is meant.
    `text` is the condition as written.
    """

    column: str
    wanted: tuple[Wanted, ...]
    negated: bool
    text: str
    place: str = ""

    @property
    def shown_column(self) -> str:
        """The column as the person wrote it."""
        return re.split("[=!<>]", self.text, maxsplit=1)[0].strip()


def parse_conditions(texts: Sequence[str]) -> tuple[Condition, ...]:
    """All conditions, each as in the head of this module. Raises `UsageError` for one that cannot be understood."""
    return tuple(parse_condition(text) for text in texts)


def parse_condition(text: str) -> Condition:
    """One condition. Raises `UsageError` when it cannot be understood."""
    if len(text) > MAX_CONDITION_CHARS:
        raise UsageError(f"a condition of --where has {len(text):,} characters", f"at most {MAX_CONDITION_CHARS:,} are read")
    found = _CONDITION.fullmatch(text)
    if found is None:
        raise _unclear(text, "it has no =")
    written, sign, rest = found.groups()
    head, dot, tail = written.strip().partition(".")
    place = _PLACES.get(head.strip().lower(), "") if dot else ""
    column = local_name(tail if place else written)
    if not column:
        raise _unclear(text, "it names no column")
    if sign in {"=", "!="}:
        return Condition(column, tuple(_wanted(rest, text)), sign == "!=", text, place)
    value = _unquoted(rest.strip())[0]
    if not value:
        raise _unclear(text, f"nothing stands after {sign}")
    bound = Bound(value, inclusive=sign.endswith("="))
    between = Between(bound, None) if sign[0] == ">" else Between(None, bound)
    return Condition(column, (between,), False, text, place)


def number_of(text: str) -> Decimal | None:
    """The number a text is, if it is one."""
    return Decimal(text) if re.fullmatch(NUMBER_PATTERN, text) else None


def _wanted(rest: str, text: str) -> list[Wanted]:
    parts = _parts(rest, text)
    if len(parts) > MAX_VALUES:
        raise _unclear(text, f"it lists more than {MAX_VALUES:,} values")
    return [_one(part, quoted, text) for part, quoted in parts]


def _one(part: str, quoted: bool, text: str) -> Wanted:
    if quoted or ".." not in part:
        return Anything() if part == "*" and not quoted else Value(part)
    low, _, high = part.partition("..")
    ends = [end.strip() for end in (low, high)]
    if not any(ends) or ".." in high:
        raise _unclear(text, f'"{printable(part, _SHOWN_CHARS)}" is no range; LOW..HIGH, LOW.. and ..HIGH are')
    first, last = (Bound(end) if end else None for end in ends)
    if first and last and _reversed(first, last):
        raise _unclear(text, f"the range ends before it begins ({printable(part, _SHOWN_CHARS)})")
    return Between(first, last)


def _reversed(low: Bound, high: Bound) -> bool:
    """Whether nothing can lie between two bounds."""
    first, last = number_of(low.text), number_of(high.text)
    if first is not None and last is not None:
        return first > last
    return low.text.lower() > high.text.lower() and not low.text.lower().startswith(high.text.lower())


def _parts(rest: str, text: str) -> list[tuple[str, bool]]:
    """The values between commas, each with whether it stood in quotes."""
    parts: list[tuple[str, bool]] = []
    left = rest.strip()
    while True:
        if left.startswith('"'):
            value, left = _unquoted(left)
            left = left.lstrip()
            if left and not left.startswith(","):
                raise _unclear(text, "a quoted value must end before a comma")
            parts.append((value, True))
        else:
            end = left.find(",")
            parts.append((left[: end if end >= 0 else None].strip(), False))
            left = left[end:] if end >= 0 else ""
        if not left:
            return parts
        left = left[1:].lstrip()


def _unquoted(text: str) -> tuple[str, str]:
    """A value that may stand in quotes (a doubled quote in it is one), and what follows it."""
    if found := re.match(r'"((?:[^"]|"")*)"', text):
        return found[1].replace('""', '"').strip(), text[found.end() :]
    return text, ""


def _unclear(text: str, why: str) -> UsageError:
    return UsageError(f'--where "{printable(text, _SHOWN_CHARS)}" cannot be understood: {why}', _HOW)

"""The kinds of value a setting can have: how each is written, read, checked and shown. Pure.

A kind is an annotated type. Its validator turns what a person wrote (or a ready value) into the value; its
`Kind` says in words what is expected and turns the value back into text that reads the same again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator

from asyncdl.settings.addresses import Network, parse_contact, parse_host, parse_network, parse_page, parse_proxy
from asyncdl.units import (
    format_bit_rate,
    format_count,
    format_duration,
    format_rate,
    format_size,
    parse_bit_rate,
    parse_count,
    parse_duration_seconds,
    parse_rate_per_second,
    parse_size_bytes,
)

MAX_LIST_ITEMS = 1_000
MAX_NAME_CHARS = 1_000
MAX_TEXT_CHARS = 100_000

_TRUE = frozenset({"1", "true", "yes", "on"})
_FALSE = frozenset({"0", "false", "no", "off"})


@dataclass(frozen=True, slots=True)
class Kind:
    """How a value is named in help (`metavar`), what a person may write (`expects`), how it is shown again.

    `several` kinds are lists: a flag that may be repeated, commas in a variable, an array in TOML.
    """

    metavar: str
    expects: str
    show: Callable[[Any], str] = str
    several: bool = False
    switch: bool = False


def _no_ceiling(parse: Callable[[object], Any]) -> Callable[[object], Any]:
    """Read 0 as None: no limit."""

    def read(value: object) -> Any:
        if value is None:
            return None
        return parse(value) or None

    return read


def _show_no_ceiling(show: Callable[[Any], str]) -> Callable[[Any], str]:
    return lambda value: show(value) if value else "0"


def _items(value: object) -> list[object]:
    """The parts of a list, however it was given: a sequence, or text with commas."""
    parts = value.split(",") if isinstance(value, str) else value
    if not isinstance(parts, Iterable):
        raise ValueError("not a list")  # noqa: TRY004  a validator turns only ValueError into a sentence
    found = [part for one in parts for part in (one.split(",") if isinstance(one, str) else [one])]
    if len(found) > MAX_LIST_ITEMS:
        raise ValueError(f"more than {MAX_LIST_ITEMS} parts")
    return [part for part in found if not (isinstance(part, str) and not part.strip())]


def _each(parse: Callable[[object], Any]) -> Callable[[object], list[Any]]:
    return lambda value: [parse(part) for part in _items(value)]


def _networks(value: object) -> list[Network]:
    return [part if isinstance(part, Network) else parse_network(part) for part in _items(value)]


def _joined(show: Callable[[Any], str] = str) -> Callable[[Any], str]:
    return lambda values: ",".join(show(value) for value in values)


def _yes_no(value: object) -> bool:
    if isinstance(value, bool):
        return value
    word = value.strip().lower() if isinstance(value, str) else ""
    if word in _TRUE | _FALSE:
        return word in _TRUE
    raise ValueError("neither yes nor no")


def auto_or_count(least: int, most: int) -> BeforeValidator:
    """Read `auto`, or a whole number within bounds."""

    def read(value: object) -> int | str:
        if isinstance(value, str) and value.strip().lower() == "auto":
            return "auto"
        number = parse_count(value)
        if not least <= number <= most:
            raise ValueError(f"not between {least} and {most}")
        return number

    return BeforeValidator(read)


def _auto_or_size(value: object) -> int | str:
    return "auto" if isinstance(value, str) and value.strip().lower() == "auto" else parse_size_bytes(value)


def _word(value: object) -> object:
    return value.strip().lower() if isinstance(value, str) else value


def _name(value: object) -> str:
    if not isinstance(value, str) or len(value) > MAX_NAME_CHARS:
        raise ValueError("not a text, or too long")
    return value


def _texts(value: object) -> list[str]:
    """Texts that may hold commas: each as it stands in a list, or one text with semicolons between them."""
    parts = value.split(";") if isinstance(value, str) else value
    if not isinstance(parts, list | tuple) or len(parts) > MAX_LIST_ITEMS:
        raise ValueError(f"not a list, or of more than {MAX_LIST_ITEMS} parts")
    if not all(isinstance(part, str) and len(part) <= MAX_TEXT_CHARS for part in parts):
        raise ValueError(f"not texts of at most {MAX_TEXT_CHARS:,} characters")
    return [part.strip() for part in parts if part.strip()]


_DURATION = "a duration such as 90s, 15m, 11h30m or 2d"
_SIZE = "a size such as 200MB or 1.5GiB"
_RATE = "a rate such as 3 (per second), 0.5 or 20/min; 0 = no ceiling"
_BITS = "bits per second such as 25M or 800k; 0 = no ceiling"
_NUMBER = "a whole number such as 4"

Duration = Annotated[float, BeforeValidator(parse_duration_seconds), Kind("DURATION", _DURATION, format_duration)]
Durations = Annotated[
    tuple[float, ...],
    BeforeValidator(_each(parse_duration_seconds)),
    Kind("DURATION,…", "durations with commas between, such as 5s,10m,12h", _joined(format_duration), several=True),
]
MaybeDuration = Annotated[
    float | None,
    BeforeValidator(_no_ceiling(parse_duration_seconds)),
    Kind("DURATION", f"{_DURATION}; 0 = no ceiling", _show_no_ceiling(format_duration)),
]
Size = Annotated[int, BeforeValidator(parse_size_bytes), Kind("SIZE", _SIZE, format_size)]
ByteRate = Annotated[
    int,
    BeforeValidator(parse_size_bytes),
    Kind("SIZE", "bytes per second such as 1kB; 0 = any speed will do", _show_no_ceiling(format_size)),
]
AutoSize = Annotated[
    int | Literal["auto"],
    BeforeValidator(_auto_or_size),
    Kind("auto|SIZE", "auto, or a size such as 5GB", lambda value: value if value == "auto" else format_size(value)),
]
Rate = Annotated[float, BeforeValidator(parse_rate_per_second), Kind("RATE", _RATE, _show_no_ceiling(format_rate))]
BitRate = Annotated[float, BeforeValidator(parse_bit_rate), Kind("BITS", _BITS, _show_no_ceiling(format_bit_rate))]
Count = Annotated[int, BeforeValidator(parse_count), Kind("N", _NUMBER, format_count)]
Ceiling = Annotated[int, BeforeValidator(parse_count), Kind("N", f"{_NUMBER}; 0 = no ceiling", format_count)]
Pixels = Annotated[int, BeforeValidator(parse_count), Kind("N", "a number of pixels such as 256M", format_count)]
MaybeCount = Annotated[
    int | None,
    BeforeValidator(_no_ceiling(parse_count)),
    Kind("N", f"{_NUMBER}; 0 = no ceiling", _show_no_ceiling(format_count)),
]
Networks = Annotated[
    tuple[Network, ...],
    BeforeValidator(_networks),
    Kind("CIDR", "networks such as 10.1.0.0/16 or fd00:1::/32, or single addresses", _joined(), several=True),
]
Hosts = Annotated[
    frozenset[str],
    BeforeValidator(_each(parse_host)),
    Kind("HOST", "hosts such as images.museum.org or images.museum.org:8080", lambda hosts: ",".join(sorted(hosts)), several=True),
]
Contact = Annotated[
    str,
    BeforeValidator(parse_contact),
    Kind("ADDRESS", "your own e-mail address or a web page that says how to reach you"),
]
Proxy = Annotated[
    str,
    BeforeValidator(parse_proxy),
    Kind("URL", "the http(s) address of a proxy with its port, such as http://proxy.institute.edu:3128"),
]
Page = Annotated[str, BeforeValidator(parse_page), Kind("URL", "the http(s) address of a page")]
Switch = Annotated[bool, BeforeValidator(_yes_no), Kind("", "true or false", lambda on: "true" if on else "false", switch=True)]
Name = Annotated[str, BeforeValidator(_name), Kind("NAME", "the name of a column, as the source writes it")]
Text = Annotated[str, BeforeValidator(_name)]
"""A text whose meaning the slice that obeys it knows; say in a `Kind` of its own what is expected."""
Conditions = Annotated[
    tuple[str, ...],
    BeforeValidator(_texts),
    Kind("CONDITION", "conditions such as countryCode=DE or year=1900..1950; in a variable with ; between", ";".join, several=True),
]
Paths = Annotated[
    tuple[str, ...], BeforeValidator(_texts), Kind("PATH", "files or folders; in a variable with ; between", ";".join, several=True)
]
Names = Annotated[
    tuple[str, ...],
    BeforeValidator(_each(_name)),
    Kind("COLUMN,…", "names of columns with commas between, or all, or none", _joined(), several=True),
]
Word = BeforeValidator(_word)


def choice(*words: str) -> Kind:
    """The kind of a setting that takes one of a few words."""
    return Kind("|".join(words), "one of " + ", ".join(words))

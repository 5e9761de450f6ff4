"""Human units: durations, sizes, rates and counts, from text to numbers and back.

Pure. Arithmetic is decimal, so that what is written is what is meant: `0.1s` is a tenth of a second and
not the nearest sum of halves. Every parser takes text or a plain number (which is already in the base
unit), refuses what is negative, not finite or beyond `MAX_VALUE`, and raises `ValueError` with a sentence.
"""

from __future__ import annotations

import re
from decimal import Decimal

MAX_TEXT_CHARS = 64
MAX_VALUE = Decimal(10) ** 15  # a petabyte, thirty million years: beyond it somebody slipped

_NUMBER = r"([0-9][0-9_]*(?:\.[0-9]+)?|\.[0-9]+)"
_SCALED = re.compile(_NUMBER + r"\s*([A-Za-z/]*)")
_DURATION_PART = re.compile(_NUMBER + r"\s*([A-Za-z]+)\s*")

_DURATION_UNITS = {
    "w": Decimal(604_800), "d": Decimal(86_400), "h": Decimal(3_600), "min": Decimal(60), "m": Decimal(60),
    "s": Decimal(1), "ms": Decimal("0.001"),
}  # fmt: skip
_DECIMAL_STEPS = {"k": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}
_BINARY_STEPS = {"Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "Ti": 2**40}
_SIZE_UNITS = {"": 1, "b": 1} | {
    step.lower() + end: factor for step, factor in (_DECIMAL_STEPS | _BINARY_STEPS).items() for end in ("", "b")
}
_BIT_UNITS = {
    step.lower() + end: factor for step, factor in ({"": 1} | _DECIMAL_STEPS).items() for end in ("", "bit", "bit/s", "bps")
}
_COUNT_UNITS = {"": 1} | {step.lower(): factor for step, factor in _DECIMAL_STEPS.items()}
_RATE_UNITS = {"": 1, "/s": 1, "/min": 60, "/m": 60, "/h": 3_600, "/d": 86_400}


def parse_duration_seconds(value: object) -> float:
    """Seconds in `11h30m`, `90s`, `2d`, `1.5h`, `250ms`; a bare number is seconds. Units: w d h m (min) s ms, each once."""
    text, bare = _text_or_number(value)
    if bare is not None:
        return float(bare)
    total, position, seen = Decimal(0), 0, set[Decimal]()
    for part in _DURATION_PART.finditer(text):
        unit = _DURATION_UNITS.get(part[2].lower())
        if part.start() != position or unit is None:
            break
        if any(unit >= earlier for earlier in seen):
            raise ValueError("each unit stands once, the largest first")
        seen.add(unit)
        total += _decimal(part[1]) * unit
        position = part.end()
    if not seen or position != len(text):
        raise ValueError("not a duration")
    return float(_in_bounds(total))


def format_duration(seconds: float) -> str:
    """The shortest text that `parse_duration_seconds` reads back to the same millisecond: `11h30m`, `1m0.5s`, `0s`."""
    rest = Decimal(repr(float(seconds))).quantize(Decimal("0.001"))
    parts: list[str] = []
    for unit in ("d", "h", "m"):
        count = int(rest // _DURATION_UNITS[unit])
        rest -= count * _DURATION_UNITS[unit]
        if count:
            parts.append(f"{count}{unit}")
    if rest and rest < 1 and not parts:
        return f"{_plain(rest * 1000)}ms"
    if rest or not parts:
        parts.append(f"{_plain(rest)}s")
    return "".join(parts)


def parse_size_bytes(value: object) -> int:
    """Bytes in `200MB`, `1.5GiB`, `64k`; decimal units k M G T, binary Ki Mi Gi Ti, B may follow, case does not matter."""
    return int(_scaled(value, _SIZE_UNITS, "not a size"))


def format_size(size_bytes: int) -> str:
    """The shortest exact text of a size, for settings: `200MB`, `256MiB`, `1.5GiB`, `1234567B`."""
    stepped = (_exact_steps(Decimal(size_bytes), steps) for steps in (_DECIMAL_STEPS, _BINARY_STEPS))
    return min((f"{text}B" for text in (*stepped, str(size_bytes)) if text is not None), key=len)


def approximate_size(size_bytes: float) -> str:
    """A size for people to read, three figures and decimal units: `812 B`, `1.23 MB`, `45.6 GB`."""
    value, unit = float(size_bytes), "B"
    for step in ("k", "M", "G", "T"):
        if abs(value) < 999.5:
            break
        value, unit = value / 1000, f"{step}B"
    digits = 0 if unit == "B" or value >= 99.95 else 1 if value >= 9.995 else 2
    return f"{value:.{digits}f} {unit}"


def approximate_duration(seconds: float) -> str:
    """A duration for people to read, its two largest units: `42s`, `3m05s`, `11h30m`, `2d04h`."""
    whole = max(0, round(seconds))
    if whole < 60:
        return f"{whole}s"
    if whole < 3_600:
        return f"{whole // 60}m{whole % 60:02d}s"
    if whole < 86_400:
        return f"{whole // 3_600}h{whole % 3_600 // 60:02d}m"
    return f"{whole // 86_400}d{whole % 86_400 // 3_600:02d}h"


def parse_bit_rate(value: object) -> float:
    """Bits per second in `25M`, `2.5Mbit/s`, `800kbps`; a bare number is bits per second. `MB` is refused: bytes are not bits."""
    return float(_scaled(value, _BIT_UNITS, "not a bit rate"))


def format_bit_rate(bits_per_second: float) -> str:
    """The text of a bit rate: `25Mbit/s`, `800kbit/s`."""
    value = Decimal(repr(float(bits_per_second)))
    return f"{_exact_steps(value, _DECIMAL_STEPS) or _plain(value)}bit/s"


def parse_rate_per_second(value: object) -> float:
    """Events per second in `3`, `0.5`, `3/s`, `20/min`, `1000/h`, `5000/d`."""
    text, bare = _text_or_number(value)
    if bare is not None:
        return float(bare)
    found = _SCALED.fullmatch(text)
    period = _RATE_UNITS.get(found[2].lower()) if found else None
    if found is None or period is None:
        raise ValueError("not a rate")
    return float(_in_bounds(_decimal(found[1])) / period)


def format_rate(per_second: float) -> str:
    """The text of a rate in the shortest period that gives three decimals or fewer: `3/s`, `20/min`."""
    for unit in ("/s", "/min", "/h", "/d"):
        value = per_second * _RATE_UNITS[unit]
        if abs(value - round(value, 3)) <= 1e-12 * max(1.0, value):
            return f"{_plain(Decimal(repr(round(value, 3))))}{unit}"
    return f"{per_second!r}/s"


def parse_count(value: object) -> int:
    """A whole number: `1000000`, `1_000_000`, `256M`; units k M G T are decimal."""
    number = _scaled(value, _COUNT_UNITS, "not a whole number")
    if number != number.to_integral_value():
        raise ValueError("not a whole number")
    return int(number)


def format_count(count: int) -> str:
    """The shortest exact text of a count: `256M`, `128`, `1500`."""
    whole = next((f"{count // f}{s}" for s, f in reversed(_DECIMAL_STEPS.items()) if f > 1000 and count and not count % f), None)
    return whole or str(count)


def _text_or_number(value: object) -> tuple[str, Decimal | None]:
    """Text as it is to be read, or the number that `value` already is (as a number, or as text without a unit)."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise ValueError("neither text nor a number")  # noqa: TRY004  a validator turns only ValueError into a sentence
    if isinstance(value, str):
        text = value.strip()
        if len(text) > MAX_TEXT_CHARS:
            raise ValueError(f"longer than {MAX_TEXT_CHARS} characters")
        if text.startswith("-"):
            raise ValueError("negative")
        return text, _in_bounds(_decimal(text)) if re.fullmatch(_NUMBER, text) else None
    return "", _in_bounds(Decimal(repr(value)))


def _scaled(value: object, units: dict[str, int], complaint: str) -> Decimal:
    """A number times its unit."""
    text, bare = _text_or_number(value)
    if bare is not None:
        return bare
    found = _SCALED.fullmatch(text)
    factor = units.get(found[2].lower()) if found else None
    if found is None or factor is None:
        raise ValueError(complaint)
    return _in_bounds(_decimal(found[1]) * factor)


def _decimal(digits: str) -> Decimal:
    return Decimal(digits.replace("_", ""))


def _in_bounds(value: Decimal) -> Decimal:
    if not value.is_finite():
        raise ValueError("not a finite number")
    if value < 0:
        raise ValueError("negative")
    if value > MAX_VALUE:
        raise ValueError("too large")
    return value


def _exact_steps(value: Decimal, steps: dict[str, int]) -> str | None:
    """`value` in the largest step that needs three decimals or fewer, or None."""
    for step, factor in reversed(steps.items()):
        scaled = value / factor
        if scaled >= 1 and scaled == scaled.quantize(Decimal("0.001")):
            return f"{_plain(scaled)}{step}"
    return None


def _plain(value: Decimal) -> str:
    """Digits without exponent and without trailing zeros."""
    text = format(value, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text

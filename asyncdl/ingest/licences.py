"""Licences: what people write becomes one of a few codes. Pure.

Sources: https://creativecommons.org/licenses/, the names GBIF uses (`CC_BY_NC_4_0`), and texts met in `multimedia.txt`. Versions do not
count: what one may do does not differ between them for our purpose.
"""

from __future__ import annotations

import re
from typing import Final

from asyncdl.errors import UsageError
from asyncdl.terminal import printable

OPEN: Final = frozenset({"cc0", "pdm", "cc-by", "cc-by-sa", "ogl"})
"""What `open` means: the licences that conform with the Open Definition 2.1 (https://opendefinition.org/licenses/), and the public domain.
Non-commercial and no-derivatives licences do not conform."""

OTHER: Final = "other"
"""A text that names no licence we know: "Usage Conditions Apply", "© Museum". It is never open."""
NONE: Final = "none"
"""No text at all."""

CODES: Final = (
    "cc0", "pdm", "cc-by", "cc-by-sa", "cc-by-nc", "cc-by-nc-sa", "cc-by-nd", "cc-by-nc-nd", "ogl", "all-rights-reserved", OTHER, NONE,
)  # fmt: skip
_MAX_CHARS: Final = 2_000

_URL: Final = re.compile(r"creativecommons\.org/(licen[cs]es|publicdomain)/([a-z-]+)", re.IGNORECASE)
_CC: Final = re.compile(r"\bcc[\s:-]*((?:by|nc|sa|nd)\b(?:[\s/.-]*(?:by|nc|sa|nd)\b)*)")
_WORDS: Final = re.compile(r"creative\s*commons")
_ZERO: Final = re.compile(r"\bcc[\s-]*(?:0|zero)\b")
_LIMITS: Final = {"nc": r"non[\s-]*commercial|\bnc\b", "nd": r"no[\s-]*deriv|\bnd\b", "sa": r"share[\s-]*alike|\bsa\b"}


def classify(text: str) -> str:
    """The code of a licence as written: an address, a name or a sentence."""
    said = text[:_MAX_CHARS].strip().lower().replace("_", "-")
    if not said:
        return NONE
    if found := _URL.search(said):
        return _of_path(found[1], found[2])
    limits = _limits(said)
    if _ZERO.search(said) or "creative commons zero" in said:
        return OTHER if limits else "cc0"
    if found := _CC.search(said):
        return _of_parts(set(re.findall(r"by|nc|sa|nd", found[1])) | limits)
    if _WORDS.search(said):
        return _of_parts(limits | ({"by"} if re.search(r"attribution|\bby\b", said) else set()))
    if re.search(r"public\s*domain", said) and not limits and not re.search(r"\b(?:not|non|no|unless|except)\b", said):
        return "pdm"
    if re.search(r"(?<!non-)(?<!non )\bopen[\s-]government[\s-]licen[cs]e", said) or re.fullmatch(
        r"ogl(?:[ -]uk)?(?:[ -]v?[123](?:\.0)?)?", said
    ):
        return "ogl"
    return "all-rights-reserved" if "all rights reserved" in said else OTHER


def parse_licences(text: str) -> frozenset[str]:
    """The codes that `--licence open|LIST` lets pass. Raises `UsageError` for a code nobody knows."""
    wanted: set[str] = set()
    for part in (part.strip().lower().replace("_", "-") for part in text.split(",")):
        if part == "open":
            wanted |= OPEN
        elif part in CODES:
            wanted.add(part)
        elif part:
            raise UsageError(
                f'--licence: "{printable(part, 40)}" is no licence we know',
                f"expected: open ({', '.join(sorted(OPEN))}), or some of {', '.join(CODES)}, with commas between",
            )
    return frozenset(wanted)


def _of_path(folder: str, name: str) -> str:
    if folder == "publicdomain":
        return {"zero": "cc0", "mark": "pdm"}.get(name.strip("-"), OTHER)
    return _of_parts(set(name.split("-")))


def _of_parts(parts: set[str]) -> str:
    """The code of a licence's parts; licences without BY (version 1) and impossible ones are `other`."""
    code = "-".join(["cc", *(part for part in ("by", "nc", "nd", "sa") if part in parts)])
    return code if code in CODES and parts <= {"by", "nc", "nd", "sa"} else OTHER


def _limits(said: str) -> set[str]:
    """What a sentence forbids or demands: `Attribution-NonCommercial`, but also `CC BY (non-commercial use only)`."""
    return {part for part, pattern in _LIMITS.items() if re.search(pattern, said)}

"""A download as GBIF describes it: its state, what it holds, how it is cited. Values from JSON that others wrote; pure.

Source: GBIF's `Download` (https://techdocs.gbif.org/en/openapi/v1/occurrence#/Occurrence%20downloads).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Final

KEY: Final = re.compile(r"[0-9]{7}-[0-9]{15}", re.ASCII)
_DOI: Final = re.compile(r"10\.[0-9]{4,9}/[A-Za-z0-9][A-Za-z0-9._;()/:-]{0,100}", re.ASCII)
_MAX_CHARS: Final = 1_000
_LICENCES: Final = {
    "http://creativecommons.org/publicdomain/zero/1.0/legalcode": "CC0 1.0",
    "http://creativecommons.org/licenses/by/4.0/legalcode": "CC BY 4.0",
    "http://creativecommons.org/licenses/by-nc/4.0/legalcode": "CC BY-NC 4.0",
}


class State(StrEnum):
    """The states of a download, in GBIF's words."""

    PREPARING = "PREPARING"
    RUNNING = "RUNNING"
    SUSPENDED = "SUSPENDED"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"
    KILLED = "KILLED"
    CANCELLED = "CANCELLED"
    FILE_ERASED = "FILE_ERASED"


UNDER_WAY: Final = frozenset({State.PREPARING, State.RUNNING, State.SUSPENDED})
MEANING: Final[Mapping[State, str]] = {
    State.PREPARING: "it waits in GBIF's queue",
    State.RUNNING: "GBIF is putting it together",
    State.SUSPENDED: "GBIF has paused it and will go on later",
    State.SUCCEEDED: "it is ready",
    State.FAILED: "GBIF could not make it",
    State.KILLED: "GBIF's machinery ended it",
    State.CANCELLED: "it was cancelled",
    State.FILE_ERASED: "its file has been deleted (GBIF keeps files for six months), only its description is kept",
}
WHAT_HELPS: Final[Mapping[State, str]] = {
    State.FAILED: "request it again; if that fails too, see https://www.gbif.org/health or write to helpdesk@gbif.org",
    State.KILLED: "request it again; if that fails too, see https://www.gbif.org/health or write to helpdesk@gbif.org",
    State.CANCELLED: "request it again",
    State.FILE_ERASED: "request it again: the new one has a DOI of its own",
}


@dataclass(frozen=True, slots=True)
class Download:
    """A download; texts are as GBIF sent them, empty where it said nothing, numbers None.

    `created` and `erase_after` are ISO 8601. `asked` is the request it was made from, as JSON has it.
    """

    key: str
    state: State
    doi: str
    licence: str
    created: str
    erase_after: str
    link: str
    size_bytes: int | None
    records: int | None
    datasets: int | None
    format: str
    asked: Mapping[str, Any]

    @property
    def created_ms(self) -> int | None:
        """When it was requested, in UTC milliseconds."""
        return _milliseconds(self.created)

    @property
    def citation(self) -> str:
        """How GBIF asks to have it cited (https://www.gbif.org/citation-guidelines); without a DOI yet, the page of the download."""
        made = self.created_ms
        day = f" ({_day(made)})" if made is not None else ""
        place = f"https://doi.org/{self.doi}" if self.doi else f"https://www.gbif.org/occurrence/download/{self.key}"
        return f"GBIF.org{day} GBIF Occurrence Download {place}"

    @property
    def licence_name(self) -> str:
        """The licence by its usual name."""
        return _LICENCES.get(self.licence, self.licence)


def parse_download(found: Any) -> Download | str:
    """The download in an answer, or what is wrong with the answer."""
    if not isinstance(found, dict):
        return "no description of a download"
    key, state = _text(found.get("key")), _text(found.get("status"))
    if not KEY.fullmatch(key):
        return "a download without a key"
    if state not in State.__members__:
        return f"a state of download {key} that this version does not know: {state or 'none'}"
    asked = found.get("request")
    asked = asked if isinstance(asked, dict) else {}
    doi = _text(found.get("doi")).removeprefix("doi:")
    return Download(
        key=key,
        state=State[state],
        doi=doi if _DOI.fullmatch(doi) else "",
        licence=_text(found.get("license")),
        created=_text(found.get("created")),
        erase_after=_text(found.get("eraseAfter")),
        link=_text(found.get("downloadLink")),
        size_bytes=_count(found.get("size")) or None,  # 0 while it is not known
        records=_count(found.get("totalRecords")),
        datasets=_count(found.get("numberDatasets")),
        format=_text(asked.get("format")),
        asked=asked,
    )


def parse_reference(text: str) -> str | None:
    """What the API calls a download that a person names by its key, its DOI or one of its addresses; None when it is none of these."""
    plain = text.strip().removeprefix("doi:")
    if found := re.search(r"(?<![0-9])" + KEY.pattern + r"(?![0-9])", plain, re.ASCII):
        return found[0]
    plain = re.sub(r"^https?://(?:dx\.)?doi\.org/", "", plain, flags=re.IGNORECASE)
    return plain if _DOI.fullmatch(plain) and ".." not in plain else None


def _text(value: Any) -> str:
    return value[:_MAX_CHARS] if isinstance(value, str) else ""


def _count(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def _milliseconds(text: str) -> int | None:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return round((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1000)


def _day(utc_ms: int) -> str:
    """A date as GBIF writes it in citations: `4 September 2025`, whatever the language of this machine."""
    moment = datetime.fromtimestamp(utc_ms / 1000, UTC)
    months = [
        "January",
        "February",
        "March",
        "April",
        "May",
        "June",
        "July",
        "August",
        "September",
        "October",
        "November",
        "December",
    ]
    return f"{moment.day} {months[moment.month - 1]} {moment.year}"

"""What is asked of GBIF: one Darwin Core Archive of the occurrences that a filter lets through. A value; pure."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from asyncdl.errors import UsageError
from asyncdl.gbif.predicates import CHECKLISTS, Predicate, all_of, normal_form
from asyncdl.terminal import printable

FORMAT: Final = "DWCA"
"""The only format that brings links to media."""

ANY_MEDIA: Final = "any"
EXTENSIONS: Final = {
    "audubon": "http://rs.tdwg.org/ac/terms/Multimedia",
    "multimedia": "http://rs.gbif.org/terms/1.0/Multimedia",
    "image": "http://rs.gbif.org/terms/1.0/Image",
    "identification": "http://rs.tdwg.org/dwc/terms/Identification",
    "measurement": "http://rs.tdwg.org/dwc/terms/MeasurementOrFact",
    "relationship": "http://rs.tdwg.org/dwc/terms/ResourceRelationship",
}
"""Extensions by a short name; any other goes by the address of its row type."""

_UUID: Final = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII)
_DIGEST_CHARS: Final = 12


@dataclass(frozen=True, slots=True)
class DownloadRequest:
    """A filter, the extensions that come with it as published, and the taxonomy its names are given in (empty: GBIF's backbone)."""

    predicate: Predicate
    verbatim_extensions: tuple[str, ...] = ()
    checklist_key: str = ""

    def body(self, notify: Sequence[str] = (), description: str = "") -> dict[str, Any]:
        """What is posted. Whoever posts it is told by the login; `notify` are addresses that GBIF writes to when it is ready."""
        body: dict[str, Any] = {"format": FORMAT, "sendNotification": bool(notify), "predicate": self.predicate}
        if notify:
            body["notificationAddresses"] = list(notify)
        if self.verbatim_extensions:
            body["verbatimExtensions"] = list(self.verbatim_extensions)
        if self.checklist_key:
            body["checklistKey"] = self.checklist_key
        if description:
            body["description"] = description
        return body

    @property
    def digest(self) -> str:
        """The same for requests that ask for the same, however they are written; twelve hexadecimal digits."""
        said = json.dumps([FORMAT, normal_form(self.predicate), sorted(self.verbatim_extensions), self.checklist_key])
        return hashlib.sha256(said.encode()).hexdigest()[:_DIGEST_CHARS]

    def is_what(self, asked: Mapping[str, Any]) -> bool:
        """Whether a download that was `asked` for like this is the one that this request would bring."""
        return self.filters_as(asked) and self.brings_what(asked)

    def filters_as(self, asked: Mapping[str, Any]) -> bool:
        """Whether filter and format are the same. GBIF looks at no more when it gives back an earlier download of the last 48 hours."""
        return asked.get("format") == FORMAT and normal_form(asked.get("predicate")) == normal_form(self.predicate)

    def brings_what(self, asked: Mapping[str, Any]) -> bool:
        """Whether extensions and taxonomy are the same. GBIF may name extensions by its own short names."""
        extensions = asked.get("verbatimExtensions") or []
        theirs = {_squeezed(one) for one in extensions if isinstance(one, str)}
        return (
            theirs == {_squeezed(one) for one in self.verbatim_extensions}
            and (asked.get("checklistKey") or "") == self.checklist_key
        )


def make_request(
    predicates: Sequence[Predicate], *, media: Predicate | None, extensions: Iterable[str] = (), checklist_key: str = ""
) -> DownloadRequest:
    """All predicates together, and images only (`media`) unless that was lifted. Raises `UsageError` when nothing was chosen."""
    parts = [*predicates, *([media] if media else [])]
    if not parts:
        raise UsageError(
            "nothing was chosen: that would be all of GBIF",
            "choose with --taxon-key, --country, …; for everything take a snapshot, https://www.gbif.org/occurrence-snapshots",
        )
    return DownloadRequest(all_of(parts), tuple(dict.fromkeys(extensions)), checklist_key)


def extension_of(word: str) -> str:
    """The row type of an extension by its short name, or as it is written. Raises `UsageError` for what can be neither."""
    if known := EXTENSIONS.get(word.strip().lower()):
        return known
    if re.fullmatch(r"https?://[!-~]{1,200}", word, re.ASCII):
        return word
    raise UsageError(
        f'--verbatim-extension: "{printable(word, 60)}" is no extension',
        f"expected: {', '.join(EXTENSIONS)}, or the row type's address as https://api.gbif.org/v1/occurrence/download/describe/dwca lists it",
    )


def checklist_of(word: str) -> str:
    """The key of a taxonomy by its short name, or as it is written; empty stays empty. Raises `UsageError` for what can be neither."""
    key = CHECKLISTS.get(word.lower(), word.lower())
    if not key or _UUID.fullmatch(key):
        return key
    raise UsageError(
        f'--checklist-key: "{printable(word, 60)}" is no taxonomy',
        f"expected: {', '.join(CHECKLISTS)}, or the key of a checklist dataset",
    )


def _squeezed(extension: str) -> str:
    """An extension by its row type, however GBIF names it back: `AUDUBON` and `http://rs.tdwg.org/ac/terms/Multimedia` are one."""
    return EXTENSIONS.get(extension.strip().lower(), extension.strip().lower()).lower()

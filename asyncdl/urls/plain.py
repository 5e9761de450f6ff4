"""URLs that need no rules until they meet another: what an ingest of a hundred million rows may leave unlooked at.

An image with one link needs no canonical key before a second link of its record comes; all it needs is to be requested as it is. This
module says of which texts that is sure: `resolve` would give the same URL and host, a key, and no manifest (which would be work of
its own). It promises nothing of the others.
"""

from __future__ import annotations

from typing import Final

from asyncdl.model import CandidateKind
from asyncdl.urls.families import TABLE
from asyncdl.urls.family import Family
from asyncdl.urls.hosts import key_host, usable_host

PLAIN_URL: Final = r"https?://[a-z0-9.-]+/[A-Za-z0-9._~/?=&+@-]*[A-Za-z0-9/]"
"""A whole text that is one URL as it stands: no escape, port, entity or blank, so nothing to mend. Fits RE2 and `re` alike."""

MAX_PLAIN_CHARS: Final = 1_000


def _answers_with_manifests(family: Family) -> bool:
    return any(form.kind is CandidateKind.MANIFEST for form in family.forms)


MANIFEST_WORDS: Final = (
    "anifest",
    "iiif",
    "info.json",
    *sorted(family.marker.lower() for family in TABLE.families if family.marker and _answers_with_manifests(family)),
)
"""A URL that holds one of these, in small letters, may be a manifest: a IIIF document, a service, or a folder that leads to one."""


def is_plain_host(authority: str) -> bool:
    """Whether a host, as a URL of `PLAIN_URL` writes it, is one whose URLs are manifests only when they say so by a word."""
    return usable_host(authority) == authority and not any(map(_answers_with_manifests, TABLE.of_host(key_host(authority))))

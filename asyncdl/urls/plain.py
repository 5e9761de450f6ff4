"""URLs that need no rules until they meet another: what an ingest of a hundred million rows may leave unlooked at.

An image with one link needs no canonical key before a second link of its record comes; all it needs is to be requested as it is. This
module says of which texts that is sure: `resolve` would give the same URL and host, a key, and no manifest (which would be work of
its own). It promises nothing of the others.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Final

from asyncdl.model import CandidateKind
from asyncdl.urls.families import TABLE
from asyncdl.urls.family import Family
from asyncdl.urls.hosts import is_shared_store, key_host, usable_host
from asyncdl.urls.proxies import is_proxy

PLAIN_URL: Final = r"https?://[a-z0-9.-]+/[A-Za-z0-9._~/?=&+@-]*[A-Za-z0-9/]"
"""A whole text that is one URL as it stands: no escape, port, entity or blank, so nothing to mend. Fits RE2 and `re` alike."""

MAX_PLAIN_CHARS: Final = 1_000


_SIGNS: Final = ("anifest", "iiif", "info.json")


def _answers_with_manifests(family: Family) -> bool:
    return any(form.kind is CandidateKind.MANIFEST for form in family.forms)


def _markers_of_manifests() -> Iterator[str]:
    """The folders that lead to a manifest although no other word says so."""
    for family in TABLE.families:
        silent = (form for form in family.forms if form.kind is CandidateKind.MANIFEST)
        if any(not any(sign in form.path.lower() for sign in _SIGNS) for form in silent):
            yield from family.marker.lower().split()


def _shortest(words: set[str]) -> list[str]:
    """Those that hold no other one: a text that holds a longer one holds the shorter one too."""
    return sorted(word for word in words if not any(other in word for other in words - {word}))


MANIFEST_WORDS: Final = (*_SIGNS, *_shortest(set(_markers_of_manifests())))
"""A URL that holds one of these, in small letters, may be a manifest: a IIIF document, a service, or a folder that leads to one."""


def is_plain_host(authority: str) -> bool:
    """Whether a host, as a URL of `PLAIN_URL` writes it, is one whose URLs are manifests only when they say so by a word."""
    name = key_host(authority)
    if usable_host(authority) != authority or is_shared_store(name) or is_proxy(authority):  # whose bucket, and what is inside?
        return False
    return not any(map(_answers_with_manifests, TABLE.of_host(name)))


_PLAIN: Final = re.compile(PLAIN_URL)
_MANIFEST_WORD: Final = re.compile("|".join(map(re.escape, MANIFEST_WORDS)))
_known_host: Final = lru_cache(maxsize=8192)(is_plain_host)


def is_plain_url(url: str, media_format: str = "") -> bool:
    """Whether a text, published with that MIME type, is a URL that needs no rules; ingest asks the same in SQL."""
    return (
        len(url) <= MAX_PLAIN_CHARS
        and _PLAIN.fullmatch(url) is not None
        and _MANIFEST_WORD.search(url.lower()) is None
        and not media_format.lower().startswith("application/")
        and _known_host(url.split("/", 3)[2])
    )

"""GBIF's cached images: their last segment is the MD5 of the identifier that was published, so one can tell which photo they are of.

Source: https://techdocs.gbif.org/en/openapi/images. Of use only where the published identifier is at hand: another row of the
record, another line of a list. Pure.
"""

from __future__ import annotations

import hashlib

_CACHED = "api.gbif.org/v1/image/cache/"
_DIGEST_CHARS = 32


def media_digest(identifier: str) -> str:
    """The last segment of GBIF's cached image of a media identifier: its MD5 (a name, not a safeguard)."""
    return hashlib.md5(identifier.encode("utf-8", "surrogatepass"), usedforsecurity=False).hexdigest()


def cached_digest(key: str) -> str:
    """The MD5 that a key names (as `ResolvedUrl.key`), when it is that of a cached image; else ""."""
    return key[-_DIGEST_CHARS:] if key.startswith(_CACHED) else ""


def identifier_digests(url: str) -> tuple[str, ...]:
    """The MD5 of a published URL, and of its twin with the other scheme: publishers change it, GBIF keeps both."""
    scheme, mark, rest = url.partition("://")
    twin = {"http": "https", "https": "http"}.get(scheme)
    return (media_digest(url), media_digest(f"{twin}{mark}{rest}")) if twin else (media_digest(url),)

"""From a published URL to what it is: canonical key, rank, kind and host. The order in which the grammar is asked.

Clean, split, unwrap proxies, cut off IIIF requests and manifests, ask the families of the host, then those of any host,
and last the plain rules. Pure; every step is bounded by the length of a URL and by `MAX_DEPTH`.
"""

from __future__ import annotations

import re
from functools import lru_cache
from hashlib import blake2b
from typing import NamedTuple

from asyncdl.model import CandidateKind
from asyncdl.urls import iiif
from asyncdl.urls.families import TABLE
from asyncdl.urls.family import Family, Match
from asyncdl.urls.hosts import SHARED_S3, key_host, usable_host
from asyncdl.urls.normalise import MAX_URL_BYTES, clean_text, normal_path, split_url, with_scheme, without_doubled_scheme
from asyncdl.urls.proxies import is_proxy, unwrap, viewed_manifest
from asyncdl.urls.sizes import IMAGE_ENDINGS, LAST_IMAGE_RANK, MANIFEST_RANK, PAGE_ENDINGS, PAGE_RANK, plain_path, plain_query

KEYS_VERSION = 1
"""Raised whenever a rule changes a key that it gave before; stored with every collection."""

MAX_DEPTH = 4
"""Proxies inside proxies: more are no published image."""

# Some patterns of families take time that grows with the cube of the folders; no published photo lies deeper.
MAX_FAMILY_PATH_CHARS = 2048
MAX_FAMILY_FOLDERS = 32

_MAX_AUTHORITY_CHARS = 300  # a host has at most 253; longer texts need not be remembered
_JSON_FORMATS = ("application/ld+json", "application/json")
_PLAIN = "plain"
_IIPIMAGE = re.compile(r"(?:^|&)iiif=(/[^&]*)", re.IGNORECASE)  # iipsrv.fcgi?IIIF=/path.tif/full/max/0/default.jpg


class _Site(NamedTuple):
    """What is known of a host before a path is read."""

    host: str
    key_host: str
    families: tuple[Family, ...]
    proxy: bool


@lru_cache(maxsize=8192)
def _site(authority: str) -> _Site | None:
    host = usable_host(authority)
    return _Site(host, key_host(host), TABLE.of_host(key_host(host)), is_proxy(host)) if host else None


class ResolvedUrl(NamedTuple):
    """A URL as the project sees it. `url`: what to request, as published but trimmed, unescaped, with a scheme.

    `key` names the photo; equal keys within a record are one image; "" for what cannot be requested (then `url` is the
    published text and `host` is ""). `rank` 1 is the largest picture, larger numbers are smaller ones, 9 a page. `host` is
    lower-case, with its port unless default. `family` names the entry of the table, or the grammar that decided. A tuple: an
    ingest makes a hundred million of them.
    """

    url: str
    key: str
    rank: int
    kind: CandidateKind
    host: str
    family: str


def resolve(url: str, media_format: str = "") -> ResolvedUrl:
    """Key, rank and kind of a published URL. `media_format`: the published MIME type, of use for manifests only."""
    address = _address(url)
    match = _match(*address, 0) if address else None
    if address is None or match is None or len(match[0]) > MAX_URL_BYTES:
        return ResolvedUrl(url, "", PAGE_RANK, CandidateKind.IMAGE, "", "")
    key, rank, kind, family = match
    if media_format and family == _PLAIN and kind is CandidateKind.IMAGE and _says_json(media_format, key):
        rank, kind = MANIFEST_RANK, CandidateKind.MANIFEST
    return ResolvedUrl(address[0], key, rank, kind, address[1].host, family)


def host_of(url: str) -> str:
    """The host of a URL as `resolve` gives it; "" when it cannot be requested."""
    address = _address(url)
    return address[1].host if address else ""


def key_hash(key: str) -> int:
    """The key as a signed 64-bit number (BLAKE2b, 8 bytes): what SQLite stores."""
    return int.from_bytes(blake2b(key.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "big", signed=True)


def _address(text: str) -> tuple[str, _Site, str] | None:
    """The URL to request, its site and the rest; None when nothing can be requested."""
    url = with_scheme(clean_text(text))
    for _ in range(MAX_DEPTH):
        if not url:
            return None
        authority, rest = split_url(url)
        if len(authority) <= _MAX_AUTHORITY_CHARS and (site := _site(authority)):
            return (url, *_in_bucket(site, rest)) if site.key_host == SHARED_S3 else (url, site, rest)
        url = without_doubled_scheme(url)
    return None


def _in_bucket(site: _Site, rest: str) -> tuple[_Site, str]:
    """A path-style S3 URL (`s3.amazonaws.com/BUCKET/x`) as that of its bucket; it is still asked for at the shared host."""
    bucket, _, rest_inside = rest.lstrip("/").partition("/")
    inside = _site(f"{bucket}.{SHARED_S3}") if rest_inside else None
    return (site._replace(key_host=inside.key_host, families=inside.families), "/" + rest_inside) if inside else (site, rest)


def _match(url: str, site: _Site, rest: str, depth: int) -> Match | None:
    if site.proxy and (wrapped := unwrap(site.host, rest)):
        return _inside(wrapped.inner, wrapped.rank, depth)
    if "=http" in url and (inner := viewed_manifest(url)):
        shown = _inside(inner, 1, depth)
        return (shown[0], PAGE_RANK, CandidateKind.PAGE, "viewer") if shown else None
    path, _, query = rest.partition("?")
    if query and (service := _IIPIMAGE.search(query)):
        path, query = path + service[1], ""
    path = normal_path(path)
    name = path[path.rfind("/") + 1 :]
    if name.partition(".")[0] in iiif.SIGNS and (match := _iiif_match(site, path)):
        return match
    return _family_match(site, path, query) or _plain_match(site.key_host, path, query)


def _inside(inner: str, rank: int, depth: int) -> Match | None:
    """What a proxied URL is: the same photo, a step worse than the URL inside and no better than the size asked for."""
    address = _address(inner) if depth < MAX_DEPTH else None
    found = _match(*address, depth + 1) if address else None
    return (found[0], min(max(found[1] + 1, rank), LAST_IMAGE_RANK), CandidateKind.IMAGE, found[3]) if found else None


def _iiif_match(site: _Site, path: str) -> Match | None:
    """A URL that the IIIF grammar knows: an image request, a manifest, an `info.json`. What it is about may be wrapped again."""
    outermost: tuple[int, CandidateKind] | None = None
    crops = ""
    while path:
        if request := iiif.image_request(path):
            crops = iiif.crop_tail(request.crop) + crops if request.crop else crops
            outermost = outermost or (LAST_IMAGE_RANK - 1 if request.crop else request.rank, CandidateKind.IMAGE)
            path = request.base
        elif base := iiif.document_base(path):
            outermost = outermost or (MANIFEST_RANK, CandidateKind.MANIFEST)
            path = base
        else:
            break
    if outermost is None:
        return None
    key, family = _service_key(site, path)
    return key + crops, *outermost, family


def _service_key(site: _Site, base: str) -> tuple[str, str]:
    if found := _family_match(site, base, ""):
        return found[0], found[3]
    path = iiif.service_path(base)
    return site.key_host + (path if "/iiif/" in path else plain_path(path)[0]), "IIIF"


def _family_match(site: _Site, path: str, query: str) -> Match | None:
    if len(path) > MAX_FAMILY_PATH_CHARS or path.count("/") > MAX_FAMILY_FOLDERS:
        return None
    for family in site.families:
        if found := family.match(site.key_host, path, query):
            return found
    folders = path.split("/")
    if not TABLE.markers.isdisjoint(folders):
        for folder in dict.fromkeys(folders):
            for family in TABLE.by_marker.get(folder, ()):
                if found := family.match(site.key_host, path, query):
                    return found
    return None


def _plain_match(host: str, path: str, query: str) -> Match:
    """Any other URL: itself, without what only tells a size, a session or a signature."""
    ending = path[path.rfind(".") + 1 :].lower()
    kind, rank, family = CandidateKind.IMAGE, 1, _PLAIN
    if "anifest" in path and ending not in IMAGE_ENDINGS and iiif.is_listed_manifest(host, path):
        kind, rank, family, path = CandidateKind.MANIFEST, MANIFEST_RANK, "IIIF", iiif.service_path(path)
    elif "/iiif/" in path:
        if iiif.is_bare_service(path):
            kind, family = CandidateKind.MANIFEST, "IIIF"
        path = iiif.service_path(path)
    else:
        path, rank = plain_path(path)
    if query:
        query, told = plain_query(query, names_file=ending in IMAGE_ENDINGS)
        rank = told or rank
    if ending in PAGE_ENDINGS or not (path or query):
        kind, rank = CandidateKind.PAGE, PAGE_RANK
    return f"{host}{path}?{query}" if query else host + path, rank, kind, family


def _says_json(media_format: str, key: str) -> bool:
    return media_format.strip().lower().startswith(_JSON_FORMATS) and key.rpartition(".")[2].lower() not in IMAGE_ENDINGS

"""From a published URL to what it is: canonical key, rank, kind and host. The order in which the grammar is asked.

Clean, split, unwrap proxies, cut off IIIF requests and manifests, ask the families of the host, then those of any host,
and last the plain rules. Pure; every step is bounded by the length of a URL and by `MAX_DEPTH`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from hashlib import blake2b
from typing import NamedTuple

from asyncdl.model import CandidateKind
from asyncdl.urls import iiif
from asyncdl.urls.families import TABLE
from asyncdl.urls.family import Family, Match
from asyncdl.urls.hosts import is_shared_store, key_host, split_bucket, usable_host
from asyncdl.urls.normalise import (
    MAX_URL_BYTES,
    clean_text,
    normal_path,
    settled_path,
    split_url,
    with_scheme,
    without_doubled_scheme,
)
from asyncdl.urls.proxies import is_proxy, unwrap, unwrap_anywhere, viewed_manifest
from asyncdl.urls.sizes import IMAGE_ENDINGS, LAST_IMAGE_RANK, MANIFEST_RANK, PAGE_ENDINGS, PAGE_RANK, plain_path, plain_query

KEYS_VERSION = 1
"""Raised whenever a rule changes a key that it gave before; stored with every collection."""

MAX_DEPTH = 4
"""Proxies inside proxies: more are no published image."""

MAX_SETTLING = 8
"""How often a key is looked at again: what is left when a size is cut off may be a URL that a family knows, and so on."""

# Some patterns of families take time that grows with the cube of the folders; no published photo lies deeper.
MAX_FAMILY_PATH_CHARS = 2048
MAX_FAMILY_FOLDERS = 32

_MAX_AUTHORITY_CHARS = 300  # a host has at most 253; longer texts need not be remembered
_JSON_FORMATS = ("application/ld+json", "application/json")
_PLAIN = "plain"
# A text that is a URL as it stands, nearly every one there is: nothing to clean, to mend or to write another way but dots and slashes.
_ORDINARY = re.compile(r"https?://([A-Za-z0-9.-]{1,253})(/[A-Za-z0-9\-._~!$'()*+,=:@/]*)(?:\?([A-Za-z0-9\-._~!$'()*+,=:@/?%&]*))?")
_IIPIMAGE = re.compile(r"(?:^|&)iiif=(/[^&]*)", re.IGNORECASE)  # iipsrv.fcgi?IIIF=/path.tif/full/max/0/default.jpg


class _Site(NamedTuple):
    """What is known of a host before a path is read."""

    host: str
    key_host: str
    families: tuple[Family, ...]
    proxy: bool
    shared: bool


@lru_cache(maxsize=8192)
def _site(authority: str) -> _Site | None:
    host = usable_host(authority)
    if not host:
        return None
    name = key_host(host)
    return _Site(host, name, TABLE.of_host(name), is_proxy(host), is_shared_store(name))


class ResolvedUrl(NamedTuple):
    """A URL as the project sees it. `url`: what to request, as published but trimmed, unescaped, with a scheme.

    `key` names the photo; equal keys within a record are one image; "" for what cannot be requested (then `url` is the
    published text and `host` is ""). `rank` 1 is the largest picture, larger numbers are smaller ones, 9 a page. `host` is
    lower-case, with its port unless default. `family` names the entry of the table, or the grammar that decided. `names_photo`
    is False for pages that are of no photo known from the URL: those of a record, and pages of any other site. A tuple: an ingest
    makes a hundred million of them.
    """

    url: str
    key: str
    rank: int
    kind: CandidateKind
    host: str
    family: str
    names_photo: bool = True


def resolve(url: str, media_format: str = "") -> ResolvedUrl:
    """Key, rank and kind of a published URL. `media_format`: the published MIME type, of use for manifests only."""
    address = _address(url)
    match = _match(*address, 0) if address else None
    if address is None or match is None or not 0 < len(match[0]) <= MAX_URL_BYTES:
        return ResolvedUrl(url, "", PAGE_RANK, CandidateKind.IMAGE, "", "")
    key, rank, kind, family, names_photo = match
    if media_format and family == _PLAIN and kind is CandidateKind.IMAGE and _says_json(media_format, key):
        rank, kind = MANIFEST_RANK, CandidateKind.MANIFEST
    # Past the constructor of the named tuple, which costs twice as much.
    return tuple.__new__(ResolvedUrl, (address[0], key, rank, kind, address[1].host, family, names_photo))


def host_of(url: str) -> str:
    """The host of a URL as `resolve` gives it; "" when it cannot be requested."""
    address = _address(url)
    return address[1].host if address else ""


def key_hash(key: str) -> int:
    """The key as a signed 64-bit number (BLAKE2b, 8 bytes): what SQLite stores."""
    return int.from_bytes(blake2b(key.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "big", signed=True)


_Address = tuple[str, _Site, str, str]
"""The URL to request, its site, its path written one way, and its raw query."""


def _address(text: str) -> _Address | None:
    """The parts of a published text; None when nothing can be requested."""
    found = _ORDINARY.fullmatch(text)
    if found is not None and len(text) <= MAX_URL_BYTES and (site := _site(found[1])):
        return text, site, settled_path(found[2]), found[3] or ""
    url = with_scheme(clean_text(text))
    for _ in range(MAX_DEPTH):
        if not url:
            return None
        authority, rest = split_url(url)
        if len(authority) <= _MAX_AUTHORITY_CHARS and (site := _site(authority)):
            path, _, query = rest.partition("?")
            return url, site, normal_path(path), query
        url = without_doubled_scheme(url)
    return None


def _in_bucket(site: _Site, path: str) -> tuple[_Site, str]:
    """A bucket that is the first folder of a shared host, as its own host; it is still asked for at the shared one."""
    host, inside = split_bucket(site.key_host, path)
    bucket = _site(host) if host else None
    return (bucket, inside) if bucket and not bucket.shared else (site, path)


def _match(url: str, site: _Site, path: str, query: str, depth: int, *, settle: bool = True) -> Match | None:
    """What an address is. Keys that other rules may know are settled, except in a step of settling (`settle` False)."""
    if query and (service := _IIPIMAGE.search(query)):
        path, query = normal_path(path + service[1]), ""
    if site.proxy and (wrapped := unwrap(site.host, f"{path}?{query}" if query else path)):
        return _inside(wrapped.inner, wrapped.rank, depth)
    if url.rfind("http") > 0 and (carried := _carried(url, f"{path}?{query}" if query else path, depth)):
        return carried
    if site.shared:
        site, path = _in_bucket(site, path)
    name = path[path.rfind("/") + 1 :]
    if name.partition(".")[0] in iiif.SIGNS and (match := _iiif_match(site, path, settle=settle)):
        return match
    if match := _family_match(site.families, site.key_host, path, query):
        if not settle or match[3] not in TABLE.open_families:
            return match
        return _settled(match)
    folders = path.split("/")
    if not TABLE.markers.isdisjoint(folders) and (match := _family_match(TABLE.of_folders(folders), site.key_host, path, query)):
        return _settled(match) if settle and _may_be_known(site, match[0], TABLE.own_markers.get(match[3])) else match
    match = _plain_match(site.key_host, path, query)
    if not settle or match[0].partition("?")[0] == site.key_host + path or not _may_be_known(site, match[0]):
        return match
    return _settled(match)


def _settled(match: Match) -> Match:
    return _settled_key(match[0]), *match[1:]


def _settled_key(key: str) -> str:
    """A key that is its own key: what is left when something was cut off may be a URL that other rules know.

    "" when it is one that cannot be requested, a proxy of nothing.
    """
    for _ in range(MAX_SETTLING):
        address = _address(key)
        again = _match(*address, 0, settle=False) if address else None
        if again is None:
            return ""
        if again[0] == key:
            break
        key = again[0]
    return key


def _may_be_known(site: _Site, key: str, own_markers: frozenset[str] | None = frozenset()) -> bool:
    """Whether other rules may know a key that was made without those of its host.

    `own_markers`: those of the family that made it; None for a family whose keys are open to all rules.
    """
    if own_markers is None or site.families or site.shared or "http" in key or (own_markers and "iiif" in key):
        return True
    folders = key.partition("?")[0].split("/")
    return folders[-1].partition(".")[0] in iiif.SIGNS or not own_markers.issuperset(TABLE.markers.intersection(folders))


def _carried(url: str, rest: str, depth: int) -> Match | None:
    """What a URL shows that carries another one on a site of its own: a viewer's manifest, or a proxy's picture."""
    if "=http" in url and (inner := viewed_manifest(url)):
        shown = _inside(inner, 1, depth)
        return (shown[0], PAGE_RANK, CandidateKind.PAGE, "viewer", True) if shown else None
    wrapped = unwrap_anywhere(rest)
    return _inside(wrapped.inner, wrapped.rank, depth) if wrapped else None


def _inside(inner: str, rank: int, depth: int) -> Match | None:
    """What a proxied URL is: the same photo, a step worse than the URL inside and no better than the size asked for."""
    address = _address(inner) if depth < MAX_DEPTH else None
    found = _match(*address, depth + 1) if address else None
    if found is None:
        return None
    return found[0], min(max(found[1] + 1, rank), LAST_IMAGE_RANK), CandidateKind.IMAGE, found[3], found[4]


def _iiif_match(site: _Site, path: str, *, settle: bool) -> Match | None:
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
    key, family = _service_key(site, path, settle=settle and not crops)
    return _settled_key(key + crops) if settle and crops else key + crops, *outermost, family, True


def _service_key(site: _Site, base: str, *, settle: bool) -> tuple[str, str]:
    if found := _family_match(site.families, site.key_host, base, ""):
        key, family = found[0], found[3]
        settle = settle and family in TABLE.open_families
    elif found := _family_match(TABLE.of_folders(base.split("/")), site.key_host, base, ""):
        key, family = found[0], found[3]
    else:
        path = iiif.service_path(base)
        key, family = site.key_host + (path if "/iiif/" in path else plain_path(path)[0]), "IIIF"
        settle = settle and _may_be_known(site, key)
    return _settled_key(key) if settle else key, family


def _family_match(families: Sequence[Family], host: str, path: str, query: str) -> Match | None:
    if len(path) > 2 * MAX_FAMILY_FOLDERS and (len(path) > MAX_FAMILY_PATH_CHARS or path.count("/") > MAX_FAMILY_FOLDERS):
        return None
    for family in families:
        if found := family.match(host, path, query):
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
    key = f"{host}{path}?{query}" if query else host + path
    if ending in PAGE_ENDINGS or not (path or query):
        return key, PAGE_RANK, CandidateKind.PAGE, family, False
    return key, rank, kind, family, True


def _says_json(media_format: str, key: str) -> bool:
    return media_format.strip().lower().startswith(_JSON_FORMATS) and key.rpartition(".")[2].lower() not in IMAGE_ENDINGS

"""Image proxies and viewers: URLs that carry another URL, which names the photo.

Sources: https://techdocs.gbif.org/en/openapi/images and https://thumbor.readthedocs.io (also where a site runs its own), wsrv.nl,
cloudimg.io, Photon (i0.wp.com), Cloudflare's `/cdn-cgi/image`, Next.js, web.archive.org. Knows where the inner URL stands and
what the outer one says about size, and nothing of what the inner one means.
"""

from __future__ import annotations

import re
from typing import NamedTuple
from urllib.parse import unquote

from asyncdl.urls.normalise import words
from asyncdl.urls.sizes import numbers_rank, pixel_rank

_INNER_IN_PATH = re.compile(r"/(https?(?::|%3a)(?:/|%2f)+.+)", re.IGNORECASE | re.DOTALL)
_WAYBACK = re.compile(r"/web/\d+\w*/(.+)", re.DOTALL)
_MANIFEST_PARAMETER = re.compile(r"[?&#](?:manifest|iiif-content)=(https?(?::|%3a)[^&]+)", re.IGNORECASE)
_PIXELS = re.compile(r"(?:^|/)(?:fit-in/)?(\d*x\d*)(?=/)")
_PHOTON = re.compile(r"i\d\.wp\.com")
_IN_PATH = ("api.gbif.org", "cloudimg.io")
_IN_QUERY = ("img.cyverse.org", "wsrv.nl", "images.weserv.nl", "images1-focus-opensocial.googleusercontent.com")
_OWN_PARAMETERS = words(
    "w h width height resize_w resize_h fit output q n dpr il af we maxage default a crop mod sharp container refresh"
)
_EDGES = words("w h width height resize_w resize_h")
_EXIT = re.compile(r"/exit\.cfm\?target=(.+)", re.IGNORECASE | re.DOTALL)  # Arctos leads to files elsewhere through this
_OF_ANY_SITE = re.compile(r"/(?:unsafe|cdn-cgi/image)/")
_CLOUDFLARE_EDGES = re.compile(r"(?:width|height|w|h)=(\d+)")


class Wrapped(NamedTuple):
    """The URL inside a proxy's, and the rank that the outer one tells (1 when it tells none)."""

    inner: str
    rank: int


def is_proxy(host: str) -> bool:
    """Whether `unwrap` knows the host."""
    return host.endswith(_IN_PATH) or host in _IN_QUERY or host == "web.archive.org" or _PHOTON.fullmatch(host) is not None


def unwrap(host: str, rest: str) -> Wrapped | None:
    """The photo's own URL inside that of a host that is a proxy; None when it carries none."""
    if host.endswith(_IN_PATH):
        return None if host == "api.gbif.org" and not rest.startswith("/v1/image/") else _from_path(rest)
    if host in _IN_QUERY:
        return _from_query(rest)
    if host == "web.archive.org":
        match = _WAYBACK.match(rest)
        return Wrapped(_plain(match[1]), 1) if match else None
    path, _, query = rest.partition("?")
    if not _PHOTON.fullmatch(host) or not path.strip("/"):
        return None
    return Wrapped(path.strip("/"), numbers_rank(re.sub(r"ssl=\d", "", query)))


def unwrap_anywhere(rest: str) -> Wrapped | None:
    """The photo's own URL where a site runs a proxy of a known make at a path of its own; None when it does not."""
    if match := _EXIT.match(rest):
        return Wrapped(_plain(match[1]), 1)
    if _OF_ANY_SITE.search(rest):
        return _from_path(rest)
    return _from_query(rest) if rest.partition("?")[0].endswith("/_next/image") else None


def _from_path(rest: str) -> Wrapped | None:
    match = _INNER_IN_PATH.search(rest)
    return Wrapped(_plain(match[1]), _asked_size(rest[: match.start() + 1])) if match else None


def _asked_size(options: str) -> int:
    """The rank of Thumbor's `fit-in/2600x260` (a box: its smaller edge binds) or `300x` (an edge left open does not)."""
    found = _PIXELS.search(options)
    texts = found[1].split("x") if found else _CLOUDFLARE_EDGES.findall(options)
    edges = [int(edge[:6]) for edge in texts if int(edge or 0)]
    return pixel_rank(min(edges)) if edges else 1


def _plain(inner: str) -> str:
    """The inner URL as it was published: unescaped when it was escaped as a whole (`http:%2F%2F…` too), `http:/` mended."""
    start = inner[:12].lower()
    if "%3a" in start or "%2f" in start:
        inner = unquote(inner)
    return re.sub(r"^(https?):/+", r"\1://", inner, flags=re.IGNORECASE)


def _from_query(rest: str) -> Wrapped | None:
    """`?url=INNER&w=300`; what follows and is no parameter of the proxy belongs to an inner URL that nobody escaped."""
    inner, own = "", []
    for parameter in rest.partition("?")[2].split("&"):
        name, _, value = parameter.partition("=")
        if not inner and name.lower() == "url":
            inner = re.sub(r"^ssl:", "https://", unquote(value))
        elif name.lower() in _OWN_PARAMETERS:
            own.append(value if name.lower() in _EDGES else "")
        elif inner:
            inner += "&" + parameter
    return Wrapped(inner, numbers_rank(" ".join(own))) if inner else None


def viewed_manifest(rest: str) -> str:
    """The manifest that a viewer shows (`?manifest=URL`, `#?manifest=URL`); "" when the URL is of no such viewer."""
    match = _MANIFEST_PARAMETER.search(rest)
    return _plain(match[1]) if match else ""

"""Which hosts are one server to be polite to: a small table from host to lane.

A lane of several hosts bears the name of the one that everybody knows. Sharing photos is not enough to share a
lane: the portals over SEINet's image library are different servers.
"""

from __future__ import annotations

import re
from functools import lru_cache

from asyncdl.urls.hosts import bucket_host

_LANES: tuple[tuple[str, str], ...] = (
    # Hosts as a regular expression, the lane; each with the reason it is one server.
    (r"(?:farm\d+|c\d+|live)\.static\.?flickr\.com", "live.staticflickr.com"),  # numbered names of one photo store
    (r"imagens\d+\.jbrj\.gov\.br", "imagens.jbrj.gov.br"),  # numbered names of one FSI server
    (r"(?:(?:ia|dn)\d+(?:\.[a-z]{2})?|www)\.archive\.org", "archive.org"),  # data nodes that archive.org/download redirects to
    (r"thumb\.wikimedia\.org", "upload.wikimedia.org"),  # one media front end, one limit per client
)
_COMPILED = tuple((re.compile(hosts), lane) for hosts, lane in _LANES)


@lru_cache(maxsize=8192)
def lane_of(host: str) -> str:
    """The lane of a host (as in `ResolvedUrl.host`); the host itself where the table knows no better."""
    for hosts, lane in _COMPILED:
        if hosts.fullmatch(host):
            return lane
    return bucket_host(host)

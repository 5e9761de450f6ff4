"""URLs as names of photos: canonical keys, ranks, kinds, lanes. Pure: no network, no clock, no files.

`resolve` is the door; `families*.py` hold the table, the other modules the grammar. What cannot be known from the URL stays
apart: two keys for one photo cost a second download, one key for two photos loses one for good.
"""

from asyncdl.urls.cells import split_urls
from asyncdl.urls.digests import cached_digest, identifier_digests, media_digest
from asyncdl.urls.dynamic import is_dynamic
from asyncdl.urls.lanes import lane_of
from asyncdl.urls.resolve import KEYS_VERSION, ResolvedUrl, host_of, key_hash, resolve

__all__ = [
    "KEYS_VERSION",
    "ResolvedUrl",
    "cached_digest",
    "host_of",
    "identifier_digests",
    "is_dynamic",
    "key_hash",
    "lane_of",
    "media_digest",
    "resolve",
    "split_urls",
]

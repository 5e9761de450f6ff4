"""Which URLs make a server compute a picture, where others have it read a file: they are asked more gently.

IIIF Image API requests (even the full size is cut and coded on demand by most servers), parameters that scale, proxies that scale. What cannot be
seen in the URL is taken for a file.
"""

from __future__ import annotations

import re
from typing import Final

from asyncdl.urls import iiif
from asyncdl.urls.proxies import is_proxy
from asyncdl.urls.sizes import PIXEL_NAMES

_COMPUTED_PATH: Final = re.compile(r"/(?:unsafe|cdn-cgi/image|fsi/server)(?:/|$)|/resize:\d")
_PARAMETER: Final = re.compile(r"[?&;]([A-Za-z_-]+)=!?\d")
_SCALING: Final = PIXEL_NAMES | {"scale", "size", "rsz"}


def is_dynamic(url: str) -> bool:
    """Whether the answer is a picture made for this request."""
    rest = url.partition("//")[2]
    host, _, tail = rest.partition("/")
    path, _, query = f"/{tail}".partition("?")
    if iiif.image_request(path) is not None or _COMPUTED_PATH.search(path) or is_proxy(host.lower()):
        return True
    return bool(query) and any(name.lower() in _SCALING for name in _PARAMETER.findall(f"?{query}"))

"""The grammar of IIIF: Image API 1 to 3 requests, image services, and the URLs of manifests.

Sources: https://iiif.io/api/image/{1.1,2.1,3.0}/ section 2-4, https://iiif.io/api/presentation/{2.1,3.0}/. Knows no museum.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from asyncdl.urls.normalise import settled_path, words
from asyncdl.urls.sizes import LAST_IMAGE_RANK, numbers_rank

_QUALITIES = words("native default color colour gray grey bitonal")
SIGNS = _QUALITIES | {"manifest", "info", "Manifest"}
"""A path is worth a closer look when its last segment, up to the dot, is one of these."""
_COLOURLESS = words("gray grey bitonal")
_REGION = re.compile(r"full|square|\d+,\d+,\d+,\d+|pct:[\d.]+,[\d.]+,[\d.]+,[\d.]+")
_SIZE = re.compile(r"(?:\^|%5E)?(?:full|max|!?\d*,\d*|\d+|pct:[\d.]+|res:\d+)")
_ROTATION = re.compile(r"!?\d+(?:\.\d+)?")
_VERSION_FOLDER = re.compile(r"/(iiif|image|presentation)(?:/v?[23](?:\.\d)?)+(?=/)")
_BARE_SERVICE = re.compile(r".*/iiif/v?[23](?:\.\d)?/[^/]+")
_MANIFEST_FOLDER = re.compile(r"/manifests?(?=/|$)")
_LISTED_MANIFEST = re.compile(r"/manifests?/.")
_IIIF_FOLDER = re.compile(r"/(?:iiif|presentation)(?=/)")
_PRESENTATION_FOLDER = re.compile(r"/presentation(?=/)")
_VERSION_IN_TEXT = re.compile(r"(?:api/image/|ImageService|image-api/)(?P<version>[123])")


class Request(NamedTuple):
    """A IIIF image request, cut: the path of its service, the region if it is a crop (else ""), the rank of its size."""

    base: str
    crop: str
    rank: int


def image_request(path: str) -> Request | None:
    """The parts of a normal path that is an Image API request, read from the right (identifiers may hold raw slashes)."""
    parts = path.rsplit("/", 4)
    if len(parts) != 5:
        return None
    base, region, size, rotation, picture = parts
    quality = picture.partition(".")[0]
    if quality not in _QUALITIES or not base:
        return None
    if not (_REGION.fullmatch(region) and _SIZE.fullmatch(size) and _ROTATION.fullmatch(rotation)):
        return None
    rank = _size_rank(size.removeprefix("^").removeprefix("%5E"))
    if quality in _COLOURLESS or rotation.strip("0."):
        rank = LAST_IMAGE_RANK
    return Request(base, "" if region == "full" else region, rank)


def _size_rank(size: str) -> int:
    if size in ("full", "max", "pct:100"):
        return 1
    if size.startswith("res:"):  # pyramid levels of DLXS servers, each half of the one before
        return min(1 + int(size[4:6]), LAST_IMAGE_RANK)
    if size.startswith("pct:"):
        return 3 if size[4:6].isdigit() and int(size[4:6]) >= 50 else 5
    return max(3, numbers_rank(size))  # after the manifest (2), which leads to the whole picture


def crop_tail(region: str) -> str:
    """What a crop adds to the key of its service.

    A region may be one of many specimens on a sheet, so it is not known to be the same photo: it has a key of its own.
    """
    return f"/{region}/max/0/default.jpg"


def document_base(path: str) -> str:
    """What a manifest or an `info.json` is about: its path without the last segment; "" when the path is of neither."""
    head, _, name = path.rpartition("/")
    return head if name in ("manifest", "manifest.json", "Manifest", "Manifest.json", "info.json") else ""


def is_listed_manifest(host: str, path: str) -> bool:
    """Whether a path holds its manifest in a folder: `/iiif/manifests/ID`, or `/manifests/ID` on a host named `iiif.…`."""
    start = 0
    if not host.startswith("iiif"):
        folder = _IIIF_FOLDER.search(path)
        if folder is None:
            return False
        start = folder.end()
    return _LISTED_MANIFEST.search(path, start) is not None


def is_bare_service(path: str) -> bool:
    """Whether a path is surely an image service without a request: `/iiif/2/ID` (it answers with its `info.json`)."""
    return _BARE_SERVICE.fullmatch(path) is not None


def service_path(path: str) -> str:
    """The path of a service as keys write it: no API version, no manifest folder, `%2F` of the identifier as a slash."""
    if "%2F" in path:
        path = settled_path(path.replace("%2F", "/"))
    path = _VERSION_FOLDER.sub(r"/\1", path)
    while "anifest" in path:
        before = path
        path = _VERSION_FOLDER.sub(r"/\1", _MANIFEST_FOLDER.sub("", path).removesuffix(".json"))
        if path == before:
            break
    return _PRESENTATION_FOLDER.sub("/image", path) if "/presentation/" in path else path


def service_version(*texts: str) -> int:
    """The Image API version (1, 2 or 3) named by a service's context, profile or type; 0 when none does."""
    for text in texts:
        if match := _VERSION_IN_TEXT.search(text):
            return int(match["version"])
    return 0


def image_candidates(service_id: str, version: int | str, body_id: str) -> list[str]:
    """URLs of a painted image, best first: the whole picture in the words of the version, then the published body.

    `service_id` may be "" (then the service is read off a `body_id` that is an image request), `version` 0 when unknown.
    """
    body = body_id if body_id.startswith(("http://", "https://")) else ""
    request = image_request(body.partition("?")[0])
    service = service_id.removesuffix("/").removesuffix("/info.json")
    if not service.startswith(("http://", "https://")):
        service = request.base if request and not request.crop else ""
    wholes: dict[str, tuple[str, ...]] = {
        "1": ("full/full/0/native.jpg", "full/full/0/default.jpg"),
        "2": ("full/full/0/default.jpg", "full/max/0/default.jpg"),
        "3": ("full/max/0/default.jpg",),
    }
    tails = wholes.get(str(version), ("full/max/0/default.jpg", "full/full/0/default.jpg"))
    found = [f"{service}/{tail}" for tail in tails] if service else []
    if request and request.rank == 1 and not request.crop:
        found.insert(0, body)  # a whole picture that the publisher spelled out is known to work
    elif body:
        found.append(body)
    return list(dict.fromkeys(found))

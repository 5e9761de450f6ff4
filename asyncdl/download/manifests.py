"""IIIF Presentation manifests, versions 2 and 3, as the pictures they paint. Pure: bytes in, values or a sentence out.

Sources: iiif.io/api/presentation/2.1 (sections 5.3 to 5.5) and /3.0 (section 5). Publishers write lists where one
thing is meant and the other way round, so both are read everywhere. Only what is painted on a canvas counts:
thumbnails, logos, renderings, audio and video are not looked at.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urljoin

from asyncdl.model import CandidateKind, Canvas, NewCandidate
from asyncdl.urls import key_hash, resolve
from asyncdl.urls.iiif import image_candidates, service_version

MAX_MANIFEST_BYTES = 8_000_000
MAX_CANVASES = 1_000
MAX_URL_CHARACTERS = 8_000
MAX_LABEL_CHARACTERS = 300
MAX_WRAPPERS = 4  # choices and specific resources around one picture
_UNUSABLE = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")
_LEVEL = re.compile(r"level[012]", re.IGNORECASE)
_Node = dict[str, Any]


@dataclass(frozen=True, slots=True)
class ParsedCanvas:
    """One painted picture: its label, the URLs that yield it (best first), its image service if it has one."""

    label: str
    image_urls: tuple[str, ...]
    service_id: str | None


def parse_manifest(body: bytes, base_url: str) -> tuple[ParsedCanvas, ...] | str:
    """Return the pictures of a manifest in its order, at least one, or a sentence that says why there are none.

    The description of a single image (IIIF Image API, `info.json`) counts as a manifest of that picture. `base_url` is where the manifest came from; relative ids are resolved against it.
    """
    if len(body) > MAX_MANIFEST_BYTES:
        return f"the manifest is larger than {MAX_MANIFEST_BYTES:,} bytes"
    try:
        root = json.loads(body)
    except (ValueError, RecursionError) as exc:
        return f"not JSON: {str(exc)[:200]}"
    if not isinstance(root, dict):
        return "the JSON is no manifest"
    if str(root.get("type") or root.get("@type")).endswith("Collection"):
        return "a collection of manifests, not a manifest"
    if described := _described_image(root, base_url):
        return (described,)
    pictures: list[ParsedCanvas] = []
    for label, resource in _painted(root):
        canvas = _canvas(label, resource, base_url)
        if canvas is None:
            continue
        if len(pictures) == MAX_CANVASES:
            return f"the manifest holds more than {MAX_CANVASES} pictures"
        pictures.append(canvas)
    return tuple(pictures) or "the manifest holds no picture"


def canvases_of(parsed: Sequence[ParsedCanvas]) -> tuple[Canvas, ...]:
    """Return the pictures as canvases with keys, ready to be matched with a record's images.

    A picture that is painted twice counts once; URLs that cannot be asked are left out.
    """
    canvases: dict[str, Canvas] = {}
    for picture in parsed:
        resolved = [each for each in map(resolve, picture.image_urls) if each.key and each.kind is not CandidateKind.MANIFEST]
        if resolved and resolved[0].key not in canvases:
            key = resolved[0].key
            candidates = tuple(NewCandidate(each.url, each.rank, each.kind, each.host) for each in resolved)
            canvases[key] = Canvas(key, key_hash(key), candidates, picture.label)
    return tuple(canvases.values())


def _painted(root: _Node) -> Iterator[tuple[str, _Node]]:
    """Every painted resource with the label of its canvas, whichever version the manifest is written in."""
    for sequence in _nodes(root.get("sequences")):  # version 2
        for canvas in _nodes(sequence.get("canvases")):
            for annotation in _nodes(canvas.get("images")):
                yield from _resources(canvas, annotation.get("resource"))
    for canvas in _nodes(root.get("items")):  # version 3
        for page in _nodes(canvas.get("items")):
            for annotation in _nodes(page.get("items")):
                if "painting" in _strings(annotation.get("motivation")):
                    yield from _resources(canvas, annotation.get("body"))


def _resources(canvas: _Node, value: object) -> Iterator[tuple[str, _Node]]:
    label = _label(canvas.get("label"))
    for resource in _nodes(value):
        chosen = _unwrapped(resource)
        if chosen is not None:
            yield label, chosen


def _unwrapped(resource: _Node) -> _Node | None:
    """The picture inside choices (the default, which is the first) and specific resources; None when there is none."""
    for _ in range(MAX_WRAPPERS):
        kind = _kind(resource)
        if kind == "choice":
            inner = next((nodes for name in ("default", "items", "item") if (nodes := _nodes(resource.get(name)))), [])
        elif kind == "specificresource":
            inner = _nodes(resource.get("full")) or _nodes(resource.get("source"))
        else:
            return resource if _is_picture(resource, kind) else None
        if not inner:
            return None
        resource = inner[0]
    return None


def _is_picture(resource: _Node, kind: str) -> bool:
    media_type = str(resource.get("format") or "image/")
    return kind in ("image", "") and media_type.lower().startswith("image/")


def _kind(node: _Node) -> str:
    """`Image`, `dctypes:Image`, `oa:Choice` as `image`, `choice`."""
    kinds = _strings(node.get("type") or node.get("@type"))
    return kinds[0].rpartition(":")[2].lower() if kinds else ""


def _canvas(label: str, resource: _Node, base_url: str) -> ParsedCanvas | None:
    service, version = _image_service(resource, base_url)
    body = _url(resource, base_url)
    urls = tuple(image_candidates(service, version, body))
    return ParsedCanvas(label, urls, service or None) if urls else None


def _image_service(resource: _Node, base_url: str) -> tuple[str, int]:
    """The id and the version (0 when unknown) of a resource's image service; an empty id when it has none."""
    for service in _nodes(resource.get("service")):
        texts = [text for name in ("type", "@type", "@context", "profile") for text in _strings(service.get(name))]
        version = service_version(*texts)
        if version or any(_LEVEL.search(text) for text in texts):  # other services: search, login, physical size
            found = _url(service, base_url)
            if found:
                return found.removesuffix("/info.json").rstrip("/"), version
    return "", 0


def _described_image(root: _Node, base_url: str) -> ParsedCanvas | None:
    """The picture of an `info.json` (IIIF Image API 5): a service with the size of its image; None for anything else."""
    if not isinstance(root.get("width"), int) or not isinstance(root.get("height"), int):
        return None
    return _canvas("", {"service": root}, base_url)


def _url(node: _Node, base_url: str) -> str:
    """The id of a node as an absolute http(s) URL, or an empty text."""
    value = node.get("id") or node.get("@id")
    if not isinstance(value, str) or not value or len(value) > MAX_URL_CHARACTERS or _UNUSABLE.search(value):
        return ""
    try:
        absolute = urljoin(base_url, value)
    except ValueError:  # brackets that are no IPv6 address
        return ""
    return absolute if absolute.startswith(("http://", "https://")) else ""


def _label(value: object) -> str:
    """The first text of a label: plain, in a list, by language (version 3) or as `@value` (version 2)."""
    for _ in range(MAX_WRAPPERS):
        if isinstance(value, str):
            return value.encode("utf-8", "replace").decode()[:MAX_LABEL_CHARACTERS]
        if isinstance(value, list) and value:
            value = value[0]
        elif isinstance(value, dict) and value:
            value = value.get("@value") or next(iter(value.values()))
        else:
            break
    return ""


def _nodes(value: object) -> list[_Node]:
    """The objects in a value that may be one object, a list of them, or anything else."""
    values = value if isinstance(value, list) else [value]
    return [each for each in values if isinstance(each, dict)]


def _strings(value: object) -> list[str]:
    values = value if isinstance(value, list) else [value]
    return [each for each in values if isinstance(each, str)]

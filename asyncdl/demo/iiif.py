"""What IIIF services say: `info.json`, manifests of Presentation 2 and 3, and the size part of an Image API address.

Pure: places and numbers in, JSON values and sizes out. Sources: IIIF Image API 2.1 and 3.0, Presentation API 2.1 and 3.0.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from asyncdl.demo.catalogue import ImageService, Manifest, Place
from asyncdl.demo.pictures import full_size

Json = dict[str, Any]
UrlOf = Callable[[Place], str]
MAX_EDGE_PIXELS = 1200
_SIZE = re.compile(r"\^?(?P<fit>!?)(?P<width>\d{0,5}),(?P<height>\d{0,5})")


def split_request(path: str) -> tuple[str, str, str, str, str] | None:
    """`(base, region, size, rotation, quality.format)` of an Image API path, parsed from the right; None if it is none."""
    parts = path.rsplit("/", 4)
    if len(parts) != 5 or "." not in parts[4]:
        return None
    return parts[0], parts[1], parts[2], parts[3], parts[4]


def size_asked(size: str, full: tuple[int, int]) -> tuple[int, int] | None:
    """Pixels of a size parameter (`full`, `max`, `w,`, `,h`, `w,h`, `!w,h`); None for what this service does not do.

    Nothing is enlarged: a larger size than the photo's gives the photo's.
    """
    if size in ("full", "max", "^max"):
        return full
    match = _SIZE.fullmatch(size)
    if match is None or not (match["width"] or match["height"]):
        return None
    width, height = int(match["width"] or 0), int(match["height"] or 0)
    if width and height and not match["fit"]:
        wanted = (width, height)
    else:
        factor = min((width or full[0] * 99) / full[0], (height or full[1] * 99) / full[1])
        wanted = (round(full[0] * factor), round(full[1] * factor))
    if wanted[0] > full[0] or wanted[1] > full[1]:
        return full
    return max(1, wanted[0]), max(1, wanted[1])


def info(service: ImageService, base_url: str) -> Json:
    """The `info.json` of an image service."""
    width, height = full_size(service.motif)
    common: Json = {"protocol": "http://iiif.io/api/image", "width": width, "height": height}
    if service.version == 2:
        profile = ["http://iiif.io/api/image/2/level1.json", {"formats": ["jpg"], "qualities": ["default"]}]
        return {"@context": "http://iiif.io/api/image/2/context.json", "@id": base_url, "profile": profile, **common}
    return {
        "@context": "http://iiif.io/api/image/3/context.json", "id": base_url, "type": "ImageService3",
        "profile": "level1", "maxWidth": MAX_EDGE_PIXELS, **common,
    }  # fmt: skip


def manifest_json(manifest: Manifest, place: Place, services: list[ImageService], url_of: UrlOf) -> Json:
    """The manifest as JSON; `services` are those of its canvases, in order."""
    render = _manifest_2 if manifest.version == 2 else _manifest_3
    return render(manifest, url_of(place), services, url_of)


def _manifest_2(manifest: Manifest, url: str, services: list[ImageService], url_of: UrlOf) -> Json:
    canvases = []
    for number, (base, service) in enumerate(zip(manifest.canvases, services, strict=True), start=1):
        width, height = full_size(service.motif)
        base_url, canvas = url_of(base), f"{url}/canvas/{number}"
        resource = {
            "@id": f"{base_url}/full/full/0/default.jpg", "@type": "dctypes:Image", "format": "image/jpeg",
            "width": width, "height": height,
            "service": {"@context": "http://iiif.io/api/image/2/context.json", "@id": base_url,
                        "profile": "http://iiif.io/api/image/2/level1.json"},
        }  # fmt: skip
        canvases.append({
            "@id": canvas, "@type": "sc:Canvas", "label": f"{manifest.label}, {number}", "width": width, "height": height,
            "thumbnail": {"@id": f"{base_url}/full/150,/0/default.jpg"},
            "images": [{"@type": "oa:Annotation", "motivation": "sc:painting", "resource": resource, "on": canvas}],
        })  # fmt: skip
    return {
        "@context": "http://iiif.io/api/presentation/2/context.json", "@id": url, "@type": "sc:Manifest",
        "label": manifest.label, "sequences": [{"@type": "sc:Sequence", "canvases": canvases}],
    }  # fmt: skip


def _manifest_3(manifest: Manifest, url: str, services: list[ImageService], url_of: UrlOf) -> Json:
    items = []
    for number, (base, service) in enumerate(zip(manifest.canvases, services, strict=True), start=1):
        width, height = full_size(service.motif)
        base_url, canvas = url_of(base), f"{url}/canvas/{number}"
        body = {
            "id": f"{base_url}/full/max/0/default.jpg", "type": "Image", "format": "image/jpeg", "width": width, "height": height,
            "service": [{"id": base_url, "type": "ImageService3", "profile": "level1"}],
        }  # fmt: skip
        note = {"id": f"{canvas}/painting", "type": "Annotation", "motivation": "painting", "body": body, "target": canvas}
        items.append({
            "id": canvas, "type": "Canvas", "label": {"en": [f"{manifest.label}, {number}"]}, "width": width, "height": height,
            "items": [{"id": f"{canvas}/page", "type": "AnnotationPage", "items": [note]}],
        })  # fmt: skip
    return {
        "@context": "http://iiif.io/api/presentation/3/context.json", "id": url, "type": "Manifest",
        "label": {"en": [manifest.label]}, "items": items,
        "thumbnail": [{"id": f"{url_of(manifest.canvases[0])}/full/150,/0/default.jpg", "type": "Image"}],
    }  # fmt: skip

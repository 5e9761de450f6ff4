"""How the museum answers a request it has admitted: from an item of the inventory to bytes on the wire.

Knows aiohttp's server side and the inventory; decides nothing about limits and keeps no log (`museum.py` does).
"""

from __future__ import annotations

import asyncio
import hashlib
import json
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from asyncdl.demo.catalogue import Catalogue, Content, Delivery, Item, Place
from asyncdl.demo.dng import JPEG_XL, dng_bytes
from asyncdl.demo.hosts import HOST_BY_SLUG, MuseumHost
from asyncdl.demo.iiif import UrlOf, info, manifest_json, size_asked, split_request
from asyncdl.demo.pictures import damaged_jpeg, full_size, no_image_available, picture

OVERSIZE_BYTES = 300_000_000
OVERSIZE_MAX_SECONDS = 10.0
CHUNK_BYTES = 65_536
_PAGE = """<!DOCTYPE html>
<html><head><title>{name}</title><style>body {{ font: 16px serif }}</style></head>
<body><h1>{name}</h1><p>{text}</p></body></html>
"""
_TERMS = "Please accept our terms of use before you look at the collection."
_MISSING = "The page you asked for is not here."


@dataclass(slots=True)
class Visit:
    """What came of one request so far; only the answering code writes it, and the log reads it once at the end."""

    status: int = 0
    body_bytes: int = 0
    whole: bool = False
    sha256: str = ""


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer ready to be sent. `announced_bytes` above the body's length means: end early, as a broken server does."""

    status: int
    body: bytes
    media_type: str
    location: str = ""
    announced_bytes: int | None = None
    retry_after_seconds: int | None = None


def body_of(item: Item, place: Place) -> bytes:
    """The whole body of an item at a place: the same for the same arguments."""
    mark = f"{place.host}{place.path}"
    match item.content:
        case Content.DNG | Content.DNG_JPEG_XL:
            compression = JPEG_XL if item.content is Content.DNG_JPEG_XL else 1
            return dng_bytes(item.motif, compression=compression, title=mark)
        case Content.PLACEHOLDER:
            return no_image_available()
        case Content.DAMAGED:
            return damaged_jpeg(item.motif, mark)
        case Content.PAGE:
            text = _MISSING if item.status >= 400 else _TERMS
            return _PAGE.format(name=HOST_BY_SLUG[place.host].name, text=text).encode()
        case Content.JSON:
            return json.dumps({"error": "not_found", "message": _MISSING}).encode()
        case Content.NOISE:
            return hashlib.shake_256(mark.encode()).digest(6000)
        case _:
            return picture(item.motif, item.width, item.height, mark, item.content.value)


class Desk:
    """Looks up what was asked for, and remembers which first-time troubles have happened."""

    def __init__(self, catalogue: Catalogue, url_of: UrlOf) -> None:
        self._catalogue = catalogue
        self._url_of = url_of
        self._troubled: set[Place] = set()

    def answer(self, place: Place) -> Answer:
        """The answer for a path (without query) of a host; each first-time trouble happens once in the desk's life."""
        if (item := self._catalogue.items.get(place)) is not None:
            return self._answer_item(place, item)
        if (manifest := self._catalogue.manifests.get(place)) is not None:
            if manifest.broken:
                return Answer(200, b'{"@context": "http://iiif.io/api/presentation/2/context.json", "sequ', "application/json")
            services = [self._catalogue.services[base] for base in manifest.canvases]
            return _json_answer(manifest_json(manifest, place, services, self._url_of))
        robots = HOST_BY_SLUG[place.host].robots_text
        if place.path == "/robots.txt" and robots is not None:
            return Answer(200, robots.encode(), "text/plain")
        return self._answer_iiif(place) or _page(404, place.host)

    def _answer_item(self, place: Place, item: Item) -> Answer:
        if item.delivery is Delivery.REDIRECT:
            assert item.target is not None
            # Within one host the Location is relative, as RFC 9110 allows.
            to = item.target.path if item.target.host == place.host else self._url_of(item.target)
            return Answer(item.status, b"", "text/html", location=to)
        first = place not in self._troubled
        self._troubled.add(place)
        if item.delivery is Delivery.FAIL_ONCE and first:
            return _page(500, place.host)
        body = body_of(item, place)
        if item.delivery is Delivery.OVERSIZE:
            return Answer(200, body, item.media_type, announced_bytes=OVERSIZE_BYTES)
        if item.delivery is Delivery.CUT_ALWAYS or (item.delivery is Delivery.CUT_ONCE and first):
            return Answer(item.status, body[: len(body) * 2 // 3], item.media_type, announced_bytes=len(body))
        return Answer(item.status, body, item.media_type)

    def _answer_iiif(self, place: Place) -> Answer | None:
        base_path = place.path.removesuffix("/info.json")
        if base_path != place.path and (service := self._catalogue.services.get(Place(place.host, base_path))):
            return _json_answer(info(service, self._url_of(Place(place.host, base_path))))
        if place in self._catalogue.services:
            return Answer(303, b"", "text/html", location=f"{place.path}/info.json")
        if (asked := split_request(place.path)) is None:
            return None
        base_path, region, size, rotation, rendering = asked
        service = self._catalogue.services.get(Place(place.host, base_path))
        if service is None:
            return None
        full = full_size(service.motif)
        pixels = size_asked(size, full)
        if service.version == 3 and size == "full":  # gone since Image API 3.0
            pixels = None
        if pixels is None or region != "full" or rotation != "0" or rendering != "default.jpg":
            return _page(400, place.host)
        mark = f"{place.host}{base_path}" + ("" if pixels == full else f" {pixels[0]}x{pixels[1]}")
        return Answer(200, picture(service.motif, *pixels, mark), "image/jpeg")


def _json_answer(value: dict[str, Any]) -> Answer:
    return Answer(200, json.dumps(value).encode(), "application/json")


def _page(status: int, slug: str) -> Answer:
    return Answer(status, _PAGE.format(name=HOST_BY_SLUG[slug].name, text=_MISSING).encode(), "text/html")


def refusal(status: int, retry_after_seconds: int) -> Answer:
    """The answer to a request that was not admitted."""
    return Answer(status, b"Please slow down.\n", "text/plain", retry_after_seconds=retry_after_seconds)


async def send(request: web.BaseRequest, answer: Answer, visit: Visit, host: MuseumHost, delay_factor: float) -> web.StreamResponse:
    """Send an answer at the pace of its host and write down in `visit` what was sent."""
    response = web.StreamResponse(status=answer.status)
    response.content_type = answer.media_type
    response.content_length = len(answer.body) if answer.announced_bytes is None else answer.announced_bytes
    if answer.location:
        response.headers["Location"] = answer.location
    if answer.retry_after_seconds is not None:
        response.headers["Retry-After"] = str(answer.retry_after_seconds)
    visit.status = answer.status
    try:
        await response.prepare(request)
        await _send_body(response, answer, visit, host, delay_factor)
    except ConnectionResetError:
        return response  # the visitor left; `visit` says how far we came
    if answer.announced_bytes is None:
        visit.whole = True
        if answer.status == 200:
            visit.sha256 = hashlib.sha256(answer.body).hexdigest()
    elif request.transport is not None:
        request.transport.close()
    return response


async def _send_body(response: web.StreamResponse, answer: Answer, visit: Visit, host: MuseumHost, delay_factor: float) -> None:
    chunk_bytes = int(min(CHUNK_BYTES, max(2048.0, host.bytes_per_second / 10)))
    for start in range(0, len(answer.body), chunk_bytes):
        chunk = answer.body[start : start + chunk_bytes]
        # The wait comes first, so that the request is in the log as soon as its last byte is on its way.
        await asyncio.sleep(len(chunk) / host.bytes_per_second * delay_factor)
        await response.write(chunk)
        visit.body_bytes += len(chunk)
    if answer.announced_bytes is None:
        await response.write_eof()
    elif answer.announced_bytes == OVERSIZE_BYTES:
        await _pour(response, visit)


async def _pour(response: web.StreamResponse, visit: Visit) -> None:
    """Go on with zeros at 5 MB/s until the visitor leaves, for `OVERSIZE_MAX_SECONDS` at most."""
    for _ in range(int(OVERSIZE_MAX_SECONDS * 20)):
        await response.write(bytes(250_000))
        visit.body_bytes += 250_000
        await asyncio.sleep(0.05)

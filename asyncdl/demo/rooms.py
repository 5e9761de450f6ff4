"""The rooms of the museum, one per host: what each host publishes and what becomes of it.

Pure: every room adds to the `Builder` it is given. The room with the IIIF services is in `iiif_room.py`.
"""

from __future__ import annotations

import random

from asyncdl.demo.catalogue import (
    RAW_FLAG,
    Builder,
    Catalogue,
    Content,
    Delivery,
    Exhibit,
    Item,
    Place,
)
from asyncdl.demo.hosts import HOST_BY_SLUG
from asyncdl.demo.iiif_room import fill_sheets

FORMATS = (
    (Content.PNG, "png", "image/png"),
    (Content.TIFF, "tif", "image/tiff"),
    (Content.WEBP, "webp", "image/webp"),
    (Content.GIF, "gif", "image/gif"),
)
WAITING = ("connect_failed", "robots_unreachable", "waiting")


def _photos(build: Builder, slug: str, pattern: str, *, least: int, start: int = 1) -> list[tuple[int, Place]]:
    """A record id and a place for each photo of a host; `pattern` holds `{}` for the number."""
    total = build.count(HOST_BY_SLUG[slug].images, least=least)
    return [(gbif_id, Place(slug, pattern.format(start + n))) for n, gbif_id in enumerate(build.ids(total))]


def _fill_plain(build: Builder, slug: str, pattern: str, *, least: int = 2) -> None:
    for gbif_id, place in _photos(build, slug, pattern, least=least):
        build.jpeg(place)
        build.show(Exhibit(gbif_id, place, (place,)))


def fill_herbarium(build: Builder) -> None:
    """Symbiota style: `stem.jpg`, `stem_web.jpg`, `stem_tn.jpg` in rows of their own; some originals are gone."""
    for n, (gbif_id, place) in enumerate(_photos(build, "herbarium", "/imglib/nhb/NHB00012/NHB{:08d}.jpg", least=4, start=12001)):
        stem = place.path.removesuffix(".jpg")
        web, thumb = Place(place.host, f"{stem}_web.jpg"), Place(place.host, f"{stem}_tn.jpg")
        build.jpeg(place)
        build.smaller(place, web, 2)
        build.smaller(place, thumb, 6)
        if n % 40 == 3:
            build.items[place] = Item(Content.PAGE, media_type="text/html", status=404)
        published = (place, web, thumb) if n % 5 or n % 40 == 3 else (place, thumb)
        build.show(Exhibit(gbif_id, place, published))


def fill_gallery(build: Builder) -> None:
    """Plain links; every third twice, once with a cache buster; every fifth sent as an octet stream."""
    for n, (gbif_id, place) in enumerate(_photos(build, "gallery", "/media/insects/{:05d}.jpg", least=5, start=301)):
        build.jpeg(place, media_type="application/octet-stream" if n % 5 == 4 else "image/jpeg")
        twin = Place(place.host, f"{place.path}?v={1_700_000_000 + n}")
        build.show(Exhibit(gbif_id, place, (place, twin) if n % 3 == 0 else (place,)))


def fill_portal(build: Builder) -> None:
    """Pages where photos were promised, mostly with the content type of a photo."""
    wrong = (
        Item(Content.JSON, media_type="application/json"),
        Item(Content.NOISE),
        Item(Content.PAGE, media_type="text/html"),
    )
    for n, (gbif_id, place) in enumerate(_photos(build, "portal", "/showimage/{:04d}.jpg", least=4, start=71)):
        build.items[place] = wrong[n - 1] if 1 <= n <= len(wrong) else Item(Content.PAGE)
        noise = build.items[place].content is Content.NOISE
        build.show(Exhibit(gbif_id, place, (place,), ("not_an_image",) if noise else ("invalid_content_type",)))


def fill_closed(build: Builder) -> None:
    """Links to a host where nothing listens any more."""
    for gbif_id, place in _photos(build, "closed", "/collection/{:04d}.jpg", least=2):
        build.show(Exhibit(gbif_id, place, (place,), WAITING))


def fill_camera(build: Builder) -> None:
    """Raw files, one that cannot be developed here, and the other picture formats."""
    for n, (gbif_id, jpeg) in enumerate(_photos(build, "camera", "/field/IMG_{:04d}.jpg", least=9, start=2001)):
        stem = jpeg.path.removesuffix(".jpg")
        if n % 5 == 0:
            place = Place("camera", f"{stem}.DNG")
            content = Content.DNG_JPEG_XL if n == 5 else Content.DNG
            build.items[place] = Item(content, media_type="image/x-adobe-dng", motif=n)
            build.show(Exhibit(gbif_id, place, (place,), flag=RAW_FLAG), media_type="image/dng")
        elif n % 5 < 3:
            content, extension, media_type = FORMATS[(n // 5 * 2 + n % 5 - 1) % len(FORMATS)]
            place = Place("camera", f"{stem}.{extension}")
            build.items[place] = Item(content, media_type=media_type, motif=build.next_motif(), width=320, height=240)
            build.show(Exhibit(gbif_id, place, (place,)), media_type=media_type)
        else:
            build.jpeg(jpeg)
            build.show(Exhibit(gbif_id, jpeg, (jpeg,)))


def fill_ocean(build: Builder) -> None:
    """Bodies cut once or always, answers that fail once, one file damaged inside."""
    for n, (gbif_id, place) in enumerate(_photos(build, "ocean", "/plates/plate{:03d}.jpg", least=6)):
        delivery, content = Delivery.PLAIN, Content.JPEG
        outcomes: tuple[str, ...] = ("success",)
        if n == 0:
            delivery, outcomes = Delivery.CUT_ALWAYS, ("truncated", "connection_broken")
        elif n == 1:
            content, outcomes = Content.DAMAGED, ("damaged_at_source", "damaged")
        elif n % 5 == 2:
            delivery = Delivery.CUT_ONCE
        elif n % 5 == 3:
            delivery = Delivery.FAIL_ONCE
        build.jpeg(place, delivery=delivery, content=content)
        build.show(Exhibit(gbif_id, place, (place,), outcomes))


def fill_moved(build: Builder) -> None:
    """Three hops over three hosts; and one link that goes round in a circle."""
    for n, (gbif_id, place) in enumerate(_photos(build, "moved", "/specimen/{:04d}.jpg", least=3, start=4501)):
        number = place.path.removeprefix("/specimen/")
        if n == 0:
            other = Place("moved", f"/again/{number}")
            build.items[place] = Item(Content.PAGE, Delivery.REDIRECT, status=302, target=other)
            build.items[other] = Item(Content.PAGE, Delivery.REDIRECT, status=302, target=place)
            build.show(Exhibit(gbif_id, place, (place,), ("too_many_redirects",)))
            continue
        resolver, final = Place("archive", f"/resolve/{number}"), Place("gallery", f"/media/moved/{number}")
        build.items[place] = Item(Content.PAGE, Delivery.REDIRECT, status=301, target=resolver)
        build.items[resolver] = Item(Content.PAGE, Delivery.REDIRECT, status=303 if n % 2 else 307, target=final)
        build.jpeg(final)
        build.show(Exhibit(gbif_id, place, (place,)))


def fill_archive(build: Builder) -> None:
    """Files that are gone, a folder closed to robots, one answer of 300 MB; the rest is in order."""
    for n, (gbif_id, place) in enumerate(_photos(build, "archive", "/public/negative{:04d}.jpg", least=7, start=811)):
        outcomes: tuple[str, ...] = ("success",)
        here = place
        if n == 0:
            build.items[here] = Item(Content.NOISE, Delivery.OVERSIZE)
            outcomes = ("too_large",)
        elif n == 1:
            build.items[here] = Item(Content.PAGE, media_type="text/html", status=410)
            outcomes = ("http_410",)
        elif n % 10 == 2:
            build.items[here] = Item(Content.PAGE, media_type="text/html", status=404)
            outcomes = ("http_404",)
        elif n % 10 == 3:
            here = Place("archive", place.path.replace("/public/", "/private/"))
            build.jpeg(here)
            outcomes = ("robots_disallowed",)
        else:
            build.jpeg(here)
        build.show(Exhibit(gbif_id, here, (here,), outcomes))


def fill_cabinet(build: Builder) -> None:
    """Photos, and links that all lead to the one stand-in picture.

    A client that knows no stand-in pictures saves it: the bytes are a whole picture.
    """
    for n, (gbif_id, place) in enumerate(_photos(build, "cabinet", "/drawers/drawer{:03d}.jpg", least=6)):
        if n % 5 in (1, 3) and n < 20:
            build.items[place] = Item(Content.PLACEHOLDER)
            build.show(Exhibit(gbif_id, place, (place,), ("placeholder", "success")))
            continue
        build.jpeg(place)
        build.show(Exhibit(gbif_id, place, (place,)))


def fill_inside(build: Builder) -> None:
    """A link that leads to a reserved address."""
    place = Place("inside", "/camera/latest.jpg")
    build.show(Exhibit(build.new_id(), place, (place,), ("forbidden_address",)))


def build_catalogue(seed: int, scale: float) -> Catalogue:
    """The inventory of a seed at a scale: 1.0 is about 600 photos; every trouble is there at any scale."""
    build = Builder(random.Random(seed), scale)
    fill_herbarium(build)
    fill_gallery(build)
    fill_sheets(build, build.count(HOST_BY_SLUG["sheets"].images, least=16))
    _fill_plain(build, "alps", "/archive/alp{:04d}.jpg")
    fill_portal(build)
    fill_closed(build)
    _fill_plain(build, "station", "/webcam/day{:03d}.jpg")
    fill_camera(build)
    fill_ocean(build)
    fill_moved(build)
    fill_archive(build)
    fill_cabinet(build)
    _fill_plain(build, "night", "/moths/moth{:04d}.jpg", least=3)
    fill_inside(build)
    build.rng.shuffle(build.rows)
    return Catalogue(tuple(build.exhibits), tuple(build.rows), build.items, build.services, build.manifests,
                     build.unmatched_manifests)  # fmt: skip

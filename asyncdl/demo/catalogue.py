"""The words of the museum's inventory: what lies where, what is published about it, what a perfect client would get.

Pure data and one builder that the rooms fill (`rooms.py`, `iiif_room.py`). Knows no socket, no port and no file:
a `Place` is a host's slug and a path, and becomes a URL only when the museum has opened.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import NamedTuple

from asyncdl.demo.pictures import MOTIFS, full_size

SUCCESS = "success"
RAW_FLAG = "raw_unprocessed"


class Place(NamedTuple):
    """A path (with its query, if any) on a host of the museum."""

    host: str
    path: str


class Content(StrEnum):
    """What the body of an answer is made of."""

    JPEG = "JPEG"
    PNG = "PNG"
    TIFF = "TIFF"
    WEBP = "WEBP"
    GIF = "GIF"
    DNG = "dng"
    DNG_JPEG_XL = "dng-jpeg-xl"
    PLACEHOLDER = "placeholder"
    DAMAGED = "damaged"
    PAGE = "page"
    JSON = "json"
    NOISE = "noise"


class Delivery(StrEnum):
    """How an answer is given."""

    PLAIN = "plain"
    CUT_ONCE = "cut-once"  # the first time the body ends before its announced length
    CUT_ALWAYS = "cut-always"
    FAIL_ONCE = "fail-once"  # the first time 500
    OVERSIZE = "oversize"  # announces 300 MB and begins to send them
    REDIRECT = "redirect"


@dataclass(frozen=True, slots=True)
class Item:
    """What lies at one path."""

    content: Content
    delivery: Delivery = Delivery.PLAIN
    media_type: str = "image/jpeg"
    motif: int = 0
    width: int = 0
    height: int = 0
    status: int = 200
    target: Place | None = None


@dataclass(frozen=True, slots=True)
class ImageService:
    """A IIIF Image API service; its base is the path under which it is kept."""

    version: int
    motif: int


@dataclass(frozen=True, slots=True)
class Manifest:
    """A IIIF Presentation manifest that paints the services at these places."""

    version: int
    label: str
    canvases: tuple[Place, ...]
    broken: bool = False


@dataclass(frozen=True, slots=True)
class Exhibit:
    """One distinct photo (or a link that never yields one) of a record.

    `place` is the best address known of it; `published` are the addresses that rows name; `outcomes` what a client may come to,
    the best first: `success`, an error type, or `waiting` (the host stays dead). `flag` stands on a success row.
    `named` is False where only a manifest tells of the photo.
    """

    gbif_id: int
    place: Place
    published: tuple[Place, ...]
    outcomes: tuple[str, ...] = (SUCCESS,)
    flag: str | None = None
    named: bool = True

    @property
    def expected(self) -> str:
        """What a perfect client comes to."""
        return self.outcomes[0]


@dataclass(frozen=True, slots=True)
class MediaRow:
    """One row of the multimedia table."""

    gbif_id: int
    place: Place
    media_type: str = "image/jpeg"
    kind: str = "StillImage"


@dataclass(frozen=True, slots=True)
class Catalogue:
    """The whole inventory. `unmatched_manifests` counts the manifests whose base is the base of no photo."""

    exhibits: tuple[Exhibit, ...]
    rows: tuple[MediaRow, ...]
    items: Mapping[Place, Item]
    services: Mapping[Place, ImageService]
    manifests: Mapping[Place, Manifest]
    unmatched_manifests: int

    @property
    def records(self) -> tuple[int, ...]:
        """The ids of all records with media, ascending."""
        return tuple(sorted({row.gbif_id for row in self.rows}))


@dataclass(slots=True)
class Builder:
    """What the rooms fill, in a fixed order and from one seeded random source, so that a seed names one museum."""

    rng: random.Random
    scale: float
    exhibits: list[Exhibit] = field(default_factory=list)
    rows: list[MediaRow] = field(default_factory=list)
    items: dict[Place, Item] = field(default_factory=dict)
    services: dict[Place, ImageService] = field(default_factory=dict)
    manifests: dict[Place, Manifest] = field(default_factory=dict)
    unmatched_manifests: int = 0
    _ids: set[int] = field(default_factory=set)
    _motif: int = 0

    def count(self, at_scale_one: int, *, least: int = 1) -> int:
        """How many of something there are at this scale."""
        return max(least, round(at_scale_one * self.scale))

    def new_id(self) -> int:
        """A gbifID: ten digits, never the same twice."""
        while (number := self.rng.randrange(1_000_000_000, 5_900_000_000)) in self._ids:
            pass
        self._ids.add(number)
        return number

    def ids(self, photos: int) -> list[int]:
        """The record of each of so many photos: mostly one photo a record, sometimes two or three."""
        found: list[int] = []
        while len(found) < photos:
            found += [self.new_id()] * self.rng.choice((1, 1, 1, 2, 3))
        return found[:photos]

    def next_motif(self) -> int:
        """Another motif than the last one."""
        self._motif = (self._motif + 1) % MOTIFS
        return self._motif

    def jpeg(self, place: Place, *, delivery: Delivery = Delivery.PLAIN, content: Content = Content.JPEG,
             media_type: str = "image/jpeg") -> None:  # fmt: skip
        """Hang a photo of its own at full size at a place."""
        motif = self.next_motif()
        width, height = full_size(motif)
        self.items[place] = Item(content, delivery, media_type, motif, width, height)

    def smaller(self, of: Place, place: Place, divisor: int) -> None:
        """Hang the same photo at a fraction of its edges."""
        whole = self.items[of]
        self.items[place] = replace(whole, width=max(16, whole.width // divisor), height=max(12, whole.height // divisor))

    def show(self, exhibit: Exhibit, *, media_type: str = "image/jpeg") -> None:
        """Publish an exhibit: one row for each of its addresses."""
        self.exhibits.append(exhibit)
        self.rows += [MediaRow(exhibit.gbif_id, place, media_type) for place in exhibit.published]

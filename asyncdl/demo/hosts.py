"""The hosts of the museum as one table: who they are, what they admit, how fast they are, what is wrong with them.

Data only. What stands on their shelves is in `rooms.py`; how a request is answered in `answers.py`.
The names are invented; each trouble was met at real hosts.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

NO_LIMIT = math.inf
CLOSED_FOR_SECONDS = 4.0


@dataclass(frozen=True, slots=True)
class MuseumHost:
    """One host. `images` is how many photos it publishes at scale 1; a fault is a sentence for people.

    `requests_per_second` and `connections` (requests in flight) are what it admits; beyond that it answers 429
    with `Retry-After: retry_after_seconds`. `bytes_per_second` holds for each answer. `listens=False` is a host
    where nothing answers; `published_only` one that is named in links but is no host of ours at all.
    """

    slug: str
    name: str
    address: str
    images: int
    requests_per_second: float
    connections: int
    latency_seconds: float
    bytes_per_second: float
    faults: tuple[str, ...] = ()
    retry_after_seconds: int = 2
    closed_for_seconds: float = 0.0
    robots_text: str | None = None
    listens: bool = True
    published_only: bool = False


HOSTS: tuple[MuseumHost, ...] = (
    MuseumHost("herbarium", "Northern Herbarium", "127.0.42.1", 130, 40, 8, 0.02, 4e6,
               ("three sizes of each sheet in three rows", "a few originals are gone, their web size is not")),
    MuseumHost("gallery", "City Gallery of Insects", "127.0.42.2", 100, 40, 8, 0.02, 4e6,
               ("the same link twice, once with a cache buster", "every fifth photo comes as application/octet-stream")),
    MuseumHost("sheets", "Library of Sheets", "127.0.42.3", 80, 40, 8, 0.03, 4e6,
               ("IIIF: most rows name 300 pixels or a manifest", "one manifest holds nine photos", "one manifest is broken")),
    MuseumHost("alps", "Botanical Archive of the Alps", "127.0.42.4", 20, 4, 4, 0.03, 2e6,
               ("admits 4 requests a second, then 429 with Retry-After: 2",)),
    MuseumHost("portal", "Old Web Portal", "127.0.42.5", 12, 20, 6, 0.02, 4e6,
               ("sends web pages as image/jpeg", "one answer is JSON, one is noise")),
    MuseumHost("closed", "Museum That Closed", "127.0.42.6", 12, 0, 0, 0.0, NO_LIMIT,
               ("nothing answers: connection refused",), listens=False),
    MuseumHost("station", "Mountain Station", "127.0.42.7", 16, 10, 6, 1.0, 60e3,
               ("first byte after one second, then 60 kB/s",)),
    MuseumHost("camera", "Field Camera Archive", "127.0.42.8", 30, 20, 6, 0.02, 4e6,
               ("raw DNG files, one of which nobody here can develop", "PNG, TIFF, WebP and GIF beside JPEG")),
    MuseumHost("ocean", "Ocean Institute", "127.0.42.9", 50, 20, 6, 0.02, 4e6,
               ("some bodies are cut the first time, one always", "some answers are 500 the first time",
                "one file is damaged inside")),
    MuseumHost("moved", "Museum That Moved", "127.0.42.10", 24, 20, 6, 0.02, 4e6,
               ("every link is redirected twice, over two other hosts", "one redirect runs in a circle")),
    MuseumHost("archive", "State Archive", "127.0.42.11", 50, 20, 6, 0.02, 4e6,
               ("some files are gone (404, 410)", "robots.txt forbids one folder", "one file claims 300 MB"),
               robots_text="User-agent: *\nDisallow: /private/\n"),
    MuseumHost("cabinet", "Insect Cabinet", "127.0.42.12", 40, 20, 6, 0.02, 4e6,
               ("some links lead to one and the same 'no image available' picture",)),
    MuseumHost("night", "Night Archive", "127.0.42.13", 36, 20, 6, 0.02, 4e6,
               (f"503 with Retry-After: 2 for its first {CLOSED_FOR_SECONDS:g} seconds",), closed_for_seconds=CLOSED_FOR_SECONDS),
    # 192.0.2.0/24 is reserved for documentation (RFC 5737): nothing can ever answer there.
    MuseumHost("inside", "A reserved address", "192.0.2.1", 1, 0, 0, 0.0, NO_LIMIT,
               ("a link that leads to a reserved address",), listens=False, published_only=True),
)  # fmt: skip

HOST_BY_SLUG: dict[str, MuseumHost] = {host.slug: host for host in HOSTS}


@dataclass(frozen=True, slots=True)
class Recommendation:
    """The limits with which a run through the whole museum ends in about a minute."""

    host_rate_per_second: float = 8.0
    host_connections: int = 4
    retry_delays_seconds: tuple[float, ...] = (2.0, 4.0, 8.0)
    wait_seconds: float = 20.0
    allow_private: tuple[str, ...] = ("127.0.0.0/8",)


RECOMMENDED = Recommendation()

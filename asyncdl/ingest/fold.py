"""The rows of one record become images: one per distinct photo, its candidates best first.

Pure, and blind to the order of rows: what decides is what rows say, never where they stand.

1. The links of a row that names several sizes of one photo belong together; the best of them that can be
   requested and is no page leads. Its canonical key is the key of the image.
2. A lesser link (a thumbnail, say) whose own key differs is tried after all that share the image's key. Where
   it also leads a row of its own, that row is the same photo, unless several photos claim it (a stand-in
   picture that a portal puts under each).
3. A link to GBIF's cached copy names the MD5 of an identifier. Where that is another link of the record, both are
   the same photo, and the copy (at most 1200 px) is tried after all other pictures.
4. A page that names no photo (of a specimen, an observation, or of any other site) is no image beside pictures and
   manifests: where the record has one image it is the last that is tried for it, where it has several it is dropped.
   Alone it stays an image, and is recognised for what it is when it is asked for.
5. Within an image the same URL is one candidate. First come those of the image's own key, the better rank
   first, and of one rank direct links before manifests; then lesser links of other keys, GBIF's copies; pages come last.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol, TypeAlias

from asyncdl.ingest.rejects import RejectReason
from asyncdl.model import CandidateKind, NewCandidate, NewImage, NewManifest, NewRecord
from asyncdl.urls import ResolvedUrl, cached_digest, identifier_digests, key_hash, resolve


class LinkRow(Protocol):
    """What folding sees of a row: where it stands, the links of each of its photos, and the format it claims."""

    @property
    def table(self) -> int: ...  # noqa: D102
    @property
    def line(self) -> int: ...  # noqa: D102
    @property
    def photos(self) -> tuple[tuple[str, ...], ...]: ...  # noqa: D102
    @property
    def media_format(self) -> str: ...  # noqa: D102


class LinkReject(NamedTuple):
    """A link that is no candidate, and the row it stands in."""

    table: int
    line: int
    reason: RejectReason
    url: str


@dataclass(frozen=True, slots=True)
class Folded:
    """A record (None when no link of it is usable) and what became of each of its links.

    `duplicates`: links that add no candidate: the same URL again, and pages that belong to no one image.
    """

    record: NewRecord | None
    candidates: int
    duplicates: int
    rejects: tuple[LinkReject, ...] = ()


Photo: TypeAlias = tuple[ResolvedUrl, ...]
"""One photo of one row: its usable links, the leading one first."""


Resolve: TypeAlias = Callable[[str, str], ResolvedUrl]
"""The key rules: a published URL and its published MIME type in, what it is out."""


def fold(external_id: int | str, rows: Iterable[LinkRow], resolve: Resolve = resolve) -> Folded:
    """Fold all rows of one record, by today's rules unless others are given. Images come in the order of their keys."""
    photos, rejects = photos_of(rows, resolve)
    links = sum(map(len, photos))
    if not photos:
        return Folded(None, 0, 0, tuple(rejects))
    images = tuple(
        NewImage(key, key_hash(key), tuple(NewCandidate(link.url, link.rank, link.kind, link.host) for link in candidates))
        for key, candidates in images_of(photos)
    )
    manifests = tuple(NewManifest(link.url, link.key, key_hash(link.key), link.host) for link in manifests_of(photos))
    candidates = sum(len(image.candidates) for image in images)
    return Folded(NewRecord(external_id, images, manifests), candidates, links - candidates, tuple(rejects))


def photos_of(rows: Iterable[LinkRow], resolve: Resolve = resolve) -> tuple[list[Photo], list[LinkReject]]:
    """The photos of all rows, with their usable links, and the links that are none."""
    photos: list[Photo] = []
    rejects: list[LinkReject] = []
    for row in rows:
        for urls in row.photos:
            if len(urls) == 1:
                link = resolve(urls[0], row.media_format)
                if link.key:
                    photos.append((link,))
                else:
                    rejects.append(LinkReject(row.table, row.line, RejectReason.UNUSABLE_LINK, urls[0]))
                continue
            resolved = [resolve(url, "") for url in urls]
            usable = [link for link in resolved if link.key]
            rejects += [
                LinkReject(row.table, row.line, RejectReason.UNUSABLE_LINK, url)
                for url, link in zip(urls, resolved, strict=True)
                if not link.key
            ]
            if usable:
                lead = min(usable, key=lambda link: link.kind is CandidateKind.PAGE)
                photos.append((lead, *(link for link in usable if link is not lead)))
    return photos, rejects


def images_of(photos: Sequence[Photo]) -> list[tuple[str, Sequence[ResolvedUrl]]]:
    """The distinct images of a record, each with its key and its candidates, best first; in the order of their keys."""
    if len(photos) == 1:
        return [(photos[0][0].key, _candidates(photos[0][0].key, photos))]
    aliases = _aliases(photos)
    groups: dict[str, list[Photo]] = {}
    for photo in photos:
        key = photo[0].key
        groups.setdefault(_root(key, aliases) if aliases else key, []).append(photo)
    if len(groups) > 1 and any(photo[0].kind is CandidateKind.PAGE for photo in photos):
        _give_pages_away(groups)
    return [(key, _candidates(key, groups[key])) for key in sorted(groups)]


def manifests_of(photos: Iterable[Photo]) -> list[ResolvedUrl]:
    """The manifests among the links, each once, in the order of their keys."""
    found = {link.url: link for photo in photos for link in photo if link.kind is CandidateKind.MANIFEST}
    return sorted(found.values(), key=lambda link: (link.key, link.url)) if found else []


def needs_rules(link: ResolvedUrl) -> bool:
    """Whether a link may be something else among others of its record than it is alone, although its key is its own."""
    return link.kind is CandidateKind.PAGE or cached_digest(link.key) != ""


def _give_pages_away(groups: dict[str, list[Photo]]) -> None:
    """Takes out the groups that hold nothing but pages without a photo, where there is a picture or a manifest."""
    pages = [key for key, found in groups.items() if not any(link.names_photo for photo in found for link in photo)]
    images = [key for key in groups if key not in pages]
    if not any(photo[0].kind is not CandidateKind.PAGE for key in images for photo in groups[key]):
        return
    for key in pages:
        given = groups.pop(key)
        if len(images) == 1:
            groups[images[0]] += given


def _aliases(photos: Sequence[Photo]) -> Mapping[str, str]:
    """Keys that are another name of a photo: what a row claims for a lesser size of it, and GBIF's cached copies."""
    claims: dict[str, set[str]] = {}
    for photo in photos:
        if len(photo) > 1:
            lead = photo[0].key
            for link in photo[1:]:
                if link.key != lead and link.kind is CandidateKind.IMAGE:
                    claims.setdefault(link.key, set()).add(lead)
    found = {key: leads.pop() for key, leads in claims.items() if len(leads) == 1}
    copies = {digest: link.key for photo in photos for link in photo if (digest := cached_digest(link.key))}
    return found | _originals(photos, copies) if copies else found


def _originals(photos: Iterable[Photo], copies: Mapping[str, str]) -> dict[str, str]:
    """The photos that cached copies are of. `copies`: their keys by the MD5 that they name."""
    found: dict[str, str] = {}
    for photo in photos:
        for link in photo:
            for digest in identifier_digests(link.url):
                if digest in copies and copies[digest] != link.key:
                    found[copies[digest]] = min(photo[0].key, found.get(copies[digest], photo[0].key))
    return found


def _root(key: str, aliases: Mapping[str, str]) -> str:
    """The key that claims lead to; of claims in a circle the smallest."""
    seen = [key]
    while (key := aliases.get(key, "")) and key not in seen:
        seen.append(key)
    return min(seen[seen.index(key) :]) if key else seen[-1]


def _candidates(key: str, photos: Sequence[Photo]) -> Sequence[ResolvedUrl]:
    """The links of one image, each URL once, in the order of trial."""
    if len(photos) == 1 and len(photos[0]) == 1:  # most images of most sources
        return photos[0]
    best: dict[str, tuple[tuple[object, ...], ResolvedUrl]] = {}
    for photo in photos:
        for place, link in enumerate(photo):
            order = _order(key, place, link)
            if link.url not in best or order < best[link.url][0]:
                best[link.url] = (order, link)
    return [link for _, link in sorted(best.values(), key=lambda item: item[0])]


def _order(key: str, place: int, link: ResolvedUrl) -> tuple[object, ...]:
    """Best first; every tie is broken by the URL itself, so that rows may come in any order."""
    foreign = link.key != key
    return (
        link.kind is CandidateKind.PAGE,
        foreign,
        foreign and cached_digest(link.key) != "",
        place if foreign else 0,
        link.rank,
        link.kind is CandidateKind.MANIFEST,
        not link.url.startswith("https:"),
        link.url,
    )

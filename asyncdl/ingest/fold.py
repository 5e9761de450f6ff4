"""The rows of one record become images: one per distinct photo, its candidates best first.

Pure, and blind to the order of rows: what decides is what rows say, never where they stand.

1. The links of a row that names several sizes of one photo belong together; the best of them that can be
   requested and is no page leads. Its canonical key is the key of the image.
2. A lesser link (a thumbnail, say) whose own key differs is tried after all that share the image's key. Where
   it also leads a row of its own, that row is the same photo, unless several photos claim it (a stand-in
   picture that a portal puts under each).
3. Within an image the same URL is one candidate. First come those of the image's own key, the better rank
   first, and of one rank direct links before manifests; then lesser links of other keys; pages come last.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from asyncdl.ingest.rejects import RejectReason
from asyncdl.ingest.rows import MediaRow
from asyncdl.model import CandidateKind, NewCandidate, NewImage, NewManifest, NewRecord, SourceRow
from asyncdl.urls import ResolvedUrl, key_hash, resolve


@dataclass(frozen=True, slots=True)
class LinkReject:
    """A link that is no candidate, and the row it stands in."""

    table: int
    line: int
    reason: RejectReason
    url: str


@dataclass(frozen=True, slots=True)
class Folded:
    """A record (None when no link of it is usable) and what became of each of its links."""

    record: NewRecord | None
    candidates: int
    duplicates: int
    rejects: tuple[LinkReject, ...] = ()


class _Photo(NamedTuple):
    """One photo of one row: its usable links, the leading one first."""

    row: MediaRow
    links: tuple[ResolvedUrl, ...]


def fold(external_id: int | str, rows: Sequence[MediaRow]) -> Folded:
    """Fold all rows of one record. Images come in the order of their keys."""
    photos: list[_Photo] = []
    rejects: list[LinkReject] = []
    for row in rows:
        for urls in row.photos:
            resolved = [resolve(url, row.media_format if len(urls) == 1 else "") for url in urls]
            usable = [link for link in resolved if link.key]
            for url, link in zip(urls, resolved, strict=True):
                if not link.key:
                    rejects.append(LinkReject(row.table, row.line, RejectReason.UNUSABLE_LINK, url))
            if usable:
                lead = min(usable, key=lambda link: link.kind is CandidateKind.PAGE)
                photos.append(_Photo(row, (lead, *(link for link in usable if link is not lead))))
    links = sum(len(photo.links) for photo in photos)
    if not photos:
        return Folded(None, 0, 0, tuple(rejects))
    record = _record(external_id, photos)
    candidates = sum(len(image.candidates) for image in record.images)
    return Folded(record, candidates, links - candidates, tuple(rejects))


def _record(external_id: int | str, photos: Sequence[_Photo]) -> NewRecord:
    if len(photos) == 1:
        only = photos[0]
        groups = {only.links[0].key: [only]}
    else:
        aliases = _aliases(photos)
        groups = {}
        for photo in photos:
            groups.setdefault(_root(photo.links[0].key, aliases), []).append(photo)
    images = tuple(_image(key, groups[key]) for key in sorted(groups))
    return NewRecord(external_id, images, _manifests(photos))


def _aliases(photos: Sequence[_Photo]) -> Mapping[str, str]:
    """Keys that a row claims for a lesser size of its photo, where exactly one photo claims them."""
    claims: dict[str, set[str]] = {}
    for photo in photos:
        lead = photo.links[0].key
        for link in photo.links[1:]:
            if link.key != lead and link.kind is CandidateKind.IMAGE:
                claims.setdefault(link.key, set()).add(lead)
    return {key: leads.pop() for key, leads in claims.items() if len(leads) == 1}


def _root(key: str, aliases: Mapping[str, str]) -> str:
    """The key that claims lead to; of claims in a circle the smallest."""
    seen = [key]
    while (key := aliases.get(key, "")) and key not in seen:
        seen.append(key)
    return min(seen[seen.index(key) :]) if key else seen[-1]


def _image(key: str, photos: Sequence[_Photo]) -> NewImage:
    if len(photos) == 1 and len(photos[0].links) == 1:  # most images of most sources
        row, (link,) = photos[0]
        return NewImage(key, key_hash(key), (NewCandidate(link.url, link.rank, link.kind, link.host),), (_source_row(row),))
    best: dict[str, tuple[tuple[object, ...], ResolvedUrl]] = {}
    for photo in photos:
        for place, link in enumerate(photo.links):
            order = _order(key, place, link)
            if link.url not in best or order < best[link.url][0]:
                best[link.url] = (order, link)
    ordered = [link for _, link in sorted(best.values(), key=lambda item: item[0])]
    rows = {(photo.row.table, photo.row.line): photo.row for photo in photos}
    return NewImage(
        key,
        key_hash(key),
        tuple(NewCandidate(link.url, link.rank, link.kind, link.host) for link in ordered),
        tuple(_source_row(rows[place]) for place in sorted(rows)),
    )


def _order(key: str, place: int, link: ResolvedUrl) -> tuple[object, ...]:
    """Best first; every tie is broken by the URL itself, so that rows may come in any order."""
    foreign = link.key != key
    return (
        link.kind is CandidateKind.PAGE,
        foreign,
        place if foreign else 0,
        link.rank,
        link.kind is CandidateKind.MANIFEST,
        not link.url.startswith("https:"),
        link.url,
    )


def _manifests(photos: Iterable[_Photo]) -> tuple[NewManifest, ...]:
    found = {link.url: link for photo in photos for link in photo.links if link.kind is CandidateKind.MANIFEST}
    ordered = sorted(found.values(), key=lambda link: (link.key, link.url))
    return tuple(NewManifest(link.url, link.key, key_hash(link.key), link.host) for link in ordered)


def _source_row(row: MediaRow) -> SourceRow:
    return SourceRow(row.line, row.licence, row.rights_holder, row.creator, row.media_format, row.references, row.title)

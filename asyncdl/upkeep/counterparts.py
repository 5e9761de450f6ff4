"""Which image of a new database is which of an earlier one of the same collection. Pure.

A file goes to an image on proof only: both have the same key by the same rules, or the link that the file came from is one of the new image's, or
leads to its key by today's rules. A link that both merely have somewhere is no proof, for earlier rules may have taken two photos for
one: it is good enough for a number, which is a label.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from asyncdl.model import CandidateKind, NewCandidate, NewImage
from asyncdl.status import ImageStatus
from asyncdl.store import HeldCandidate, HeldImage, HeldRecord, Renumbered
from asyncdl.urls import host_of, key_hash, resolve


@dataclass(slots=True)
class Counterparts:
    """What the images of an earlier record are in the new one.

    `images`: by earlier image the new one. `brought`: earlier images with a file that a manifest of the record showed, which waits to be read
    again: each is to be a new image. `same`: earlier images with a file whose photo another one is.
    """

    images: dict[int, HeldImage] = field(default_factory=dict)
    brought: dict[int, NewImage] = field(default_factory=dict)
    same: set[int] = field(default_factory=set)


def counterparts(old: HeldRecord, new: HeldRecord, *, same_rules: bool) -> Counterparts:
    """Match the images of a record, each with one at most. `same_rules`: the same key rules made both."""
    if len(old.images) == len(new.images) == 1 and _only_link(old.images[0]) == _only_link(new.images[0]) is not None:
        return Counterparts({old.images[0].id: new.images[0]})  # nearly all of nearly all collections
    return _Matching(old, new, same_rules=same_rules).run()


def renumbered(old: HeldRecord, new: HeldRecord, images: Mapping[int, int]) -> Renumbered | None:
    """The numbers that images of the new record get: those of their counterparts, and the others numbers that were never given.

    `images`: by earlier image the new one. None when all have their numbers already.
    """
    numbers = {images[image.id]: image.number for image in old.images if image.id in images}
    others = [image.id for image in new.images if image.id not in numbers]
    next_number = old.next_number + len(others)
    numbers |= zip(others, range(old.next_number, next_number), strict=True)
    changed = tuple((image.id, numbers[image.id]) for image in new.images if numbers[image.id] != image.number)
    return Renumbered(new.row, changed, next_number) if changed or next_number != new.next_number else None


class _Matching:
    """The matching of one record."""

    def __init__(self, old: HeldRecord, new: HeldRecord, *, same_rules: bool) -> None:
        self._old = old
        self._new = new
        self._same_rules = same_rules
        self._urls = {image.id: {link.url for link in image.candidates} for image in new.images}
        self._keys = {image.id: image.key_hash or _first_key(image.candidates) for image in new.images}
        self._free = {image.id for image in new.images}
        self._found = Counterparts()

    def run(self) -> Counterparts:
        saved = [image for image in self._old.images if image.status is ImageStatus.SUCCESS]
        for image in saved:
            proven = list(self._proven(image))
            if (match := self._first_free(proven)) is not None:
                self._take(image, match)
            elif proven:
                self._found.same.add(image.id)
            elif (brought := self._as_brought(image)) is not None:
                self._found.brought[image.id] = brought
        for image in self._old.images:
            if image.status is not ImageStatus.SUCCESS:
                match = self._first_free(self._proven(image)) or self._first_free(self._sharing(image))
                if match is not None:
                    self._take(image, match)
        return self._found

    def _take(self, image: HeldImage, match: HeldImage) -> None:
        self._found.images[image.id] = match
        self._free.discard(match.id)

    def _first_free(self, images: Iterable[HeldImage]) -> HeldImage | None:
        return next((image for image in images if image.id in self._free), None)

    def _proven(self, image: HeldImage) -> Iterable[HeldImage]:
        """The new images that are this one's photo, the surest first."""
        key = image.key_hash or _first_key(image.candidates)
        if self._same_rules:
            yield from (new for new in self._new.images if key and self._keys[new.id] == key)
        link = image.stands_with
        if link is None or link.kind == CandidateKind.MANIFEST:
            return
        own = _key(link.url)
        named = [new for new in self._new.images if link.url in self._urls[new.id]]
        yield from sorted(named, key=lambda new: self._keys[new.id] != own)
        yield from (new for new in self._new.images if own and self._keys[new.id] == own)

    def _sharing(self, image: HeldImage) -> Sequence[HeldImage]:
        """The new images that share a link with this one, those that share most first."""
        shared = [(sum(link.url in self._urls[new.id] for link in image.candidates), new) for new in self._new.images]
        return [new for count, new in sorted(shared, key=lambda pair: -pair[0]) if count]

    def _as_brought(self, image: HeldImage) -> NewImage | None:
        """An image that came out of a manifest which the new record has as well, as that manifest would bring it."""
        read = {manifest.url for manifest in self._old.manifests if manifest.status is ImageStatus.SUCCESS}
        links = [link for link in image.candidates if link.kind != CandidateKind.MANIFEST]
        if not links or read.isdisjoint(manifest.url for manifest in self._new.manifests):
            return None
        key = image.key_hash if self._same_rules and image.key_hash else _first_key(links)
        if not key or key in self._keys.values() or key in {brought.key_hash for brought in self._found.brought.values()}:
            return None
        candidates = (
            NewCandidate(link.url, link.rank or resolve(link.url).rank, CandidateKind(link.kind), host_of(link.url))
            for link in links
        )
        return NewImage("", key, tuple(candidates))


def _only_link(image: HeldImage) -> str | None:
    return image.candidates[0].url if len(image.candidates) == 1 else None


def _first_key(links: Sequence[HeldCandidate]) -> int:
    """The key of the first usable link; 0 without any."""
    return next((key for link in links if (key := _key(link.url))), 0)


def _key(url: str) -> int:
    key = resolve(url).key
    return key_hash(key) if key else 0

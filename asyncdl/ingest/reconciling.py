"""A record as it is held, brought together with what today's rules make of its rows: which image is which photo now. Pure.

1. An image is the photo of the link it stands with: the one its file came from, else the first that a row of a living source names, else its
   leading one. Where a row names that link, the rows say which photo it is; where none does (it came out of a manifest, or its source is
   gone), the link's own key does.
2. Images of one photo become one: one that has a file, else one that is not gone, and of those the one with the lowest number. Files are never
   given up, so of several that have one all stay, under the same key.
3. A link that is of another photo now leaves its image. Of an image that was gone only links come along that rows name. A photo that has no
   image then gets a new one.
4. An image that had ended without a file and gains a link, or merges with one that is open, is open again. To one that is gone a link is no
   reason: what names it again lifts its mark (`store/gone`), and begins it again where it had only been withdrawn.
5. Where an image waited for a manifest and took a picture of it, the rows that name the manifest mean that image. What a manifest brought
   stays with its image.
6. A page that today's rules drop beside pictures (`fold`) says nothing of an image. One that is nothing but such pages is no photo, and
   goes away as one does that waited for a manifest in vain.

Nothing is left to do for a record that was brought together before, unless its rows contradict what its manifests showed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from asyncdl.ingest.claims import Claims
from asyncdl.ingest.fold import Resolve
from asyncdl.model import NewRecord
from asyncdl.status import ImageStatus
from asyncdl.store import HeldCandidate, HeldImage, HeldRecord, ImageRekey, ManifestRekey, RecordRekey, storable
from asyncdl.urls import resolve

_OPEN: Final = (ImageStatus.PENDING, ImageStatus.RETRY)
_ENDED: Final = (ImageStatus.FAILED, ImageStatus.EXHAUSTED)
_WITHDRAWN: Final = "withdrawn"


@dataclass(slots=True)
class Reconciled:
    """What is to be changed of a record (None: nothing), and what is to be loaded into it afterwards.

    `doubled` counts images that keep their file though another one with a file is the same photo, `unusable` those left as they are
    because no link of theirs is usable by today's rules. `unnamed`: there may be images that no row names any more.
    """

    change: RecordRekey | None = None
    load: tuple[NewRecord, ...] = ()
    doubled: int = 0
    unusable: int = 0
    unnamed: bool = False


def reconcile(held: HeldRecord, fresh: Sequence[NewRecord], resolve: Resolve = resolve) -> Reconciled:
    """Bring one record together. `fresh`: what each living source makes of it, the oldest source first; `resolve`: today's rules."""
    return _Reconciling(held, Claims(held, fresh, resolve)).run()


class _Reconciling:
    """One record."""

    def __init__(self, held: HeldRecord, claims: Claims) -> None:
        self._held = held
        self._claims = claims
        self._pages = self._nothing_but_pages()
        self._found = Reconciled()

    def run(self) -> Reconciled:
        """Decide for every image, then for the manifests."""
        claims, found = self._claims, self._found
        homes = self._homes()
        images, have = self._images(homes)
        manifests = tuple(self._manifest_changes())
        known = {manifest.url for manifest in self._held.manifests}
        new_manifests = tuple(manifest for url, manifest in claims.manifests.items() if url not in known)
        if images or manifests or new_manifests:
            found.change = RecordRekey(self._held.row, images, manifests, new_manifests)
        named = [(image.gone, key in claims.photos) for key, members in homes.items() for image in members]
        if (True, True) in named or self._is_missing(have):
            found.load = tuple(claims.fresh)
        found.unnamed = (False, False) in named
        return found

    # ---- images

    def _nothing_but_pages(self) -> list[HeldImage]:
        """The images that no photo is of; none, where nothing else would be left of the record."""
        without_file = (image for image in self._held.images if image.status is not ImageStatus.SUCCESS and not image.gone)
        found = [image for image in without_file if image.candidates and all(map(self._claims.is_dropped, image.candidates))]
        return found if len(found) < len(self._held.images) else []

    def _homes(self) -> dict[int, list[HeldImage]]:
        """The images by the keys they have by today's rules, but for the pages."""
        homes: dict[int, list[HeldImage]] = {}
        for image in self._held.images:
            if image in self._pages:
                continue
            if (key := self._claims.home(image)) is not None:
                homes.setdefault(key, []).append(image)
            elif image.candidates:
                self._found.unusable += 1
        return homes

    def _images(self, homes: Mapping[int, list[HeldImage]]) -> tuple[tuple[ImageRekey, ...], dict[int, set[str]]]:
        """What changes of the images, and the links that each photo has afterwards."""
        images: list[ImageRekey] = []
        have: dict[int, set[str]] = {}
        for key, members in homes.items():
            kept = [image for image in members if image.status is ImageStatus.SUCCESS] or [
                min(members, key=lambda image: image.gone)
            ]
            self._found.doubled += len(kept) - 1
            merged = [image for image in members if image not in kept]
            if not have:  # what is known of the pages goes to the first photo
                merged += self._pages
            for place, image in enumerate(kept):
                change, urls = self._change(image, key, () if place else merged)
                have.setdefault(key, urls)  # of several, a load finds the one with the lowest number
                if change is not None:
                    images.append(change)
        return tuple(images), have

    def _change(self, image: HeldImage, key: int, merged: Sequence[HeldImage]) -> tuple[ImageRekey | None, set[str]]:
        """What changes of an image that stays, and the links it has afterwards."""
        judged, dropped, unspent = [], [], []
        turned = False
        urls: set[str] = set()
        leaving = self._leaving(image, key)
        for link in image.candidates:
            if link.url in leaving:
                dropped.append(link.position)
                continue
            urls.add(link.url)
            rank, kind = self._claims.judge(link, key)
            if (rank, kind) != (link.rank, link.kind):
                judged.append((link.position, rank, kind))
                if kind != link.kind:
                    turned = True
                    if link.spent is not None:
                        unspent.append(link.position)
        gained = self._gained(key, merged, urls)
        more = not image.gone and (bool(unspent) or any(link.spent is None for link in gained))
        reopen = image.status in _ENDED and (more or any(other.status in _OPEN for other in merged if other not in self._pages))
        if key == image.key_hash and not (judged or dropped or merged or reopen):
            return None, urls
        merged_ids = tuple(other.id for other in merged)
        return ImageRekey(image.id, key, tuple(judged), tuple(dropped), tuple(unspent), merged_ids, gained, reopen, turned), urls

    def _leaving(self, image: HeldImage, key: int) -> set[str]:
        """The links of an image that are of another photo. The one it stands with never leaves."""
        claims = self._claims
        stood = claims.stands_with(image)
        return {
            link.url
            for link in image.candidates
            if link is not stood and not (self._stays(image, link, key) if claims.was_read(link) else claims.may_be_of(link, key))
        }

    def _stays(self, image: HeldImage, link: HeldCandidate, key: int) -> bool:
        """Whether a manifest that was read stays with an image: unless the image had its key, and is another photo now."""
        of = [manifest for manifest in self._held.manifests if manifest.url == link.url and manifest.key_hash == image.key_hash]
        return not of or self._claims.manifest_key(of[0]) == key

    def _gained(self, key: int, merged: Sequence[HeldImage], urls: set[str]) -> tuple[HeldCandidate, ...]:
        """The links that come from images merged away, each once; `urls` is what is there, and grows."""
        claims = self._claims
        gained = []
        for other, link in [(image, link) for image in merged for link in image.candidates]:
            named = claims.names(link, key)
            if link.url not in urls and (named if other.gone else claims.may_be_of(link, key)):
                urls.add(link.url)
                rank, kind = claims.judge(link, key)
                anew = kind != link.kind or (named and link.spent == _WITHDRAWN)
                gained.append(link._replace(rank=rank, kind=kind, spent=None if anew else link.spent))
        return tuple(gained)

    # ---- the rest

    def _manifest_changes(self) -> Iterator[ManifestRekey]:
        for manifest in self._held.manifests:
            if not self._claims.is_one(manifest):
                yield ManifestRekey(manifest.id, None)
            elif (key := self._claims.manifest_key(manifest)) != manifest.key_hash:
                yield ManifestRekey(manifest.id, key)

    def _is_missing(self, have: Mapping[int, set[str]]) -> bool:
        """Whether a load still has to add something: not where every photo has its image with all its links."""
        return any(
            storable(found.url) not in have.get(image.key_hash, ())
            for record in self._claims.fresh
            for image in record.images
            for found in image.candidates
        )

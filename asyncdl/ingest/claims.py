"""Which photo each link and image of a record is, by its rows and today's rules: what `reconciling` asks before it decides. Pure.

A *photo* is a key hash with the links that rows of living sources give it. Rows go before links: what a link says of itself counts where no row
says anything. What a manifest showed is known by its pictures alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from asyncdl.ingest.fold import Resolve
from asyncdl.model import CandidateKind, NewCandidate, NewImage, NewRecord
from asyncdl.status import ImageStatus
from asyncdl.store import HeldCandidate, HeldImage, HeldManifest, HeldRecord, storable
from asyncdl.store.holding import EXPANDED
from asyncdl.urls import key_hash

_MANIFEST: Final = CandidateKind.MANIFEST


class Claims:
    """The claims of one record. `fresh` is what each living source makes of it, as far as manifests that were read leave it; `photos` its links by photo.

    `manifests` are those that rows name, by URL.
    """

    def __init__(self, held: HeldRecord, fresh: Sequence[NewRecord], resolve: Resolve) -> None:
        self._held = held
        self._resolve = resolve
        self._named = {storable(found.url) for record in fresh for image in record.images for found in image.candidates}
        self.manifests = {storable(found.url): found for record in fresh for found in record.manifests}
        self._no_manifests = {manifest.url for manifest in held.manifests if not self._is_manifest(manifest.url)}
        expanded = [manifest for manifest in held.manifests if manifest.status is ImageStatus.SUCCESS and self.is_one(manifest)]
        self._expanded: set[int | str] = {manifest.url for manifest in expanded}
        self._expanded |= {self.manifest_key(manifest) for manifest in expanded}
        self.photos: dict[int, dict[str, NewCandidate]] = {}
        self._claims: dict[str, list[int]] = {}
        self._several = False
        self.fresh = [self._with_holders(record) for record in fresh] if expanded else fresh
        for record in self.fresh:
            for image in record.images:
                self._claim(image)
        self._several = any(len(record.images) > 1 for record in self.fresh)

    def _claim(self, image: NewImage) -> None:
        photo = self.photos.setdefault(image.key_hash, {})
        for found in image.candidates:
            url = storable(found.url)
            photo.setdefault(url, found)
            claims = self._claims.setdefault(url, [])
            if image.key_hash not in claims:
                claims.append(image.key_hash)

    # ---- images

    def home(self, image: HeldImage) -> int | None:
        """The key that an image has by today's rules; None when no link of it is usable."""
        link = self.stands_with(image)
        if link is None:
            return None
        claims = self._claims.get(link.url, ())
        if claims and self._expanded:
            # A picture that a manifest showed by itself is no lesser size of another, whatever a row says: what cannot be known stays apart.
            own_keys = {self._own_key(found.url) for found in image.candidates}
            claims = [key for key in claims if key in own_keys]
        if not claims:
            return (self._brought_key(image) if self._expanded else None) or self._own_key(link.url)
        if image.key_hash in claims:
            return image.key_hash
        own = self._own_key(link.url) if len(claims) > 1 else None
        return max(claims, key=lambda key: (sum(found.url in self.photos[key] for found in image.candidates), key == own, -key))

    def stands_with(self, image: HeldImage) -> HeldCandidate | None:
        """The link that says which photo an image is: of one without a file the first that a row names, and no page that today's rules drop."""
        link = image.stands_with
        if link is None or image.status is ImageStatus.SUCCESS:
            return link
        links = [other for other in image.candidates if other.spent != EXPANDED and not self.is_dropped(other)]
        return next((other for other in links if other.url in self._claims), links[0] if links else link)

    def _brought_key(self, image: HeldImage) -> int | None:
        """The key of an image by what a manifest brought: first of all by the links that no row names.

        A picture of a manifest is known by its first link. An image that waited and has another key than its manifest has taken a picture
        of it, perhaps one that a row names as well.
        """
        stood = self.stands_with(image)
        links = [link for link in image.candidates if link.kind != _MANIFEST and (link is stood or not self.is_dropped(link))]
        brought = [link for link in links if link.url not in self._named]
        of_manifest = {self.manifest_key(manifest) for manifest in self._held.manifests if manifest.key_hash == image.key_hash}
        if not of_manifest and any(map(self.was_read, image.candidates)):
            brought += [link for link in links if link.url in self._named]
        keys = [key for link in brought if (key := self._own_key(link.url)) is not None]
        if image.key_hash in keys:
            return image.key_hash
        alike = (key for key in keys if (key in of_manifest if of_manifest else key not in self._expanded))
        return next(alike, next(iter(keys), None))

    # ---- links

    def names(self, link: HeldCandidate, key: int) -> bool:
        """Whether a row says that a link is of this photo."""
        return key in self._claims.get(link.url, ())

    def may_be_of(self, link: HeldCandidate, key: int) -> bool:
        """Whether a link may be one of this photo: a row says so, no row says anything, or its own key does, where a manifest may have shown it."""
        if self.is_dropped(link):
            return False
        return key in self._claims.get(link.url, (key,)) or (bool(self._expanded) and self._own_key(link.url) == key)

    def is_dropped(self, link: HeldCandidate) -> bool:
        """Whether a link is a page that says nothing of a photo, beside the pictures of its record."""
        if not self._several or link.url in self._claims:
            return False
        found = self._resolve(link.url, "")
        return found.kind is CandidateKind.PAGE and not found.names_photo

    def judge(self, link: HeldCandidate, key: int) -> tuple[int, CandidateKind]:
        """Rank and kind of a link by today's rules. What rows say of it goes before what it says itself."""
        kind = CandidateKind(link.kind)
        if self.was_read(link):
            return link.rank, kind
        if (said := self.photos.get(key, {}).get(link.url)) is not None:
            return said.rank, said.kind
        found = self._resolve(link.url, "")
        # No row names it, so no row brings the manifest that it may be by now.
        if not found.key or (found.kind is _MANIFEST and kind is not _MANIFEST):
            return link.rank, kind
        return found.rank, found.kind

    def _own_key(self, url: str) -> int | None:
        key = self._resolve(url, "").key
        return key_hash(key) if key else None

    # ---- manifests

    def is_one(self, manifest: HeldManifest) -> bool:
        """Whether a manifest is one by today's rules, or none that they could judge."""
        return manifest.url not in self._no_manifests

    def _is_manifest(self, url: str) -> bool:
        link = self._resolve(url, "")
        return url in self.manifests or link.kind is _MANIFEST or not link.key

    def manifest_key(self, manifest: HeldManifest) -> int:
        """The key of a manifest by today's rules; the one it has where they find none."""
        found = self.manifests.get(manifest.url)
        return found.key_hash if found is not None else self._own_key(manifest.url) or manifest.key_hash

    def was_read(self, link: HeldCandidate) -> bool:
        """Whether a link is a manifest that was read, and is one still."""
        return link.spent == EXPANDED and link.url not in self._no_manifests

    def _with_holders(self, record: NewRecord) -> NewRecord:
        """A record whose photos that waited for a manifest, which was read, have the key of the image that waited, and only their other links."""
        images: dict[int, NewImage] = {}
        for image in record.images:
            key, links = image.key_hash, image.candidates
            if self._was_expanded(image):
                if (holder := self._holder(image)) is not None:
                    key = self._brought_key(holder) or key
                links = tuple(found for found in links if found.kind is not _MANIFEST or storable(found.url) not in self._expanded)
            if key in images:
                links = (*images[key].candidates, *links)
            if links:
                images[key] = replace(image, key_hash=key, candidates=tuple({found.url: found for found in links}.values()))
        return replace(record, images=tuple(images.values()))

    def _was_expanded(self, image: NewImage) -> bool:
        """Whether an image would wait for a manifest that was read already."""
        first = next((found for found in image.candidates if found.host), None)
        if first is None or first.kind is not _MANIFEST:
            return False
        return image.key_hash in self._expanded or storable(first.url) in self._expanded

    def _holder(self, image: NewImage) -> HeldImage | None:
        """The image that waited for the manifest of a photo: which has it highest among its links."""
        urls = {storable(found.url) for found in image.candidates if found.kind is _MANIFEST}
        waited = [
            (link.position, held.number, held)
            for held in self._held.images
            for link in held.candidates
            if self.was_read(link) and link.url in urls
        ]
        return min(waited)[2] if waited else None

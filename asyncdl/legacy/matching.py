"""Which image of the collection a claim is about: by its links where the earlier tool kept them, else by its number.

Links are proof: the same canonical key is the same photo. A number is not: the earlier tool counted in another order and
tried the links of a record in any, so which photo of a record it saved is unknown (but where there is only one).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from asyncdl.legacy.account import Reason, Refused
from asyncdl.legacy.claims import Claim
from asyncdl.store import OwnedImage, Reader
from asyncdl.urls import key_hash, resolve


class Match(NamedTuple):
    """A claim and its image; `exact` when their links agree."""

    claim: Claim
    image: OwnedImage
    exact: bool


async def match(store: Reader, claims: Sequence[Claim]) -> tuple[list[Match], list[Refused]]:
    """Find the image of each claim, or say why there is none. A few queries for all of them."""
    images: dict[int, list[OwnedImage]] = {}
    for image in await store.images_of_records(sorted({claim.record for claim in claims})):
        images.setdefault(image.record, []).append(image)
    by_key = await _images_by_key(store, images, claims)
    matches: list[Match] = []
    refused: list[Refused] = []
    for claim in claims:
        found = images.get(claim.record)
        if found is None:
            refused.append(Refused(claim.said, Reason.NO_SUCH_RECORD))
        elif any(claim.urls):
            owner = next((one for key in _keys(claim.urls) if (one := by_key.get((claim.record, key))) is not None), None)
            if owner is None:
                refused.append(Refused(claim.said, Reason.LINKS_UNKNOWN, claim.urls[0]))
            else:
                matches.append(Match(claim, owner, exact=True))
        else:
            owner = next((one for one in found if one.number == claim.number), None)
            if owner is None:
                refused.append(Refused(claim.said, Reason.NO_IMAGE_LEFT))
            else:
                matches.append(Match(claim, owner, exact=False))
    return matches, refused


async def _images_by_key(
    store: Reader, images: dict[int, list[OwnedImage]], claims: Sequence[Claim]
) -> dict[tuple[int, int], OwnedImage]:
    """The images of records that are claimed by links, by record and key."""
    wanted = [image for record in {claim.record for claim in claims if any(claim.urls)} for image in images.get(record, ())]
    # A key that was never looked up is that of the image's links.
    unknown = [image.id for image in wanted if image.key_hash == 0]
    urls = await store.urls_of_images(unknown) if unknown else {}
    by_key: dict[tuple[int, int], OwnedImage] = {}
    for image in wanted:
        keys = [image.key_hash] if image.key_hash else _keys(urls.get(image.id, ())[:1])
        by_key |= {(image.record, key): image for key in keys}
    return by_key


def _keys(urls: Sequence[str]) -> list[int]:
    return [key_hash(key) for url in urls if (key := resolve(url).key)]

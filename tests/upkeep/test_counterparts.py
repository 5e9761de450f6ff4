"""Which image of a new database is which of an earlier one: on proof where there is a file, by any shared link where there is none."""

from __future__ import annotations

from asyncdl.model import CandidateKind
from asyncdl.status import ImageStatus
from asyncdl.store import HeldCandidate, HeldImage, HeldManifest, HeldRecord, Renumbered
from asyncdl.upkeep.counterparts import counterparts, renumbered
from asyncdl.urls import key_hash, resolve

P, R, S, E, F = ImageStatus
A, B, C = (f"https://a.example.org/{name}.jpg" for name in "abc")
M = "https://iiif.example.org/1/manifest"


def image(
    number: int,
    *urls: str,
    key: int | None = None,
    status: ImageStatus = P,
    won: int = 0,
    error: str | None = None,
    spent: str = "",
) -> HeldImage:
    links = tuple(
        HeldCandidate(
            place,
            url,
            1,
            CandidateKind.MANIFEST if url == M else CandidateKind.IMAGE,
            "manifest_expanded" if url == spent else None,
        )
        for place, url in enumerate(urls)
    )
    return HeldImage(number + 1, number, key_of(urls[0]) if key is None else key, status, 0, won, error, links)


def key_of(url: str) -> int:
    return key_hash(resolve(url).key)


def record(*images: HeldImage, next_number: int | None = None, manifest: ImageStatus | None = None) -> HeldRecord:
    manifests = () if manifest is None else (HeldManifest(1, M, key_of(M), manifest),)
    return HeldRecord(7, 7, len(images) if next_number is None else next_number, images, manifests)


def pairs(old: HeldRecord, new: HeldRecord, *, same_rules: bool = True) -> dict[int, int]:
    """Numbers of earlier images, and of what they are in the new record."""
    found = counterparts(old, new, same_rules=same_rules)
    numbers = {image.id: image.number for image in old.images}
    return {numbers[image]: match.number for image, match in found.images.items()}


def test_the_same_key_is_the_same_photo() -> None:
    assert pairs(record(image(0, A, status=S), image(1, B)), record(image(0, B), image(1, A))) == {0: 1, 1: 0}


def test_a_key_of_other_rules_is_no_proof() -> None:
    old = record(image(0, A, B, key=key_of(C), status=S, won=1), image(1, A, key=1))
    new = record(image(0, C), image(1, B), image(2, A))
    assert pairs(old, new, same_rules=False) == {0: 1, 1: 2}
    assert pairs(old, new) == {0: 0, 1: 2}


def test_a_file_goes_with_the_link_it_came_from() -> None:
    old = record(image(0, A, B, key=5, status=S, won=1), image(1, C, key=6))
    assert pairs(old, record(image(0, A), image(1, B)), same_rules=False) == {0: 1}


def test_a_link_that_is_merely_shared_is_good_for_a_number_and_not_for_a_file() -> None:
    new = record(image(0, A), image(1, C))
    assert pairs(record(image(0, A, B, key=5, status=S, won=1), image(1, C, key=6)), new, same_rules=False) == {1: 1}
    assert pairs(record(image(0, A, B, key=5, status=F, won=1), image(1, C, key=6)), new, same_rules=False) == {0: 0, 1: 1}


def test_another_size_of_the_link_is_the_photo_too() -> None:
    sizes = [f"https://iiif.example.org/iiif/2/x/full/{size}/0/default.jpg" for size in ("300,", "max")]
    assert (
        pairs(
            record(image(0, sizes[0], key=5, status=S), image(1, A, key=6)),
            record(image(0, sizes[1]), image(1, A)),
            same_rules=False,
        )[0]
        == 0
    )


def test_what_was_adopted_by_number_stands_with_its_leading_link() -> None:
    old = record(image(0, A, B, key=5, status=S, won=1, error="legacy_unverified_index"), image(1, C, key=6))
    assert pairs(old, record(image(0, A), image(1, B)), same_rules=False) == {0: 0}


def test_images_that_were_never_looked_up_are_matched_all_the_same() -> None:
    assert pairs(record(image(0, A, key=0, status=S)), record(image(0, A, key=0))) == {0: 0}
    assert pairs(record(image(0, A, key=0, status=S)), record(image(0, A), image(1, B))) == {0: 0}
    assert pairs(record(image(0, A, key=0, status=S)), record(image(0, B, key=0))) == {}


def test_of_two_files_of_one_photo_the_first_is_taken() -> None:
    found = counterparts(
        record(image(0, A, key=5, status=S), image(1, A, B, key=6, status=S)), record(image(0, A, B)), same_rules=False
    )
    assert (list(found.images), found.same) == ([1], {2})


def test_a_picture_of_a_manifest_that_waits_to_be_read_again_is_made() -> None:
    old = record(image(0, M, A, key=key_of(A), status=S, won=1, spent=M), image(1, B, status=S), image(2, C), manifest=S)
    new = record(image(0, M), manifest=P)
    found = counterparts(old, new, same_rules=True)
    assert {image: made.key_hash for image, made in found.brought.items()} == {1: key_of(A), 2: key_of(B)}
    assert [link.url for link in found.brought[1].candidates] == [A]
    assert found.images == {}
    assert counterparts(old, record(image(0, C)), same_rules=True).brought == {}, "the manifest is in no source any more"


def test_numbers_stay_with_photos_and_are_never_given_again() -> None:
    old = record(image(1, B), image(3, A), next_number=5)
    new = record(image(0, A), image(1, B), image(2, C))
    found = counterparts(old, new, same_rules=True)
    images = {image: match.id for image, match in found.images.items()}
    assert renumbered(old, new, images) == Renumbered(7, ((1, 3), (3, 5)), 6)
    assert renumbered(record(image(0, A)), record(image(0, A)), {1: 1}) is None
    assert renumbered(record(image(0, B)), record(image(0, A)), {}) == Renumbered(7, ((1, 1),), 2)

"""Rows of one record become images."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from asyncdl.ingest.fold import Folded, fold
from asyncdl.ingest.rejects import RejectReason
from asyncdl.ingest.rows import MediaRow
from asyncdl.model import CandidateKind, NewImage, NewRecord
from asyncdl.urls import key_hash, media_digest, resolve

IIIF = "https://iiif.example.org/iiif/2/sheet1"
SMALL, FULL, MANIFEST = f"{IIIF}/full/300,/0/default.jpg", f"{IIIF}/full/full/0/default.jpg", f"{IIIF}/manifest"
A, B, THUMB = "https://example.org/one.jpg", "https://example.org/two.jpg", "https://cdn.example.net/stand-in.jpg"
PAGE = "https://example.org/view/one.html"
RECORD = "https://portal.torcherbaria.org/portal/collections/individual/index.php?occid=24923936"
PHOTO_PAGE = "https://www.inaturalist.org/photos/8"
COPY, SMALL_COPY = (
    f"https://api.gbif.org/v1/image/cache/{size}occurrence/1/media/{media_digest(A)}" for size in ("", "fit-in/300x/")
)


def rows(*photos: tuple[str, ...]) -> list[MediaRow]:
    return [MediaRow(0, line, (photo,)) for line, photo in enumerate(photos, 2)]


def record(folded: Folded) -> NewRecord:
    assert folded.record is not None
    return folded.record


def urls(image: NewImage) -> list[str]:
    return [candidate.url for candidate in image.candidates]


def test_sizes_and_manifest_of_one_photo_are_one_image() -> None:
    found = fold(1, rows((SMALL,), (MANIFEST,), (FULL,)))
    (image,) = record(found).images
    assert urls(image) == [FULL, MANIFEST, SMALL]
    assert image.key_hash == key_hash(image.key)
    (manifest,) = record(found).manifests
    assert (manifest.url, manifest.key, manifest.host) == (MANIFEST, image.key, "iiif.example.org")
    assert (found.candidates, found.duplicates, found.rejects) == (3, 0, ())


def test_images_come_in_the_order_of_their_keys() -> None:
    images = record(fold("x", rows((B,), (A,)))).images
    assert [image.key for image in images] == sorted(resolve(url).key for url in (A, B))


def test_the_same_url_twice_is_one_candidate() -> None:
    found = fold(1, rows((A,), (A,), (A.replace("https", "http"),)))
    (image,) = record(found).images
    assert urls(image) == [A, A.replace("https", "http")]
    assert (found.candidates, found.duplicates) == (2, 1)


def test_lesser_links_of_a_row_are_tried_last_and_in_the_order_of_the_row() -> None:
    good, thumb = "https://cdn.example.net/g/77", "https://cdn.example.net/t/78"
    (image,) = record(fold(1, rows((A, good, thumb)))).images
    assert urls(image) == [A, good, thumb]
    assert image.key == resolve(A).key


def test_a_lesser_link_that_is_also_a_row_is_the_same_photo() -> None:
    thumb = "https://cdn.example.net/t/78"
    for given_rows in (rows((A, thumb), (thumb,)), rows((thumb,), (A, thumb))):
        (image,) = record(fold(1, given_rows)).images
        assert urls(image) == [A, thumb]


def test_a_stand_in_under_several_photos_does_not_join_them() -> None:
    images = record(fold(1, rows((A, THUMB), (B, THUMB)))).images
    assert [urls(image) for image in images] == [[A, THUMB], [B, THUMB]]


def test_claims_in_a_circle_end() -> None:
    (image,) = record(fold(1, rows((A, B), (B, A)))).images
    assert image.key == min(resolve(A).key, resolve(B).key)
    assert set(urls(image)) == {A, B}


def test_a_page_never_leads_while_there_is_a_picture() -> None:
    (image,) = record(fold(1, rows((PAGE, A)))).images
    assert image.key == resolve(A).key
    assert urls(image) == [A, PAGE]
    assert image.candidates[-1].kind is CandidateKind.PAGE


def test_the_page_of_a_record_is_tried_last_for_its_only_image() -> None:
    found = fold(1, rows((RECORD,), (THUMB,), (PAGE,)))
    (image,) = record(found).images
    assert image.key == resolve(THUMB).key
    assert urls(image) == [THUMB, PAGE, RECORD]
    assert (found.candidates, found.duplicates) == (3, 0)


def test_the_page_of_a_record_with_several_images_is_dropped_and_counted() -> None:
    found = fold(1, rows((A,), (RECORD,), (B,)))
    assert [urls(image) for image in record(found).images] == [[A], [B]]
    assert (found.candidates, found.duplicates) == (2, 1)


def test_a_manifest_counts_as_an_image() -> None:
    found = fold(1, rows((RECORD,), (MANIFEST,)))
    (image,) = record(found).images
    assert urls(image) == [MANIFEST, RECORD]


def test_a_page_alone_stays_an_image() -> None:
    assert [urls(image) for image in record(fold(1, rows((RECORD,)))).images] == [[RECORD]]
    assert len(record(fold(1, rows((RECORD,), (PAGE,)))).images) == 2


def test_the_page_of_another_photo_is_an_image_of_its_own() -> None:
    found = fold(1, rows((A,), (PHOTO_PAGE,), (RECORD,)))
    assert [urls(image) for image in record(found).images] == [[A], [PHOTO_PAGE]]
    assert found.duplicates == 1


def test_gbifs_copy_is_the_photo_whose_identifier_it_names() -> None:
    for published in (A, A.replace("https", "http")):
        found = fold(1, rows((SMALL_COPY,), (published,), (COPY,), (B,)))
        assert [urls(image) for image in record(found).images] == [[published, COPY, SMALL_COPY], [B]]
        assert record(found).images[0].key == resolve(A).key


def test_gbifs_copy_follows_what_leads_its_row() -> None:
    (image,) = record(fold(1, rows((B, A), (COPY,)))).images
    assert urls(image) == [B, A, COPY]


def test_gbifs_copy_of_what_no_row_names_stands_alone() -> None:
    found = fold(1, rows((B,), (COPY,), (SMALL_COPY,)))
    assert sorted(map(len, map(urls, record(found).images))) == [1, 2]


def test_unusable_links_are_rejected_one_by_one() -> None:
    found = fold(1, rows(("ftp://example.org/a.jpg", A), ("data:image/png;base64,AAAA",)))
    assert [(reject.line, reject.reason, reject.url) for reject in found.rejects] == [
        (2, RejectReason.UNUSABLE_LINK, "ftp://example.org/a.jpg"),
        (3, RejectReason.UNUSABLE_LINK, "data:image/png;base64,AAAA"),
    ]
    assert [urls(image) for image in record(found).images] == [[A]]
    assert fold(1, rows(("data:,",))).record is None


def test_a_manifest_known_by_its_format() -> None:
    row = MediaRow(0, 2, (("https://example.org/presentation/12",),), media_format="application/ld+json")
    (manifest,) = record(fold(1, [row])).manifests
    assert manifest.url == "https://example.org/presentation/12"


LINKS = st.sampled_from([
    A, B, THUMB, PAGE, RECORD, PHOTO_PAGE, COPY, SMALL_COPY, SMALL, FULL, MANIFEST, A + "?x=1", A.replace("https", "http"), "data:,", "https://www.example.org/one.jpg",
    "https://inaturalist-open-data.s3.amazonaws.com/photos/7/original.jpg", "https://static.inaturalist.org/photos/7/medium.jpeg?123",
])  # fmt: skip
PHOTOS = st.lists(st.lists(LINKS, min_size=1, max_size=3, unique=True).map(tuple), min_size=1, max_size=8)


def shape(folded: Folded) -> object:
    """What must not depend on the order of rows: all but the line numbers."""
    images = folded.record.images if folded.record else ()
    manifests = folded.record.manifests if folded.record else ()
    return (
        [(image.key, image.candidates) for image in images], manifests, folded.candidates, folded.duplicates,
        sorted(reject.url for reject in folded.rejects),
    )  # fmt: skip


@given(PHOTOS, st.randoms())
def test_folding_does_not_depend_on_row_order(photos: list[tuple[str, ...]], random: object) -> None:
    shuffled = list(photos)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert shape(fold(1, rows(*photos))) == shape(fold(1, rows(*shuffled)))


@given(PHOTOS)
def test_every_link_is_accounted_for(photos: list[tuple[str, ...]]) -> None:
    found = fold(1, rows(*photos))
    assert found.candidates + found.duplicates + len(found.rejects) == sum(len(photo) for photo in photos)


@given(PHOTOS)
def test_folding_rows_twice_adds_nothing(photos: list[tuple[str, ...]]) -> None:
    once = fold(1, rows(*photos))
    again = fold(1, rows(*photos) + [row._replace(line=row.line + 100) for row in rows(*photos)])
    images = (once.record.images if once.record else (), again.record.images if again.record else ())
    assert [image.candidates for image in images[0]] == [image.candidates for image in images[1]]

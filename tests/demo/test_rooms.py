from __future__ import annotations

from collections import Counter
from hashlib import sha256
from itertools import pairwise

import pytest

from asyncdl.demo.answers import body_of
from asyncdl.demo.catalogue import RAW_FLAG, SUCCESS, Catalogue, Content, Delivery, Place
from asyncdl.demo.hosts import HOST_BY_SLUG, HOSTS
from asyncdl.demo.rooms import build_catalogue
from asyncdl.errors import error_type
from asyncdl.urls import resolve


@pytest.fixture(scope="module", params=[1.0, 0.1, 0.001])
def catalogue(request: pytest.FixtureRequest) -> Catalogue:
    return build_catalogue(42, float(request.param))


def test_at_full_size_there_are_about_600_images_on_about_a_dozen_hosts() -> None:
    exhibits = build_catalogue(42, 1.0).exhibits
    assert 590 <= len(exhibits) <= 610
    by_host = Counter(exhibit.place.host for exhibit in exhibits)
    assert by_host == {host.slug: host.images for host in HOSTS}


def test_a_seed_names_one_museum() -> None:
    assert build_catalogue(1, 0.1) == build_catalogue(1, 0.1)
    assert build_catalogue(1, 0.1) != build_catalogue(2, 0.1)


def test_every_cause_is_known_and_every_trouble_is_there_at_any_scale(catalogue: Catalogue) -> None:
    expected = {exhibit.expected for exhibit in catalogue.exhibits}
    for outcome in expected - {SUCCESS}:
        assert error_type(outcome).code, outcome
    assert expected == {
        SUCCESS, "connect_failed", "invalid_content_type", "not_an_image", "placeholder", "http_404", "http_410", "manifest_error",
        "robots_disallowed", "truncated", "damaged_at_source", "too_many_redirects", "too_large", "forbidden_address",
    }  # fmt: skip
    assert {item.delivery for item in catalogue.items.values()} == set(Delivery)
    assert {item.content for item in catalogue.items.values()} == set(Content)


def test_raw_files_are_flagged_and_one_cannot_be_developed(catalogue: Catalogue) -> None:
    raw = [exhibit for exhibit in catalogue.exhibits if exhibit.flag == RAW_FLAG]
    contents = Counter(catalogue.items[exhibit.place].content for exhibit in raw)
    assert set(contents) == {Content.DNG, Content.DNG_JPEG_XL}
    assert contents[Content.DNG_JPEG_XL] == 1


def test_no_image_stands_under_two_addresses(catalogue: Catalogue) -> None:
    places = Counter(place for exhibit in catalogue.exhibits for place in {exhibit.place, *exhibit.published})
    assert max(places.values()) == 1


def test_every_published_address_is_in_the_inventory(catalogue: Catalogue) -> None:
    for row in catalogue.rows:
        path = row.place.path.partition("?")[0]
        place = Place(row.place.host, path)
        base = Place(row.place.host, path.rsplit("/", 4)[0])
        known = place in catalogue.items or place in catalogue.manifests or base in catalogue.services
        assert known or not HOST_BY_SLUG[row.place.host].listens, row


def test_what_is_called_obtainable_has_bytes_of_its_own(catalogue: Catalogue) -> None:
    digests = Counter(
        sha256(body_of(item, exhibit.place)).digest()
        for exhibit in catalogue.exhibits
        if exhibit.outcomes == (SUCCESS,)
        and (item := catalogue.items.get(exhibit.place)) is not None
        and item.delivery is not Delivery.REDIRECT
        and item.status == 200
    )
    assert len(digests) > 10
    assert max(digests.values()) == 1


def test_one_manifest_holds_nine_photos_and_each_version_is_there(catalogue: Catalogue) -> None:
    sizes = Counter(len(manifest.canvases) for manifest in catalogue.manifests.values())
    assert sizes[9] == 1
    assert sizes[0] == 1
    assert sizes[1] >= 2
    assert {manifest.version for manifest in catalogue.manifests.values()} == {2, 3}


def test_rows_of_a_record_do_not_stand_together() -> None:
    rows = build_catalogue(42, 1.0).rows
    neighbours = sum(first.gbif_id == second.gbif_id for first, second in pairwise(rows))
    assert neighbours < len(rows) / 20


def test_gbif_ids_have_ten_digits(catalogue: Catalogue) -> None:
    assert {len(str(number)) for number in catalogue.records} == {10}


def test_the_keys_of_the_product_fold_the_rows_into_the_images_that_the_museum_counts(catalogue: Catalogue) -> None:
    number = {host.slug: f"http://127.0.42.{n}:8080" for n, host in enumerate(HOSTS, start=1)}
    keys: dict[tuple[int, str], set[Place]] = {}
    owner = {place: exhibit.place for exhibit in catalogue.exhibits for place in exhibit.published}
    for row in catalogue.rows:
        key = resolve(number[row.place.host] + row.place.path).key
        keys.setdefault((row.gbif_id, key), set()).update({owner[row.place]} if row.place in owner else ())
    assert max(len(photos) for photos in keys.values()) == 1, "two photos under one key"
    named = sum(exhibit.named for exhibit in catalogue.exhibits)
    assert len(keys) == named + catalogue.unmatched_manifests

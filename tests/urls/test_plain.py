"""What is promised of plain URLs: they may be loaded without a look at the rules."""

import re

import pytest
from hypothesis import given, settings

from asyncdl.model import CandidateKind
from asyncdl.urls import resolve
from asyncdl.urls.plain import MANIFEST_WORDS, MAX_PLAIN_CHARS, PLAIN_URL, is_plain_host
from tests.urls.test_properties import near_known_urls


def is_plain(url: str) -> bool:
    return (
        re.fullmatch(PLAIN_URL, url) is not None
        and len(url) <= MAX_PLAIN_CHARS
        and not any(word in url.lower() for word in MANIFEST_WORDS)
        and is_plain_host(url.split("/", 3)[2])
    )


@given(near_known_urls())
@settings(max_examples=2000)
def test_a_plain_url_is_requested_as_it_is_and_is_no_manifest(url: str) -> None:
    if is_plain(url):
        found = resolve(url)
        assert found.key
        assert (found.url, found.host) == (url, url.split("/", 3)[2])
        assert found.kind is not CandidateKind.MANIFEST


@pytest.mark.parametrize(
    "url",
    [
        "https://inaturalist-open-data.s3.amazonaws.com/photos/1/original.jpg",
        "https://data.nhm.ac.uk/media/3d5c767b-2b93-41dc-88bf-86fbac5bd50d",
        "http://www.museum.example.com/pictures/1/img_1.jpg",
        "https://collections.example.edu/digital/download/collection/herb/id/1/size/full",
    ],
)
def test_ordinary_urls_are_plain(url: str) -> None:
    assert is_plain(url)


@pytest.mark.parametrize(
    "url",
    [
        "https://iiif.rbge.org.uk/herb/x/E00719041",
        "https://services.jacq.org/jacq-services/rest/images/europeana/563732",
        "https://images.example.org/iipsrv/herb/B1.jp2",
        "https://davidrumsey.com/luna/servlet/iiif/RUMSEY-1",
        "https://s3.amazonaws.com/inaturalist-open-data/photos/1/original.jpg",
        "https://wsrv.nl/?url=654355.jpg",
        "https://i0.wp.com/654355.jpg",
        "http://WWW.example.org/1.jpg",
        "http://654355.jpg/1",
    ],
)
def test_what_may_be_a_manifest_or_unusable_is_not_plain(url: str) -> None:
    assert not is_plain(url)

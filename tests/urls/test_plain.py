"""What is promised of plain URLs: they may be loaded without a look at the rules; and that ingest's SQL means the same ones."""

from pathlib import Path

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from asyncdl.model import CandidateKind
from asyncdl.urls import resolve
from asyncdl.urls.plain import MANIFEST_WORDS, MAX_PLAIN_CHARS, PLAIN_URL, is_plain_host, is_plain_url
from tests.urls.test_properties import near_known_urls

SAMPLE = Path(__file__).parents[1] / "data" / "urls" / "url_groups.tsv"
WORDS = ["a", "1.jpg", "iiif", "manifest", "info.json", "/", "?id=", "%20", " ", "&", "ü", ".JPG", "zoomify", "imglib", "\n"]

links = st.builds(
    lambda scheme, host, parts: f"{scheme}{host}/{''.join(parts)}",
    st.sampled_from(["https://", "http://", "HTTP://", "ftp://", ""]),
    st.sampled_from(["a.example.org", "a.example.org:80", "654355", "iiif.rbge.org.uk", "A.example.org", "user@a.org"]),
    st.lists(st.sampled_from(WORDS), max_size=4),
)


def published() -> list[str]:
    lines = SAMPLE.read_text(encoding="utf-8").splitlines()
    place = lines[0].split("\t").index("url")
    return [line.split("\t")[place] for line in lines[1:]]


def keeps_its_promise(url: str) -> bool:
    found = resolve(url)
    asked = (found.url, found.host) == (url, url.split("/", 3)[2])
    return bool(found.key) and asked and found.kind is not CandidateKind.MANIFEST


def test_a_published_link_that_is_plain_keeps_its_promise() -> None:
    plain = [url for url in published() if is_plain_url(url)]
    assert len(plain) > 50
    assert all(keeps_its_promise(url) for url in plain)


@given(st.one_of(links, near_known_urls()))
@settings(max_examples=2000)
def test_a_plain_url_is_requested_as_it_is_and_is_no_manifest(url: str) -> None:
    assert not is_plain_url(url) or keeps_its_promise(url)


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
    assert is_plain_url(url, "image/jpeg")


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
        "https://a.example.org/manifest",
        "https://a.example.org/" + "x" * MAX_PLAIN_CHARS,
    ],
)
def test_what_may_be_a_manifest_or_unusable_is_not_plain(url: str) -> None:
    assert not is_plain_url(url)


def test_a_link_that_is_said_to_be_no_picture_is_not_plain() -> None:
    assert not is_plain_url("https://a.example.org/1", "application/json")


@given(st.lists(st.one_of(links, near_known_urls()), min_size=1, max_size=20))
def test_sql_means_the_same(urls: list[str]) -> None:
    words = " OR ".join(f"contains(lower(url), '{word}')" for word in MANIFEST_WORDS)
    with duckdb.connect(":memory:") as connection:
        rows = connection.execute(
            f"SELECT url, regexp_full_match(url, '{PLAIN_URL}') AND length(url) <= {MAX_PLAIN_CHARS} AND NOT ({words}) FROM unnest($urls) AS t(url)",
            {"urls": urls},
        ).fetchall()
    for url, plain in rows:
        assert is_plain_url(url) == (plain and is_plain_host(url.split("/")[2]))

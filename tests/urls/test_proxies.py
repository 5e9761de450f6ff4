import pytest

from asyncdl.model import CandidateKind
from asyncdl.urls import media_digest, resolve


@pytest.mark.parametrize(
    ("url", "rank"),
    [
        ("https://api.gbif.org/v1/image/unsafe/x260/https://example.org/a%20b.jpg?id=1&c2", 5),
        ("https://api.gbif.org/v1/image/Scq40T1M2Lsk2e-bnBBgrpTQR1k=/fit-in/2600x260/https:/example.org/a b.jpg?c2&id=1", 5),
        ("https://api.gbif.org/v1/image/unsafe/https%3A%2F%2Fexample.org%2Fa%2520b.jpg%3Fid%3D1%26c2", 2),
        ("http://exeg5le.cloudimg.io/crop/100x100/n/http://example.org/a%20b.jpg?id=1&c2", 6),
        ("https://wsrv.nl/?w=300&url=example.org/a%20b.jpg?id=1&c2&output=webp", 5),
        ("https://img.cyverse.org/resize?url=https%3A%2F%2Fexample.org%2Fa%2520b.jpg%3Fid%3D1%26c2&width=1250", 3),
        ("https://web.archive.org/web/20190101000000im_/https://example.org/a%20b.jpg?id=1&c2", 2),
        ("https://i2.wp.com/example.org/a%20b.jpg?w=640&ssl=1", 4),
        ("https://wsrv.nl/?url=https://api.gbif.org/v1/image/unsafe/x100/https://example.org/a%20b.jpg?id=1&c2", 7),
    ],
)
def test_a_proxied_photo_has_the_key_of_the_photo(url: str, rank: int) -> None:
    found = resolve(url)
    key = resolve("https://example.org/a b.jpg" if "wp.com" in url else "https://example.org/a b.jpg?id=1&c2").key
    assert (found.key, found.rank, found.kind) == (key, rank, CandidateKind.IMAGE)
    assert found.url == url
    assert "example.org" not in found.host


def test_a_proxy_without_a_photo_is_a_url_like_any_other() -> None:
    assert resolve("https://wsrv.nl/docs").key == "wsrv.nl/docs"
    assert resolve("https://api.gbif.org/v1/occurrence/1?x=/http://example.org/").key.startswith("api.gbif.org/v1/occurrence/1")


def test_proxies_in_proxies_end() -> None:
    url = "https://example.org/x.jpg"
    for _ in range(4):
        url = "https://api.gbif.org/v1/image/unsafe/" + url
    assert resolve(url).key == "example.org/x.jpg"
    assert resolve("https://api.gbif.org/v1/image/unsafe/" + url).key == ""


def test_a_proxy_of_nothing_usable_is_unusable() -> None:
    assert resolve("https://api.gbif.org/v1/image/unsafe/x260/http://654355.jpg").key == ""


def test_the_digest_of_gbifs_documentation() -> None:
    # https://techdocs.gbif.org/en/openapi/images, occurrence 2005380410
    assert (
        media_digest("https://inaturalist-open-data.s3.amazonaws.com/photos/31610070/original.jpg")
        == "568639b65b65ddb9090d3d6ef1abce14"
    )

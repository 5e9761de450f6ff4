import pytest

from asyncdl.model import CandidateKind
from asyncdl.urls import resolve


@pytest.mark.parametrize(
    ("url", "rank"),
    [
        ("https://api.gbif.org/v1/image/unsafe/x260/https://example.org/a%20b.jpg?id=1&c2", 6),
        ("https://api.gbif.org/v1/image/Scq40T1M2Lsk2e-bnBBgrpTQR1k=/fit-in/2600x260/https:/example.org/a b.jpg?c2&id=1", 6),
        ("https://api.gbif.org/v1/image/unsafe/https%3A%2F%2Fexample.org%2Fa%2520b.jpg%3Fid%3D1%26c2", 2),
        ("https://api.gbif.org/v1/image/unsafe/fit-in/500x/https:%2F%2Fexample.org%2Fa%2520b.jpg%3Fid%3D1%26c2", 5),
        ("https://api.gbif.org//v1/%69mage/unsafe/./https://example.org/a%20b.jpg?id=1&c2", 2),
        ("https://thumbs.museum.org/unsafe/fit-in/300x300/smart/https://example.org/a%20b.jpg?id=1&c2", 6),
        ("https://museum.org/cdn-cgi/image/width=500,quality=80/https://example.org/a%20b.jpg?id=1&c2", 5),
        ("https://museum.org/_next/image?url=https%3A%2F%2Fexample.org%2Fa%2520b.jpg%3Fid%3D1%26c2&w=1200&q=75", 3),
        ("https://images.weserv.nl/?url=ssl:example.org/a%20b.jpg?id=1&c2&h=1000", 4),
        ("http://arctos.database.museum/exit.cfm?target=https://example.org/a%20b.jpg?id=1&c2", 2),
        ("http://exeg5le.cloudimg.io/crop/100x100/n/http://example.org/a%20b.jpg?id=1&c2", 7),
        ("https://wsrv.nl/?w=300&url=example.org/a%20b.jpg?id=1&c2&output=webp", 6),
        ("https://img.cyverse.org/resize?url=https%3A%2F%2Fexample.org%2Fa%2520b.jpg%3Fid%3D1%26c2&width=1250", 3),
        ("https://web.archive.org/web/20190101000000im_/https://example.org/a%20b.jpg?id=1&c2", 2),
        ("https://i2.wp.com/example.org/a%20b.jpg?w=640&ssl=1", 5),
        ("https://wsrv.nl/?url=https://api.gbif.org/v1/image/unsafe/x100/https://example.org/a%20b.jpg?id=1&c2", 8),
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
    assert resolve("https://api.gbif.org/v1/occurrence/1?x=/http://example.org/").key == "gbif.org/occurrence/1"
    assert resolve("https://museum.org/_next/image?url=/a.jpg&x=http").key == "museum.org/_next/image?url=/a.jpg&x=http"


def test_proxies_in_proxies_end() -> None:
    url = "https://example.org/x.jpg"
    for _ in range(4):
        url = "https://api.gbif.org/v1/image/unsafe/" + url
    assert resolve(url).key == "example.org/x.jpg"
    assert resolve("https://api.gbif.org/v1/image/unsafe/" + url).key == ""


def test_a_proxy_of_nothing_usable_is_unusable() -> None:
    assert resolve("https://api.gbif.org/v1/image/unsafe/x260/http://654355.jpg").key == ""

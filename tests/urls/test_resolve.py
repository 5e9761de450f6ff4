import sqlite3
import time

import pytest

from asyncdl.model import CandidateKind
from asyncdl.urls import host_of, key_hash, resolve

IMAGE, MANIFEST, PAGE = CandidateKind.IMAGE, CandidateKind.MANIFEST, CandidateKind.PAGE


@pytest.mark.parametrize(
    "url",
    [
        "",
        "   ",
        "n/a",
        "data:image/png;base64,iVBORw0KGgo=",
        "urn:uuid:6e8bc430-9c3a-11d9-9669-0800200c9a66",
        "ftp://example.org/x.jpg",
        "file:///etc/passwd",
        "javascript:alert(1)",
        "/mnt/target-images/x.jpg",
        r"C:\photos\x.jpg",
        "IMG_0001.JPG",
        "http://654355.jpg",
        "http://654355",
        "http://IMG_0001.JPG/",
        "http://user:secret@example.org/x.jpg",
        "http://inaturalist.org@example.org/photos/1/large.jpg",
        "http://exam ple.org/x.jpg",
        "http://example.org/x\x00.jpg",
        "http://example.org/x\r\nHost: y",
        "http://example.org/\x1b[31m",
        "http://exa%6Dple.org/x.jpg",
        "http://example.org\\@evil.org/x.jpg",
        "http://example..org/x.jpg",
        "http://-example.org/x.jpg",
        "http://example.org:99999/x.jpg",
        "http://example.org:abc/x.jpg",
        "http://example.org:0/x.jpg",
        "http://2130706433/x.jpg",
        "http://0x7f.1/x.jpg",
        "http://127.1/x.jpg",
        "http://010.0.0.1/x.jpg",
        "http://[::1%eth0]/x.jpg",
        "http://[::1/x.jpg",
        "http:///x.jpg",
        "https://",
        "http://" + "a" * 64 + ".org/x.jpg",
        "http://example.org/" + "a" * 8192,
        "http://example.org/" + "ü" * 4096,
        "http://example.org/\ud800.jpg",
    ],
)
def test_unusable(url: str) -> None:
    found = resolve(url)
    assert (found.key, found.host, found.kind, found.url) == ("", "", IMAGE, url)
    assert host_of(url) == ""


@pytest.mark.parametrize(
    ("url", "key", "host"),
    [
        ("http://128.171.206.220/x.jpg", "128.171.206.220/x.jpg", "128.171.206.220"),
        ("http://Digitalgallery.NHM.org:8085/A.jpg", "digitalgallery.nhm.org:8085/A.jpg", "digitalgallery.nhm.org:8085"),
        ("https://example.org:443/x.jpg", "example.org/x.jpg", "example.org"),
        ("http://example.org:443/x.jpg", "example.org:443/x.jpg", "example.org:443"),
        ("http://[0:0::1]:8080/x.jpg", "[::1]:8080/x.jpg", "[::1]:8080"),
        ("http://localhost/x.jpg", "localhost/x.jpg", "localhost"),
        ("http://museum:8080/x.jpg", "museum:8080/x.jpg", "museum:8080"),
        ("http://müseum.example/ü.jpg", "xn--mseum-kva.example/%C3%BC.jpg", "xn--mseum-kva.example"),
        ("http://example.org./x.jpg", "example.org/x.jpg", "example.org"),
        ("http://my_bucket.s3.amazonaws.com/x.jpg", "my_bucket.s3.amazonaws.com/x.jpg", "my_bucket.s3.amazonaws.com"),
    ],
)
def test_hosts(url: str, key: str, host: str) -> None:
    assert (resolve(url).key, resolve(url).host) == (key, host)
    assert host_of(url) == host


@pytest.mark.parametrize(
    ("published", "requested"),
    [
        ("  http://example.org/x.jpg\n", "http://example.org/x.jpg"),
        ("example.org/x.jpg", "http://example.org/x.jpg"),
        ("//example.org/x.jpg", "http://example.org/x.jpg"),
        ("http:/example.org/x.jpg", "http://example.org/x.jpg"),
        ("http//example.org/x.jpg", "http://example.org/x.jpg"),
        ("http://https://example.org/x.jpg", "https://example.org/x.jpg"),
        ("http://example.org/?a=1&amp;amp;b&#61;2", "http://example.org/?a=1&b=2"),
        ("http://example.org/?a=1&copy=2&sect=3", "http://example.org/?a=1&copy=2&sect=3"),
        ("HTTP://Example.org//a/../X%2d.jpg?w=3#f", "HTTP://Example.org//a/../X%2d.jpg?w=3#f"),
    ],
)
def test_the_request_stays_as_published(published: str, requested: str) -> None:
    assert resolve(published).url == requested


@pytest.mark.parametrize(
    "same",
    [
        ["http://example.org/a/b.jpg", "https://www.example.org//a/./c/../b.jpg#top", "EXAMPLE.org:80/a/b.jpg?"],
        ["http://example.org/a'b:(1).jpg", "http://example.org/a%27b%3a%281%29%2ejpg"],
        ["http://example.org/a b.jpg", "http://example.org/a%20b.jpg"],
        ["http://example.org/é.jpg", "http://example.org/%c3%a9.jpg"],
        ["http://example.org/s?a=1&b=x+y", "http://example.org/s?b=x%20y&a=1"],
        ["http://example.org/a;jsessionid=12AB/x.jpg", "http://example.org/a/x.jpg?PHPSESSID=1&utm_source=q"],
        ["http://example.org/x.jpg", "http://example.org/x.jpg?v=2&t=3&_=4&token=5", "http://example.org/x.jpg?1514760468"],
        [
            "http://example.org/x.jpg",
            "http://example.org/x.jpg?X-Amz-Date=1&X-Amz-Signature=2",
            "http://example.org/x.jpg?Expires=1&Signature=b&Key-Pair-Id=c",
        ],
        [
            "http://example.org/p?id=7",
            "http://example.org/p?id=7&width=300",
            "http://example.org/p?h=2000&id=7",
            "http://example.org/p?id=7&size=large&format=jpeg",
        ],
        [
            "http://example.org/x_1.jpg",
            "http://example.org/x_1_thumb.jpg",
            "http://example.org/x_1-large.jpg",
            "http://example.org/tn_x_1.jpg",
            "http://example.org/thumbs/x_1.jpg",
        ],
        ["http://example.org/u/large/01234.jpg", "http://example.org/u/small/01234.jpg", "http://example.org/u/01234_tn.jpg"],
        ["http://example.org/photos/01234/large.jpg", "http://example.org/photos/01234/thumb.jpg"],
        ["http://example.org/wp-content/uploads/x.jpg", "http://example.org/wp-content/uploads/x-300x200.jpg"],
        [
            "https://s3.eu-west-1.amazonaws.com/bu.cket/x.jpg",
            "http://bu.cket.s3.amazonaws.com/x.jpg",
            "https://bu.cket.s3-eu-west-1.amazonaws.com/x.jpg",
        ],
    ],
)
def test_one_photo(same: list[str]) -> None:
    assert len({resolve(url).key for url in same}) == 1, [resolve(url).key for url in same]


@pytest.mark.parametrize(
    "different",
    [
        ["http://example.org/A.jpg", "http://example.org/a.jpg"],
        ["http://example.org/a%2Fb.jpg", "http://example.org/a/b.jpg"],
        ["http://example.org/x.jpg", "http://example.org/x.tif"],
        [
            "http://example.org/E1.jpg",
            "http://example.org/E1_1.jpg",
            "http://example.org/E1_a.jpg",
            "http://example.org/E1_D.jpg",
            "http://example.org/E1_labels.jpg",
        ],
        ["http://example.org/spider.jpg", "http://example.org/spider_web.jpg", "http://example.org/spider_full.jpg"],
        ["http://example.org/US.jpg", "http://example.org/US_TN.jpg"],
        ["http://example.org/large/leaf.jpg", "http://example.org/small/leaf.jpg"],
        ["http://example.org/set/large.jpg", "http://example.org/set/small.jpg"],
        ["http://example.org/plot-300x200.jpg", "http://example.org/plot-400x200.jpg"],
        ["http://example.org/show.php?v=1", "http://example.org/show.php?v=2"],
        ["http://example.org/get?token=abc", "http://example.org/get?token=abd"],
        ["http://example.org/get?size=A", "http://example.org/get?size=B"],
        ["http://example.org/get?a=1%262", "http://example.org/get?a=1&2"],
        ["http://example.org/%E9.jpg", "http://example.org/%E8.jpg"],
        [
            "https://example.org/iiif/X/full/max/0/default.jpg",
            "https://example.org/iiif/X/square/max/0/default.jpg",
            "https://example.org/iiif/X/0,0,9,9/max/0/default.jpg",
        ],
        [
            "https://h.org/iiif/A:1/full/max/0/default.jpg",
            "https://h.org/iiif/A:1_2/full/max/0/default.jpg",
            "https://h.org/iiif/A:1B/full/max/0/default.jpg",
        ],
        ["https://images.marinespecies.org/1.jpg", "https://images.example.org/1.jpg"],
        [
            "https://api.gbif.org/v1/image/cache/occurrence/1/media/" + "a" * 32,
            "https://api.gbif.org/v1/image/cache/occurrence/1/media/" + "b" * 32,
        ],
    ],
)
def test_not_known_to_be_one_photo(different: list[str]) -> None:
    assert len({resolve(url).key for url in different}) == len(different)


@pytest.mark.parametrize(
    ("url", "kind", "rank"),
    [
        ("https://example.org", PAGE, 9),
        ("https://example.org/specimen/1.html", PAGE, 9),
        ("https://drive.google.com/file/d/1AbC/view?usp=sharing", PAGE, 9),
        ("https://iiif.bgbm.org/?manifest=https://herbarium.bgbm.org/object/B1/manifest.json", PAGE, 9),
        ("https://example.org/uv.html#?manifest=https%3A%2F%2Fexample.org%2FB1%2Fmanifest", PAGE, 9),
        ("https://example.org/B1/manifest", MANIFEST, 2),
        ("https://example.org/B1/manifest.json", MANIFEST, 2),
        ("https://example.org/iiif/manifests/B1.json", MANIFEST, 2),
        ("https://example.org/iiif/2/B1/info.json", MANIFEST, 2),
        ("https://example.org/iiif/2/B1", MANIFEST, 1),
        ("https://example.org/iiif/2/B1/full/max/0/default.jpg", IMAGE, 1),
        ("https://example.org/media/1", IMAGE, 1),
        ("https://example.org/manifest/a.jpg", IMAGE, 1),
    ],
)
def test_kinds(url: str, kind: CandidateKind, rank: int) -> None:
    assert (resolve(url).kind, resolve(url).rank) == (kind, rank)


def test_a_manifest_has_the_key_of_its_base() -> None:
    keys = {
        resolve(url).key
        for url in (
            "https://example.org/iiif/2/B1/manifest",
            "https://example.org/iiif/3/B1/manifest.json?x=1",
            "https://example.org/iiif/manifest/B1",
            "https://example.org/iiif/2/B1/full/300,/0/default.jpg",
            "https://example.org/iiif/2/B1/info.json",
            "https://example.org/iiif/2/B1",
        )
    }
    assert keys == {"example.org/iiif/B1"}


def test_the_published_format_tells_manifests_that_the_url_does_not() -> None:
    url = "https://example.org/object/7"
    assert resolve(url).kind is IMAGE
    assert resolve(url, "application/ld+json;profile=x").kind is MANIFEST
    assert resolve(url, "application/json").key == resolve(url).key
    assert resolve(url, "image/jpeg").kind is IMAGE
    assert resolve(url + ".jpg", "application/json").kind is IMAGE
    assert resolve("https://www.inaturalist.org/photos/7", "application/json").kind is PAGE


def test_key_hash_fits_sqlite() -> None:
    hashes = [key_hash(f"example.org/{number}") for number in range(1000)]
    assert len(set(hashes)) == 1000
    assert min(hashes) < 0 < max(hashes)
    (value,) = sqlite3.connect(":memory:").execute("select ?", (min(hashes),)).fetchone()
    assert value == min(hashes)
    assert key_hash("example.org/x.jpg") == 8344456221584086580  # stored in every collection: it may never change


@pytest.mark.parametrize(
    "piece", ["/imglib", "/iiif", "/manifest", "/thumb/a/ab", "_thumb", "tn_", "/..", "%2e", "/full/max/0/default.jpg"]
)
def test_hostile_depth_costs_little(piece: str) -> None:
    # Unbounded, the patterns of some families would take minutes for the first of these.
    started = time.process_time()
    for host in ("example.org", "iiif.example.org", "web.corral.tacc.utexas.edu"):
        resolve(f"http://{host}/" + piece * (8000 // len(piece)))
    assert time.process_time() - started < 2

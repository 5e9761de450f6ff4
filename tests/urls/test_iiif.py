import pytest

from asyncdl.urls import resolve
from asyncdl.urls.iiif import Request, image_candidates, image_request, service_version


@pytest.mark.parametrize(
    ("tail", "rank"),
    [
        ("full/full/0/native.jpg", 1),
        ("full/full/0/native", 1),
        ("full/full/0/default.jpg", 1),
        ("full/max/0/default.tif", 1),
        ("full/^max/0/default.jpg", 1),
        ("full/pct:100/0/color.png", 1),
        ("full/res:0/0/native.jpg", 1),
        ("full/res:3/0/native.jpg", 4),
        ("full/2000,/0/default.jpg", 3),
        ("full/!720,720/0/default.jpg", 4),
        ("full/,500/0/default.jpg", 5),
        ("full/,300/0/default.jpg", 6),
        ("full/90,120/0/default.jpg", 7),
        ("full/max/90/default.jpg", 8),
        ("full/max/!0/default.jpg", 8),
        ("full/max/0/gray.jpg", 8),
    ],
)
def test_renderings_of_one_picture(tail: str, rank: int) -> None:
    assert image_request(f"/iiif/a:b/c/{tail}") == Request("/iiif/a:b/c", "", rank)


@pytest.mark.parametrize(
    "path",
    [
        "/a/full/max/0/cover.jpg",
        "/a/full/large/0/default.jpg",
        "/a/whole/max/0/default.jpg",
        "/a/full/max/north/default.jpg",
        "/max/0/default.jpg",
        "/full/max/0/default.jpg",
    ],
)
def test_other_paths(path: str) -> None:
    assert image_request(path) is None


def test_escapes_and_versions_do_not_matter() -> None:
    keys = {
        resolve(url).key
        for url in (
            "https://h.org/iiif/2/ypm:1%2F2/full/full/0/default.jpg",
            "http://h.org/iiif/3/ypm%3A1/2/full/%5E!1920%2C1920/0/default.webp",
            "https://h.org/iiif/2/ypm%3a1%2f2",
        )
    }
    assert keys == {"h.org/iiif/ypm:1/2"}


def test_a_picture_server_that_takes_the_request_as_a_parameter() -> None:
    found = resolve("https://h.org/fcgi-bin/iipsrv.fcgi?IIIF=/a/b.tif/full/600,/0/default.jpg")
    assert (found.key, found.rank) == ("h.org/fcgi-bin/iipsrv.fcgi/a/b.tif", 5)


@pytest.mark.parametrize(
    ("service", "version", "body", "expected"),
    [
        ("https://h.org/a", 3, "https://h.org/a/full/300,/0/default.jpg", ["full/max/0/default.jpg", "full/300,/0/default.jpg"]),
        ("https://h.org/a/", "2", "https://h.org/a/full/full/0/default.jpg", ["full/full/0/default.jpg", "full/max/0/default.jpg"]),
        ("https://h.org/a/info.json", 2, "", ["full/full/0/default.jpg", "full/max/0/default.jpg"]),
        ("https://h.org/a", 1, "", ["full/full/0/native.jpg", "full/full/0/default.jpg"]),
        ("https://h.org/a", 0, "", ["full/max/0/default.jpg", "full/full/0/default.jpg"]),
        (
            "",
            0,
            "https://h.org/a/full/300,/0/default.jpg",
            ["full/max/0/default.jpg", "full/full/0/default.jpg", "full/300,/0/default.jpg"],
        ),
        ("https://h.org/a", 3, "https://h.org/a/full/max/0/default.png", ["full/max/0/default.png", "full/max/0/default.jpg"]),
    ],
)
def test_candidates_of_a_service(service: str, version: int | str, body: str, expected: list[str]) -> None:
    assert image_candidates(service, version, body) == [f"https://h.org/a/{tail}" for tail in expected]


def test_candidates_without_a_service() -> None:
    assert image_candidates("", 0, "https://h.org/x.jpg") == ["https://h.org/x.jpg"]
    assert image_candidates("", 0, "https://h.org/a/square/max/0/default.jpg") == ["https://h.org/a/square/max/0/default.jpg"]
    assert image_candidates("urn:x", 2, "data:image/png;base64,AA") == []


@pytest.mark.parametrize(
    ("texts", "version"),
    [
        (["http://iiif.io/api/image/2/context.json"], 2),
        (["level1", "ImageService3"], 3),
        (["http://library.stanford.edu/iiif/image-api/1.1/compliance.html#level1"], 1),
        (["", "level2"], 0),
    ],
)
def test_versions(texts: list[str], version: int) -> None:
    assert service_version(*texts) == version

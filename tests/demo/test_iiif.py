from __future__ import annotations

import pytest

from asyncdl.demo.catalogue import ImageService, Manifest, Place
from asyncdl.demo.iiif import info, manifest_json, size_asked, split_request

FULL = (1200, 900)


@pytest.mark.parametrize(
    ("size", "pixels"),
    [
        ("full", FULL), ("max", FULL), ("^max", FULL), ("300,", (300, 225)), (",300", (400, 300)), ("!400,400", (400, 300)),
        ("100,50", (100, 50)), ("5000,", FULL), ("^2400,", FULL), ("", None), (",", None), ("pct:50", None), ("a,b", None),
    ],
)  # fmt: skip
def test_sizes(size: str, pixels: tuple[int, int] | None) -> None:
    assert size_asked(size, FULL) == pixels


def test_a_request_is_parsed_from_the_right() -> None:
    assert split_request("/iiif/2/a/b/full/300,/0/default.jpg") == ("/iiif/2/a/b", "full", "300,", "0", "default.jpg")
    assert split_request("/iiif/2/manifest") is None


@pytest.mark.parametrize("version", [2, 3])
def test_a_manifest_paints_its_services(version: int) -> None:
    bases = (Place("sheets", "/iiif/x1"), Place("sheets", "/iiif/x2"))
    manifest = Manifest(version, "x", bases)
    services = [ImageService(version, 0), ImageService(version, 1)]
    value = manifest_json(manifest, Place("sheets", "/m"), services, lambda place: f"http://h{place.path}")
    if version == 2:
        resources = [canvas["images"][0]["resource"] for canvas in value["sequences"][0]["canvases"]]
        found = [resource["service"]["@id"] for resource in resources]
    else:
        bodies = [canvas["items"][0]["items"][0]["body"] for canvas in value["items"]]
        found = [body["service"][0]["id"] for body in bodies]
    assert found == ["http://h/iiif/x1", "http://h/iiif/x2"]


@pytest.mark.parametrize(("version", "key"), [(2, "@id"), (3, "id")])
def test_info_names_the_service_and_its_pixels(version: int, key: str) -> None:
    value = info(ImageService(version, 0), "http://h/iiif/x")
    assert (value[key], value["width"], value["height"]) == ("http://h/iiif/x", *FULL)

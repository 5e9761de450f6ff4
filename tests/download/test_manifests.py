from __future__ import annotations

import json
from typing import Any

import pytest

from asyncdl.download.manifests import MAX_CANVASES, MAX_MANIFEST_BYTES, ParsedCanvas, canvases_of, parse_manifest
from asyncdl.model import CandidateKind
from asyncdl.urls import key_hash, resolve

BASE = "https://museum.org/iiif/B1/manifest.json"
SERVICE = "https://museum.org/iiif/B1_1"
Json = dict[str, Any]


def parsed(manifest: object) -> tuple[ParsedCanvas, ...]:
    result = parse_manifest(json.dumps(manifest).encode(), BASE)
    assert not isinstance(result, str), result
    return result


def refused(manifest: object) -> str:
    result = parse_manifest(json.dumps(manifest).encode(), BASE)
    assert isinstance(result, str)
    return result


def service_2(identifier: str = SERVICE) -> Json:
    return {
        "@context": "http://iiif.io/api/image/2/context.json",
        "@id": identifier,
        "profile": "http://iiif.io/api/image/2/level1.json",
    }


def service_3(identifier: str = SERVICE) -> Json:
    return {"id": identifier, "type": "ImageService3", "profile": "level1"}


def canvas_2(resource: object, label: object = "sheet") -> Json:
    image = {"@type": "oa:Annotation", "motivation": "sc:painting", "resource": resource}
    return {
        "@id": f"{BASE}/c",
        "@type": "sc:Canvas",
        "label": label,
        "images": [image],
        "thumbnail": {"@id": f"{SERVICE}/full/90,/0/x.jpg"},
    }


def manifest_2(*canvases: object) -> Json:
    return {
        "@context": "http://iiif.io/api/presentation/2/context.json",
        "@type": "sc:Manifest",
        "logo": "https://museum.org/logo.png",
        "sequences": [{"@type": "sc:Sequence", "canvases": list(canvases)}],
    }


def resource_2(**changes: object) -> Json:
    return {"@id": f"{SERVICE}/full/300,/0/default.jpg", "@type": "dctypes:Image", "format": "image/jpeg", **changes}


def canvas_3(body: object, label: object = None, motivation: object = "painting") -> Json:
    note = {"type": "Annotation", "motivation": motivation, "body": body, "target": f"{BASE}/c"}
    page = {"type": "AnnotationPage", "items": [note]}
    return {"id": f"{BASE}/c", "type": "Canvas", "label": label or {"en": ["sheet"]}, "items": [page]}


def manifest_3(*canvases: object) -> Json:
    return {
        "@context": "http://iiif.io/api/presentation/3/context.json",
        "id": BASE,
        "type": "Manifest",
        "thumbnail": [{"id": f"{SERVICE}/full/90,/0/default.jpg", "type": "Image"}],
        "rendering": [{"id": "https://museum.org/B1.pdf", "type": "Text", "format": "application/pdf"}],
        "provider": [
            {"logo": [{"id": "https://museum.org/logo.png", "type": "Image", "service": [service_3("https://museum.org/logo")]}]}
        ],
        "items": list(canvases),
    }


def body_3(**changes: object) -> Json:
    return {"id": "https://museum.org/B1.jpg", "type": "Image", "format": "image/jpeg", **changes}


# ---- version 2 -------------------------------------------------------------------------------------------


def test_version_2_asks_for_the_whole_picture_first() -> None:
    (canvas,) = parsed(manifest_2(canvas_2(resource_2(service=service_2()))))
    assert canvas == ParsedCanvas(
        "sheet",
        (f"{SERVICE}/full/full/0/default.jpg", f"{SERVICE}/full/max/0/default.jpg", f"{SERVICE}/full/300,/0/default.jpg"),
        SERVICE,
    )


def test_nine_canvases_stay_in_their_order() -> None:
    canvases = [canvas_2(resource_2(service=service_2(f"{SERVICE}{number}")), f"view {number}") for number in range(9)]
    found = parsed(manifest_2(*canvases))
    assert [canvas.label for canvas in found] == [f"view {number}" for number in range(9)]
    assert [canvas.service_id for canvas in found] == [f"{SERVICE}{number}" for number in range(9)]


def test_lists_and_single_values_are_read_alike() -> None:
    usual = parsed(manifest_2(canvas_2(resource_2(service=service_2()))))
    canvas = canvas_2([resource_2(service=[service_2()])])
    canvas["images"] = canvas["images"][0]
    assert parsed({"sequences": {"canvases": canvas}}) == usual


def test_a_choice_of_version_2_is_its_default() -> None:
    choice = {"@type": "oa:Choice", "default": resource_2(), "item": [resource_2(**{"@id": "https://museum.org/uv.jpg"})]}
    (canvas,) = parsed(manifest_2(canvas_2(choice)))
    assert canvas.image_urls[-1] == f"{SERVICE}/full/300,/0/default.jpg"


def test_a_specific_resource_of_version_2_is_its_full_picture() -> None:
    part = {"@type": "oa:SpecificResource", "full": resource_2(service=service_2()), "selector": {"region": "0,0,9,9"}}
    assert parsed(manifest_2(canvas_2(part)))[0].service_id == SERVICE


@pytest.mark.parametrize("label", ["leaf", ["leaf", "stem"], {"@value": "leaf", "@language": "en"}, [{"@value": "leaf"}]])
def test_labels_of_version_2(label: object) -> None:
    assert parsed(manifest_2(canvas_2(resource_2(), label)))[0].label == "leaf"


# ---- version 3 -------------------------------------------------------------------------------------------


def test_version_3_asks_for_the_whole_picture_first() -> None:
    (canvas,) = parsed(manifest_3(canvas_3(body_3(service=[service_3()]))))
    assert canvas == ParsedCanvas("sheet", (f"{SERVICE}/full/max/0/default.jpg", "https://museum.org/B1.jpg"), SERVICE)


def test_a_body_without_a_service_is_taken_as_it_is() -> None:
    assert parsed(manifest_3(canvas_3(body_3())))[0] == ParsedCanvas("sheet", ("https://museum.org/B1.jpg",), None)


def test_version_3_with_a_service_of_version_2() -> None:
    service = {"@id": SERVICE, "@type": "ImageService2", "profile": "http://iiif.io/api/image/2/level2.json"}
    assert parsed(manifest_3(canvas_3(body_3(service=service))))[0].image_urls[0] == f"{SERVICE}/full/full/0/default.jpg"


def test_services_that_are_no_image_services_are_passed_by() -> None:
    search = {"id": "https://museum.org/search", "type": "SearchService2", "profile": "http://iiif.io/api/search/2/search"}
    scale = {"@context": "http://iiif.io/api/annex/services/physdim/1/context.json", "profile": "http://x/physdim"}
    assert parsed(manifest_3(canvas_3(body_3(service=[search, scale, service_3()]))))[0].service_id == SERVICE
    assert parsed(manifest_3(canvas_3(body_3(service=[search]))))[0].service_id is None


def test_a_choice_is_one_photo() -> None:
    choice = {"type": "Choice", "items": [body_3(), body_3(id="https://museum.org/x-ray.jpg")]}
    assert [canvas.image_urls for canvas in parsed(manifest_3(canvas_3(choice)))] == [("https://museum.org/B1.jpg",)]


def test_a_specific_resource_is_its_source() -> None:
    part = {"type": "SpecificResource", "source": body_3(), "selector": {"type": "ImageApiSelector", "region": "1,1,2,2"}}
    assert parsed(manifest_3(canvas_3(part)))[0].image_urls == ("https://museum.org/B1.jpg",)


def test_two_pictures_painted_on_one_canvas_are_two_photos() -> None:
    canvas = canvas_3(body_3())
    canvas["items"][0]["items"] += canvas_3(body_3(id="https://museum.org/B2.jpg"))["items"][0]["items"]
    assert len(parsed(manifest_3(canvas))) == 2


def test_only_painted_pictures_count() -> None:
    found = parsed(
        manifest_3(
            canvas_3(body_3(id="https://museum.org/note.jpg"), motivation="commenting"),
            canvas_3(body_3(id="https://museum.org/a.mp4", type="Video", format="video/mp4")),
            canvas_3(body_3(id="https://museum.org/a.mp3", type="Sound", format="audio/mpeg")),
            canvas_3(body_3(id="https://museum.org/a.mp4", format="video/mp4")),
            canvas_3({"type": "TextualBody", "value": "a note"}),
            canvas_3(body_3(), motivation=["painting"]),
        )
    )
    assert [canvas.image_urls for canvas in found] == [("https://museum.org/B1.jpg",)]


@pytest.mark.parametrize("label", [{"none": ["leaf"]}, {"en": "leaf"}, {"de": ["leaf"], "en": ["x"]}, "leaf"])
def test_labels_of_version_3(label: object) -> None:
    assert parsed(manifest_3(canvas_3(body_3(), label)))[0].label == "leaf"


def test_relative_ids_belong_to_the_manifest() -> None:
    (canvas,) = parsed(manifest_3(canvas_3(body_3(id="pictures/1.jpg", service=[service_3("/iiif/1/")]))))
    assert canvas.image_urls == ("https://museum.org/iiif/1/full/max/0/default.jpg", "https://museum.org/iiif/B1/pictures/1.jpg")


# ---- bad manifests ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("body", [b"", b"<html>", b"{", b"[" * 1_000_000, b"\xff\xfe\xfa", b'{"a": ' + b"9" * 5000 + b"}", b"\x80"])
def test_what_is_no_json_is_refused(body: bytes) -> None:
    result = parse_manifest(body, BASE)
    assert isinstance(result, str)
    assert result.startswith("not JSON")
    assert len(result) < 300


@pytest.mark.parametrize("body", [b"null", b"[]", b'"x"', b"7"])
def test_other_json_is_refused(body: bytes) -> None:
    assert parse_manifest(body, BASE) == "the JSON is no manifest"


@pytest.mark.parametrize("collection", [{"type": "Collection", "items": []}, {"@type": "sc:Collection", "manifests": []}])
def test_collections_are_refused(collection: Json) -> None:
    assert "collection" in refused(collection)


@pytest.mark.parametrize(
    "manifest",
    [
        {},
        {"sequences": None},
        {"sequences": [[[]]]},
        {"sequences": "x", "items": 3},
        manifest_2(),
        manifest_2(canvas_2(None)),
        manifest_2(canvas_2({})),
        manifest_3(canvas_3(body_3(id=7))),
        manifest_3(canvas_3(body_3(id="urn:uuid:1"))),
        manifest_3(canvas_3(body_3(id="javascript:alert(1)"))),
        manifest_3(canvas_3(body_3(id="https://museum.org/\ud800"))),
        manifest_3(canvas_3(body_3(id="https://museum.org/\n"))),
        manifest_3(canvas_3(body_3(id="http://[::1/"))),
        manifest_3(canvas_3({"type": "Choice", "items": []})),
        manifest_3({"items": [{"items": [{"motivation": {"a": 1}, "body": 1}]}]}),
    ],
)
def test_manifests_without_a_picture_say_so(manifest: Json) -> None:
    assert refused(manifest) == "the manifest holds no picture"


def test_choices_in_choices_end() -> None:
    body: Json = body_3()
    for _ in range(50):
        body = {"type": "Choice", "items": [body]}
    assert refused(manifest_3(canvas_3(body))) == "the manifest holds no picture"


def test_the_number_of_pictures_and_bytes_is_bounded() -> None:
    many = [canvas_3(body_3(id=f"https://museum.org/{number}.jpg")) for number in range(MAX_CANVASES + 1)]
    assert len(parsed(manifest_3(*many[:-1]))) == MAX_CANVASES
    assert "more than 1000" in refused(manifest_3(*many))
    assert "larger" in str(parse_manifest(b" " * (MAX_MANIFEST_BYTES + 1), BASE))


def test_labels_can_be_stored() -> None:
    assert parsed(manifest_3(canvas_3(body_3(), {"en": ["a\ud800" + "x" * 1000]})))[0].label.encode().startswith(b"a?x")


# ---- canvases --------------------------------------------------------------------------------------------


def test_canvases_have_the_key_of_their_picture_and_candidates_best_first() -> None:
    (canvas,) = canvases_of(parsed(manifest_2(canvas_2(resource_2(service=service_2())))))
    published = resolve(f"{SERVICE}/full/300,/0/default.jpg")
    assert (canvas.key, canvas.key_hash, canvas.label) == (published.key, key_hash(published.key), "sheet")
    assert [candidate.rank for candidate in canvas.candidates] == sorted(candidate.rank for candidate in canvas.candidates)
    assert {(candidate.kind, candidate.host) for candidate in canvas.candidates} == {(CandidateKind.IMAGE, "museum.org")}


def test_a_picture_painted_twice_is_one_canvas() -> None:
    twice = manifest_3(canvas_3(body_3(service=[service_3()])), canvas_3(body_3(service=[service_3()])))
    assert len(canvases_of(parsed(twice))) == 1


def test_urls_that_cannot_be_asked_make_no_canvas() -> None:
    assert canvases_of([ParsedCanvas("x", ("mailto:a@b.org",), None)]) == ()
    assert canvases_of([ParsedCanvas("x", (BASE,), None)]) == ()


@pytest.mark.parametrize(
    ("context", "best"),
    [
        ("http://iiif.io/api/image/2/context.json", "https://iiif.a.org/2/sheet-1/full/full/0/default.jpg"),
        ("http://iiif.io/api/image/3/context.json", "https://iiif.a.org/2/sheet-1/full/max/0/default.jpg"),
    ],
)
def test_the_description_of_an_image_service_is_a_manifest_of_its_picture(context: str, best: str) -> None:
    service = "https://iiif.a.org/2/sheet-1"
    info = {
        "@context": context,
        "@id": service,
        "id": service,
        "protocol": "http://iiif.io/api/image",
        "width": 4000,
        "height": 3000,
    }
    found = parse_manifest(json.dumps(info).encode(), f"{service}/info.json")
    assert not isinstance(found, str)
    [canvas] = canvases_of(found)
    assert canvas.candidates[0].url == best
    assert canvas.key_hash == key_hash(resolve(service).key)

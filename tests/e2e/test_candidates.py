"""Several ways to one image, one way to several, and ways that are not taken."""

from __future__ import annotations

import json
from pathlib import Path

from tests.e2e.holdings import check_order, images
from tests.e2e.program import RUN, status_of, type_in
from tests.e2e.sources import hang, list_of, served, table_of
from tests.scripted import ScriptedServer, answer


async def test_where_the_best_link_is_gone_the_next_one_is_taken(origin: ScriptedServer, collection: Path, tmp_path: Path) -> None:
    stem = "/imglib/nhb/NHB00012/NHB00012001"
    best = origin.script(f"{stem}.jpg", answer(404, b"gone"))
    web = origin.script(f"{stem}_web.jpg", served("web"))
    thumbnail = origin.script(f"{stem}_tn.jpg", served("thumbnail"))
    source = table_of(tmp_path / "sizes.tsv", [(17, thumbnail), (17, best), (17, web)])
    ended = await type_in("get", source, collection, *RUN)
    assert ended.last_line.startswith("1 of 1 images done")
    assert [request.path for request in origin.requests[1:]] == [f"{stem}.jpg", f"{stem}_web.jpg"]
    (image,) = (await type_in("explain", collection, best, "--json")).json["records"][0]["images"]
    assert [candidate["spent"] for candidate in image["candidates"]] == ["http_404", None, None]
    assert [candidate["current"] for candidate in image["candidates"]] == [False, True, False]
    assert image["attempts"] == 1


async def test_private_addresses_are_refused_unless_allowed(origin: ScriptedServer, collection: Path) -> None:
    urls = hang(origin, "one", "two")
    ended = await type_in("get", list_of(collection.parent / "links.txt", urls), collection, "--host-rate", "50", "--wait", "0s")
    assert ended.status == 0
    assert (await status_of(collection))["by_error_type"] == {"forbidden_address": 2}
    assert origin.connections == 0
    assert "--allow-private" in (await type_in("explain", collection, urls[0])).out
    # The remedy that it names is one.
    again = await type_in("retry", collection, "--error-type", "forbidden_address")
    assert again.status == 0
    assert (await type_in("run", collection, *RUN)).last_line.startswith("2 of 2 images done")


async def test_nine_canvases_of_a_manifest_are_nine_images_of_one_record(
    origin: ScriptedServer, collection: Path, tmp_path: Path
) -> None:
    urls = hang(origin, *(f"scans/{n}" for n in range(1, 10)))
    canvases = [
        {"@id": f"{url}#canvas", "@type": "sc:Canvas", "images": [{"resource": {"@id": url, "@type": "dctypes:Image"}}]}
        for url in urls
    ]
    manifest = {
        "@context": "http://iiif.io/api/presentation/2/context.json", "@id": origin.url("/iiif/book/manifest"), "@type": "sc:Manifest",
        "sequences": [{"canvases": canvases}],
    }  # fmt: skip
    url = origin.script("/iiif/book/manifest", answer(200, json.dumps(manifest).encode(), {"Content-Type": "application/ld+json"}))
    ended = await type_in("get", table_of(tmp_path / "books.tsv", [(4711, url)]), collection, *RUN)
    assert ended.status == 0, ended.err
    assert ended.last_line.startswith("9 of 9 images done")
    found = images(collection)
    assert [(image.record, image.status) for image in found] == [("4711", "success")] * 9
    assert len({image.number for image in found}) == 9
    assert check_order(collection) == 9
    assert len(origin.requests_of("/iiif/book/manifest")) == 1

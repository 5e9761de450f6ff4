from __future__ import annotations

import asyncio
import hashlib
import io
from collections.abc import Callable
from urllib.parse import urljoin

import aiohttp
import pytest
import rawpy

from asyncdl.demo.catalogue import Content, Delivery, Exhibit, Place
from asyncdl.demo.museum import Museum
from asyncdl.demo.pictures import no_image_available


def one(museum: Museum, fits: Callable[[Exhibit], bool]) -> Exhibit:
    return next(exhibit for exhibit in museum.exhibits if fits(exhibit))


def delivered(museum: Museum, delivery: Delivery) -> Place:
    return next(place for place, item in museum.catalogue.items.items() if item.delivery is delivery)


async def body(client: aiohttp.ClientSession, url: str) -> tuple[int, str, bytes]:
    async with client.get(url, allow_redirects=False) as answer:
        return answer.status, answer.content_type, await answer.read()


async def test_every_host_has_a_base_url_of_its_own(museum: Museum) -> None:
    assert set(museum.base_urls) == {host.slug for host in museum.hosts}
    assert len(set(museum.base_urls.values())) == len(museum.hosts)
    assert museum.base_urls["inside"] == "http://192.0.2.1"


async def test_every_plain_success_is_served_whole_and_written_down(museum: Museum, client: aiohttp.ClientSession) -> None:
    plain = [exhibit for exhibit in museum.exhibits if exhibit.outcomes == ("success",) and exhibit.place.host in ("alps", "night")]
    for exhibit in plain:
        status, media_type, got = await body(client, museum.url_of(exhibit.place))
        assert (status, media_type, got[:2]) == (200, "image/jpeg", b"\xff\xd8")
        (entry,) = museum.log.of(exhibit.place.host, exhibit.place.path)
        assert (entry.status, entry.body_bytes, entry.whole) == (200, len(got), True)
        assert entry.sha256 == hashlib.sha256(got).hexdigest()
    assert plain


async def test_sizes_of_one_photo_differ_and_a_missing_original_leaves_its_web_size(
    museum: Museum, client: aiohttp.ClientSession
) -> None:
    herbarium = [exhibit for exhibit in museum.exhibits if exhibit.place.host == "herbarium"]
    full = next(exhibit for exhibit in herbarium if len(exhibit.published) == 3)
    sizes = [len((await body(client, museum.url_of(place)))[2]) for place in full.published]
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[0] > sizes[2]
    statuses = [(await body(client, museum.url_of(herbarium[3].published[n])))[0] for n in range(2)]
    assert statuses == [404, 200]


async def test_a_cache_buster_leads_to_the_same_bytes(museum: Museum, client: aiohttp.ClientSession) -> None:
    twins = one(museum, lambda exhibit: any("?v=" in place.path for place in exhibit.published)).published
    first, second = [(await body(client, museum.url_of(place)))[2] for place in twins]
    assert first == second


async def test_pages_come_as_images(museum: Museum, client: aiohttp.ClientSession) -> None:
    status, media_type, got = await body(client, museum.url_of(one(museum, lambda e: e.place.host == "portal").place))
    assert (status, media_type) == (200, "image/jpeg")
    assert got.startswith(b"<!DOCTYPE html>")


async def test_nobody_answers_at_the_closed_host(museum: Museum, client: aiohttp.ClientSession) -> None:
    with pytest.raises(aiohttp.ClientConnectorError) as caught:
        await body(client, museum.url_of(one(museum, lambda e: e.place.host == "closed").place))
    assert isinstance(caught.value.os_error, ConnectionRefusedError)


async def test_a_rate_limited_host_answers_429_with_retry_after(client: aiohttp.ClientSession) -> None:
    async with Museum(scale=0.1) as museum:
        url = museum.url_of(one(museum, lambda e: e.place.host == "alps").place)
        answers = await asyncio.gather(*(client.get(url) for _ in range(9)))
        refused = [answer for answer in answers if answer.status == 429]
        assert 4 <= len(refused) <= 5
        assert {answer.headers["Retry-After"] for answer in refused} == {"2"}
        for answer in answers:
            answer.release()


async def test_a_host_that_opens_late_answers_503_with_retry_after(client: aiohttp.ClientSession) -> None:
    async with Museum(scale=0.1) as museum, client.get(f"{museum.base_urls['night']}/robots.txt") as answer:
        assert (answer.status, answer.headers["Retry-After"]) == (503, "2")


async def test_the_slow_host_takes_its_time(client: aiohttp.ClientSession) -> None:
    async with Museum(scale=0.1, delay_factor=0.2) as museum:
        place = one(museum, lambda e: e.place.host == "station").place
        _, _, got = await body(client, museum.url_of(place))
        (entry,) = museum.log.of("station")
        assert entry.seconds >= 0.2 * (1.0 + len(got) / 60e3) - 0.05


async def test_a_body_is_cut_the_first_time_only(museum: Museum, client: aiohttp.ClientSession) -> None:
    url = museum.url_of(delivered(museum, Delivery.CUT_ONCE))
    with pytest.raises(aiohttp.ClientPayloadError):
        await body(client, url)
    assert (await body(client, url))[0] == 200
    assert [entry.whole for entry in museum.log] == [False, True]


async def test_a_body_is_cut_every_time(museum: Museum, client: aiohttp.ClientSession) -> None:
    for _ in range(3):
        with pytest.raises(aiohttp.ClientPayloadError):
            await body(client, museum.url_of(delivered(museum, Delivery.CUT_ALWAYS)))


async def test_an_answer_is_500_the_first_time_only(museum: Museum, client: aiohttp.ClientSession) -> None:
    url = museum.url_of(delivered(museum, Delivery.FAIL_ONCE))
    assert [(await body(client, url))[0] for _ in range(2)] == [500, 200]


async def hops(client: aiohttp.ClientSession, url: str, most: int) -> list[tuple[str, int]]:
    """(host and port, status) of each hop, following redirects by hand."""
    found: list[tuple[str, int]] = []
    while len(found) < most:
        async with client.get(url, allow_redirects=False) as answer:
            found.append((str(answer.url.authority), answer.status))
            if "Location" not in answer.headers:
                break
            url = urljoin(url, answer.headers["Location"])
    return found


async def test_a_redirect_chain_leads_over_three_hosts(museum: Museum, client: aiohttp.ClientSession) -> None:
    moved = one(museum, lambda e: e.place.host == "moved" and e.expected == "success")
    chain = await hops(client, museum.url_of(moved.place), most=9)
    assert len({host for host, _ in chain}) == len(chain) == 3
    assert chain[-1][1] == 200


async def test_a_redirect_loop_never_ends(museum: Museum, client: aiohttp.ClientSession) -> None:
    loop = one(museum, lambda e: e.expected == "too_many_redirects")
    assert {status for _, status in await hops(client, museum.url_of(loop.place), most=9)} == {302}


async def test_the_stand_in_picture_comes_for_different_addresses(museum: Museum, client: aiohttp.ClientSession) -> None:
    urls = [museum.url_of(exhibit.place) for exhibit in museum.exhibits if exhibit.expected == "placeholder"]
    answers = [await body(client, url) for url in urls]
    assert len(urls) >= 2
    assert set(answers) == {(200, "image/jpeg", no_image_available())}


@pytest.mark.parametrize(("outcome", "status"), [("http_404", 404), ("http_410", 410)])
async def test_what_is_gone_says_so(museum: Museum, client: aiohttp.ClientSession, outcome: str, status: int) -> None:
    assert (await body(client, museum.url_of(one(museum, lambda e: e.expected == outcome).place)))[0] == status


async def test_robots_txt_closes_one_folder_of_one_host(museum: Museum, client: aiohttp.ClientSession) -> None:
    found = {slug: await body(client, f"{museum.base_urls[slug]}/robots.txt") for slug in ("archive", "gallery")}
    assert found["archive"] == (200, "text/plain", b"User-agent: *\nDisallow: /private/\n")
    assert found["gallery"][0] == 404
    closed = [exhibit for exhibit in museum.exhibits if exhibit.expected == "robots_disallowed"]
    assert closed
    assert all(exhibit.place.path.startswith("/private/") for exhibit in closed)


async def test_the_raw_files_open_and_one_does_not(museum: Museum, client: aiohttp.ClientSession) -> None:
    for place, item in museum.catalogue.items.items():
        if item.content is Content.DNG:
            with rawpy.imread(io.BytesIO((await body(client, museum.url_of(place)))[2])) as raw:
                assert raw.postprocess().shape[2] == 3
        elif item.content is Content.DNG_JPEG_XL:
            got = (await body(client, museum.url_of(place)))[2]
            with pytest.raises(rawpy.LibRawFileUnsupportedError), rawpy.imread(io.BytesIO(got)) as raw:
                raw.postprocess()


async def test_a_visitor_who_leaves_is_written_down_as_such(client: aiohttp.ClientSession) -> None:
    async with Museum(scale=0.1, delay_factor=0.0) as museum:
        url = museum.url_of(delivered(museum, Delivery.OVERSIZE))
        async with client.get(url) as answer:
            assert answer.content_length == 300_000_000
            await answer.content.readany()
            answer.close()
    (entry,) = museum.log
    assert (entry.status, entry.whole, entry.sha256) == (200, False, "")
    assert 0 < entry.body_bytes < 300_000_000


async def test_nine_canvases_lead_to_nine_images(museum: Museum, client: aiohttp.ClientSession) -> None:
    place = next(place for place, manifest in museum.catalogue.manifests.items() if len(manifest.canvases) == 9)
    async with client.get(museum.url_of(place)) as answer:
        manifest = await answer.json()
    resources = [canvas["images"][0]["resource"] for canvas in manifest["sequences"][0]["canvases"]]
    bodies = [(await body(client, resource["@id"]))[2] for resource in resources]
    assert len(set(bodies)) == 9
    assert len({museum.exhibit_of([resource["@id"]]) for resource in resources}) == 9


async def test_an_image_service_describes_itself_and_renders(museum: Museum, client: aiohttp.ClientSession) -> None:
    for base, service in museum.catalogue.services.items():
        url = museum.url_of(base)
        async with client.get(url) as answer:  # the bare base redirects to info.json
            info = await answer.json()
        assert info["id" if service.version == 3 else "@id"] == url
        status, media_type, small = await body(client, f"{url}/full/100,/0/default.jpg")
        assert (status, media_type) == (200, "image/jpeg")
        assert len(small) < len((await body(client, f"{url}/full/max/0/default.jpg"))[2])
        assert (await body(client, f"{url}/full/full/0/default.jpg"))[0] == (400 if service.version == 3 else 200)


async def test_every_expectation_can_be_found_by_its_urls(museum: Museum) -> None:
    assert len(museum.obtainable) == len(museum.exhibits)
    for exhibit in museum.exhibits:
        for place in (exhibit.place, *exhibit.published):
            assert museum.exhibit_of([museum.url_of(place)]) == exhibit
    assert museum.exhibit_of(["http://example.org/1.jpg", museum.base_urls["alps"] + "/nothing"]) is None


async def test_a_host_can_listen_elsewhere() -> None:
    async with Museum(scale=0.1, host_alias={"alps": "127.0.0.1"}) as museum:
        assert museum.base_urls["alps"].startswith("http://127.0.0.1:")


def test_a_senseless_scale_is_refused() -> None:
    with pytest.raises(ValueError, match="scale"):
        Museum(scale=0)

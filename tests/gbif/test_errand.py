"""From the request to the archive, against a GBIF on this machine: nothing twice, nothing lost, every state with a clear end."""

from __future__ import annotations

import json
from typing import Any

import pytest

from asyncdl.errors import EnvironmentStops, SourceError, StillWaiting, UsageError
from asyncdl.gbif.errand import Archive, Place
from asyncdl.gbif.ordering import Order
from asyncdl.gbif.request import DownloadRequest
from asyncdl.gbif.waiting import DownloadEnded
from asyncdl.resumable import fetch as resumable_fetch
from tests.gbif.conftest import Desk
from tests.gbif.fakegbif import FakeGbif, archive_of

FERNS = DownloadRequest({"type": "equals", "key": "TAXON_KEY", "value": "7228684"})
MOSSES = DownloadRequest({"type": "equals", "key": "TAXON_KEY", "value": "35"})
AUDUBON = DownloadRequest(FERNS.predicate, ("http://rs.tdwg.org/ac/terms/Multimedia",))
OTHER: dict[str, Any] = {"format": "DWCA", "predicate": {"type": "equals", "key": "COUNTRY", "value": "IS"}}


def order(request: DownloadRequest = FERNS, *, new: bool = False) -> Order:
    return Order(request, request.body(["me@museum.org"]), new)


async def obtain(desk: Desk, request: DownloadRequest = FERNS, **more: bool) -> Archive:
    return await desk.errand().archive_of_order(order(request, **more), Place(desk.folder))


async def test_the_whole_way(desk: Desk, gbif: FakeGbif) -> None:
    archive = await obtain(desk)
    key = "0000001-260101000000000"
    assert archive == Archive(
        key, str(desk.folder / f"{key}.zip"), len(gbif.content), 7, 2, "CC BY-NC 4.0", "10.15468/dl.0000001",
        "GBIF.org (1 January 2026) GBIF Occurrence Download https://doi.org/10.15468/dl.0000001", "2026-07-02T00:00:00.000+00:00",
    )  # fmt: skip
    assert (desk.folder / f"{key}.zip").read_bytes() == gbif.content
    assert desk.names == [f"{key}.zip", f"gbif-{FERNS.digest}.json"]
    assert gbif.posted == [FERNS.body(["me@museum.org"])]
    assert "me@museum.org" not in (desk.folder / f"gbif-{FERNS.digest}.json").read_text()
    assert [one.path.rpartition("/")[2] for one in gbif.seen if one.login] == [
        "linnaeus",
        "request",
    ]  # and no request else knows the password
    assert desk.pauses == [pytest.approx(15, rel=0.11)]
    assert desk.news[0].startswith(f"download {key} requested")
    assert [step.words.split(" (")[0] for step in desk.steps[1:]] == [f"download {key}: GBIF is putting it together"]


async def test_typed_again_nothing_is_asked(desk: Desk, gbif: FakeGbif) -> None:
    first = await obtain(desk)
    asked = len(gbif.seen)
    assert await obtain(desk) == first
    assert len(gbif.seen) == asked


async def test_an_archive_that_was_moved_away_is_fetched_again_and_not_requested_again(desk: Desk, gbif: FakeGbif) -> None:
    first = await obtain(desk)
    (desk.folder / f"{first.key}.zip").unlink()
    assert await obtain(desk) == first
    assert len(gbif.posted) == 1


async def test_killed_after_the_key_the_next_call_waits_on(desk: Desk, gbif: FakeGbif) -> None:
    key = await desk.errand().place_order(order(), Place(desk.folder))
    assert json.loads((desk.folder / f"gbif-{FERNS.digest}.json").read_text())["key"] == key
    assert (await obtain(desk)).key == key
    assert len(gbif.posted) == 1
    assert any(words.endswith("going on with it") for words in desk.news)


async def test_another_filter_is_another_request(desk: Desk, gbif: FakeGbif) -> None:
    assert (await obtain(desk)).key != (await obtain(desk, MOSSES)).key
    assert len(gbif.posted) == 2


async def test_new_requests_again(desk: Desk, gbif: FakeGbif) -> None:
    first = await obtain(desk)
    assert (await obtain(desk, new=True)).key == first.key
    assert any("found made already" in words for words in desk.news)  # GBIF's own memory
    desk.clock.advance(49 * 3_600)
    assert (await obtain(desk, new=True)).key != first.key
    assert len(gbif.posted) == 3


async def test_killed_before_the_answer_the_request_is_found(desk: Desk, gbif: FakeGbif) -> None:
    gbif.add(FERNS.body(), ["RUNNING", "SUCCEEDED"])
    assert (await obtain(desk)).key == "0000001-260101000000000"
    assert gbif.posted == []
    assert "found under way: an equal request is not made twice" in desk.news[0]


async def test_one_that_was_made_yesterday_serves_too_and_an_older_one_is_named(desk: Desk, gbif: FakeGbif) -> None:
    gbif.add(FERNS.body(), ["SUCCEEDED"], age_hours=24)
    assert (await obtain(desk)).key == "0000001-260101000000000"
    gbif.add(MOSSES.body(), ["SUCCEEDED"], age_hours=24 * 60)
    assert (await obtain(desk, MOSSES)).key == "0000003-260101000000000"
    assert any("asyncdl gbif fetch 0000002-260101000000000" in words for words in desk.news)


async def test_a_lost_answer_makes_no_second_request(desk: Desk, gbif: FakeGbif) -> None:
    gbif.lost_answers = 1
    assert (await obtain(desk, new=True)).key == "0000001-260101000000000"
    assert len(gbif.posted) == 1
    assert "looking whether the request arrived" in desk.news[0]


async def test_a_request_that_did_not_arrive_is_made_again(desk: Desk, gbif: FakeGbif) -> None:
    gbif.refusals = [(502, {}, "<html>bad gateway"), (503, {"Retry-After": "77"}, "Service disabled for maintenance reasons")]
    await obtain(desk)
    assert len(gbif.posted) == 1
    assert desk.pauses[1] >= 77
    assert "maintenance" in desk.news[1]
    assert "<html>" not in desk.news[0]


async def test_a_gbif_that_stays_down_is_left(desk: Desk, gbif: FakeGbif) -> None:
    gbif.refusals = [(500, {}, "")] * 50
    with pytest.raises(EnvironmentStops, match="did not take the request: status 500"):
        await obtain(desk)
    assert desk.names == []


async def test_a_fourth_request_waits_for_one_of_three(desk: Desk, gbif: FakeGbif) -> None:
    for _ in range(3):
        gbif.add(OTHER, ["RUNNING"])
    real = desk.sleep

    async def sleep(seconds: float) -> None:
        await real(seconds)
        if len(desk.pauses) == 3:
            gbif.entries["0000001-260101000000000"].states[:] = ["SUCCEEDED"]

    desk.sleep = sleep  # type: ignore[method-assign]
    await obtain(desk)
    assert [round(pause, -1) for pause in desk.pauses[:3]] == [60, 80, 100]
    assert "too many simultaneous downloads; the limit is 3" in desk.news[0]
    assert sum(words.startswith("GBIF takes no request now") for words in desk.news) == 1  # once; then the line only counts


async def test_a_rate_limit_is_obeyed(desk: Desk, gbif: FakeGbif) -> None:
    gbif.refusals = [(429, {"Retry-After": "500"}, "slow down")]
    await obtain(desk)
    assert desk.pauses[0] >= 500


async def test_the_wait_ends_when_it_was_told_to(desk: Desk, gbif: FakeGbif) -> None:
    gbif.states = ["PREPARING"]
    with pytest.raises(StillWaiting, match="is not ready after") as waiting:
        await desk.errand(max_wait=600).archive_of_order(order(), Place(desk.folder))
    assert "asyncdl gbif fetch 0000001-260101000000000" in waiting.value.todo
    assert 500 < sum(desk.pauses) <= 600
    assert all(15 <= pause <= 66 for pause in desk.pauses)
    gbif.entries["0000001-260101000000000"].states[:] = ["SUCCEEDED"]
    await obtain(desk)
    assert len(gbif.posted) == 1


async def test_waiting_for_room_ends_too(desk: Desk, gbif: FakeGbif) -> None:
    for _ in range(3):
        gbif.add(OTHER, ["SUSPENDED"])
    with pytest.raises(StillWaiting, match="the limit is 3"):
        await desk.errand(max_wait=200).archive_of_order(order(), Place(desk.folder))


@pytest.mark.parametrize(
    ("state", "says"),
    [("FAILED", "could not make it"), ("KILLED", "ended it"), ("CANCELLED", "was cancelled"), ("FILE_ERASED", "has been deleted")],
)
async def test_a_download_that_came_to_nothing_is_told_and_then_requested_anew(
    desk: Desk, gbif: FakeGbif, state: str, says: str
) -> None:
    gbif.states = ["RUNNING", state]
    with pytest.raises(DownloadEnded, match=says) as ended:
        await obtain(desk)
    assert ended.value.todo
    assert desk.names == []
    gbif.states = ["SUCCEEDED"]
    assert (await obtain(desk)).key == "0000002-260101000000000"


async def test_a_state_of_the_future_ends_the_wait(desk: Desk, gbif: FakeGbif) -> None:
    gbif.states = ["RUNNING", "ON_HOLIDAY"]
    with pytest.raises(SourceError, match="does not know: ON_HOLIDAY"):
        await obtain(desk)


async def test_trouble_while_waiting_is_waited_out(desk: Desk, gbif: FakeGbif) -> None:
    key = await desk.errand().place_order(order(), Place(desk.folder))
    gbif.refusals = [(503, {}, ""), (429, {"Retry-After": "99"}, ""), *[(500, {}, "")] * 20]
    archive = await desk.errand().archive_of(key, Place(desk.folder))
    assert archive.key == key
    assert max(desk.pauses) >= 99


async def test_a_wrong_password_says_what_to_look_at(desk: Desk, gbif: FakeGbif) -> None:
    for user, password in (("linnaeus", "wrong"), ("linnaeus@uu.se", "Systema:Naturae 1735")):
        with pytest.raises(EnvironmentStops, match="does not accept the user name and password") as refused:
            await desk.errand(api=desk.api(user, password)).archive_of_order(order(), Place(desk.folder))
        assert "not the e-mail address" in refused.value.todo
        assert password not in str(refused.value)
    assert gbif.paths("POST") == []


@pytest.mark.parametrize(
    ("status", "kind", "says"),
    [
        (400, UsageError, "does not understand"),
        (413, UsageError, "too large"),
        (403, EnvironmentStops, "does not allow"),
        (418, SourceError, "418"),
    ],
)
async def test_what_gbif_refuses_is_told_in_its_words(
    desk: Desk, gbif: FakeGbif, status: int, kind: type[Exception], says: str
) -> None:
    gbif.refusals = [(status, {}, 'Unknown key "TAXON_KYE"\x1b]0;x')]
    with pytest.raises(kind, match=says) as refused:
        await obtain(desk)
    assert 'Unknown key "TAXON_KYE' in str(refused.value)
    assert "\x1b" not in str(refused.value)
    assert len(gbif.paths("POST")) == 1


async def test_gbif_gives_back_an_equal_filter_without_the_extension_and_that_is_noticed(desk: Desk, gbif: FakeGbif) -> None:
    await obtain(desk)
    with pytest.raises(UsageError, match="the same filter, but other extensions"):
        await obtain(desk, AUDUBON)
    assert f"gbif-{AUDUBON.digest}.json" not in desk.names
    ferns = desk.folder / f"gbif-{FERNS.digest}.json"  # as a kill before the check would leave it
    (desk.folder / f"gbif-{AUDUBON.digest}.json").write_text(json.dumps(json.loads(ferns.read_text()) | {"result": {}, "file": ""}))
    with pytest.raises(UsageError, match="the same filter, but other extensions"):
        await obtain(desk, AUDUBON)
    desk.clock.advance(49 * 3_600)
    assert (await obtain(desk, AUDUBON)).key == "0000002-260101000000000"


async def test_an_archive_that_breaks_off_is_continued_on_the_other_host(
    desk: Desk, gbif: FakeGbif, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resumable_fetch, "WRITE_BYTES", 1)
    gbif.content = archive_of(["https://example.org/1.jpg"], 3_000_000)
    gbif.cuts = [2_000_000, 2_900_000]
    archive = await obtain(desk)
    sent = [one for one in gbif.seen if one.path.startswith("/request/")]
    starts = [int(one.range.removeprefix("bytes=").rstrip("-") or 0) for one in sent]
    assert len(starts) == 3
    assert starts == sorted(starts)
    assert 0 < starts[1] <= 2_000_000
    assert (desk.folder / f"{archive.key}.zip").read_bytes() == gbif.content
    assert not any(one.login for one in sent)


async def test_an_archive_of_another_length_is_refused(desk: Desk, gbif: FakeGbif) -> None:
    gbif.states = ["SUCCEEDED"]
    await desk.errand().place_order(order(), Place(desk.folder))
    gbif.entries["0000001-260101000000000"].size = 12
    with pytest.raises(SourceError, match="where 12 were promised"):
        await obtain(desk)
    assert desk.names == [f"gbif-{FERNS.digest}.json"]


@pytest.mark.parametrize("content", [b"PK\x03\x04 and then nothing of a zip file" * 100, archive_of([])[:-30]])
async def test_what_is_no_whole_zip_never_gets_the_name_of_one(desk: Desk, gbif: FakeGbif, content: bytes) -> None:
    gbif.content = content
    with pytest.raises(SourceError, match="no whole zip file"):
        await obtain(desk)
    assert desk.names == [f"gbif-{FERNS.digest}.json"]


async def test_a_download_in_another_format_is_refused_before_it_is_fetched(desk: Desk, gbif: FakeGbif) -> None:
    entry = gbif.add(OTHER | {"format": "SIMPLE_CSV"}, ["SUCCEEDED"])
    with pytest.raises(UsageError, match="SIMPLE_CSV, which holds no links"):
        await desk.errand().archive_of(entry.key, Place(desk.folder))


async def test_a_file_that_is_there_already_is_left_alone(desk: Desk, gbif: FakeGbif) -> None:
    (desk.folder / "ferns.zip").write_text("thesis")
    with pytest.raises(UsageError, match="is there already"):
        await desk.errand().archive_of_order(order(), Place(desk.folder, "ferns.zip"))
    assert gbif.posted == []
    entry = gbif.add(OTHER, ["SUCCEEDED"])
    with pytest.raises(UsageError, match=f"is not download {entry.key}"):
        await desk.errand().archive_of(entry.key, Place(desk.folder, "ferns.zip"))
    assert (desk.folder / "ferns.zip").read_text() == "thesis"


async def test_a_place_that_cannot_be_is_told_before_anything_is_asked(desk: Desk, gbif: FakeGbif) -> None:
    (desk.folder / "file").write_text("thesis")
    for folder in (desk.folder / "file", desk.folder / "file" / "below"):
        with pytest.raises(UsageError, match="is no folder"):
            await desk.errand().archive_of_order(order(), Place(folder))
    assert gbif.seen == []


async def test_a_download_by_its_doi(desk: Desk, gbif: FakeGbif) -> None:
    gbif.add(OTHER, ["SUCCEEDED"])
    archive = await desk.errand().archive_of("10.15468/dl.0000001", Place(desk.folder, "ferns.zip"))
    assert archive.file == str(desk.folder / "ferns.zip")
    with pytest.raises(SourceError, match="knows no download"):
        await desk.errand().archive_of("10.15468/dl.nothing", Place(desk.folder))


@pytest.mark.parametrize("text", ["", "{", "[]", '{"api": 1}'])
async def test_a_receipt_that_cannot_be_read_is_named(desk: Desk, text: str) -> None:
    path = desk.folder / f"gbif-{FERNS.digest}.json"
    path.write_text(text)
    with pytest.raises(UsageError, match=path.name):
        await obtain(desk)


async def test_what_does_not_speak_as_gbif_is_told(desk: Desk, gbif: FakeGbif) -> None:
    api = desk.api()
    api.base = gbif.base.replace("/v1", "/v2")
    with pytest.raises(SourceError, match="knows no download"):
        await desk.errand(api=api).archive_of("0000001-260101000000000", Place(desk.folder))

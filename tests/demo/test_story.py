from __future__ import annotations

from pathlib import Path

import pytest

from asyncdl.demo.archive import ArchiveSummary
from asyncdl.demo.catalogue import SUCCESS
from asyncdl.demo.log import HostTraffic
from asyncdl.demo.museum import Museum
from asyncdl.demo.story import MISSING, NOTHING, TWICE, UNKNOWN_HOST, AccountLine, Seen, account, explain_demo

SUMMARY = ArchiveSummary(Path("m.zip"), 100, 40, 5, 60, 58, 6, 2)


def as_planned(museum: Museum) -> list[Seen]:
    """A collection in which everything came out as the museum planned."""
    found = []
    for exhibit in museum.exhibits:
        urls = tuple(museum.url_of(place) for place in (exhibit.published or (exhibit.place,)))
        if exhibit.expected == SUCCESS:
            found.append(Seen(urls, SUCCESS, exhibit.flag))
        else:
            found.append(Seen(urls, "failed", exhibit.expected))
    return found


async def test_a_perfect_run_is_all_right(museum: Museum) -> None:
    lines = account(museum.exhibits, museum.exhibit_of, as_planned(museum))
    assert sum(line.images for line in lines) == len(museum.exhibits)
    assert all(line.right for line in lines)
    assert [line.host for line in lines if line.expected == "robots_disallowed"] == ["State Archive"]


async def test_second_best_outcomes_are_right_too(museum: Museum) -> None:
    images = [
        Seen(seen.urls, "pending")
        if seen.error == "connect_failed"
        else Seen(seen.urls, SUCCESS)
        if seen.error == "placeholder"
        else seen
        for seen in as_planned(museum)
    ]
    lines = account(museum.exhibits, museum.exhibit_of, images)
    assert all(line.right for line in lines)
    assert {line.got for line in lines if line.expected == "connect_failed"} == {"waiting"}


async def test_what_is_missing_doubled_unknown_or_wrong_has_a_line_of_its_own(museum: Museum) -> None:
    images = as_planned(museum)
    gone, doubled = images.pop(0), images[1]
    portal = next(n for n, seen in enumerate(images) if seen.error == "invalid_content_type")
    images[portal] = Seen(images[portal].urls, SUCCESS)
    raw = next(n for n, seen in enumerate(images) if seen.error == "raw_unprocessed")
    images[raw] = Seen(images[raw].urls, SUCCESS)
    images += [doubled, Seen(("http://example.org/x.jpg",), "failed", "http_404")]
    wrong = {line for line in account(museum.exhibits, museum.exhibit_of, images) if not line.right}
    assert gone.status == doubled.status == SUCCESS
    assert wrong == {
        AccountLine("Northern Herbarium", SUCCESS, MISSING, 1, right=False),
        AccountLine("Northern Herbarium", TWICE, SUCCESS, 1, right=False),
        AccountLine("Old Web Portal", "invalid_content_type", SUCCESS, 1, right=False),
        AccountLine("Field Camera Archive", SUCCESS, SUCCESS, 1, right=False),
        AccountLine(UNKNOWN_HOST, NOTHING, "http_404", 1, right=False),
    }


async def test_every_cause_of_the_museum_has_a_chapter(museum: Museum) -> None:
    lines = account(museum.exhibits, museum.exhibit_of, as_planned(museum))
    chapters = explain_demo(SUMMARY, lines, collection="my demo", raw_images=2, rejected_rows=2)
    topics = {chapter.topic for chapter in chapters}
    assert topics >= {
        "the whole",
        "rows and images",
        "set aside",
        "robots.txt",
        "redirects",
        "cut bodies",
        "raw files",
        "too large",
    }
    assert "not as planned" not in topics
    causes = {line.got for line in lines} - {SUCCESS}
    assert not causes & topics, "a cause without a chapter of its own"
    assert any("'my demo'" in chapter.next_command for chapter in chapters)
    assert "{" not in "".join(chapter.happened + chapter.next_command for chapter in chapters)


@pytest.mark.parametrize("got", ["decode_crashed", "timeout"])
def test_an_unforeseen_cause_is_explained_from_the_error_table(got: str) -> None:
    lines = [AccountLine("Night Archive", SUCCESS, got, 3, right=False)]
    chapters = explain_demo(SUMMARY, lines, collection="x")
    assert [chapter.topic for chapter in chapters][-2:] == [got, "not as planned"]
    assert "3 images" in chapters[-1].happened


def test_hosts_that_asked_to_slow_down_are_named() -> None:
    traffic = [HostTraffic("alps", 30, 7, 1, 1, 1), HostTraffic("gallery", 9, 0, 1, 1, 1)]
    chapters = explain_demo(SUMMARY, [], collection="x", traffic=traffic)
    (politeness,) = [chapter for chapter in chapters if chapter.topic == "politeness"]
    assert "Botanical Archive of the Alps (7 of 30 requests)" in politeness.happened
    assert "Gallery" not in politeness.happened

from __future__ import annotations

from dataclasses import replace
from io import StringIO

import pytest
from rich.console import Console

from asyncdl.download.figures import HostFigures, RecentFailure, Snapshot
from asyncdl.download.progress import live_view, plain_line, shown_hosts

WORKING = HostFigures(
    host="images.museum.org", saved=1_234, failed=3, in_flight=2, queued=512, rate_per_second=3.0, connections=2,
    paused_seconds=0.0, pause_reason="", incidents=0, down=False, held=False,
)  # fmt: skip
FAILURE = RecentFailure(
    "1234567890-00", "images.museum.org", "truncated", "the body broke off after 100 of 2000 bytes", "again in 5 s"
)


def host(name: str, **changes: object) -> HostFigures:
    return replace(WORKING, host=name, **changes)  # type: ignore[arg-type]


def snapshot(*hosts: HostFigures, failures: int = 0, notices: tuple[str, ...] = ()) -> Snapshot:
    return Snapshot(
        elapsed_seconds=3_725, total=61_883_402, done_before=12_000_000, saved=6_204_377, closed=18_211, waiting=43_660_814,
        size_bytes=9_800_000_000_000, images_per_second=212.4, bytes_per_second=231_000_000, eta_seconds=205_000, in_flight=96,
        queued=16_384, inspecting=4, hosts=hosts, failures=(FAILURE,) * failures, notices=notices,
    )  # fmt: skip


def drawn(figures: Snapshot, *, width: int = 80, height: int = 24) -> list[str]:
    console = Console(file=StringIO(), width=width, height=height, force_terminal=True, color_system=None)
    with console.capture() as captured:
        console.print(live_view(figures, "asyncdl run herbarium"))
    return captured.get().splitlines()


@pytest.mark.parametrize(("width", "height"), [(80, 24), (100, 30), (120, 40), (200, 60)])
@pytest.mark.parametrize("failures", [0, 1, 6])
def test_the_display_fits_its_terminal(width: int, height: int, failures: int) -> None:
    hosts = [host(f"host-{number}.a-rather-long-name-of-a-museum.org") for number in range(40)]
    notices = ("stopping: finishing what is in flight; again to stop at once", "n" * 300)
    lines = drawn(snapshot(*hosts, failures=failures, notices=notices), width=width, height=height)
    assert len(lines) < height
    assert {len(line) for line in lines} == {width}
    assert any("more" in line for line in lines)


def test_on_eighty_columns_nothing_that_matters_is_cut() -> None:
    paused = host("imager.mnhn.fr", paused_seconds=41.2, pause_reason="rate_limited")
    text = "\n".join(drawn(snapshot(paused, WORKING, failures=1)))
    for part in ("18,222,588 of 61,883,402 images", "29.4%", "212.4 images/s", "231 MB/s", "ETA 2d08h", "9.80 TB in 1h02m"):
        assert part in text
    for part in (
        "in flight 96",
        "checking 4",
        "queued 16,384",
        "failed 18,211",
        "paused 42s: rate_limited",
        "images.museum.org",
        "1,234",
    ):
        assert part in text


def test_the_host_that_decides_and_the_efficiency_are_told() -> None:
    far = host("images.museum.org", left=1_234_567, eta_seconds=400_000)
    figures = replace(
        snapshot(far, failures=1), eta_seconds=400_000, decides="images.museum.org", efficiency=0.97, requests=6_300_000, refused=63
    )
    text = "\n".join(drawn(figures))
    assert "ETA 4d15h (images.museum.o" in text
    assert "efficiency 0.97" in text
    assert "ETA 4d15h, 1,234,5" in text
    line = plain_line(figures)
    assert "ETA 4d15h (images.museum.o" in line
    assert "efficiency 0.97, 63 of 6,300,000 requests refused" in line


def test_a_pause_that_still_holds_is_never_none() -> None:
    assert any(
        "paused 1s: unavailable" in line for line in drawn(snapshot(host("a.org", paused_seconds=0.2, pause_reason="unavailable")))
    )


def test_the_words_for_a_person_s_stop_are_those_of_the_reports() -> None:
    for stop, word in (("pause", "paused by you for 9s"), ("block", "blocked by you for 9s")):
        assert any(word in line for line in drawn(snapshot(host("a.org", held=True, stop=stop, paused_seconds=9.0))))


def test_images_that_are_due_another_day_have_no_end_today() -> None:
    later = host("a.org", queued=0, in_flight=0, left=6, eta_seconds=12.0)
    assert any("idle, 6 left" in line for line in drawn(snapshot(later)))


def test_a_host_whose_robots_file_fails_shows_that_it_fails() -> None:
    dead = host("dead.org", saved=0, failed=0, incidents=3, paused_seconds=10.0, down=True, pause_reason="connect_failed")
    line = next(line for line in drawn(snapshot(dead), width=120) if "dead.org" in line)
    assert line.split()[1:6] == ["dead.org", "3/s", "2/2", "0", "3"]
    assert "down, probe in 10s: connect_failed" in line


def test_trouble_stands_first_and_each_host_once() -> None:
    busy = [host(f"{number}.org", in_flight=number) for number in range(6)]
    hosts = (*busy, host("slow.org", paused_seconds=5.0), host("slower.org", paused_seconds=50.0))
    names = [each.host for each in shown_hosts(hosts, 8)]
    assert names[:3] == ["slower.org", "slow.org", "5.org"]
    assert sorted(names) == sorted({each.host for each in hosts})
    assert len(shown_hosts(hosts, 4)) == 3  # the fourth line counts the rest


def test_a_table_without_rows_is_not_drawn() -> None:
    assert len(drawn(snapshot())) == 2 + 3


def test_what_servers_say_cannot_move_the_cursor() -> None:
    nasty = replace(FAILURE, host="\x1b[2Jhost", detail="\x1b]0;title\x07[red]", image="\x1b[1A-00", verdict="\r")
    figures = replace(snapshot(host("\x1b[2J.org")), failures=(nasty,), notices=("\x1b[2J[bold]",))
    assert not any("\x1b[2J" in line or "\x1b]0" in line or "\x07" in line for line in drawn(figures, width=120))


def test_the_line_for_logs_names_the_longest_pause() -> None:
    line = plain_line(snapshot(WORKING, host("slow.org", paused_seconds=50.0, in_flight=0)))
    assert "18,222,588/61,883,402 images | 6,204,377 saved now | 212.4/s | 231 MB/s" in line
    assert "hosts 1 busy, 1 paused" in line
    assert line.endswith("longest pause slow.org 50s")

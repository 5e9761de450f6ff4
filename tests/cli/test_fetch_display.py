from __future__ import annotations

import io

from rich.console import Console

from asyncdl.cli.fetch_display import fetch_shown
from asyncdl.resumable import FetchStep


class Seconds:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_without_a_terminal_news_is_a_line_and_figures_come_every_half_minute() -> None:
    written, clock = io.StringIO(), Seconds()
    with fetch_shown(Console(file=written, width=100), clock) as shown:
        shown.wait("queued (0s)", news=True)
        shown.wait("queued (15s)", news=False)
        clock.now = 31
        shown.wait("queued (31s)", news=False)
        shown.fetch(FetchStep(0, 4_000_000_000))
        clock.now = 41
        shown.fetch(FetchStep(1_000_000_000, 4_000_000_000))
        shown.fetch(FetchStep(1_000_000_000, 4_000_000_000, "it broke \x1b[31m; again in 2s"))
        clock.now = 81
        shown.fetch(FetchStep(2_000_000_000, 4_000_000_000))
    assert written.getvalue().splitlines() == [
        "queued (0s)",
        "queued (31s)",
        r"it broke \x1b[31m; again in 2s",
        "fetching: 2.00 GB of 4.00 GB, 40.0 MB/s, 50s left",
    ]


def test_without_progress_there_is_only_news() -> None:
    written, clock = io.StringIO(), Seconds()
    with fetch_shown(Console(file=written, width=100), clock, progress=False) as shown:
        clock.now = 1_000
        shown.wait("still queued", news=False)
        shown.fetch(FetchStep(1, 2))
        shown.wait("requested", news=True)
    assert written.getvalue() == "requested\n"


def test_a_terminal_gets_a_line_that_changes_and_nothing_of_a_server_that_it_acts_on() -> None:
    written = io.StringIO()
    console = Console(file=written, force_terminal=True, width=100, color_system=None)
    with fetch_shown(console, Seconds()) as shown:
        shown.wait("[red]queued\x1b]0;x", news=True)
        shown.fetch(FetchStep(500, 1_000))
        shown.fetch(FetchStep(600, None, "going on"))
    assert r"[red]queued\x1b]0;x" in written.getvalue()
    assert "going on" in written.getvalue()
    assert "\x1b]0" not in written.getvalue()

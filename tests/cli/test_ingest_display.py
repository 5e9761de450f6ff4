"""What an ingest says while it works."""

from __future__ import annotations

import io

from rich.console import Console

from asyncdl.cli.ingest_display import LINE_SECONDS, Lines, Pace, shown
from asyncdl.ingest import IngestCounts, IngestProgress, Stage
from asyncdl.ingest.accounts import Space


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def step(stage: Stage, done: int, total: int | None, rows: int = 0, space: Space | None = None) -> IngestProgress:
    return IngestProgress("m\x1b.txt", stage, done, total, IngestCounts(rows_read=rows), space)


def test_a_line_when_a_stage_begins_and_one_every_half_minute() -> None:
    clock, said = Clock(), list[str]()
    lines = Lines(said.append, clock)
    lines.show(step(Stage.READ, 0, 4_000_000_000, space=Space(6_100_000_000, 400_000_000, 210_000_000_000)))
    for second in range(1, 41):
        clock.now = 100.0 + second
        lines.show(step(Stage.READ, second * 50_000_000, 4_000_000_000, rows=second * 200_000))
    lines.show(step(Stage.LOAD, 0, 8_000_000))
    assert [line.partition(": ")[2] for line in said] == [
        "needs about 6.10 GB of temporary space and 400 MB to stay; 210 GB are free",
        "read: 0 rows, 0 B of 4.00 GB",
        "read: 6,000,000 rows, 1.50 GB of 4.00 GB, 200,000 rows/s, 50s left",
        "load: 0 of 8,000,000 rows",
    ]
    assert LINE_SECONDS == 30
    assert not any("\x1b" in line for line in said)


def test_what_an_earlier_call_has_done_is_no_speed() -> None:
    clock = Clock()
    pace = Pace(clock)
    pace.words(step(Stage.LOAD, 6_000_000, 8_000_000))
    clock.now += 10
    assert pace.words(step(Stage.LOAD, 7_000_000, 8_000_000)) == "7,000,000 of 8,000,000 rows, 100,000 rows/s, 10s left"


def test_a_size_that_nobody_knows_gives_no_time() -> None:
    clock = Clock()
    pace = Pace(clock)
    pace.words(step(Stage.READ, 0, None))
    clock.now += 10
    assert pace.words(step(Stage.READ, 2_000_000, None, rows=10_000)) == "10,000 rows, 2.00 MB, 1,000 rows/s"


def test_a_terminal_gets_bars() -> None:
    console = Console(file=io.StringIO(), force_terminal=True, width=160)
    with shown(console, Clock()) as show:
        show(step(Stage.READ, 500, 1_000, rows=7))
        show(step(Stage.SORT, 0, 7))
        show(step(Stage.LOAD, 7, 7))
    text = console.file.getvalue()  # type: ignore[attr-defined]
    assert "7 of 7 rows" in text
    assert "m\x1b.txt" not in text


def test_files_that_are_adopted_again_are_told_in_bytes() -> None:
    clock = Clock()
    pace = Pace(clock)
    pace.words(IngestProgress("files", Stage.ADOPT, 1_000_000_000, 5_000_000_000, IngestCounts(images=900)))
    clock.now += 10
    words = pace.words(IngestProgress("files", Stage.ADOPT, 2_000_000_000, 5_000_000_000, IngestCounts(images=1_800)))
    assert words == "1,800 files, 2.00 GB of 5.00 GB, 100 MB/s, 30s left"

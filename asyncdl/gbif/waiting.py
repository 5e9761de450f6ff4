"""Waiting for GBIF: how often it is asked, for how long, and what each state means for the wait."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Final, NamedTuple

from asyncdl.clock import Instant
from asyncdl.errors import SourceError, StillWaiting
from asyncdl.gbif.api import PATIENT, GbifApi
from asyncdl.gbif.downloads import MEANING, UNDER_WAY, WHAT_HELPS, Download, State
from asyncdl.resumable import FetchTools
from asyncdl.units import approximate_duration

MIN_POLL_SECONDS: Final = 10.0
"""GBIF counts as too many what some clients did: a question every second, for hours."""

_GROWTH: Final = 1.25
_JITTER: Final = 0.1


@dataclass(frozen=True, slots=True)
class Pace:
    """How long to wait between two questions: a little longer each time, from the first pause to the longest. Pure."""

    first_seconds: float = 15.0
    longest_seconds: float = 60.0

    def pause_seconds(self, asked: int, random: Random, retry_after_seconds: float | None = None) -> float:
        """The pause after `asked` questions, never less than the server asked for."""
        bare = min(self.longest_seconds, self.first_seconds * _GROWTH ** min(asked - 1, 64))
        return max(bare * (1 + _JITTER * random.random()), retry_after_seconds or 0.0)


class DownloadEnded(SourceError):
    """A download that will never have a file: another one has to be requested."""


class WaitStep(NamedTuple):
    """What is waited for, in words. `news`: something has changed, so that it is worth a line of its own."""

    words: str
    news: bool


Watch = Callable[[WaitStep], None]


class Deadline:
    """When a wait ends without result. `max_seconds` None: never."""

    def __init__(self, began: Instant, max_seconds: float | None) -> None:
        self._began = began.monotonic
        self._max_seconds = max_seconds

    def waited_seconds(self, now: Instant) -> float:
        """How long the wait has been."""
        return now.monotonic - self._began

    def left_seconds(self, now: Instant) -> float:
        """How long it may still be."""
        return float("inf") if self._max_seconds is None else max(0.0, self._max_seconds - self.waited_seconds(now))


async def wait_for_download(api: GbifApi, key: str, tools: FetchTools, pace: Pace, deadline: Deadline, watch: Watch) -> Download:
    """Ask for a download until it is ready.

    Raises `StillWaiting` when the deadline comes first, `DownloadEnded` when there will be no file, `EnvironmentStops` when GBIF cannot
    be asked any more.
    """
    asked, last = 0, None
    while True:
        download = await api.download(key, PATIENT)
        if download.state not in UNDER_WAY:
            return _ready(download)
        asked += 1
        now = tools.clock.now()
        watch(WaitStep(_words(download, deadline.waited_seconds(now)), news=download.state is not last))
        last = download.state
        pause = pace.pause_seconds(asked, tools.random)
        if pause > deadline.left_seconds(now):
            raise StillWaiting(
                f"download {key} is not ready after {approximate_duration(deadline.waited_seconds(now))}: {MEANING[download.state]}",
                f"type the same command again, or `asyncdl gbif fetch {key}`: GBIF goes on meanwhile",
            )
        await tools.sleep(pause)


def _ready(download: Download) -> Download:
    if download.state is State.SUCCEEDED:
        return download
    raise DownloadEnded(f"download {download.key}: {MEANING[download.state]}", WHAT_HELPS[download.state])


def _words(download: Download, waited_seconds: float) -> str:
    records = f", {download.records:,} records" if download.records else ""
    return f"download {download.key}: {MEANING[download.state]} ({download.state.lower()}{records}, {approximate_duration(waited_seconds)})"

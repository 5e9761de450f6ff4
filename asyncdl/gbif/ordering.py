"""Requesting a download without asking twice for the same, and without a fourth one at a time.

GBIF lets a user have three downloads under way. Before a request is made, the user's own downloads are looked at: an equal one that is
under way, or that was made within the last two days, is taken instead. The same look tells, when an answer was lost, whether the request arrived.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

from asyncdl.errors import EnvironmentStops, StillWaiting, UsageError
from asyncdl.gbif.api import Accepted, Busy, GbifApi, Unclear
from asyncdl.gbif.downloads import UNDER_WAY, Download, State
from asyncdl.gbif.request import DownloadRequest
from asyncdl.gbif.waiting import Deadline, Pace, WaitStep, Watch
from asyncdl.resumable import FetchTools
from asyncdl.retrying import Attempts
from asyncdl.units import approximate_duration

AT_ONCE: Final = 3
"""Downloads that a user may have under way."""

REUSED_HOURS: Final = 48
"""Within so many hours GBIF itself answers an equal filter with the download it made."""

_CLOCKS_APART_MS: Final = 300_000


class How(StrEnum):
    """How it came to a key."""

    REQUESTED = "requested"
    UNDER_WAY = "found under way"
    MADE = "found made already"


@dataclass(frozen=True, slots=True)
class Order:
    """A request and how it is made. `new`: even when there is an equal download."""

    request: DownloadRequest
    body: Mapping[str, Any]
    new: bool = False
    busy_pace: Pace = field(default_factory=lambda: Pace(60.0, 300.0))


@dataclass(frozen=True, slots=True)
class Ordered:
    """The download that a request came to."""

    key: str
    how: How


async def order_download(api: GbifApi, order: Order, tools: FetchTools, deadline: Deadline, watch: Watch) -> Ordered:
    """Request a download, or find the equal one that there is already.

    Raises `UsageError` for what GBIF does not understand, `EnvironmentStops` for the account or when GBIF cannot be asked, `StillWaiting`
    when the deadline comes before GBIF takes the request.
    """
    began_ms = tools.clock.now().utc_ms
    own = await api.own_downloads()
    if not order.new and (equal := equal_download(own, order.request, began_ms)):
        return Ordered(equal.key, How.UNDER_WAY if equal.state in UNDER_WAY else How.MADE)
    if older := _older(own, order.request):
        watch(
            WaitStep(
                f"an equal download of {older.created[:10]} is still there: asyncdl gbif fetch {older.key} takes that one",
                news=True,
            )
        )
    attempts, refused = Attempts(tools.policy, tools.random), 0
    while True:
        answer = await api.submit(order.body)
        match answer:
            case Accepted(key):  # within two days GBIF gives back the download it has, also when a new one is wanted
                return Ordered(key, How.MADE if any(one.key == key for one in own) else How.REQUESTED)
            case Busy(said, retry_after):
                refused += 1
                await _wait_for_room(order, said, retry_after, refused, tools, deadline, watch)
            case Unclear(why, retry_after):
                pause = attempts.next_pause_seconds(retry_after)
                if pause is not None:
                    watch(WaitStep(f"GBIF: {why}; looking whether the request arrived in {approximate_duration(pause)}", news=True))
                    await tools.sleep(pause)
                made = [one for one in await api.own_downloads() if (one.created_ms or 0) >= began_ms - _CLOCKS_APART_MS]
                if arrived := equal_download(made, order.request, tools.clock.now().utc_ms):
                    return Ordered(arrived.key, How.REQUESTED)
                if pause is None:
                    raise EnvironmentStops(
                        f"GBIF did not take the request: {why}", "type the same command again later; https://www.gbif.org/health"
                    )


async def _wait_for_room(
    order: Order, said: str, retry_after_seconds: float | None, refused: int, tools: FetchTools, deadline: Deadline, watch: Watch
) -> None:
    """Wait until GBIF may take another request."""
    pause, now = order.busy_pace.pause_seconds(refused, tools.random, retry_after_seconds), tools.clock.now()
    words = f"GBIF takes no request now ({said or f'{AT_ONCE} downloads at a time'})"
    if pause > deadline.left_seconds(now):
        raise StillWaiting(f"{words}, for {approximate_duration(deadline.waited_seconds(now))} now",
                           "`asyncdl gbif status` shows what is under way; type the same command again later")  # fmt: skip
    watch(WaitStep(f"{words}; again in {approximate_duration(pause)}", news=refused == 1))
    await tools.sleep(pause)


def equal_download(downloads: Iterable[Download], request: DownloadRequest, now_utc_ms: int) -> Download | None:
    """The download that is what the request would bring: one that is ready before one that is under way, the newest of each first."""
    equal = [one for one in downloads if request.is_what(one.asked)]
    recent = now_utc_ms - REUSED_HOURS * 3_600_000
    ready = [one for one in equal if one.state is State.SUCCEEDED and (one.created_ms or 0) >= recent]
    return next(iter(ready + [one for one in equal if one.state in UNDER_WAY]), None)


def _older(downloads: Sequence[Download], request: DownloadRequest) -> Download | None:
    return next((one for one in downloads if one.state is State.SUCCEEDED and request.is_what(one.asked)), None)


def require_what_was_asked(download: Download, request: DownloadRequest) -> None:
    """Raise `UsageError` when GBIF gave back an earlier download of the same filter that lacks extensions, or has others' names."""
    if download.asked and request.filters_as(download.asked) and not request.brings_what(download.asked):
        raise UsageError(
            f"GBIF gave back download {download.key} of {download.created[:10]}: the same filter, but other extensions or another taxonomy",
            f"it does so for {REUSED_HOURS} hours; change the filter a little (say --where occurrenceStatus=PRESENT), or come back later",
        )

"""The rows of a simulated collection, in the place of the database: made when they are asked for, so that fifty million of them take no room.

Of each host only is kept how far its fresh rows have ended, the few beyond that, and the rows that are due later.
"""

from __future__ import annotations

from bisect import bisect_right, insort
from collections.abc import Sequence

from asyncdl.app.jobs import lane_of_url
from asyncdl.download.outcome import Verdict
from asyncdl.lane_records import LaneRecord, RobotsRecord
from asyncdl.model import Candidate, CandidateKind, HostDue, Work, WorkKind
from asyncdl.status import ImageStatus
from benchmarks.populations import Population

_HOST_SHIFT = 32
_IMAGE_MASK = (1 << _HOST_SHIFT) - 1


def url_of(host: int, number: int) -> str:
    """Where an image is said to be."""
    return f"http://h{host}.test/{number}.jpg"


def host_of_lane(lane: str) -> int:
    """The number of the host that a lane is of."""
    return int(lane.partition(".")[0].removeprefix("h"))


def host_of_work(work: Work) -> int:
    """The number of the host an image is on."""
    return work.id >> _HOST_SHIFT


def number_of_work(work: Work) -> int:
    """The number of an image on its host."""
    return work.id & _IMAGE_MASK


class _HostRows:
    """What is left of one host."""

    __slots__ = ("begun", "images", "later", "left_fresh")

    def __init__(self, images: int) -> None:
        self.images = images
        self.begun = 0  # all fresh rows below have ended, or are due later
        self.left_fresh: set[int] = set()  # so have these
        self.later: list[tuple[int, int, int]] = []  # due time, number, attempts

    def leave_fresh(self, number: int) -> None:
        """A fresh row has ended, or has got a due time."""
        self.left_fresh.add(number)
        while self.begun in self.left_fresh:
            self.left_fresh.remove(self.begun)
            self.begun += 1

    @property
    def left(self) -> int:
        """Rows that have not ended."""
        return self.images - self.begun - len(self.left_fresh) + len(self.later)

    @property
    def next_due_ms(self) -> int | None:
        """When the first row may be asked for; None when none is left."""
        if self.begun < self.images:
            return 0
        return self.later[0][0] if self.later else None


class VirtualRows:
    """What a `Feeder` asks of a store. Verdicts are "committed" the moment they are given."""

    def __init__(self, population: Population) -> None:
        self._population = population
        self._open = bytearray(b"\0" + b"\1" * population.hosts)
        self._hosts: dict[int, _HostRows] = {}
        self._lanes: dict[str, LaneRecord] = {}
        self.ended = dict.fromkeys((ImageStatus.SUCCESS, ImageStatus.FAILED, ImageStatus.EXHAUSTED), 0)
        self.given_up = 0  # of those, with their host

    # -- what the feeder asks --------------------------------------------------------------------------------

    async def hosts_due(self, after_host_id: int, limit: int) -> list[HostDue]:
        """Hosts that have rows, by number."""
        page: list[HostDue] = []
        host = self._open.find(1, after_host_id + 1)
        while host > 0 and len(page) < limit:
            rows = self._hosts.get(host)
            due_ms = 0 if rows is None else rows.next_due_ms
            if due_ms is not None:
                page.append(self._host_due(host, due_ms))
            host = self._open.find(1, host + 1)
        return page

    async def largest_waiting(self, limit: int) -> list[HostDue]:
        """Hosts are numbered by their size, or all of one."""
        return await self.hosts_due(0, limit)

    async def due_work(self, host_id: int, kind: WorkKind, after: tuple[int, int], due_before_ms: int, limit: int) -> list[Work]:
        """The rows of a host behind `after` (due time, id), in that order."""
        if kind is WorkKind.MANIFEST:
            return []
        rows = self._rows(host_id)
        after_due, after_id = after
        page: list[Work] = []
        if after_due <= 0:
            number = max(rows.begun, (after_id & _IMAGE_MASK) + 1 if after_id > 0 else 0)
            while number < rows.images and len(page) < limit:
                if number not in rows.left_fresh:
                    page.append(_work(host_id, number, 0, 0))
                number += 1
        place = bisect_right(rows.later, (after_due, after_id & _IMAGE_MASK if after_id > 0 else -1, 1_000))
        for due_ms, number, attempts in rows.later[place : place + limit - len(page)]:
            if due_ms > due_before_ms:
                break
            page.append(_work(host_id, number, attempts, due_ms))
        return page

    def _host_due(self, host: int, due_ms: int) -> HostDue:
        lane = lane_of_url(url_of(host, 0))
        known = self._lanes.get(lane)
        if known is None:
            return HostDue(host, lane, lane, due_ms)
        if known.given_up_ms:
            return HostDue(host, lane, lane, 0, given_up=True)
        return HostDue(host, lane, lane, due_ms, not_before_ms=None if known.held else known.pause_until_ms)

    async def images_left(self, host_ids: Sequence[int]) -> dict[int, int]:
        """How many images of each host have not ended."""
        return {host: self._rows(host).left for host in host_ids}

    async def load_robots(self, _lanes: Sequence[str]) -> list[RobotsRecord]:
        """No robots.txt is remembered beyond what the gate holds."""
        return []

    async def load_lanes(self, names: Sequence[str]) -> dict[str, LaneRecord]:
        """What is remembered of lanes."""
        return {name: self._lanes[name] for name in names if name in self._lanes}

    # -- what a recorder does --------------------------------------------------------------------------------

    def save_lanes(self, records: Sequence[LaneRecord]) -> None:
        """Remember lanes, as long as their host has rows."""
        for record in records:
            if self._open[host_of_lane(record.lane)]:
                self._lanes[record.lane] = record

    def apply(self, verdict: Verdict) -> None:
        """Move a row."""
        work = verdict.work
        host, number = host_of_work(work), number_of_work(work)
        rows = self._rows(host)
        if work.due_ms:
            rows.later.pop(bisect_right(rows.later, (work.due_ms, number, 1_000)) - 1)
        else:
            rows.leave_fresh(number)
        if verdict.to in self.ended:
            self.ended[verdict.to] += 1
            self.given_up += verdict.error == "lane_given_up"
        else:
            insort(rows.later, (max(1, verdict.due_ms or 1), number, verdict.attempts))
        if rows.next_due_ms is None:
            self._open[host] = 0
            del self._hosts[host]
            self._lanes.pop(work.lane, None)

    def is_done(self, host: int) -> bool:
        """Whether all rows of a host have ended."""
        return not self._open[host]

    def _rows(self, host: int) -> _HostRows:
        rows = self._hosts.get(host)
        if rows is None:
            rows = self._hosts[host] = _HostRows(self._population.traits(host).images if self._open[host] else 0)
        return rows


def _work(host: int, number: int, attempts: int, due_ms: int) -> Work:
    url = url_of(host, number)
    lane = lane_of_url(url)
    status = ImageStatus.RETRY if attempts else ImageStatus.PENDING
    candidates = (Candidate(0, url, CandidateKind.IMAGE),)
    work_id = host << _HOST_SHIFT | number
    return Work(WorkKind.IMAGE, work_id, lane, lane, work_id, 0, attempts, status, 0, candidates, due_ms)

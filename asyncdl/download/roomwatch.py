"""Whether a run has room: before the first request, again when it knows what its images weigh, and all the time in between.

Before the first request only the low end of the estimate is held against the disk, because a guess must stop nobody; once
`SAMPLE_IMAGES` images from many hosts are here, what is expected counts. A reserve is kept free throughout: below it the run
pauses as on a full disk, and ends when that lasts.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from asyncdl import events
from asyncdl.clock import Clock
from asyncdl.download.scheduler import Scheduler
from asyncdl.errors import EnvironmentStops
from asyncdl.events import EventHub
from asyncdl.forecast import Needs, SizeEstimate, Space, Spread, reserve_bytes, reserve_files, room_for, shortage
from asyncdl.freespace import space_at
from asyncdl.status import ImageStatus
from asyncdl.store import Reader
from asyncdl.units import approximate_size

LOOK_SECONDS: Final = 2.0
PAUSE_SECONDS: Final = 5.0
LEAST_TRUSTED_BYTES: Final = 1_000_000
"""The disk is looked at before its steady turn when a quarter of what was free is written, but not for less than this."""

SAMPLE_IMAGES: Final = 200
SAMPLE_HOSTS: Final = 10
"""The sample is spread over so many hosts where there are as many."""

ENOUGH_IMAGES: Final = 2_000
"""So many images are a sample even when few hosts have given them."""

_PAGE_HOSTS: Final = 10_000
WAYS_OUT: Final = (
    "take a larger disk (a collection can be moved as a whole), fewer images (--max-images, or a selection at `asyncdl init`), "
    "or keep less free (--keep-free);\n--no-preflight begins all the same, and pauses when the disk is full"
)


@dataclass(frozen=True, slots=True)
class RoomRules:
    """What a person has said about the disk. Without `preflight` only the reserve is kept."""

    keep_free: int | Literal["auto"] = "auto"
    preflight: bool = True
    patience_seconds: float = 60.0
    max_images: int | None = None


async def needs_of(store: Reader, max_images: int | None) -> Needs:
    """What is still to come: images by the counters, their bytes by what their hosts have given."""
    counts = (await store.counts()).by_status
    waiting = counts[ImageStatus.PENDING.label] + counts[ImageStatus.RETRY.label]
    sizes = SizeEstimate(counts[ImageStatus.SUCCESS.label], await store.saved_bytes())
    size, known, after = Spread(0.0, 0.0, 0.0), 0, 0
    while sizes.saved and (page := await store.sampled_hosts(after, _PAGE_HOSTS)):
        for _, left, saved, size_bytes in page:
            size += sizes.per_image(saved, size_bytes).times(left)
            known += left
        after = page[-1][0]
    size += sizes.per_image(0, 0).times(waiting - known)
    if max_images is not None and max_images < waiting:
        size, waiting = size.times(max_images / waiting), max_images
    return Needs(waiting, size)


class RoomWatch:
    """The look at the disk of one run. Let it watch the events; `before` once, then `run` as a stage of the run."""

    def __init__(self, store: Reader, scheduler: Scheduler, root: Path, hub: EventHub, clock: Clock, rules: RoomRules) -> None:
        self._store = store
        self._scheduler = scheduler
        self._root = root
        self._hub = hub
        self._clock = clock
        self._rules = rules
        self._per_host = SAMPLE_IMAGES
        self._by_host: Counter[str] = Counter()
        self._spread = 0
        self._saved = 0
        self._looked_again = not rules.preflight
        self._trouble_since: float | None = None
        self._unseen_bytes = 0  # written since the last look, and how much may be before the next one
        self._trusted_bytes = 0
        self._look_now = asyncio.Event()

    def watch(self, event: events.Event) -> None:
        """Count what is saved, for the sample at most an equal share per host; a fast run is looked after more often."""
        if not isinstance(event, events.ImageSaved):
            return
        self._unseen_bytes += event.size_bytes
        if self._unseen_bytes > self._trusted_bytes:
            self._look_now.set()
        if self._looked_again:
            return
        self._saved += 1
        if self._by_host[event.host] < self._per_host:
            self._by_host[event.host] += 1
            self._spread += 1
        if self._sample_is_whole:
            self._look_now.set()

    @property
    def _sample_is_whole(self) -> bool:
        return self._spread >= SAMPLE_IMAGES or self._saved >= ENOUGH_IMAGES

    async def before(self) -> str:
        """Hold the low end of what is needed against the disk; a doubt is returned in words. Raises `EnvironmentStops`."""
        if not self._rules.preflight:
            return ""
        self._per_host = SAMPLE_IMAGES // max(1, len(await self._store.largest_waiting(SAMPLE_HOSTS)))
        needs = await needs_of(self._store, self._rules.max_images)
        room = room_for(needs, await asyncio.to_thread(space_at, self._root), self._rules.keep_free)
        if missing := shortage(room, certain=True):
            raise EnvironmentStops(missing, WAYS_OUT)
        doubt = shortage(room, certain=False)
        return f"it may not fit: {doubt}; looked at again after {SAMPLE_IMAGES} images" if doubt else ""

    async def run(self) -> None:
        """Look at the disk at a steady pace until cancelled. Raises `EnvironmentStops` when there is no room."""
        while True:
            self._look_now.clear()
            space = await asyncio.to_thread(space_at, self._root)
            self._unseen_bytes = 0
            self._trusted_bytes = max(LEAST_TRUSTED_BYTES, (space.free_bytes - reserve_bytes(self._rules.keep_free, space)) // 4)
            self._keep_reserve(space)
            if not self._looked_again and self._sample_is_whole:
                self._looked_again = True
                await self._look_again(space)
            with suppress(TimeoutError):
                async with asyncio.timeout(LOOK_SECONDS):
                    await self._look_now.wait()

    async def _look_again(self, space: Space) -> None:
        max_images = self._rules.max_images
        needs = await needs_of(self._store, None if max_images is None else max(0, max_images - self._saved))
        if missing := shortage(room_for(needs, space, self._rules.keep_free), certain=False):
            raise EnvironmentStops(f"{missing}; reckoned from {self._saved:,} images of this run", WAYS_OUT)

    def _keep_reserve(self, space: Space) -> None:
        """Pause the run while less is free than is to stay free; end it when that lasts."""
        trouble = self._trouble(space)
        if not trouble:
            self._trouble_since = None
            return
        now = self._clock.now()
        if self._trouble_since is None:
            self._trouble_since = now.monotonic
            self._hub.emit(events.Notice(now.utc_ms, f"paused: disk_full: {trouble}"))
        if now.monotonic - self._trouble_since >= self._rules.patience_seconds:
            raise EnvironmentStops(f"disk_full: {trouble}", "nothing was lost: free some space, then `asyncdl run` goes on")
        self._scheduler.pause_all(PAUSE_SECONDS, now)

    def _trouble(self, space: Space) -> str:
        reserve, files = reserve_bytes(self._rules.keep_free, space), reserve_files(self._rules.keep_free, space)
        if space.free_bytes < reserve:
            return f"{approximate_size(space.free_bytes)} are free, and {approximate_size(reserve)} are kept free (--keep-free)"
        if space.free_files is not None and space.free_files < files:
            return f"{space.free_files:,} inodes are free, and {files:,} are kept free (--keep-free)"
        return ""

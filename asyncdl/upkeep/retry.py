"""Re-open failures: the rows that match a filter become due at once, with all attempts before them.

Every change goes through `store.apply`, page by page, so a stop leaves a consistent collection and the same
command goes on. It does not know who asks: a command that holds the collection, or a run that was told to.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from asyncdl.errors import UsageError
from asyncdl.lane_records import LaneRecord
from asyncdl.model import Batch, ManifestTransition, Transition, WorkKind
from asyncdl.status import ImageStatus
from asyncdl.store import ImageState, RetryFilter, Store
from asyncdl.store.reader import Reader
from asyncdl.upkeep.retry_filter import filter_of

PAGE_ROWS: Final = 1000
"""Rows per transaction: some ten milliseconds, so that a run that re-opens rows does not stand still."""

_NO_LINK: Final = "no_url"


@dataclass(frozen=True, slots=True)
class RetryReport:
    """What was re-opened, or would be. `by_error` counts the images by the error they stood with.

    `without_link` images matched but have no usable link to begin again with. `complete` is False when the
    limit was reached before the last row.
    """

    images: int = 0
    manifests: int = 0
    by_error: Mapping[str, int] = field(default_factory=dict)
    without_link: int = 0
    complete: bool = True

    def as_result(self) -> dict[str, Any]:
        """The report as a run acknowledges it to who posted the command."""
        return {
            "images": self.images,
            "manifests": self.manifests,
            "by_error_type": dict(self.by_error),
            "without_link": self.without_link,
            "complete": self.complete,
        }


async def reopen(store: Store, wanted: RetryFilter, at_ms: int, limit: int | None = None) -> RetryReport:
    """Re-open the rows that match (`wanted.kind` is not looked at: manifests first, then images), at most `limit` of them.

    A lane that was given up is asked again once a row of it is re-opened. Harmless twice: a row that is open
    does not match any more. Raises what `Store.apply` raises.
    """
    manifests = await _reopen_manifests(store, replace(wanted, kind=WorkKind.MANIFEST), at_ms, limit)
    left = None if limit is None else limit - manifests.manifests
    images = await _reopen_images(store, replace(wanted, kind=WorkKind.IMAGE), at_ms, left)
    return replace(images, manifests=manifests.manifests, complete=images.complete and manifests.complete)


async def preview(store: Reader, wanted: RetryFilter) -> RetryReport:
    """What `reopen` would do, without doing it. Manifests that images would wake are not counted; `no_url` counts as without a link."""
    manifests, images = 0, 0
    by_error: Counter[str] = Counter()
    pages = _Pages(store, replace(wanted, kind=WorkKind.MANIFEST), None)
    while pages.more:
        manifests += len(await pages.next())
    pages = _Pages(store, replace(wanted, kind=WorkKind.IMAGE), None)
    while pages.more:
        states = await store.image_states(await pages.next())
        images += len(states)
        by_error.update(_errors(states.values()))
    without_link = by_error.pop(_NO_LINK, 0)
    return RetryReport(images - without_link, manifests, dict(by_error.most_common()), without_link)


class _Pages:
    """The ids that match, page by page, at most `limit` in all. `cut` tells whether the limit ended it."""

    def __init__(self, store: Reader, wanted: RetryFilter, limit: int | None) -> None:
        self._store = store
        self._wanted = wanted
        self._left = limit
        self._after: int | None = 0
        self.cut = False

    @property
    def more(self) -> bool:
        """Whether there is another page to ask for."""
        if self._after is not None and self._left is not None and self._left <= 0:
            self.cut = True
        return self._after is not None and not self.cut

    async def next(self) -> tuple[int, ...]:
        """The next page, perhaps empty."""
        size = PAGE_ROWS if self._left is None else min(PAGE_ROWS, self._left)
        page = await self._store.select_for_retry(self._wanted, self._after or 0, size)
        self._after = page.next_after_id
        if self._left is not None:
            self._left -= len(page.ids)
        return page.ids


async def _reopen_manifests(store: Store, wanted: RetryFilter, at_ms: int, limit: int | None) -> RetryReport:
    pages = _Pages(store, wanted, limit)
    moved = 0
    while pages.more:
        async with store.transaction():  # what is found must still stand so when it is moved: a run may be at work
            moves = tuple(ManifestTransition(manifest, ImageStatus.PENDING, 0, 0) for manifest in await pages.next())
            await store.apply(Batch(manifests=moves), at_ms)
        moved += len(moves)
    return RetryReport(manifests=moved, complete=not pages.cut)


async def _reopen_images(store: Store, wanted: RetryFilter, at_ms: int, limit: int | None) -> RetryReport:
    pages = _Pages(store, wanted, limit)
    by_error: Counter[str] = Counter()
    moved, without_link = 0, 0
    while pages.more:
        async with store.transaction():
            states = list((await store.image_states(await pages.next())).values())
            moves = tuple(Transition(state.id, ImageStatus.PENDING, 0, 0, reset_spent=True) for state in states)
            applied = await store.apply(Batch(transitions=moves, lanes=await _lanes_back(store, wanted, states)), at_ms)
            if applied.images_moved < len(states):
                without_link += len(states) - applied.images_moved
                after = await store.image_states([state.id for state in states])
                states = [state for state in states if after[state.id].status is ImageStatus.PENDING]
        moved += applied.images_moved
        by_error.update(_errors(states))
    return RetryReport(moved, 0, dict(by_error.most_common()), without_link, complete=not pages.cut)


async def _lanes_back(store: Reader, wanted: RetryFilter, states: Sequence[ImageState]) -> tuple[LaneRecord, ...]:
    """The lanes of these images that were given up, as they are when they may be asked again."""
    suspects = {state.host for state in states if state.error == "lane_given_up" or wanted.hosts}
    lanes = {lane.lane: lane for lane in (await store.lanes_of_hosts(sorted(suspects)) if suspects else {}).values()}
    return tuple(replace(lane, given_up_ms=0, down_since_ms=0, pause_until_ms=0) for lane in lanes.values() if lane.given_up_ms)


def _errors(states: Iterable[ImageState]) -> list[str]:
    return [state.error or "none" for state in states]


async def carry_out(store: Store, body: Mapping[str, Any], at_ms: int) -> dict[str, Any]:
    """What a run does with a retry command from its inbox, and what it acknowledges: the report, or why it was refused."""
    try:
        wanted = filter_of(body)
    except UsageError as error:
        return {"error": str(error)}
    return (await reopen(store, wanted, at_ms)).as_result()

"""What a call of the store changed, in numbers: what ingest, additions and runs tell of it. Frozen values, no SQL."""

from __future__ import annotations

from dataclasses import dataclass, fields


@dataclass(frozen=True, slots=True)
class LoadCounts:
    """What one `Store.load` changed. A known image counts once per mention, whether or not it gained a URL.

    `images_changed` are known ones that gained a URL, `candidates_gained` those URLs (of `candidates_new`); `images_named_again` had been
    marked as gone.
    """

    records_new: int = 0
    images_new: int = 0
    images_known: int = 0
    candidates_new: int = 0
    manifests_new: int = 0
    images_reopened: int = 0
    images_changed: int = 0
    images_named_again: int = 0
    candidates_gained: int = 0


@dataclass(frozen=True, slots=True)
class AddCounts:
    """What adding a source did to a collection, or to a range of it.

    Records: `records_known` are those of the source in which nothing changed, `records_changed` gained or lost something (some of them,
    `records_changed_elsewhere`, only other living sources name), of `records_gone` nothing is named any more. Images: `images_changed`
    gained links, `images_named_again` had been gone; of the gone ones `images_withdrawn` had no file and are no longer asked.
    """

    records_new: int = 0
    records_changed: int = 0
    records_changed_elsewhere: int = 0
    records_known: int = 0
    records_gone: int = 0
    images_new: int = 0
    images_changed: int = 0
    images_named_again: int = 0
    images_reopened: int = 0
    images_gone: int = 0
    images_withdrawn: int = 0
    links_gained: int = 0
    links_new: int = 0
    manifests_new: int = 0
    manifests_withdrawn: int = 0

    def __add__(self, other: AddCounts) -> AddCounts:
        return AddCounts(*(getattr(self, each.name) + getattr(other, each.name) for each in fields(AddCounts)))


@dataclass(frozen=True, slots=True)
class Applied:
    """What one `Store.apply` changed.

    `manifests_waiting_failed` counts images that ended because the manifest they waited for ended. `due`
    names hosts that gained due rows, with the earliest due time gained: a nudge for whoever pages the queue.
    """

    images_moved: int = 0
    images_created: int = 0
    images_merged: int = 0
    manifests_waiting_failed: int = 0
    due: tuple[tuple[str, int], ...] = ()

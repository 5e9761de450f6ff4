"""What the first load of a collection hands the store, as frozen values: new records in columns, not one by one as `model` has them.

Nothing here decides or does anything.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PlainImages:
    """Records with one image each, whose one link needed no rules: its key, rank and kind are looked up when something asks. In columns."""

    records: Sequence[int | str] = ()
    """External ids, ascending, each once."""
    hosts: Sequence[int] = ()
    """For each the place of its link's host in the batch."""
    urls: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class BulkBatch:
    """Records that are all new to their collection, with all that belongs to them, in columns: millions are inserted without a loop.

    A *place* is a position in a column, from 0: of a record in `records`, of an image in `image_hosts`, of a host in `hosts`.
    Images stand in the order of their records and, inside a record, in key order, which is the order of their numbers from 0. The
    images of `plain` stand apart, and have no places.
    """

    hosts: Sequence[str]
    """The distinct hosts that the batch names."""
    plain: PlainImages
    records: Sequence[int | str]
    """External ids, ascending, each once, none of them in `plain`."""
    record_images: Sequence[int]
    """Images of each record, at least 1."""
    image_hosts: Sequence[int]
    """For each image the place of the host that is asked first."""
    image_keys: Sequence[int]
    """For each image its key hash."""
    candidate_images: Sequence[int]
    """For each candidate the place of its image, ascending."""
    candidate_positions: Sequence[int]
    """Position in the order of trial, ascending inside an image."""
    candidate_urls: Sequence[str]
    candidate_ranks: Sequence[int]
    """1 is the largest picture."""
    candidate_kinds: Sequence[int]
    """Numbers of `CandidateKind`."""
    waiting: Sequence[int] = ()
    """Places of the images whose first candidate is a manifest: they are not due."""
    manifests: Sequence[tuple[int, str, int, int]] = ()
    """Place of the record, URL, key hash, place of the host."""

    @property
    def record_count(self) -> int:
        """How many records there are, those of `plain` among them."""
        return len(self.records) + len(self.plain.records)

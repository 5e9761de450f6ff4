"""A range of records of an addition, compared and folded: what the store has to add, and what it has to judge.

A function of folders and a range, so it runs in a worker process as well as here.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path

from asyncdl.ingest.comparing import Comparison
from asyncdl.ingest.fold import LinkReject
from asyncdl.ingest.folding import FoldCounts, fold_rows
from asyncdl.model import JudgedRecord, NewRecord
from asyncdl.sourcerows import Range


@dataclass(frozen=True, slots=True)
class Sides:
    """The folders of parts that are compared: the new source, the living ones beside it, and the one it replaces."""

    new: Path
    others: tuple[Path, ...] = ()
    replaced: Path | None = None


@dataclass(slots=True)
class DifferentRange:
    """What a range comes to. `records` say something new, `judged` are those of which something may be gone.

    Of the new source's records in the range `records_unchanged` stand just so elsewhere in the collection, and `records_unusable` have no usable link.
    """

    counts: FoldCounts
    records: list[NewRecord]
    judged: list[JudgedRecord]
    records_unchanged: int
    records_unusable: int
    rejects: list[LinkReject] = field(default_factory=list)


def differ(sides: Sides, max_rows_per_record: int, records: Range) -> DifferentRange:
    """Compare a range, and apply the rules to what differs."""
    with Comparison(sides.new, sides.others, sides.replaced) as comparison:
        found = comparison.difference(records)
    folded = fold_rows(found.changed, max_rows_per_record)
    living: defaultdict[int | str, list[NewRecord]] = defaultdict(list)
    for columns in found.beside:
        for record in fold_rows(columns, max_rows_per_record).records:
            living[record.external_id].append(record)
    named = {record.external_id for record in folded.records}
    for record in folded.records:
        living[record.external_id].append(record)
    counts = folded.counts
    counts.rows_folded = found.rows
    counts.links_known = found.links - (counts.candidates + counts.duplicates + counts.links_rejected + counts.links_over_limit)
    changed = len(set(found.changed.records if isinstance(found.changed.records, list) else found.changed.records.tolist()))
    return DifferentRange(
        counts,
        folded.records,
        [JudgedRecord(record, tuple(living.get(record, ())), record in named) for record in found.unsettled],
        found.records - changed,
        changed - len(folded.records),
        folded.rejects,
    )

"""The two synchronous stages of an ingest, in steps that an event loop can hand to a thread.

`read_stage` takes the rows of every table, sorts out what is no media row and gives the rest to the sorter;
`load_stage` takes them back record by record and folds them into batches. Both are generators that write into
the tally, so that whoever drives them may look at it, or stop, between two steps.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

from asyncdl.ingest.accounts import Tally
from asyncdl.ingest.fold import Folded, fold
from asyncdl.ingest.options import Bounds, IngestOptions
from asyncdl.ingest.rejects import RejectReason, RejectsFile
from asyncdl.ingest.rows import Identified, MediaRow, RowRules, pack, unpack
from asyncdl.ingest.sort import RowSorter
from asyncdl.ingest.sources import SourceFormat
from asyncdl.ingest.tables import Table
from asyncdl.ingest.tabular import BadRow, Row
from asyncdl.model import NewRecord

STEP_ROWS = 20_000


def read_stage(
    tables: Sequence[Table], options: IngestOptions, sorter: RowSorter, rejects: RejectsFile, tally: Tally
) -> Iterator[None]:
    """Read every table to its end; yields after each `STEP_ROWS` rows. Raises `SourceError` when a table cannot be read."""
    for number, table in enumerate(tables):
        metered = _Meter(table, tally)
        reader, columns = metered.table.open(options.bounds)
        rules = RowRules(number, columns, options.bounds, only_images=options.only_images, id_prefix=table.spec.id_prefix)
        rows = _without_comments(reader.rows()) if table.spec.format is SourceFormat.URLS else reader.rows()
        while step := list(islice(rows, STEP_ROWS)):
            sorter.add(_interpreted(step, rules, table, rejects, tally))
            yield


class _Meter:
    """A table whose bytes are counted as they are read."""

    def __init__(self, table: Table, tally: Tally) -> None:
        self._table = table
        self._tally = tally
        self.table = Table(table.member, self._chunks, table.size_bytes, table.dialect, table.columns, table.spec)

    def _chunks(self) -> Iterator[bytes]:
        for chunk in self._table.chunks():
            self._tally.bytes_read += len(chunk)
            yield chunk


def _interpreted(
    rows: Iterable[Row | BadRow], rules: RowRules, table: Table, rejects: RejectsFile, tally: Tally
) -> list[tuple[int | str, str]]:
    """The media rows among these, ready for the sorter; everything else is counted, and rejects are kept."""
    taken: list[tuple[int | str, str]] = []
    for row in rows:
        tally.rows_read += 1
        if isinstance(row, BadRow):
            tally.rows_rejected += 1
            rejects.add(table.member, row.line, row.reason, row.raw)
            continue
        found = rules.interpret(row.line, row.cells)
        if isinstance(found, Identified):
            tally.rows_taken += 1
            tally.links += found.row.links
            taken.append((found.record, pack(found.row)))
        elif found is None:
            tally.rows_without_media += 1
        else:
            tally.rows_rejected += 1
            rejects.add(table.member, row.line, found, "\t".join(row.cells))
    return taken


def _without_comments(rows: Iterable[Row | BadRow]) -> Iterator[Row | BadRow]:
    """A list of links may have lines that begin with `#`, which no link does."""
    return (row for row in rows if isinstance(row, BadRow) or not row.cells[0].lstrip().startswith("#"))


def load_stage(
    sorter: RowSorter, tables: Sequence[Table], options: IngestOptions, rejects: RejectsFile, tally: Tally
) -> Iterator[list[NewRecord]]:
    """Fold the sorted rows, in batches bounded by records and by images."""
    batch: list[NewRecord] = []
    images = 0
    members = [table.member for table in tables]
    for external_id, texts in sorter.groups():
        folded = fold(external_id, _bounded(texts, options.bounds, members, rejects, tally))
        _account(folded, members, rejects, tally)
        if folded.record is None:
            continue
        batch.append(folded.record)
        images += len(folded.record.images)
        if len(batch) >= options.records_per_batch or images >= options.images_per_batch:
            yield batch
            batch, images = [], 0
    if batch:
        yield batch


def _bounded(texts: Iterable[str], bounds: Bounds, members: Sequence[str], rejects: RejectsFile, tally: Tally) -> list[MediaRow]:
    """The rows of one record, as many as are allowed; the others are rejected one by one."""
    rows: list[MediaRow] = []
    for text in texts:
        row = unpack(text)
        tally.rows_folded += 1
        if len(rows) < bounds.max_rows_per_record:
            rows.append(row)
        else:
            tally.links_over_limit += row.links
            rejects.add(
                members[row.table], row.line, RejectReason.TOO_MANY_ROWS, " ".join(url for photo in row.photos for url in photo)
            )
    return rows


def _account(folded: Folded, members: Sequence[str], rejects: RejectsFile, tally: Tally) -> None:
    tally.candidates += folded.candidates
    tally.duplicates += folded.duplicates
    tally.links_rejected += len(folded.rejects)
    for reject in folded.rejects:
        rejects.add(members[reject.table], reject.line, reject.reason, reject.url)
    if folded.record is not None:
        tally.records += 1
        tally.images += len(folded.record.images)
        tally.manifests += len(folded.record.manifests)

"""A range of sorted rows folded: into columns for the first load of a collection, or into records for a later one.

The rules are those of `fold`. What is new here is that a record with one plain row needs none of them: its image is that link, and its key is looked
up when something asks for it. Nine rows in ten of a real download go that way, in columns. A function of a folder and a range, so it runs in a
worker process as well as here.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from asyncdl.ingest.fold import LinkReject, fold, images_of, manifests_of, photos_of
from asyncdl.ingest.rejects import RejectReason
from asyncdl.model import BulkBatch, CandidateKind, NewRecord
from asyncdl.sourcerows import PHOTO_BORDER, URL_BORDER, Range, RowColumns, SourceRows
from asyncdl.urls import ResolvedUrl, key_hash, resolve

_MANIFEST = CandidateKind.MANIFEST


@dataclass(slots=True)
class FoldCounts:
    """What became of the rows and links of a range; `links_known` as in `IngestCounts`."""

    rows_folded: int = 0
    candidates: int = 0
    duplicates: int = 0
    links_rejected: int = 0
    links_over_limit: int = 0
    links_known: int = 0
    records: int = 0
    images: int = 0
    manifests: int = 0


@dataclass(slots=True)
class FoldedRange:
    """A range as the store takes it: `batch` for a first load, else `records`."""

    counts: FoldCounts
    rejects: list[LinkReject] = field(default_factory=list)
    batch: BulkBatch | None = None
    records: list[NewRecord] = field(default_factory=list)


class _Row(NamedTuple):
    """A row as `fold` sees it."""

    table: int
    line: int
    photos: tuple[tuple[str, ...], ...]
    media_format: str


def fold_in_columns(folder: Path, records: Range, max_rows_per_record: int) -> FoldedRange:
    """Fold a range of records that are all new."""
    return _ColumnFold(SourceRows(folder).rows_of(records), max_rows_per_record).run()


def fold_to_records(folder: Path, records: Range, max_rows_per_record: int) -> FoldedRange:
    """Fold a range of records."""
    return fold_rows(SourceRows(folder).rows_of(records), max_rows_per_record)


def fold_rows(columns: RowColumns, max_rows_per_record: int) -> FoldedRange:
    """Fold rows, sorted by record, into records."""
    found = FoldedRange(FoldCounts())
    counts = found.counts
    firsts, sizes = _groups(columns)
    for first, size in zip(firsts.tolist(), sizes.tolist(), strict=True):
        record = columns.records[first]
        external_id = record if isinstance(record, str) else int(record)
        counts.rows_folded += size
        folded = fold(external_id, _rows(columns, first, size, max_rows_per_record, found))
        counts.candidates += folded.candidates
        counts.duplicates += folded.duplicates
        counts.links_rejected += len(folded.rejects)
        found.rejects += folded.rejects
        if folded.record is not None:
            counts.records += 1
            counts.images += len(folded.record.images)
            counts.manifests += len(folded.record.manifests)
            found.records.append(folded.record)
    return found


def _groups(columns: RowColumns) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Where each record begins, and how many rows it has."""
    records = _in_array(columns.records)
    if not len(records):
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    firsts = np.flatnonzero(np.concatenate(([True], records[1:] != records[:-1])))
    return firsts, np.diff(firsts, append=len(records))


def _in_array(records: npt.NDArray[np.int64] | list[str]) -> npt.NDArray[Any]:
    """Texts stay objects: as an array of characters every one would take the room of the longest."""
    return np.array(records, object) if isinstance(records, list) else records


def _rows(columns: RowColumns, first: int, size: int, max_rows: int, found: FoldedRange) -> Iterator[_Row]:
    """The rows of one record, as many as are allowed; the others are rejected one by one."""
    for place in range(first, first + size):
        member, line, text = int(columns.members[place]), int(columns.lines[place]), columns.photos[place]
        photos = tuple(tuple(photo.split(URL_BORDER)) for photo in text.split(PHOTO_BORDER))
        if place - first < max_rows:
            yield _Row(member, line, photos, columns.media_formats[place])
        else:
            found.counts.links_over_limit += sum(map(len, photos))
            shown = text.replace(PHOTO_BORDER, " ").replace(URL_BORDER, " ")
            found.rejects.append(LinkReject(member, line, RejectReason.TOO_MANY_ROWS, shown))


class _ColumnFold:
    """The fold of one range into columns. Places of images are known only at the end, so what rules make is kept by record until then."""

    def __init__(self, columns: RowColumns, max_rows_per_record: int) -> None:
        self._columns = columns
        self._max_rows = max_rows_per_record
        self._found = FoldedRange(FoldCounts())
        self._hosts: dict[str, int] = {}
        self._manifests: list[tuple[int, str, int, int]] = []
        # Of the images that rules made: place of the record, key hash, host, whether it waits; and of their candidates.
        self._records: list[int] = []
        self._keys: list[int] = []
        self._image_hosts: list[int] = []
        self._waits: list[bool] = []
        self._candidates: list[int] = []
        self._urls: list[str] = []
        self._ranks: list[int] = []
        self._kinds: list[int] = []

    def run(self) -> FoldedRange:
        """Fold; the counts and rejects of the result are those of the range."""
        columns = self._columns
        firsts, sizes = _groups(columns)
        single = (sizes == 1) & columns.plain[firsts]
        images_of_record = single.astype(np.int64)
        rest = np.flatnonzero(~single)
        borders = np.fromiter(
            (PHOTO_BORDER in text or URL_BORDER in text for text in columns.photos), np.bool_, len(columns.photos)
        )
        simple = np.add.reduceat(borders, firsts) == 0 if len(firsts) else borders
        simple &= sizes <= self._max_rows
        for place, first, size, one_link_each in zip(
            rest.tolist(), firsts[rest].tolist(), sizes[rest].tolist(), simple[rest].tolist(), strict=True
        ):
            images = self._fold_apart(place, first, size) if one_link_each else -1
            images_of_record[place] = images if images >= 0 else self._fold_record(place, first, size)
        self._found.batch = self._batch(firsts, single, images_of_record)
        counts, batch = self._found.counts, self._found.batch
        counts.rows_folded = len(columns.photos)
        counts.candidates = len(batch.candidate_urls)
        counts.duplicates += int(np.count_nonzero(single)) - counts.candidates
        counts.records, counts.images, counts.manifests = len(batch.records), len(batch.image_hosts), len(batch.manifests)
        return self._found

    def _fold_record(self, place: int, first: int, size: int) -> int:
        """One record by the rules; returns how many images it has."""
        found = self._found
        photos, rejects = photos_of(_rows(self._columns, first, size, self._max_rows, found))
        if rejects:
            found.rejects += rejects
            found.counts.links_rejected += len(rejects)
        found.counts.duplicates += sum(map(len, photos))
        if not photos:
            return 0
        images = images_of(photos)
        for key, candidates in images:
            self._add_image(place, key, candidates)
        for link in manifests_of(photos):
            self._manifests.append((place, link.url, key_hash(link.key), self._host(link.host)))
        return len(images)

    def _fold_apart(self, place: int, first: int, size: int) -> int:
        """A record whose rows each hold one link: -1, with nothing done, unless all of them are usable and different photos, as nearly all are."""
        texts = self._columns.photos[first : first + size]
        formats = self._columns.media_formats[first : first + size]
        links = list(map(resolve, texts, formats))
        keyed = {link.key: link for link in links}
        if len(keyed) < size or "" in keyed:
            return -1
        self._found.counts.duplicates += size
        for key in sorted(keyed):
            link = keyed[key]
            self._add_image(place, key, (link,))
            if link.kind is _MANIFEST:
                self._manifests.append((place, link.url, key_hash(key), self._host(link.host)))
        return size

    def _add_image(self, place: int, key: str, candidates: Sequence[ResolvedUrl]) -> None:
        image = len(self._records)
        self._records.append(place)
        self._keys.append(key_hash(key))
        self._image_hosts.append(self._host(candidates[0].host))
        self._waits.append(candidates[0].kind is _MANIFEST)
        for link in candidates:
            self._candidates.append(image)
            self._urls.append(link.url)
            self._ranks.append(link.rank)
            self._kinds.append(link.kind)

    def _host(self, name: str) -> int:
        return self._hosts.setdefault(name, len(self._hosts))

    def _batch(
        self, firsts: npt.NDArray[np.int64], single: npt.NDArray[np.bool_], images_of_record: npt.NDArray[np.int64]
    ) -> BulkBatch:
        """Put both kinds of images in the order of their records."""
        columns = self._columns
        first_image = np.cumsum(images_of_record) - images_of_record
        total = int(images_of_record.sum())
        urls_of_single = [columns.photos[place] for place in firsts[single].tolist()]
        keys, hosts = np.zeros(total, np.int64), np.zeros(total, np.int64)
        hosts[first_image[single]] = [self._host(url.split("/", 3)[2]) for url in urls_of_single]
        by_rules = np.array(self._records, np.int64)
        places = first_image[by_rules] + _ranks_in_runs(by_rules)
        keys[places] = self._keys
        hosts[places] = self._image_hosts
        images = np.concatenate((first_image[single], places[np.array(self._candidates, np.int64)]))
        order = np.argsort(images, kind="stable")
        urls = [*urls_of_single, *self._urls]
        of_single = len(urls_of_single)
        ranks = np.concatenate((np.zeros(of_single, np.int64), np.array(self._ranks, np.int64)))[order]
        kinds = np.concatenate((np.zeros(of_single, np.int64), np.array(self._kinds, np.int64)))[order]
        kept = images_of_record > 0
        record_place = np.cumsum(kept) - 1
        records = _in_array(columns.records)[firsts[kept]].tolist()
        return BulkBatch(
            records=records,
            record_images=images_of_record[kept].tolist(),
            hosts=list(self._hosts),
            image_hosts=hosts.tolist(),
            image_keys=keys.tolist(),
            candidate_images=images[order].tolist(),
            candidate_positions=_ranks_in_runs(images[order]).tolist(),
            candidate_urls=[urls[place] for place in order.tolist()],
            candidate_ranks=ranks.tolist(),
            candidate_kinds=kinds.tolist(),
            waiting=places[np.array(self._waits, np.bool_)].tolist() if self._waits else (),
            manifests=[(int(record_place[place]), url, key, host) for place, url, key, host in self._manifests],
        )


def _ranks_in_runs(values: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """For values that stand in runs, the place of each in its run, from 0."""
    if not len(values):
        return np.zeros(0, np.int64)
    firsts = np.flatnonzero(np.concatenate(([True], values[1:] != values[:-1])))
    return np.arange(len(values)) - np.repeat(firsts, np.diff(firsts, append=len(values)))

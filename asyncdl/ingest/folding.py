"""A range of sorted rows folded: into columns for the first load of a collection, or into records for a later one.

The rules are those of `fold`. What is new here is that a record with one plain row needs none of them: its image is that link, and its key is looked
up when something asks for it. Nine rows in ten of a real download go that way, in columns. A function of a folder and a range, so it runs in a
worker process as well as here.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from asyncdl.bulk_batch import BulkBatch, PlainImages
from asyncdl.ingest.fold import LinkReject, fold, images_of, manifests_of, needs_rules, photos_of
from asyncdl.ingest.rejects import RejectReason
from asyncdl.model import CandidateKind, NewRecord
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
    """The fold of one range into columns. A *place* of a record is one among those that need rules."""

    def __init__(self, columns: RowColumns, max_rows_per_record: int) -> None:
        self._columns = columns
        self._max_rows = max_rows_per_record
        self._found = FoldedRange(FoldCounts())
        self._hosts: dict[str, int] = {}
        self._manifests: list[tuple[int, str, int, int]] = []
        # Of the images that rules made, in the order of their records: key hash, host, those that wait; and of their candidates.
        self._keys: list[int] = []
        self._image_hosts: list[int] = []
        self._waiting: list[int] = []
        self._candidates: list[int] = []
        self._urls: list[str] = []
        self._ranks: list[int] = []
        self._kinds: list[int] = []

    def run(self) -> FoldedRange:
        """Fold; the counts and rejects of the result are those of the range."""
        columns, found = self._columns, self._found
        firsts, sizes = _groups(columns)
        single = (sizes == 1) & columns.plain[firsts]
        rest = np.flatnonzero(~single)
        apart = self._with_one_link_per_row(firsts, sizes)[rest]
        images_of_record = np.zeros(len(rest), np.int64)
        for place, (first, size, one_link_each) in enumerate(
            zip(firsts[rest].tolist(), sizes[rest].tolist(), apart.tolist(), strict=True)
        ):
            images = self._fold_apart(place, first, size) if one_link_each else -1
            images_of_record[place] = images if images >= 0 else self._fold_record(place, first, size)
        plain = self._plain(firsts[single])
        found.batch = batch = self._batch(plain, firsts[rest], images_of_record)
        counts = found.counts
        counts.rows_folded = len(columns.photos)
        counts.candidates = len(plain.urls) + len(batch.candidate_urls)
        counts.duplicates -= len(batch.candidate_urls)
        counts.records, counts.manifests = batch.record_count, len(batch.manifests)
        counts.images = len(plain.urls) + len(batch.image_hosts)
        return found

    def _with_one_link_per_row(self, firsts: npt.NDArray[np.int64], sizes: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
        """Which records have rows of one link each, and no more rows than are allowed."""
        columns = self._columns
        borders = np.zeros(len(columns.photos), np.int64)
        for row in np.flatnonzero(~columns.plain).tolist():
            text = columns.photos[row]
            borders[row] = PHOTO_BORDER in text or URL_BORDER in text
        several = np.add.reduceat(borders, firsts) if len(firsts) else borders
        one: npt.NDArray[np.bool_] = (several == 0) & (sizes <= self._max_rows)
        return one

    def _plain(self, firsts: npt.NDArray[np.int64]) -> PlainImages:
        """The records whose one link needs no rules; `firsts` are their rows."""
        rows = firsts.tolist()
        photos, hosts = self._columns.photos, self._hosts
        urls = [photos[row] for row in rows]
        of_urls = array("q", [hosts.setdefault(url.split("/", 3)[2], len(hosts)) for url in urls])
        return PlainImages(self._ids(firsts), of_urls, urls)

    def _ids(self, firsts: npt.NDArray[np.int64]) -> Sequence[int | str]:
        """The ids of the records that begin at these rows."""
        records = self._columns.records
        return [records[row] for row in firsts.tolist()] if isinstance(records, list) else _packed(records[firsts])

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
            self._add_image(key, candidates)
        for link in manifests_of(photos):
            self._manifests.append((place, link.url, key_hash(link.key), self._host(link.host)))
        return len(images)

    def _fold_apart(self, place: int, first: int, size: int) -> int:
        """A record whose rows each hold one link: -1, with nothing done, unless all are usable and different photos that need no rules, as nearly all are."""
        texts = self._columns.photos[first : first + size]
        formats = self._columns.media_formats[first : first + size]
        links = list(map(resolve, texts, formats))
        keyed = {link.key: link for link in links}
        if len(keyed) < size or "" in keyed or any(map(needs_rules, links)):
            return -1
        self._found.counts.duplicates += size
        image = len(self._keys)
        urls, keys, ranks, kinds, hosts, *_ = zip(*[keyed[key] for key in sorted(keyed)], strict=True)
        hashes = list(map(key_hash, keys))
        of_hosts = list(map(self._host, hosts))
        self._keys += hashes
        self._image_hosts += of_hosts
        self._candidates += range(image, image + size)
        self._urls += urls
        self._ranks += ranks
        self._kinds += kinds
        if _MANIFEST in kinds:
            for at, kind in enumerate(kinds):
                if kind is _MANIFEST:
                    self._waiting.append(image + at)
                    self._manifests.append((place, urls[at], hashes[at], of_hosts[at]))
        return size

    def _add_image(self, key: str, candidates: Sequence[ResolvedUrl]) -> None:
        image = len(self._keys)
        first = candidates[0]
        self._keys.append(key_hash(key))
        self._image_hosts.append(self._host(first.host))
        if first.kind is _MANIFEST:
            self._waiting.append(image)
        for link in candidates:
            self._candidates.append(image)
            self._urls.append(link.url)
            self._ranks.append(link.rank)
            self._kinds.append(link.kind)

    def _host(self, name: str) -> int:
        return self._hosts.setdefault(name, len(self._hosts))

    def _batch(self, plain: PlainImages, firsts: npt.NDArray[np.int64], images_of_record: npt.NDArray[np.int64]) -> BulkBatch:
        """All together. `firsts` and `images_of_record` are of the records that rules were for; some of those have no usable link."""
        images = np.array(self._candidates, np.int64)
        kept = images_of_record > 0
        record_place = np.cumsum(kept) - 1
        return BulkBatch(
            hosts=list(self._hosts),
            plain=plain,
            records=self._ids(firsts[kept]),
            record_images=_packed(images_of_record[kept]),
            image_hosts=array("q", self._image_hosts),
            image_keys=array("q", self._keys),
            candidate_images=_packed(images),
            candidate_positions=_packed(_ranks_in_runs(images)),
            candidate_urls=self._urls,
            candidate_ranks=array("b", self._ranks),
            candidate_kinds=array("b", self._kinds),
            waiting=self._waiting,
            manifests=[(int(record_place[place]), url, key, host) for place, url, key, host in self._manifests],
        )


def _packed(values: npt.NDArray[np.int64]) -> Sequence[int]:
    """Whole numbers in the form that crosses to another process as it lies in memory, and is read as Python's numbers there."""
    return array("q", values.tobytes())


def _ranks_in_runs(values: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """For values that stand in runs, the place of each in its run, from 0."""
    if not len(values):
        return np.zeros(0, np.int64)
    firsts = np.flatnonzero(np.concatenate(([True], values[1:] != values[:-1])))
    return np.arange(len(values)) - np.repeat(firsts, np.diff(firsts, append=len(values)))

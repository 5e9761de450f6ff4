"""A newer source held against those that a collection has: which records say something new, and what is no longer said.

Both sides are sorted parts (`asyncdl.sourcerows`), so any range of records is looked at by itself, in the memory of a range: a download of
60 million rows of which a hundredth is new costs a scan, and rules for that hundredth only. duckdb reads; nothing is written.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import duckdb

from asyncdl.errors import CollectionError
from asyncdl.sourcerows import PHOTO_BORDER, URL_BORDER, Range, reader_config

_PROBED_RANGES: Final = 16
_URL_BORDERS: Final = f"[{URL_BORDER}{PHOTO_BORDER}]"
_ALIKE_SHARE: Final = 0.5


@dataclass(frozen=True, slots=True)
class Vanished:
    """A record of the replaced source some of whose links no living source names any more, and those that one still does."""

    record: int | str
    gone: frozenset[str]
    living: frozenset[str]


class Comparison:
    """A new source against the others of its collection. `others` are living and stay; `replaced` is what the new one takes the place of.

    A context manager; folders are those of parts. Every method is bounded by the range it is given. Raises `CollectionError` for
    parts that cannot be read.
    """

    def __init__(self, new: Path, others: Sequence[Path], replaced: Path | None = None) -> None:
        self._new = new
        self._others = tuple(others)
        self._replaced = replaced
        self._connection: duckdb.DuckDBPyConnection | None = None

    def __enter__(self) -> Self:
        self._connection = duckdb.connect(":memory:", config=reader_config())
        self._connection.execute("SET parquet_metadata_cache = true")  # the same files are asked range by range
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def changed(self, records: Range) -> frozenset[int | str]:
        """The records of the range whose rows do not all stand, just so, in one of the other sources: only these need the rules."""
        new = self._said(self._new, records)
        for folder in self._older():
            known = self._said(folder, records)
            new = {record: said for record, said in new.items() if known.get(record) != said}
        return frozenset(new)

    def vanished(self, records: Range) -> tuple[Vanished, ...]:
        """The records of the range, in the replaced source, that lost links."""
        if self._replaced is None:
            return ()
        named = self._links([self._replaced], records)
        living = self._links([self._new, *self._others], records)
        lost = ((record, urls - living.get(record, frozenset())) for record, urls in named.items())
        return tuple(Vanished(record, gone, living.get(record, frozenset())) for record, gone in lost if gone)

    def comes_again(self, folder: Path, ranges: Sequence[Range]) -> bool:
        """Whether at least half of the records of an older source stand in the new one: then it is a newer state of the same thing.

        `ranges` are those of the older source; some, evenly spread, are looked at.
        """
        step = max(1, len(ranges) // _PROBED_RANGES)
        there = again = 0
        for records in ranges[::step]:
            old = self._records(folder, records)
            there += len(old)
            again += len(old & self._records(self._new, records))
        return there > 0 and again >= there * _ALIKE_SHARE

    def _older(self) -> Iterable[Path]:
        return self._others if self._replaced is None else (*self._others, self._replaced)

    def _said(self, folder: Path, records: Range) -> Mapping[int | str, str]:
        """What a source says of each record, as one text that does not depend on the order of its rows."""
        rows = self._query(
            "SELECT record, string_agg(DISTINCT photos, chr(10) ORDER BY photos) FROM {parts} GROUP BY record", [folder], records
        )
        return dict(rows)

    def _links(self, folders: Sequence[Path], records: Range) -> Mapping[int | str, frozenset[str]]:
        rows = self._query(
            "SELECT record, list(DISTINCT url) FROM (SELECT record, unnest(string_split_regex(photos, $borders)) AS url FROM {parts})"
            " GROUP BY record",
            folders,
            records,
            borders=_URL_BORDERS,
        )
        return {record: frozenset(urls) for record, urls in rows}

    def _records(self, folder: Path, records: Range) -> frozenset[int | str]:
        return frozenset(record for (record,) in self._query("SELECT DISTINCT record FROM {parts}", [folder], records))

    def _query(self, sql: str, folders: Sequence[Path], records: Range, **more: str) -> list[tuple[Any, ...]]:
        """The rows of a statement over the parts of these folders that lie in the range."""
        assert self._connection is not None, "the comparison is not open"
        files = [str(path) for folder in folders for path in sorted(folder.glob(f"{records.kind}-*.parquet"))]
        if not files:
            return []
        conditions = []
        values: dict[str, object] = {"files": files, **more}
        for name, sign, bound in (("first", ">=", records.first), ("after", "<", records.after)):
            if bound is not None:
                conditions.append(f"record {sign} ${name}")
                values[name] = bound
        where = f" WHERE {' AND '.join(conditions)}" if conditions else ""
        parts = f"(SELECT record, photos FROM read_parquet($files){where})"  # noqa: S608  conditions of ours, values bound
        try:
            return self._connection.execute(sql.format(parts=parts), values).fetchall()
        except duckdb.Error as error:
            raise CollectionError(
                f"{', '.join(str(folder) for folder in folders)} cannot be read: {str(error).splitlines()[0][:200]}",
                "restore a copy of it, or make the collection anew from its source",
            ) from error

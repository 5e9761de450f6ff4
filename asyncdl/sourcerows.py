"""What sources say, kept as Parquet: the rows of each source, sorted by record, in `sources/<number>/` of a collection.

SQLite holds what is wanted and what became of it; these files hold what a source said and never change: links as published, columns of
the occurrence, and, in an order of their own (`asyncdl.saidfiles`), licence, creator and title. A folder with its `about.json` is whole; ingest folds images out of it, `explain` and
`export` look records up in it. The files are sorted and cut into ranges of records, so one record or one range is found by the
statistics that Parquet keeps per row group.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

import duckdb
import numpy as np
import numpy.typing as npt

from asyncdl.errors import CollectionError
from asyncdl.saidfiles import KEY, TEXTS, texts_of
from asyncdl.sourceabout import ABOUT, About

NUMBERED: Final = "rows"
"""Files `rows-000.parquet`, …: records whose id is a whole number."""
NAMED: Final = "names"
"""Files `names-000.parquet`, …: records whose id is text."""
KEPT: Final = {NUMBERED: "records", NAMED: "record_names"}
"""The files beside each kind with the columns of the occurrence that were kept."""
KINDS: Final = (NUMBERED, NAMED)

PHOTO_BORDER: Final = "\x1e"
"""Between the photos of a row."""
URL_BORDER: Final = "\x1d"
"""Between the links of one photo, the best first."""

COLUMNS: Final[Mapping[str, str]] = {
    **KEY,
    "photos": "VARCHAR",
    "plain": "BOOLEAN",
    "media_format": "VARCHAR",
}
"""The columns of a part after `record` (BIGINT, or VARCHAR for text ids), with their types. Member, line and `nth` say which row it is, as in `KEY`."""

_OF_RECORD: Final = "SELECT member, line, nth, photos, coalesce(media_format, '') FROM read_parquet($files) WHERE record = $record ORDER BY member, line, nth"

ROWS_PER_GROUP: Final = 51_200
"""Rows of a row group: what one batch of an ingest takes, and what finding one record reads. A multiple of duckdb's 2,048."""

DATASETS_FILE: Final = "datasets.json"
"""Beside the parts: how the datasets of an archive want to be cited."""
_READER_MEMORY_BYTES: Final = 256_000_000
_NOTHING: Final = ("",) * len(TEXTS)


@dataclass(frozen=True, slots=True)
class Range:
    """Records from `first` (None: the first there is) up to but not with `after` (None: to the last), in the parts of one `kind`.

    `part` names the file that holds them all; empty where they may stand in any.
    """

    kind: str
    first: int | str | None = None
    after: int | str | None = None
    part: str = ""


@dataclass(frozen=True, slots=True)
class RowColumns:
    """The rows of a range, in columns, sorted by record, member and line."""

    records: npt.NDArray[np.int64] | list[str]
    members: npt.NDArray[np.int64]
    lines: npt.NDArray[np.int64]
    photos: list[str]
    plain: npt.NDArray[np.bool_]
    media_formats: list[str]

    def where(self, wanted: npt.NDArray[np.bool_]) -> RowColumns:
        """Only these rows."""
        places = np.flatnonzero(wanted).tolist()
        records = self.records
        return RowColumns(
            [records[place] for place in places] if isinstance(records, list) else records[wanted],
            self.members[wanted],
            self.lines[wanted],
            [self.photos[place] for place in places],
            self.plain[wanted],
            [self.media_formats[place] for place in places],
        )

    @classmethod
    def of(cls, kind: str, found: Mapping[str, npt.NDArray[Any]]) -> RowColumns:
        """From columns as duckdb gives them, by name; none of them holds NULL."""
        ids = found["record"]
        return cls(
            ids.astype(np.int64) if kind == NUMBERED else ids.tolist(),
            found["member"].astype(np.int64),
            found["line"].astype(np.int64),
            found["photos"].tolist(),
            found["plain"].astype(np.bool_),
            found["media_format"].tolist(),
        )


@dataclass(frozen=True, slots=True)
class SaidRow:
    """One row of a source as it was said, without what is empty. `source` is its number, 0 where nobody asked."""

    member: str
    line: int
    urls: tuple[str, ...]
    licence: str = ""
    rights_holder: str = ""
    creator: str = ""
    media_format: str = ""
    reference: str = ""
    title: str = ""
    source: int = 0


class SourceRows:
    """The rows of one source. Looks at the disk when asked; every answer is bounded by a range or a record."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @property
    def whole(self) -> bool:
        """Whether reading the source came to its end."""
        return (self.folder / ABOUT).is_file()

    @property
    def about(self) -> About:
        """What is known of the source as a whole."""
        return About.load(self.folder)

    @property
    def datasets(self) -> Mapping[str, Mapping[str, str]]:
        """Title, DOI, citation and rights of the datasets of an archive, by their keys; empty where it describes none."""
        path = self.folder / DATASETS_FILE
        try:
            found: dict[str, dict[str, str]] = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
        except (OSError, ValueError) as error:
            raise CollectionError(f"{path} cannot be read: {error}", "restore a copy of the folder") from error
        return found

    def parts(self, kind: str) -> list[Path]:
        """The files of a kind, in the order of their records."""
        return sorted(self.folder.glob(f"{kind}-*.parquet"))

    def ranges(self, rows_per_range: int = ROWS_PER_GROUP) -> list[Range]:
        """Ranges of records of about so many rows each, all of them together everything, in order."""
        return [found for kind in KINDS for part in self.parts(kind) for found in self._ranges_of_part(kind, part, rows_per_range)]

    def read_through(self) -> None:
        """Read every row. Raises `CollectionError` when that cannot be done: parts may be damaged anywhere."""
        for kind in KINDS:
            if parts := self.parts(kind):
                with self._open() as connection:
                    connection.execute(
                        "SELECT count(record), sum(length(photos)) FROM read_parquet($files)",
                        {"files": [str(part) for part in parts]},
                    ).fetchall()

    def _ranges_of_part(self, kind: str, part: Path, rows_per_range: int) -> Iterator[Range]:
        """Cut at every so manieth row: a record that goes on behind the cut belongs to the range behind it, whole."""
        with self._open() as connection:
            rows = connection.execute(
                "SELECT DISTINCT record FROM read_parquet($part, file_row_number = true) WHERE file_row_number % $step = 0 ORDER BY record",
                {"part": str(part), "step": rows_per_range},
            ).fetchall()
        firsts = [record for (record,) in rows]
        for first, after in zip(firsts, [*firsts[1:], None], strict=True):
            yield Range(kind, first, after, part.name)

    def rows_of(self, records: Range) -> RowColumns:
        """The rows of a range, as folding needs them: in the order of the parts, which is that of records, members and lines."""
        found = self._columns("record, member, line, photos, plain, coalesce(media_format, '') AS media_format", records)
        return RowColumns.of(records.kind, found)

    def of_record(self, record: int | str) -> tuple[SaidRow, ...]:
        """What the source says of one record, in its order."""
        kind = NUMBERED if isinstance(record, int) else NAMED
        parts = self.parts(kind)
        if not parts:
            return ()
        with self._open() as connection:
            rows = connection.execute(_OF_RECORD, {"files": [str(part) for part in parts], "record": record}).fetchall()
            texts = texts_of(connection, self.folder, [(member, line, nth) for member, line, nth, _, _ in rows])
        members = self.about.members
        return tuple(
            said_row(members, member, line, photos, media_format, *texts.get((member, line, nth), _NOTHING))
            for member, line, nth, photos, media_format in rows
        )

    def kept(self, record: int | str) -> Mapping[str, str]:
        """The columns of the occurrence that were kept of a record; empty where there are none."""
        kind = NUMBERED if isinstance(record, int) else NAMED
        parts = self.parts(KEPT[kind])
        if not parts:
            return {}
        with self._open() as connection:
            found = connection.execute(
                "SELECT * EXCLUDE (record) FROM read_parquet($files) WHERE record = $record LIMIT 1",
                {"files": [str(part) for part in parts], "record": record},
            )
            names = [str(column[0]) for column in found.description or ()]
            row = found.fetchone()
        return {} if row is None else {name: str(value) for name, value in zip(names, row, strict=True) if value}

    def source(self, records: Range) -> tuple[str, dict[str, object]]:
        """The rows of a range as duckdb's SQL, and what is bound in it."""
        conditions = []
        parts = [self.folder / records.part] if records.part else self.parts(records.kind)
        values: dict[str, object] = {"files": [str(part) for part in parts]}
        for name, sign, bound in (("first", ">=", records.first), ("after", "<", records.after)):
            if bound is not None:
                conditions.append(f"record {sign} ${name}")
                values[name] = bound
        where = f" WHERE {' AND '.join(conditions)}" if conditions else ""
        return f"read_parquet($files){where}", values

    def _columns(self, names: str, records: Range) -> Mapping[str, npt.NDArray[Any]]:
        source, values = self.source(records)
        with self._open() as connection:
            found = connection.execute(f"SELECT {names} FROM {source}", values).fetchnumpy()  # noqa: S608  names of ours
        return {name: np.ma.getdata(column) for name, column in found.items()}

    @contextmanager
    def _open(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """A cursor for one question. Raises `CollectionError` for files that cannot be read."""
        with readable(self.folder), closing(_reader().cursor()) as connection:
            yield connection


@contextmanager
def readable(folder: Path) -> Iterator[None]:
    """Reading a folder of parts. Raises `CollectionError` for files that cannot be read."""
    try:
        yield
    except duckdb.Error as error:
        first = str(error).strip().splitlines()[0][:200]
        raise CollectionError(
            f"{folder} cannot be read: {first}", "restore a copy of it, or make the collection anew from its source"
        ) from error


@cache
def _reader() -> duckdb.DuckDBPyConnection:
    """The one connection of this process that reads parts: making one costs as much as reading a thousand rows."""
    connection = duckdb.connect(":memory:", config=reader_config())
    connection.execute("SET parquet_metadata_cache = true")  # the same files are asked range by range
    return connection


def reader_config() -> dict[str, str | bool | int | float | list[str]]:
    """How duckdb is opened to read parts: little memory, one thread, nothing fetched from outside."""
    return {
        "memory_limit": f"{_READER_MEMORY_BYTES}B",
        "threads": 1,
        "autoinstall_known_extensions": False,
        "autoload_known_extensions": False,
    }


def said_row(members: Sequence[str], member: int, line: int, photos: str, media_format: str, *texts: str) -> SaidRow:
    """A row of a part with what it says, in the order of `asyncdl.saidfiles.TEXTS`. `members` are those of `About`."""
    licence, rights_holder, creator, reference, title = texts
    name = members[member] if member < len(members) else ""
    return SaidRow(name, line, split_links(photos), licence, rights_holder, creator, media_format, reference, title)


def split_links(photos: str) -> tuple[str, ...]:
    """All links of a row, in its order."""
    return tuple(photos.replace(PHOTO_BORDER, URL_BORDER).split(URL_BORDER))


def folders(sources: Path) -> Sequence[Path]:
    """The whole sources of a collection, in the order of their numbers. `sources` is the collection's folder of them."""
    numbered = [(int(path.name), path) for path in sources.glob("*") if path.name.isdigit() and (path / ABOUT).is_file()]
    return [path for _, path in sorted(numbered)]

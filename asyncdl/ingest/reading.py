"""The first stage of an ingest: a source becomes the sorted parts in `sources/<number>/` (`asyncdl.sourcerows`).

It writes nothing to the database. A reading that was killed is begun again; one that came to its end is a folder with its name, and is never done twice.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Final

from asyncdl.collection import Collection
from asyncdl.errors import EnvironmentStops, SourceError
from asyncdl.ingest.accounts import Space, Stage, Tally
from asyncdl.ingest.archive import size_on_disk
from asyncdl.ingest.citations import Citation, dataset_citations, source_citation, write_datasets
from asyncdl.ingest.copying import copied
from asyncdl.ingest.intake import take
from asyncdl.ingest.linenumbers import LineNumbers
from asyncdl.ingest.options import IngestOptions
from asyncdl.ingest.rejects import RejectsFile
from asyncdl.ingest.rowtable import RowTable
from asyncdl.ingest.selection import Selection
from asyncdl.ingest.sources import SourceSpec
from asyncdl.ingest.table import Table
from asyncdl.ingest.tables import archive_of, open_tables
from asyncdl.ingest.texts import SaidTexts
from asyncdl.sourceabout import About
from asyncdl.units import approximate_size

_UNPACKED_RATIO: Final = 8
"""Text to packed text, where the size of the text is not told: a guess on the safe side for tables of links."""
_ROWS_SHARE: Final = 0.2
_SPILL_SHARE: Final = 0.3
_FIXED_BYTES: Final = 300_000_000
"""Two chunks, and one that is being made."""
_KEPT_SHARE: Final = 0.15
"""Of the text's size, measured on media tables of 230 to 270 bytes per row, rounded up: the table of rows, the sort's spill (both
gone at the end), and what stays."""


def reading_folder(collection: Collection) -> Path:
    """Where a reading works. Nothing in it outlives the reading."""
    return collection.scratch / "ingest"


def clear_readings(collection: Collection) -> None:
    """Remove what a reading left that was killed, also one that had come to its end by then."""
    shutil.rmtree(reading_folder(collection), ignore_errors=True)


class Reading:
    """The reading of one source into `folder`; `scratch` is a folder of its own beside it. Everything blocks: for a thread.

    `lines` numbers the lines of a list without ids; left out, they are numbered as they stand.
    """

    def __init__(
        self, spec: SourceSpec, folder: Path, scratch: Path, options: IngestOptions, tally: Tally, lines: LineNumbers | None = None
    ) -> None:
        self._spec = spec
        self._folder = folder
        self._scratch = scratch
        self._options = options
        self._tally = tally
        self._line_numbers = lines or LineNumbers()
        self._rows: RowTable | None = None
        self.tables: tuple[Table, ...] = ()

    @property
    def total_bytes(self) -> int | None:
        """What there is to read, once the tables are known; None where that cannot be told."""
        sizes = [table.size_bytes for table in self.tables]
        return None if None in sizes else sum(size or 0 for size in sizes)

    def copy(self) -> Iterator[int]:
        """Clear away what a killed reading left; then copy a source that cannot be read where it is. Yields the bytes copied.

        Raises `SourceError`, `EnvironmentStops`.
        """
        shutil.rmtree(self._scratch, ignore_errors=True)
        self._scratch.mkdir(parents=True)
        if self._spec.needs_copy:
            self._spec = yield from copied(self._spec, self._scratch, self._options.bounds)

    def begin(self) -> Space:
        """Find the tables and look at the space. Raises `SourceError`, `EnvironmentStops`."""
        self.tables = open_tables(self._spec, self._options.bounds)
        self._selection = Selection(self._spec, self.tables, self._options.choices, self._options)
        size = self.total_bytes
        if size is None:
            size = 0 if self._spec.path == "-" else size_on_disk(Path(self._spec.path)) * _UNPACKED_RATIO
        needed = int(size * (_ROWS_SHARE + _SPILL_SHARE)) + (_FIXED_BYTES if size > _FIXED_BYTES else 0)
        space = Space(needed, int(size * _KEPT_SHARE), shutil.disk_usage(self._scratch).free)
        if space.temporary_bytes + space.kept_bytes > space.free_bytes:
            raise EnvironmentStops(
                f"reading {self._spec.name} needs about {approximate_size(space.temporary_bytes + space.kept_bytes)} in {self._scratch.parent}; "
                f"{approximate_size(space.free_bytes)} are free",
                "free some space, or make the collection on a larger disk",
            )
        return space

    def steps(self, rejects: RejectsFile) -> Iterator[Stage]:
        """Read, sort and keep; yields what it is at after each step. Raises `SourceError` when nothing of the source is of use."""
        options, tally = self._options, self._tally
        parts = self._scratch / "parts"
        parts.mkdir()
        licences = options.choices.licences is not None
        with RowTable(self._scratch / "rows", options.memory_limit_bytes, options.sort_threads, licences=licences) as rows:
            self._rows, said = rows, SaidTexts(rows, parts)
            for number, table in enumerate(self.tables):
                for _ in take(rows, said, table, number, options, rejects, tally):
                    yield Stage.READ
            if not tally.rows_taken:
                why = "it has no rows" if not tally.rows_read else "no row of it has a link to an image"
                raise nothing_to_download(self._spec, why, rejects)
            lines = self._line_numbers.give(rows, self._spec.id_prefix)
            yield Stage.READ
            for _ in self._selection.apply(rows, tally):
                yield Stage.READ
            if not tally.rows_taken:
                raise nothing_passes(self._spec, self._selection)
            for _ in said.narrow(tally.rows_taken / (tally.rows_taken + tally.rows_filtered)):
                yield Stage.READ
            yield Stage.SORT
            for _ in chain(rows.write(parts), self._selection.write_kept(rows, parts)):
                yield Stage.SORT
            self._rows = None
        rejects.flush()
        counts = {
            name: getattr(tally, name)
            for name in ("rows_read", "rows_taken", "rows_without_media", "rows_rejected", "rows_filtered", "links")
        }
        cited = self._cite(parts)
        About(
            self._spec.name,
            tuple(table.member for table in self.tables),
            counts,
            {str(reason): number for reason, number in rejects.counts.items()},
            rejects.size_bytes,
            cited.doi,
            cited.citation,
            cited.rights,
            self._selection.keep_columns,
            self._selection.report(),
            options.choices.said(),
            {name: value for name in ("id_column", "url_column") if (value := getattr(self._spec, name))},
            lines.prefix,
            lines.next_line,
            lines.continues,
            lines.share,
        ).save(parts)
        self._keep(parts)
        yield Stage.SORT

    def interrupt(self) -> None:
        """Make a statement that the thread waits for end at once."""
        if self._rows is not None:
            self._rows.interrupt()

    def clear(self) -> None:
        """Remove what is left of it, but for the parts that were kept."""
        shutil.rmtree(self._scratch, ignore_errors=True)

    def _cite(self, parts: Path) -> Citation:
        """What the archive says of itself, and of its datasets in a file beside the parts."""
        archive = archive_of(self._spec, self._options.bounds)
        if archive is None:
            return Citation()
        write_datasets(parts, dataset_citations(archive))
        return source_citation(archive)

    def _keep(self, parts: Path) -> None:
        """Sync the parts and give them their name: from here on the source is read."""
        for path in parts.iterdir():
            _sync(path)
        _sync(parts)
        self._folder.parent.mkdir(parents=True, exist_ok=True)
        shutil.rmtree(self._folder, ignore_errors=True)
        parts.rename(self._folder)
        _sync(self._folder.parent)


def nothing_to_download(spec: SourceSpec, why: str, rejects: RejectsFile) -> SourceError:
    """That a source came to nothing, with the main reason and where all of them stand."""
    main = rejects.counts.most_common(1)
    cause = f"; {main[0][1]} times: {main[0][0].meaning}" if main else ""
    todo = f"see {rejects.path}" if main else "take a source that has links to images"
    return SourceError(f"nothing to download in {spec.name}: {why}{cause}", todo)


def nothing_passes(spec: SourceSpec, selection: Selection) -> SourceError:
    """That the choices left nothing of a source, with what each left out."""
    return SourceError(f"nothing of {spec.name} passes: {'; '.join(selection.report())}", "ask for less")


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

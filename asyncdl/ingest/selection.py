"""What passes of a source, and what is known of each record: between the filled table of rows and its sorted parts.

In this order, each on what the one before left: `--where`, `--licence`, `--exclude-ledger`, `--max-per`, `--sample`. Everything is done
by duckdb in the database of the rows, with its memory bounded; only columns that are asked for are read of a table with 250.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from asyncdl.errors import SourceError
from asyncdl.ingest.accounts import Tally
from asyncdl.ingest.choices import ALL_COLUMNS, DEFAULT_COLUMNS, Choices
from asyncdl.ingest.facts import TAXON, FactTable, key_of, media_facts, occurrences_of
from asyncdl.ingest.ledgers import take_ledger
from asyncdl.ingest.licences import classify
from asyncdl.ingest.matching import delete_records, keep_lines
from asyncdl.ingest.occurrences import FACTS, cell_of, drop_doubles, take_facts, write_kept
from asyncdl.ingest.options import IngestOptions
from asyncdl.ingest.rowtable import RowTable
from asyncdl.ingest.sampling import draw_per_value, draw_sample
from asyncdl.ingest.sources import SourceSpec
from asyncdl.ingest.table import Table
from asyncdl.ingest.wheresql import Predicates
from asyncdl.settings.table import nearest
from asyncdl.terminal import printable
from asyncdl.where import Between, Condition, Value

_TAXON_KEYS: Final = (
    "taxonkey", "acceptedtaxonkey", "kingdomkey", "phylumkey", "classkey", "orderkey", "familykey", "genuskey", "subgenuskey", "specieskey",
)  # fmt: skip
_ANCESTRY: Final = "ancestry"
_SHOWN_NAMES: Final = 12
_MAX_LINE_CHARS: Final = 200
_MAX_NAME_CHARS: Final = 60


@dataclass(frozen=True, slots=True)
class FilterCount:
    """How many rows a choice left out. `name` is the choice as it was written."""

    name: str
    rows: int


class Selection:
    """Applies choices to the rows of one source. Made before anything is read: what cannot be asked of the source is refused at once."""

    def __init__(self, spec: SourceSpec, tables: Sequence[Table], choices: Choices, options: IngestOptions) -> None:
        """Find the tables and columns that the choices need. Raises `SourceError` for a column that nothing has."""
        self._spec = spec
        self._choices = choices
        self._options = options
        self._facts = occurrences_of(spec, options.bounds, choices.occurrences)
        self._media = [media_facts(spec, table, options.bounds) for table in tables] if choices.where or choices.max_per else []
        self._placed = [(condition, self._place(condition)) for condition in choices.where]
        if choices.max_per is not None:
            self._require(key_of(choices.max_per.column), choices.max_per.column, "--max-per", in_media=True)
        self.keep_columns: tuple[str, ...] = self._kept_names()
        self.counts: list[FilterCount] = []
        self.occurrences_malformed = 0

    def apply(self, rows: RowTable, tally: Tally) -> Iterator[None]:
        """Delete what does not pass from `rows`, and correct the tally. Yields between steps.

        Raises `SourceError` when a table cannot be read, `EnvironmentStops` when memory or disk do not suffice.
        """
        choices = self._choices
        yield from self._read_facts(rows)
        for condition, place in self._placed:
            yield from self._where(rows, condition, place)
        if choices.licences is not None:
            self._licence(rows, choices.licences)
            yield
        for ledger in choices.exclude:
            before = rows.count()
            yield from take_ledger(rows, ledger, self._options)
            self._note(rows, f"--exclude-ledger {ledger}", before)
        if choices.max_per is not None:
            before = rows.count()
            yield from self._values_for(rows, key_of(choices.max_per.column))
            draw_per_value(rows, "max_per_values", choices.max_per.records, choices.seed)
            rows.execute("DROP TABLE max_per_values")
            self._note(rows, f"--max-per {choices.max_per.column}:{choices.max_per.records}", before)
            yield
        if choices.sample is not None:
            before = rows.count()
            draw_sample(rows, choices.sample, choices.seed)
            self._note(rows, f"--sample {choices.sample} --seed {choices.seed}", before)
            yield
        if choices.selective:
            self._settle(rows, tally)

    def write_kept(self, rows: RowTable, folder: Path) -> Iterator[None]:
        """Write the kept columns of the records that remain, sorted, beside the parts. Yields after each file."""
        if self._facts is not None and self.keep_columns:
            yield from write_kept(rows, self.keep_columns, folder, self._options.memory_limit_bytes)

    def report(self) -> tuple[str, ...]:
        """What each choice left out, a line each."""
        lines = [f"{printable(count.name, _MAX_LINE_CHARS)} leaves out {count.rows:,} rows" for count in self.counts]
        if self.occurrences_malformed:
            lines.append(f"{self.occurrences_malformed:,} rows of occurrences are malformed and say nothing")
        return tuple(lines)

    def _place(self, condition: Condition) -> str:
        """Which table a condition asks: the media table where it has the column, else the occurrences."""
        keys = _keys_of(condition)
        media = any(key in facts.columns for facts in self._media for key in keys)
        if condition.place == "media" or (media and condition.place != "occurrence"):
            if not media:
                self._require(key_of(condition.column), condition.shown_column, "--where", in_media=True, in_facts=False)
            if self._spec.path == "-":
                raise SourceError("standard input can be read only once, and --where needs it again", "save it to a file first")
            return "media"
        if self._facts is None or not any(key in self._facts.columns for key in keys):
            self._require(key_of(condition.column), condition.shown_column, "--where", in_media=condition.place != "occurrence")
        return FACTS

    def _require(self, key: str, shown: str, option: str, *, in_media: bool, in_facts: bool = True) -> None:
        """Raise `SourceError`, naming what is near, when no table has the column."""
        facts = [*([self._facts] if in_facts and self._facts is not None else []), *(self._media if in_media else [])]
        if any(key in one.columns for one in facts):
            return
        name = printable(shown, _MAX_NAME_CHARS)
        known = {other: column.shown for one in facts for other, column in one.columns.items()}
        if in_facts and self._facts is None:
            raise SourceError(
                f"{option}: {self._spec.name} has no column {name}, and no table of occurrences stands with it",
                "take the whole archive, put occurrence.txt beside multimedia.txt, or name it with --occurrences FILE",
            )
        meant = nearest(key, known)
        shown_names = ", ".join(printable(text, _MAX_NAME_CHARS) for text in list(known.values())[:_SHOWN_NAMES])
        more = f" and {len(known) - _SHOWN_NAMES} more" if len(known) > _SHOWN_NAMES else ""
        todo = f"did you mean {printable(known[meant], _MAX_NAME_CHARS)}?" if meant else f"there are: {shown_names}{more}"
        raise SourceError(f"{option}: {self._spec.name} has no column {name}", todo)

    def _kept_names(self) -> tuple[str, ...]:
        """The names under which columns are kept, as the table writes them."""
        if self._facts is None:
            return ()
        wanted, known = self._choices.keep_columns, self._facts.columns
        if wanted == ALL_COLUMNS:
            return tuple(column.shown for column in known.values())
        if wanted != DEFAULT_COLUMNS:
            for name in wanted:
                self._require(key_of(name), name, "--keep-columns", in_media=False)
        return tuple(known[key].shown for name in wanted if (key := key_of(name)) in known)

    def _read_facts(self, rows: RowTable) -> Iterator[None]:
        """Read the occurrences' columns that anything needs, one row per record: of doubled ones the first."""
        facts, choices = self._facts, self._choices
        if facts is None:
            return
        keys = {key_of(name) for name in self.keep_columns}
        keys |= {key for condition, place in self._placed if place == FACTS for key in _keys_of(condition)}
        if choices.licences is not None:
            keys.add("license")
        if choices.max_per is not None:
            keys.add(key_of(choices.max_per.column))
        keys &= set(facts.columns)
        if keys:
            tally = Tally()
            yield from take_facts(rows, facts, FACTS, keys, self._options, tally)
            self.occurrences_malformed = tally.rows_rejected
            drop_doubles(rows)

    def _where(self, rows: RowTable, condition: Condition, place: str) -> Iterator[None]:
        before = rows.count()
        if place == FACTS:
            assert self._facts is not None
            _delete_by_facts(rows, condition, set(self._facts.columns))
        else:
            for number, facts in enumerate(self._media):
                yield from self._where_in_media(rows, condition, number, facts)
        self._note(rows, f"--where {condition.text}", before)
        yield

    def _where_in_media(self, rows: RowTable, condition: Condition, number: int, facts: FactTable) -> Iterator[None]:
        """Judge each row of a media table by its own cells, which are read once more."""
        predicates = Predicates()
        predicate = _predicate(predicates, condition, set(facts.columns))
        keys = _keys_of(condition) & set(facts.columns)
        if not keys:
            keep = rows.execute(f"SELECT {predicate}", predicates.values).fetchall()[0][0]
            rows.execute(f"DELETE FROM rows WHERE member = {number:d} AND NOT {keep}")
            return
        yield from take_facts(rows, facts, "said", keys, self._options, Tally())
        keep_lines(rows, number, f"said WHERE {predicate}", predicates.values)
        rows.execute("DROP TABLE said")

    def _licence(self, rows: RowTable, licences: frozenset[str]) -> None:
        """The image's own licence speaks, the record's only where the image has none."""
        before = rows.count()
        of_records = self._facts is not None and "license" in self._facts.columns
        _classified(rows, "rows", "licence", licences, "image_licences")
        silent = "coalesce(trim(licence), '') = ''"
        rows.execute(f"DELETE FROM rows WHERE NOT ({silent}) AND licence NOT IN (SELECT text FROM image_licences)")
        if of_records:
            _classified(rows, FACTS, "x_license", licences, "record_licences")
            unlicensed = "none" in licences  # then a record without an occurrence passes too
            said = f"{FACTS} WHERE coalesce(x_license, '') {'NOT IN' if unlicensed else 'IN'} (SELECT text FROM record_licences)"
            delete_records(rows, said, listed=unlicensed, among=silent)
        elif "none" not in licences:
            rows.execute(f"DELETE FROM rows WHERE {silent}")
        self._note(rows, f"--licence {','.join(sorted(licences))}", before)

    def _values_for(self, rows: RowTable, key: str) -> Iterator[None]:
        """The value of a column for each record, as a table: of its occurrence, else of its first media row."""
        if self._facts is not None and key in self._facts.columns:
            rows.execute(f"CREATE TEMP TABLE max_per_values AS SELECT record, name, {cell_of(key)} AS value FROM {FACTS}")
            return
        if self._spec.path == "-":
            raise SourceError("standard input can be read only once, and --max-per needs it again", "save it to a file first")
        rows.execute("CREATE TEMP TABLE max_per_values(record BIGINT, name VARCHAR, value VARCHAR)")
        for number, facts in enumerate(self._media):
            if key in facts.columns:
                yield from take_facts(rows, facts, "said", {key}, self._options, Tally())
                rows.execute(
                    f"INSERT INTO max_per_values SELECT rows.record, rows.name, arg_min({cell_of(key)}, rows.line) FROM rows JOIN said"
                    f" ON rows.line = said.line WHERE rows.member = {number:d} GROUP BY rows.record, rows.name"
                )
                rows.execute("DROP TABLE said")

    def _note(self, rows: RowTable, name: str, before: int) -> None:
        self.counts.append(FilterCount(name, before - rows.count()))

    def _settle(self, rows: RowTable, tally: Tally) -> None:
        """Rows and links that were left out count as filtered, and no longer as taken."""
        links = r"1 + length(photos) - length(replace(replace(photos, chr(30), ''), chr(29), ''))"
        left, links_left = rows.execute(f"SELECT count(*), coalesce(sum({links}), 0) FROM rows").fetchall()[0]
        tally.rows_filtered += tally.rows_taken - int(left)
        tally.rows_taken, tally.links = int(left), int(links_left)


def _delete_by_facts(rows: RowTable, condition: Condition, known: set[str]) -> None:
    """A record whose occurrence is missing is judged as one whose every cell is empty."""
    predicates = Predicates()
    predicate = _predicate(predicates, condition, known)
    nothing = Predicates()
    passes_empty = bool(rows.execute(f"SELECT {_predicate(nothing, condition, set())}", nothing.values).fetchall()[0][0])
    judged = f"{FACTS} WHERE {'NOT ' if passes_empty else ''}{predicate}"
    delete_records(rows, judged, predicates.values, listed=passes_empty)


def _keys_of(condition: Condition) -> set[str]:
    """The columns a condition asks. `taxonKey=N` is also true of everything below taxon N, as in GBIF's own search, and `taxon_id=N` as in iNaturalist's."""
    key = key_of(condition.column)
    values = all(isinstance(one, Between) or (isinstance(one, Value) and one.text) for one in condition.wanted)
    if values and key == TAXON:
        return {TAXON, _ANCESTRY}
    return {*_TAXON_KEYS} if values and key == "taxonkey" else {key}


def _predicate(predicates: Predicates, condition: Condition, known: set[str]) -> str:
    """SQL of a condition; columns that a table does not have are empty in it."""
    keys = sorted(_keys_of(condition) & known)
    positive = replace(condition, negated=False)
    lists = {_ANCESTRY} if key_of(condition.column) == TAXON else set()
    parts = [predicates.of_condition(positive, cell_of(key)) for key in keys if key not in lists]
    parts += [_of_any_ancestor(predicates, positive, cell_of(key)) for key in keys if key in lists]
    whole = f"({' OR '.join(parts or [predicates.of_condition(positive, 'NULL')])})"
    return f"(NOT {whole})" if condition.negated else whole


def _of_any_ancestor(predicates: Predicates, condition: Condition, cell: str) -> str:
    """SQL that is true where a condition holds of one of the taxa in `48460/1/2`."""
    holds = predicates.of_condition(condition, "ancestor")
    return f"(EXISTS (SELECT 1 FROM (SELECT unnest(string_split(coalesce({cell}, ''), '/')) AS ancestor) WHERE {holds}))"


def _classified(rows: RowTable, table: str, column: str, licences: frozenset[str], into: str) -> None:
    """Classify each distinct text once; those that pass become the table `into`."""
    rows.execute(f"CREATE TEMP TABLE {into}(text VARCHAR)")
    cursor = rows.connection.cursor()
    found = cursor.execute(f"SELECT DISTINCT coalesce({column}, '') FROM {table}")
    while some := found.fetchmany(10_000):
        if passing := [(text,) for (text,) in some if classify(text) in licences]:
            rows.connection.executemany(f"INSERT INTO {into} VALUES (?)", passing)
    cursor.close()

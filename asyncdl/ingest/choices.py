"""What a person chose of a source: which records and images, and which columns of the occurrence are kept. Values and their parsing; pure."""

from __future__ import annotations

import hashlib
import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from asyncdl.errors import UsageError
from asyncdl.ingest.licences import parse_licences
from asyncdl.terminal import printable
from asyncdl.where import Condition, parse_conditions

DEFAULT_COLUMNS: Final = (  # of GBIF's occurrences, then of iNaturalist's observations and taxa
    "datasetKey", "occurrenceID", "scientificName", "species", "genus", "family", "speciesKey", "acceptedTaxonKey",
    "institutionCode", "catalogNumber", "countryCode", "eventDate", "license",
    "taxon_id", "name", "rank", "quality_grade", "observed_on",
)  # fmt: skip
ALL_COLUMNS: Final = ("all",)
_MAX_PER: Final = re.compile(r"\s*(.*\S)\s*:\s*([1-9][0-9]{0,11})\s*", re.DOTALL)


@dataclass(frozen=True, slots=True)
class MaxPer:
    """At most so many records for each value of a column."""

    column: str
    records: int


@dataclass(frozen=True, slots=True)
class Choices:
    """All of them, applied in this order: where, licences, exclude, max_per, sample. The defaults let everything pass.

    `licences` None: any. `occurrences` names the table of occurrences where it does not stand with the source. `keep_columns` names
    columns to keep of each record that remains (`ALL_COLUMNS`: all there are); those that a table does not have are left out only of the
    default list.
    """

    where: tuple[Condition, ...] = ()
    licences: frozenset[str] | None = None
    exclude: tuple[str, ...] = ()
    max_per: MaxPer | None = None
    sample: int | None = None
    seed: int = 0
    keep_columns: tuple[str, ...] = DEFAULT_COLUMNS
    occurrences: str | None = None

    @property
    def selective(self) -> bool:
        """Whether anything may be left out."""
        return bool(self.where or self.licences is not None or self.exclude or self.max_per or self.sample)

    def said(self) -> dict[str, Any]:
        """Those that differ from the defaults, as `parse_choices` takes them; but for the table of occurrences, which belongs to one source."""
        told: dict[str, Any] = {
            "where": [condition.text for condition in self.where],
            "licence": ",".join(sorted(self.licences or ())),
            "exclude": [str(Path(path).absolute()) for path in self.exclude],
            "max_per": f"{self.max_per.column}:{self.max_per.records}" if self.max_per else "",
            "sample": self.sample,
            "seed": self.seed,
            "keep_columns": list(self.keep_columns or ("none",)) if self.keep_columns != DEFAULT_COLUMNS else [],
        }
        return {name: value for name, value in told.items() if value}

    @property
    def digest(self) -> str:
        """Changes with every choice: the same file read with other choices is another reading. Empty when nothing was chosen."""
        if self == Choices():
            return ""
        said = (
            [condition.text for condition in self.where], sorted(self.licences) if self.licences is not None else None, self.exclude,
            self.max_per and (self.max_per.column, self.max_per.records), self.sample, self.seed, self.keep_columns, self.occurrences,
        )  # fmt: skip
        return hashlib.blake2b(repr(said).encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


def parse_choices(
    *,
    where: Sequence[str] = (),
    licence: str = "",
    exclude: Sequence[str] = (),
    max_per: str = "",
    sample: int | None = None,
    seed: int = 0,
    keep_columns: Sequence[str] = (),
    occurrences: str = "",
) -> Choices:
    """Choices from what settings say; empty texts choose nothing. Raises `UsageError` for what cannot be understood."""
    return Choices(
        parse_conditions(where), parse_licences(licence) if licence.strip() else None, tuple(exclude), parse_max_per(max_per),
        sample, seed, parse_keep_columns(keep_columns), occurrences or None,
    )  # fmt: skip


def as_options(said: Mapping[str, Any]) -> str:
    """Choices as `Choices.said` tells them, in the words of a command line."""
    words = []
    for name, value in said.items():
        option = {"exclude": "--exclude-ledger"}.get(name, f"--{name.replace('_', '-')}")
        if name == "keep_columns":
            words += [option, shlex.quote(",".join(map(str, value)))]
        else:
            words += [word for one in (value if isinstance(value, list) else [value]) for word in (option, shlex.quote(str(one)))]
    return " ".join(words)


def parse_max_per(text: str) -> MaxPer | None:
    """`speciesKey:300`. Raises `UsageError` for anything else that is not empty."""
    if not text.strip():
        return None
    found = _MAX_PER.fullmatch(text)
    if found is None:
        raise UsageError(
            f'--max-per: "{printable(text, 60)}" cannot be used', "expected: COLUMN:N such as speciesKey:300, N at least 1"
        )
    return MaxPer(found[1], int(found[2]))


def parse_keep_columns(names: Sequence[str]) -> tuple[str, ...]:
    """`none`, `all`, or names; nothing at all means the default list."""
    words = [name.strip() for name in names if name.strip()]
    if not words:
        return DEFAULT_COLUMNS
    if [word.lower() for word in words] in (["none"], ["all"]):
        return ALL_COLUMNS if words[0].lower() == "all" else ()
    return tuple(dict.fromkeys(words))

"""The settings of an ingest: how a source is read, and what is taken of it. A field is added as in `run`."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from asyncdl.settings.kinds import (
    Conditions,
    Count,
    Kind,
    MaybeCount,
    Name,
    Names,
    Paths,
    Size,
    Text,
    Word,
    choice,
)
from asyncdl.settings.table import Option, Panel, Slice


class IngestSettings(Slice):
    """What `init` obeys when it reads a source."""

    format: Annotated[
        Literal["auto", "dwca", "tsv", "csv", "parquet", "jsonl", "urls"],
        Word,
        choice("auto", "dwca", "tsv", "csv", "parquet", "jsonl", "urls"),
        Option("format", "what the source is; auto looks at it", Panel.SOURCE),
    ] = "auto"
    id_column: Annotated[
        Name,
        Option(
            "id_column",
            "the column that names the record; left out: known by its usual names, else rows are numbered",
            Panel.SOURCE,
        ),
    ] = ""
    url_column: Annotated[
        Name, Option("url_column", "the column that holds the link; left out: known by its usual names", Panel.SOURCE)
    ] = ""
    memory_limit_bytes: Annotated[
        Size,
        Option("memory_limit", "memory for sorting the source; what does not fit goes to disk", Panel.SOURCE),
        Field(ge=64_000_000),
    ] = 1_000_000_000

    where: Annotated[
        Conditions,
        Option(
            "where", "take only rows of which this holds, of the occurrence or of the image; several must all hold", Panel.CHOICE
        ),
    ] = ()
    licence: Annotated[
        Text,
        Kind("open|LIST", "open, or codes such as cc0,cc-by with commas between"),
        Option("licence", "take only images under these licences; the record's counts where the image has none", Panel.CHOICE),
    ] = ""
    exclude_ledger: Annotated[
        Paths,
        Option("exclude_ledger", "leave out records that this table, list of ids, archive or collection holds", Panel.CHOICE),
    ] = ()
    max_per: Annotated[
        Text,
        Kind("COLUMN:N", "a column and a number such as speciesKey:300"),
        Option("max_per", "take at most N records, drawn by lot, for each value of a column", Panel.CHOICE),
    ] = ""
    sample_records: Annotated[
        MaybeCount, Option("sample", "take N records, drawn by lot from what the other choices left", Panel.CHOICE)
    ] = None
    seed: Annotated[Count, Option("seed", "another seed draws other lots", Panel.CHOICE)] = 0
    keep_columns: Annotated[
        Names,
        Option(
            "keep_columns",
            "columns of the occurrence to keep for each record; left out: the dataset, names, taxon keys, catalogue number, country, date, licence",
            Panel.CHOICE,
        ),
    ] = ()
    occurrences: Annotated[
        Text,
        Kind("FILE", "the path of a table"),
        Option("occurrences", "the table of occurrences, where it does not stand with the source", Panel.CHOICE),
    ] = ""

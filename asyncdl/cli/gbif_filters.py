"""The filters of `asyncdl gbif request` as options: each is a condition in the language of `--where`, on one of GBIF's parameters."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any, Final, NamedTuple

import typer

from asyncdl.cli.command import CommandFunction
from asyncdl.gbif.predicates import Predicate, predicate_of
from asyncdl.where import parse_condition

Filters = Mapping[str, Sequence[str]]
"""What was typed, by GBIF's name of the parameter."""

PANEL: Final = "What is asked for"


class Filter(NamedTuple):
    """An option: its name, the parameter it asks of, and its help."""

    option: str
    parameter: str
    metavar: str
    help: str


FILTERS: Final = (
    Filter(
        "taxon-key",
        "TAXON_KEY",
        "KEY,…",
        "Taxa and all below them, by their keys as gbif.org/species or gbif.org/taxon shows them.",
    ),
    Filter("country", "COUNTRY", "CODE,…", "Countries where it was found, by ISO code: DE,AT."),
    Filter("continent", "CONTINENT", "NAME,…", "Continents: europe, north-america."),
    Filter("publishing-country", "PUBLISHING_COUNTRY", "CODE,…", "Countries of the publishers."),
    Filter("basis-of-record", "BASIS_OF_RECORD", "NAME,…", "What kind of record: preserved-specimen, human-observation."),
    Filter("dataset-key", "DATASET_KEY", "KEY,…", "Datasets, by their keys."),
    Filter("institution-code", "INSTITUTION_CODE", "CODE,…", "Institutions, by the code in the record."),
    Filter("collection-code", "COLLECTION_CODE", "CODE,…", "Collections, by the code in the record."),
    Filter("catalog-number", "CATALOG_NUMBER", "NUMBER,…", "Catalogue numbers."),
    Filter("recorded-by", "RECORDED_BY", "NAME,…", "Collectors; a name with a comma in double quotes: '\"Bolle, C.\"'."),
    Filter("type-status", "TYPE_STATUS", "NAME,…", "Type specimens: holotype,isotype; * for any."),
    Filter("year", "YEAR", "YEARS", "Years, or a range: 1900..1950."),
    Filter("month", "MONTH", "MONTHS", "Months, or a range: 4..6."),
    Filter(
        "licence",
        "LICENSE",
        "open|LIST",
        "Licences of the record: open (CC0, CC BY), cc0, cc-by, cc-by-nc. Images may have others.",
    ),
)


def with_filters(function: CommandFunction) -> CommandFunction:
    """Give a command the options of all filters. The function takes `filters: Filters`."""
    own = inspect.signature(function, eval_str=True)
    kept = [parameter for name, parameter in own.parameters.items() if name != "filters"]

    @functools.wraps(function)
    def command(**arguments: Any) -> int | None:
        typed = {one.parameter: arguments.pop(_name(one)) for one in FILTERS}
        return function(**arguments, filters={name: given for name, given in typed.items() if given})

    parameters = [parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY) for parameter in (*kept, *map(_option, FILTERS))]
    command.__signature__ = inspect.Signature(parameters, return_annotation=own.return_annotation)  # type: ignore[attr-defined]
    command.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return command


def predicates_of(filters: Filters, where: Sequence[str], checklist_key: str) -> list[Predicate]:
    """The predicates of what was typed, in the order of the options. Raises `UsageError` for what cannot be meant."""
    texts = [f"{name}={','.join(filters[name])}" for name in (one.parameter for one in FILTERS) if name in filters]
    return [predicate_of(parse_condition(text), checklist_key) for text in (*texts, *where)]


def _name(one: Filter) -> str:
    return one.option.replace("-", "_")


def _option(one: Filter) -> inspect.Parameter:
    option: Callable[..., Any] = typer.Option(
        f"--{one.option}", metavar=one.metavar, help=one.help, show_default=False, rich_help_panel=PANEL
    )
    return inspect.Parameter(
        _name(one), inspect.Parameter.KEYWORD_ONLY, default=None, annotation=Annotated[list[str] | None, option]
    )

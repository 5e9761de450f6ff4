"""GBIF's search parameters: what they are called, what kind of value each takes, and how a person's words become GBIF's. Pure.

Names and kinds are those of GBIF's own `OccurrenceSearchParameter`
(https://gbif.github.io/gbif-api/apidocs/org/gbif/api/model/occurrence/search/OccurrenceSearchParameter.html). Columns of `occurrence.txt` that
go by another name are known too, so that what `init --where` takes can be asked of GBIF.
"""

from __future__ import annotations

import calendar
import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from asyncdl.errors import UsageError
from asyncdl.terminal import printable

PARAMETERS_PAGE: Final = "https://techdocs.gbif.org/en/data-use/api-downloads#searchparameters"


class Kind(StrEnum):
    """What a parameter's values are."""

    TEXT = "a text"
    NUMBER = "a number"
    DATE = "a date such as 2005, 2005-03 or 2005-03-14"
    FLAG = "true or false"
    COUNTRY = "a country's code of two letters (ISO 3166-1)"
    WORD = "one of GBIF's words, such as PRESERVED_SPECIMEN"
    KEY = "a key such as 50c9509d-22c7-4a22-a47d-8c48425ef4a7"
    TAXON = "the key of a taxon"
    MEDIA = "StillImage, MovingImage or Sound"
    LICENCE = "open, cc0, cc-by or cc-by-nc"


RANGED: Final = frozenset({Kind.NUMBER, Kind.DATE})
"""Kinds that GBIF compares; with the others only equality is allowed."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """A search parameter by its GBIF name."""

    name: str
    kind: Kind


_OF_KIND: Final[dict[Kind, str]] = {
    Kind.NUMBER: (
        "YEAR MONTH DAY START_DAY_OF_YEAR END_DAY_OF_YEAR DECIMAL_LATITUDE DECIMAL_LONGITUDE COORDINATE_UNCERTAINTY_IN_METERS ELEVATION DEPTH"
        " DISTANCE_FROM_CENTROID_IN_METERS CRAWL_ID ORGANISM_QUANTITY SAMPLE_SIZE_VALUE RELATIVE_ORGANISM_QUANTITY"
    ),
    Kind.DATE: "EVENT_DATE LAST_INTERPRETED MODIFIED",
    Kind.FLAG: "HAS_COORDINATE HAS_GEOSPATIAL_ISSUE REPATRIATED IS_IN_CLUSTER IS_SEQUENCED",
    Kind.COUNTRY: "COUNTRY PUBLISHING_COUNTRY",
    Kind.WORD: "BASIS_OF_RECORD CONTINENT GBIF_REGION PUBLISHED_BY_GBIF_REGION ISSUE OCCURRENCE_STATUS TAXONOMIC_STATUS PROTOCOL",
    Kind.KEY: "DATASET_KEY PUBLISHING_ORG NETWORK_KEY INSTALLATION_KEY HOSTING_ORGANIZATION_KEY",
    Kind.TAXON: (
        "TAXON_KEY ACCEPTED_TAXON_KEY KINGDOM_KEY PHYLUM_KEY CLASS_KEY ORDER_KEY FAMILY_KEY GENUS_KEY SUBGENUS_KEY SPECIES_KEY"
    ),
    Kind.MEDIA: "MEDIA_TYPE",
    Kind.LICENCE: "LICENSE",
    Kind.TEXT: (
        "INSTITUTION_CODE COLLECTION_CODE CATALOG_NUMBER RECORDED_BY IDENTIFIED_BY RECORD_NUMBER SCIENTIFIC_NAME VERBATIM_SCIENTIFIC_NAME"
        " TAXON_ID TAXON_CONCEPT_ID TAXONOMIC_ISSUE TYPE_STATUS OCCURRENCE_ID ORGANISM_ID EVENT_ID PARENT_EVENT_ID SAMPLING_PROTOCOL"
        " PREVIOUS_IDENTIFICATIONS SEX LIFE_STAGE ESTABLISHMENT_MEANS DEGREE_OF_ESTABLISHMENT PATHWAY STATE_PROVINCE WATER_BODY LOCALITY"
        " ISLAND ISLAND_GROUP HIGHER_GEOGRAPHY GEOREFERENCED_BY GADM_GID GADM_LEVEL_0_GID GADM_LEVEL_1_GID GADM_LEVEL_2_GID"
        " GADM_LEVEL_3_GID DATASET_CATEGORY PROJECT_ID PROGRAMME ORGANISM_QUANTITY_TYPE SAMPLE_SIZE_UNIT COLLECTION_KEY INSTITUTION_KEY"
        " RECORDED_BY_ID IDENTIFIED_BY_ID DWCA_EXTENSION IUCN_RED_LIST_CATEGORY DATASET_ID DATASET_NAME OTHER_CATALOG_NUMBERS PREPARATIONS"
        " FIELD_NUMBER GROUP FORMATION MEMBER BED ASSOCIATED_SEQUENCES GBIF_ID LITHOSTRATIGRAPHY BIOSTRATIGRAPHY DNA_SEQUENCE_ID"
        " MEASUREMENT_TYPE MEASUREMENT_TYPE_ID"
    ),
}  # fmt: skip
_SYNONYMS: Final = {
    "countrycode": "COUNTRY",
    "publishingcountrycode": "PUBLISHING_COUNTRY",
    "publishingorgkey": "PUBLISHING_ORG",
    "publishingorganizationkey": "PUBLISHING_ORG",
    "hasgeospatialissues": "HAS_GEOSPATIAL_ISSUE",
    "licence": "LICENSE",
    "iucnredlistcategory": "IUCN_RED_LIST_CATEGORY",
    "level0gid": "GADM_LEVEL_0_GID",
    "level1gid": "GADM_LEVEL_1_GID",
    "level2gid": "GADM_LEVEL_2_GID",
    "level3gid": "GADM_LEVEL_3_GID",
}
_NOT_BY_VALUE: Final = frozenset({"GEOMETRY", "GEO_DISTANCE"})
_KNOWN: Final[Mapping[str, Parameter]] = {
    name.replace("_", "").lower(): Parameter(name, kind) for kind, names in _OF_KIND.items() for name in names.split()
}

_LICENCES: Final = {
    "cc0": "CC0_1_0", "cc010": "CC0_1_0", "ccby": "CC_BY_4_0", "ccby40": "CC_BY_4_0", "ccbync": "CC_BY_NC_4_0", "ccbync40": "CC_BY_NC_4_0",
    "unspecified": "UNSPECIFIED", "unsupported": "UNSUPPORTED",
}  # fmt: skip
_MEDIA: Final = {"stillimage": "StillImage", "movingimage": "MovingImage", "sound": "Sound"}
_NUMBER: Final = re.compile(r"-?[0-9]{1,12}(?:\.[0-9]{1,12})?", re.ASCII)
_DATE: Final = re.compile(r"([0-9]{4})(?:-([0-9]{2})(?:-([0-9]{2}))?)?", re.ASCII)
_KEY: Final = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII)
_WORD_STARTS: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


def parameter_of(written: str) -> Parameter:
    """The parameter that a person names: `taxonKey`, `TAXON_KEY`, `taxon-key`, or a column of `occurrence.txt`.

    GBIF adds parameters now and then: one that is not known here is taken on trust where it is written as GBIF writes them. Raises
    `UsageError` for any other.
    """
    squeezed = re.sub(r"[\s_-]", "", written).lower()
    squeezed = _SYNONYMS.get(squeezed, squeezed).replace("_", "").lower()
    if known := _KNOWN.get(squeezed):
        return known
    if written in _NOT_BY_VALUE:
        raise UsageError(
            f"{written} is no parameter with values", "put it into a file: --predicate FILE takes `within` and `geoDistance`"
        )
    if re.fullmatch(r"[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+", written):
        return Parameter(written, Kind.TEXT)
    close = difflib.get_close_matches(squeezed[:100], _KNOWN, n=1, cutoff=0.6)
    meant = f"did you mean {_KNOWN[close[0]].name}?" if close else f"GBIF's parameters: {PARAMETERS_PAGE}"
    raise UsageError(f'GBIF knows no search parameter "{printable(written, 60)}"', meant)


def value_of(parameter: Parameter, text: str) -> tuple[str, ...]:
    """A person's value in GBIF's words; `open` is more than one licence. Raises `UsageError` for one that cannot be meant."""
    match parameter.kind:
        case Kind.COUNTRY if re.fullmatch(r"[A-Za-z]{2}", text, re.ASCII):
            return (text.upper(),)
        case Kind.WORD:
            return (re.sub(r"[\s-]+", "_", _WORD_STARTS.sub("_", text)).upper(),)
        case Kind.FLAG if text.lower() in {"true", "false", "yes", "no"}:
            return ("true" if text.lower() in {"true", "yes"} else "false",)
        case Kind.KEY if _KEY.fullmatch(text.lower()):
            return (text.lower(),)
        case Kind.NUMBER if _NUMBER.fullmatch(text):
            return (text,)
        case Kind.DATE if _date_is_right(text):
            return (text,)
        case Kind.MEDIA if found := _MEDIA.get(text.lower().replace("_", "")):
            return (found,)
        case Kind.LICENCE:
            return _licences(text)
        case Kind.TEXT | Kind.TAXON:
            return (text,)
    raise UsageError(f'{parameter.name}: "{printable(text, 60)}" cannot be used', f"expected: {parameter.kind}")


def first_day(text: str) -> str:
    """The first day of a year, a month or a day."""
    year, month, day = _date_parts(text)
    return f"{year:04d}-{month or 1:02d}-{day or 1:02d}"


def last_day(text: str) -> str:
    """The last day of a year, a month or a day."""
    year, month, day = _date_parts(text)
    month = month or 12
    return f"{year:04d}-{month:02d}-{day or calendar.monthrange(year, month)[1]:02d}"


def _licences(text: str) -> tuple[str, ...]:
    squeezed = re.sub(r"[\s_.-]", "", text).lower()
    if squeezed == "open":
        return ("CC0_1_0", "CC_BY_4_0")
    if found := _LICENCES.get(squeezed):
        return (found,)
    raise UsageError(
        f'LICENSE: "{printable(text, 60)}" is no licence of records at GBIF',
        "expected: open (CC0 and CC BY), cc0, cc-by or cc-by-nc",
    )


def _date_is_right(text: str) -> bool:
    try:
        year, month, day = _date_parts(text)
    except ValueError:
        return False
    return (
        year > 0 and (month is None or 1 <= month <= 12) and (day is None or 1 <= day <= calendar.monthrange(year, month or 1)[1])
    )


def _date_parts(text: str) -> tuple[int, int | None, int | None]:
    found = _DATE.fullmatch(text)
    if found is None:
        raise ValueError("not a date")
    return int(found[1]), int(found[2]) if found[2] else None, int(found[3]) if found[3] else None

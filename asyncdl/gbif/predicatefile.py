"""A filter that somebody has written as JSON: read and checked for its shape, so that GBIF is not asked what it cannot understand. Pure but for the file.

It may be a predicate alone, or a whole request as GBIF's documentation shows it; of that the filter, the extensions and the taxonomy count.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from asyncdl.errors import UsageError
from asyncdl.gbif.predicates import Predicate
from asyncdl.terminal import printable

MAX_FILE_BYTES: Final = 16_000_000
"""GBIF takes some 100,000 values; as keys of taxa they fill 2 MB."""
MAX_DEPTH: Final = 50
MAX_ITEMS: Final = 200_000
"""Far more than GBIF takes (about 100,000): it says itself how many it takes, this only keeps out what is no filter."""
_PAGE: Final = "https://techdocs.gbif.org/en/data-use/api-downloads#predicates"

_VALUE: Final = {"key": str, "value": (str, int, float, bool)}
_SHAPES: Final[Mapping[str, Mapping[str, Any]]] = {
    "equals": _VALUE, "like": _VALUE, "lessThan": _VALUE, "lessThanOrEquals": _VALUE, "greaterThan": _VALUE, "greaterThanOrEquals": _VALUE,
    "in": {"key": str, "values": list},
    "isNull": {"parameter": str}, "isNotNull": {"parameter": str},
    "within": {"geometry": str},
    "geoDistance": {"latitude": (str, int, float), "longitude": (str, int, float), "distance": str},
    "and": {"predicates": list}, "or": {"predicates": list}, "not": {"predicate": dict},
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class WrittenFilter:
    """What a file asks for. `predicate` None: it has no filter of its own."""

    predicate: Predicate | None
    verbatim_extensions: tuple[str, ...] = ()
    checklist_key: str = ""


def read_filter(path: Path) -> WrittenFilter:
    """The filter in a file. Raises `UsageError` for a file that cannot be read or is no filter."""
    try:
        with path.open("rb") as file:
            content = file.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}", "name a file with a predicate as JSON") from error
    if len(content) > MAX_FILE_BYTES:
        raise UsageError(f"{path} has more than {MAX_FILE_BYTES:,} bytes", "GBIF takes about 100,000 values in one request")
    try:
        document = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{path} is no JSON: {printable(str(error), 120)}", f"expected: a predicate, {_PAGE}") from error
    return parse_filter(document, str(path))


def parse_filter(document: Any, shown: str) -> WrittenFilter:
    """The filter in a JSON document; `shown` names it in messages."""
    if isinstance(document, dict) and "sql" in document:
        raise UsageError(f"{shown} is an SQL request, which brings no Darwin Core Archive", f"expected: a predicate, {_PAGE}")
    if isinstance(document, dict) and "predicate" in document and "type" not in document:
        inner, extensions, checklist = (document.get(name) for name in ("predicate", "verbatimExtensions", "checklistKey"))
        if not isinstance(extensions, list | None) or not all(isinstance(one, str) for one in extensions or ()):
            raise UsageError(f"{shown}: verbatimExtensions is no list of texts", f"expected: a download request, {_PAGE}")
        if not isinstance(checklist, str | None):
            raise UsageError(f"{shown}: checklistKey is no text", f"expected: a download request, {_PAGE}")
        predicate = parse_filter(inner, shown).predicate if inner is not None else None
        return WrittenFilter(predicate, tuple(extensions or ()), checklist or "")
    _Check(shown).node(document, "", 0)
    return WrittenFilter(document)


class _Check:
    """Walks a predicate and counts what GBIF counts."""

    def __init__(self, shown: str) -> None:
        self._shown = shown
        self._items = 0

    def node(self, node: Any, place: str, depth: int) -> None:
        """Raise `UsageError` where the shape is wrong, naming the place."""
        if depth > MAX_DEPTH:
            raise self._wrong(place, f"it is nested more than {MAX_DEPTH} deep")
        if not isinstance(node, dict):
            raise self._wrong(place, "it is no object")
        kind = node.get("type")
        shape = _SHAPES.get(kind) if isinstance(kind, str) else None
        if shape is None:
            raise self._wrong(place, f'"{printable(str(kind), 40)}" is no type of predicate')
        for name, expected in shape.items():
            if not isinstance(node.get(name), expected):
                raise self._wrong(place, f'a predicate of type {kind} needs "{name}"')
        self._count(place, len(node["values"]) if kind == "in" else 1)
        if kind == "in" and (not node["values"] or not all(isinstance(one, str | int | float) for one in node["values"])):
            raise self._wrong(place, '"values" is no list of values')
        if kind == "not":
            self.node(node["predicate"], f"{place}.predicate", depth + 1)
        if kind in {"and", "or"}:
            if not node["predicates"]:
                raise self._wrong(place, '"predicates" is empty')
            for number, one in enumerate(node["predicates"]):
                self.node(one, f"{place}.predicates[{number}]", depth + 1)

    def _count(self, place: str, items: int) -> None:
        self._items += items
        if self._items > MAX_ITEMS:
            raise self._wrong(place, f"it has more than {MAX_ITEMS:,} items; GBIF takes about 100,000")

    def _wrong(self, place: str, why: str) -> UsageError:
        return UsageError(f"{self._shown}, predicate{place}: {why}", f"GBIF's predicates: {_PAGE}")

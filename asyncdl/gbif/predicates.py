"""GBIF's filters: conditions as `--where` writes them become predicates, and two predicates that ask the same get one form. Pure.

The grammar is GBIF's (https://techdocs.gbif.org/en/data-use/api-downloads#predicates). An empty cell passes `!=` here as it does in `init`,
which GBIF has to be told.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Final

from asyncdl.errors import UsageError
from asyncdl.gbif.parameters import RANGED, Kind, Parameter, first_day, last_day, parameter_of, value_of
from asyncdl.terminal import printable
from asyncdl.where import Anything, Between, Bound, Condition, Value

Predicate = dict[str, Any]
"""A predicate as JSON has it."""

BACKBONE: Final = "d7dddbf4-2cf0-4f39-9b2a-bb099caae36c"
CHECKLISTS: Final = {"col": "7ddf754f-d193-4cc9-b351-99906754a03b", "backbone": BACKBONE}
"""Taxonomies by a short name: the Catalogue of Life (extended), and GBIF's own backbone, which holds where none is named."""

_MAX_DEPTH: Final = 100
"""Of a filter that others wrote; what is deeper equals nothing of ours."""


def predicate_of(condition: Condition, checklist_key: str = "") -> Predicate:
    """The predicate that a condition means. `checklist_key` names the taxonomy that taxon keys are of.

    Raises `UsageError` for a parameter GBIF does not have and for values it cannot compare.
    """
    if condition.place == "media":
        raise UsageError(
            f'--where "{printable(condition.text, 80)}": GBIF chooses occurrences, not single images',
            "give it to `asyncdl init` later",
        )
    parameter = parameter_of(condition.shown_column if "." not in condition.shown_column else condition.column)
    alternatives: list[Predicate] = []
    values: list[str] = []
    for wanted in condition.wanted:
        match wanted:
            case Value(""):
                alternatives.append(_null("isNull", parameter))
            case Value(text):
                values.extend(value_of(parameter, _taxon(text, parameter, checklist_key)))
            case Anything():
                alternatives.append(_null("isNotNull", parameter))
            case Between(low, high):
                alternatives.append(_between(parameter, low, high, condition))
    if values:
        alternatives.insert(0, _equals(parameter, list(dict.fromkeys(values)), checklist_key))
    met = alternatives[0] if len(alternatives) == 1 else {"type": "or", "predicates": alternatives}
    if not condition.negated:
        return met
    unmet: Predicate = {"type": "not", "predicate": met}
    if any(isinstance(wanted, Anything) or wanted == Value("") for wanted in condition.wanted):
        return unmet
    return {"type": "or", "predicates": [unmet, _null("isNull", parameter)]}


def all_of(predicates: Sequence[Predicate]) -> Predicate:
    """What holds when all of them hold; a single one stays itself. There must be at least one."""
    parts: list[Predicate] = []
    for one in predicates:
        parts.extend(one["predicates"] if one.get("type") == "and" else [one])
    return parts[0] if len(parts) == 1 else {"type": "and", "predicates": parts}


def normal_form(predicate: Any) -> str:
    """One text for all predicates that ask the same: nothing depends on order, case-insensitivity said aloud, or how `in` is written."""
    return json.dumps(_normal(predicate), sort_keys=True, ensure_ascii=True)


def _equals(parameter: Parameter, values: list[str], checklist_key: str) -> Predicate:
    head: Predicate = {"type": "equals" if len(values) == 1 else "in", "key": parameter.name}
    predicate = head | ({"value": values[0]} if len(values) == 1 else {"values": values})
    return predicate | ({"checklistKey": checklist_key} if checklist_key and parameter.kind is Kind.TAXON else {})


def _null(kind: str, parameter: Parameter) -> Predicate:
    return {"type": kind, "parameter": parameter.name}


def _between(parameter: Parameter, low: Bound | None, high: Bound | None, condition: Condition) -> Predicate:
    if parameter.kind not in RANGED:
        raise UsageError(
            f'--where "{printable(condition.text, 80)}": GBIF does not compare {parameter.name}, it is {parameter.kind}',
            "write PARAMETER=VALUE or PARAMETER=V1,V2",
        )
    ends: list[Predicate] = []
    if low is not None:
        ends.append(_end(parameter, low, "greaterThan", first_day if low.inclusive else last_day))
    if high is not None:
        ends.append(_end(parameter, high, "lessThan", last_day if high.inclusive else first_day))
    return ends[0] if len(ends) == 1 else {"type": "and", "predicates": ends}


def _end(parameter: Parameter, bound: Bound, kind: str, day: Any) -> Predicate:
    """One end of a range. A year or a month is spelt out as a day, so that 2010 includes all of 2010 whatever GBIF makes of it."""
    (text,) = value_of(parameter, bound.text)
    shown = day(text) if parameter.kind is Kind.DATE else text
    return {"type": kind + ("OrEquals" if bound.inclusive else ""), "key": parameter.name, "value": shown}


def _taxon(text: str, parameter: Parameter, checklist_key: str) -> str:
    """Refuse a taxon key that the taxonomy in force cannot have: GBIF would answer with nothing at all."""
    if parameter.kind is Kind.TAXON and checklist_key in {"", BACKBONE} and not text.isdigit():
        raise UsageError(
            f'{parameter.name}: "{printable(text, 60)}" is no key of the GBIF backbone, where keys are numbers',
            "keys of the Catalogue of Life, as gbif.org shows them now, need --checklist-key col",
        )
    return text


def _normal(node: Any, depth: int = 0) -> Any:
    if not isinstance(node, dict) or depth > _MAX_DEPTH:
        return None if isinstance(node, dict | list) else node
    kind = str(node.get("type"))
    if kind in {"and", "or"}:
        return _normal_compound(kind, node.get("predicates"), depth)
    if kind == "not":
        return {"type": "not", "predicate": _normal(node.get("predicate"), depth + 1)}
    kept = {name: value for name, value in node.items() if value is not None and not (name == "matchCase" and not _true(value))}
    if kind in {"equals", "in"}:
        values = kept.pop("values", None)
        found = values if isinstance(values, list) else [kept.pop("value", None)]
        kept |= {"type": "in", "values": sorted({_text(value) for value in found})}
    return {name: value if name == "values" else _text(value) for name, value in kept.items()}


def _normal_compound(kind: str, predicates: Any, depth: int) -> Any:
    parts: dict[str, Any] = {}
    for one in predicates if isinstance(predicates, list) else []:
        normal = _normal(one, depth + 1)
        inner = normal["predicates"] if isinstance(normal, dict) and normal.get("type") == kind else [normal]
        parts |= {json.dumps(part, sort_keys=True): part for part in inner}
    ordered = [parts[text] for text in sorted(parts)]
    return ordered[0] if len(ordered) == 1 else {"type": kind, "predicates": ordered}


def _true(value: Any) -> bool:
    return value is True or (isinstance(value, str) and value.lower() == "true")


def _text(value: Any) -> str:
    """A value as GBIF gives it back: always text."""
    return ("true" if value else "false") if isinstance(value, bool) else str(value)

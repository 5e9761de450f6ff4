"""A condition as SQL over one column of text, with every text from outside bound.

Cells are compared without blanks around them and without case. With a number (`0012` is none) numbers compare as numbers, exactly; a
cell that is no number lies in no range of numbers. A bound of four digits is a year too: dates lie in it by their beginning. With any
other bound cells compare as text, in the order of Unicode; an upper bound includes what begins with it, so 2010 includes 2010-07-04.
A date that is less precise than a bound stands at its own beginning: 2005 lies before 2005-03.
"""

from __future__ import annotations

from typing import Final

from asyncdl.where import NUMBER_PATTERN, Between, Bound, Condition, Shape, Value, Wanted, number_of

_EXACT: Final = "DECIMAL(38, 12)"
"""Holds every whole number of GBIF, and coordinates, without rounding."""


class Predicates:
    """Makes predicates, and gathers what they bind: `values`, by name."""

    def __init__(self) -> None:
        self.values: dict[str, str] = {}

    def of_condition(self, condition: Condition, column: str) -> str:
        """SQL that is true or false (never NULL) of a row; `column` is an SQL expression of the cell's text, NULL or a text."""
        cell = f"lower(trim(coalesce({column}, '')))"
        same = [one for one in condition.wanted if isinstance(one, Value)]
        parts = [self._of_values(same, cell)] if same else []
        parts += [self._of_wanted(one, cell) for one in condition.wanted if not isinstance(one, Value)]
        whole = f"({' OR '.join(parts)})"
        return f"(NOT {whole})" if condition.negated else whole

    def _of_values(self, values: list[Value], cell: str) -> str:
        texts = ", ".join(f"lower({self._bind(value.text)})" for value in values)
        numbers = [value.text for value in values if number_of(value.text) is not None]
        if not numbers:
            return f"({cell} IN ({texts}))"
        exact = ", ".join(f"CAST({self._bind(number)} AS {_EXACT})" for number in numbers)
        return f"({cell} IN ({texts}) OR coalesce({_number(cell)} IN ({exact}), false))"

    def _of_wanted(self, wanted: Wanted, cell: str) -> str:
        if not isinstance(wanted, Between):
            return f"({cell} <> '')"
        sides = [self._at_least(wanted.low, cell)] if wanted.low else []
        sides += [self._at_most(wanted.high, cell)] if wanted.high else []
        return f"({cell} <> '' AND {' AND '.join(sides)})"

    def _at_least(self, bound: Bound, cell: str) -> str:
        bound_to = self._bind(bound.text)
        text = f"lower({bound_to})"
        as_text = f"{cell} >= {text}" if bound.inclusive else f"({cell} > {text} AND NOT starts_with({cell}, {text}))"
        return _compared(bound.shape, cell, ">=" if bound.inclusive else ">", bound_to, as_text)

    def _at_most(self, bound: Bound, cell: str) -> str:
        bound_to = self._bind(bound.text)
        text = f"lower({bound_to})"
        as_text = f"({cell} <= {text} OR starts_with({cell}, {text}))" if bound.inclusive else f"{cell} < {text}"
        return _compared(bound.shape, cell, "<=" if bound.inclusive else "<", bound_to, as_text)

    def _bind(self, text: str) -> str:
        name = f"v{len(self.values)}"
        self.values[name] = text
        return f"${name}"


def _number(cell: str) -> str:
    return f"CASE WHEN regexp_full_match({cell}, '{NUMBER_PATTERN}') THEN TRY_CAST({cell} AS {_EXACT}) END"


def _compared(shape: Shape, cell: str, sign: str, bound_to: str, as_text: str) -> str:
    """How a cell stands to a bound of that shape; `bound_to` is the bound's parameter, `as_text` the comparison as text."""
    if shape is Shape.TEXT:
        return as_text
    if shape is Shape.DATE:
        return f"(regexp_full_match({cell}, '[0-9]{{4}}(?:-.*)?') AND {as_text})"
    as_number = f"coalesce({_number(cell)} {sign} CAST({bound_to} AS {_EXACT}), false)"
    if shape is Shape.NUMBER:
        return as_number
    return f"(CASE WHEN regexp_full_match({cell}, '[0-9]{{4}}-.*') THEN {as_text} ELSE {as_number} END)"

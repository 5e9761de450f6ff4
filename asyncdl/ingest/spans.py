"""Ranges of records that are bounded in two sources at once. Pure."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from itertools import pairwise
from typing import Final

from asyncdl.sourcerows import KINDS, Range

_OLD_GROUPS: Final = 2
"""So many row groups of the older source may stand in a range before it is cut once more: cutting at all of them would halve every range."""


def common_ranges(new: Sequence[Range], old: Sequence[Range]) -> list[Range]:
    """Ranges that together hold every record of both, each with about a row group of the new one and at most some of the old one.

    `new` and `old` are the ranges of the two sources (`SourceRows.ranges`); the result names no parts.
    """
    return [found for kind in KINDS for found in _of_kind(kind, _firsts(new, kind), _firsts(old, kind))]


def _firsts(ranges: Sequence[Range], kind: str) -> list[int | str]:
    return sorted({found.first for found in ranges if found.kind == kind and found.first is not None})


def _of_kind(kind: str, new: list[int | str], old: list[int | str]) -> list[Range]:
    if not new and not old:
        return []
    cuts = new[1:]
    borders = [0, *(bisect_left(old, cut) for cut in cuts), len(old)]
    for first, after in pairwise(borders):
        cuts += old[first + _OLD_GROUPS : after : _OLD_GROUPS]
    cuts = sorted(set(cuts))
    return [Range(kind, first, after) for first, after in zip([None, *cuts], [*cuts, None], strict=True)]

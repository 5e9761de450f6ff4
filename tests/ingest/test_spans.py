from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from asyncdl.ingest.spans import common_ranges
from asyncdl.sourcerows import NAMED, NUMBERED, Range

FIRSTS = st.lists(st.integers(0, 200), unique=True).map(sorted)


def ranges(firsts: list[int]) -> list[Range]:
    return [Range(NUMBERED, first, after, "part") for first, after in zip(firsts, [*firsts[1:], None], strict=False)]


def inside(one: Range, firsts: list[int]) -> list[int]:
    return [first for first in firsts if int(one.first or 0) <= first and (one.after is None or first < int(one.after))]


@given(FIRSTS, FIRSTS)
def test_ranges_hold_everything_once_and_a_bounded_part_of_both(new: list[int], old: list[int]) -> None:
    found = common_ranges(ranges(new), ranges(old))
    if not new and not old:
        assert found == []
        return
    assert (found[0].first, found[-1].after) == (None, None)
    assert all(one.after == other.first for one, other in pairwise(found))
    for one in found:
        assert len(inside(one, new)) <= 1
        assert len(inside(one, old)) <= 2  # and what began before
    assert len(found) <= max(1, len(new)) + len(old) // 2


def test_kinds_are_kept_apart() -> None:
    found = common_ranges([Range(NUMBERED, 5), Range(NAMED, "a")], [Range(NAMED, "b", None)])
    assert found == [Range(NUMBERED), Range(NAMED)]

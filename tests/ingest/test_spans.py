from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from asyncdl.ingest.spans import common_ranges
from asyncdl.sourcerows import NAMED, NUMBERED, Range

FIRSTS = st.lists(st.integers(0, 200), unique=True).map(sorted)


def ranges(firsts: list[int]) -> list[Range]:
    return [Range(NUMBERED, first, after, "part") for first, after in zip(firsts, [*firsts[1:], None], strict=False)]


@given(FIRSTS, FIRSTS)
def test_ranges_hold_everything_once_and_a_bounded_part_of_both(new: list[int], old: list[int]) -> None:
    found = common_ranges(ranges(new), ranges(old))
    if not new and not old:
        assert found == []
        return
    assert (found[0].first, found[-1].after) == (None, None)
    assert all(one.after == other.first for one, other in zip(found, found[1:], strict=False))
    for one in found:
        inside = [first for first in new if (one.first is None or first >= one.first) and (one.after is None or first < one.after)]
        assert len(inside) <= 1
        begun = [first for first in old if (one.first is None or first >= one.first) and (one.after is None or first < one.after)]
        assert len(begun) <= 2  # and what began before
    assert len(found) <= max(1, len(new)) + len(old) // 2


def test_kinds_are_kept_apart() -> None:
    found = common_ranges([Range(NUMBERED, 5), Range(NAMED, "a")], [Range(NAMED, "b", None)])
    assert found == [Range(NUMBERED), Range(NAMED)]

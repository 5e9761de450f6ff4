from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asyncdl.limits import LIMIT_NAMES, LaneLimits, LaneOrder, Stop, limits_of

LIMIT = st.one_of(st.none(), st.integers(0, 5))
LIMITS = st.fixed_dictionaries(dict.fromkeys(LIMIT_NAMES, LIMIT)).map(limits_of)


def ceiling(value: float | None) -> float:
    return value or float("inf")


@given(LIMITS, LIMITS)
def test_of_two_the_tighter_holds_and_the_order_does_not_matter(one: LaneLimits, other: LaneLimits) -> None:
    both = one.tightened(other)
    assert both == other.tightened(one)
    for name in LIMIT_NAMES:
        assert ceiling(getattr(both, name)) == min(ceiling(getattr(one, name)), ceiling(getattr(other, name)))


@given(LIMITS, LIMITS)
def test_what_is_said_overrules_and_what_is_not_said_does_not(one: LaneLimits, other: LaneLimits) -> None:
    for name in LIMIT_NAMES:
        said = getattr(other, name)
        assert getattr(one.overruled(other), name) == (getattr(one, name) if said is None else said)


def test_an_order_holds_until_its_time() -> None:
    order = LaneOrder("a.test", 1, LaneLimits(2.0), limits_until_ms=10, stop=Stop.PAUSE, stop_until_ms=20)
    assert (order.limits_at(9), order.limits_at(10)) == (LaneLimits(2.0), LaneLimits())
    assert (order.stop_at(19), order.stop_at(20)) == (Stop.PAUSE, None)
    assert LaneOrder("a.test", stop=Stop.BLOCK).stop_at(1 << 60) is Stop.BLOCK


@pytest.mark.parametrize("values", [{"pace": 1}, {"rate_per_second": -1}, {"connections": True}, {"bytes_per_day": "5GB"}])
def test_what_is_no_limit_is_refused(values: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"limit|takes a number"):
        limits_of(values)

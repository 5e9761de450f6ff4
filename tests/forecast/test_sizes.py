from hypothesis import given
from hypothesis import strategies as st

from asyncdl.forecast import PRIOR, SizeEstimate


def test_nothing_known_is_the_prior() -> None:
    assert SizeEstimate(0, 0).per_image(0, 0) == PRIOR


def test_a_host_that_has_shown_its_sizes_is_believed() -> None:
    found = SizeEstimate(10_000, 10_000 * 80_000).per_image(10_000, 10_000 * 80_000)
    assert found.low < 80_000 < found.high
    assert abs(found.expected - 80_000) < 1_000
    assert found.high < 90_000


def test_a_host_that_has_shown_nothing_leans_on_the_others() -> None:
    found = SizeEstimate(5_000, 5_000 * 2_000_000).per_image(0, 0)
    assert abs(found.expected - 2_000_000) < 10_000
    assert (found.low, found.high) == (PRIOR.low, PRIOR.high)


@given(st.integers(0, 10**8), st.integers(0, 10**6), st.integers(0, 10**8), st.integers(0, 10**6))
def test_the_expected_lies_in_its_range(others: int, mean: int, own: int, own_mean: int) -> None:
    found = SizeEstimate(others + own, others * mean + own * own_mean).per_image(own, own * own_mean)
    assert found.low <= found.expected <= found.high

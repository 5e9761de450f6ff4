from __future__ import annotations

import math
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from asyncdl.download.backoff import BackoffPolicy


@given(st.integers(1, 200), st.integers(0, 2**32), st.booleans(), st.one_of(st.none(), st.sampled_from([3_600.0, 86_400.0, 1e9])))
def test_pauses_grow_by_the_rule_and_jitter_only_lengthens_them(
    incidents: int, seed: int, crowded: bool, longest: float | None
) -> None:
    policy = BackoffPolicy()
    pause = policy.pause_seconds(incidents, Random(seed), crowded=crowded, longest_seconds=longest)
    bare = min((2.0 if crowded else 5.0) * 2.0 ** min(incidents - 1, 64), 86_400.0, longest or math.inf)
    assert bare <= pause <= 1.25 * bare

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from asyncdl.clock import Instant
from asyncdl.download.bans import MAX_KEPT_ASIDE, BanPolicy, BanWatch

T0 = Instant(100.0, 1_767_225_600_000)
POLICY = BanPolicy()


@given(st.lists(st.tuples(st.booleans(), st.booleans()), max_size=400))
def test_only_a_row_of_refusals_is_a_ban_and_only_an_answer_or_a_person_ends_it(events: list[tuple[bool, bool]]) -> None:
    watch = BanWatch(POLICY)
    row, longest, well = 0, 0, False
    probes = 0
    for welcomed, fresh in events:
        if welcomed:
            watch.welcomed()
            longest, row, well = max(longest, row), 0, True
            assert not watch.banned
            continue
        before = watch.banned
        banned = watch.refused(T0, fresh=fresh)
        if before:
            probes += fresh
            assert (banned, watch.probes) == (True, probes)
            assert watch.probe_after_seconds == (POLICY.probes_after_seconds[probes] if probes < 3 else None)
            continue
        row += 1
        assert banned == (row >= (min(MAX_KEPT_ASIDE, max(10, 2 * longest)) if well else 5))
        probes = 0
        assert row <= MAX_KEPT_ASIDE


def test_rows_of_private_images_teach_patience() -> None:
    watch = BanWatch(POLICY)
    watch.welcomed()
    for row in (9, 17, 33, 60):
        assert not any(watch.refused(T0, fresh=True) for _ in range(row))
        watch.welcomed()
    assert not any(watch.refused(T0, fresh=True) for _ in range(MAX_KEPT_ASIDE - 1))
    assert watch.refused(T0, fresh=True)


def test_what_is_stored_comes_back() -> None:
    watch = BanWatch(POLICY)
    while not watch.refused(T0, fresh=True):
        pass
    watch.refused(T0, fresh=True)
    again = BanWatch(POLICY)
    again.restore(watch.banned_since_ms, watch.probes)
    assert (again.banned, again.probe_after_seconds) == (True, 21_600.0)

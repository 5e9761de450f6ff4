from __future__ import annotations

from itertools import combinations

from hypothesis import given
from hypothesis import strategies as st

from asyncdl.upkeep.host_addresses import groups_by_address

HOSTS = st.dictionaries(st.sampled_from("abcdefgh"), st.sets(st.integers(1, 6).map(str), max_size=3))


@given(HOSTS)
def test_who_shares_an_address_is_in_one_group_and_nobody_else(addresses: dict[str, set[str]]) -> None:
    groups = groups_by_address(addresses)
    grouped = [host for group in groups for host in group]
    assert len(grouped) == len(set(grouped))
    group_of = {host: number for number, group in enumerate(groups) for host in group}
    for (one, its), (other, others) in combinations(addresses.items(), 2):
        if its & others:
            assert group_of[one] == group_of[other]
    for group in groups:
        for host in group:  # nobody is there who shares nothing with the others
            rest = set().union(*(addresses[other] for other in group if other != host))
            assert addresses[host] & rest


def test_the_first_given_leads_and_a_third_connects() -> None:
    addresses = {"big.org": ["1"], "alone.org": ["9"], "small.org": ["2"], "both.org": ["2", "1"], "gone.org": []}
    assert groups_by_address(addresses) == [("big.org", "small.org", "both.org")]

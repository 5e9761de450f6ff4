"""Which hosts are one server by the addresses that their names lead to. Pure: who asks the resolver says what it said.

Sharing an address says less than it seems: a content network serves thousands of unrelated museums from one. So nobody is grouped unasked.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping


def groups_by_address(addresses: Mapping[str, Iterable[str]]) -> list[tuple[str, ...]]:
    """The hosts that share an address with another, directly or through a third; each group, and the hosts in it, in the order given.

    Hosts without an address are in no group.
    """
    group_of: dict[str, str] = {}  # the first host met at an address stands for the group

    def first(host: str) -> str:
        while group_of[host] != host:
            host = group_of[host]
        return host

    order = {host: place for place, host in enumerate(addresses)}
    at: dict[str, str] = {}
    for host, found in addresses.items():
        group_of[host] = host
        for address in found:
            one, other = sorted((first(at.setdefault(address, host)), first(host)), key=order.__getitem__)
            group_of[other] = one
    groups: dict[str, list[str]] = {}
    for host in addresses:
        groups.setdefault(first(host), []).append(host)
    return [tuple(hosts) for hosts in groups.values() if len(hosts) > 1]

from __future__ import annotations

import pytest

from asyncdl.download.networks import network_of, unrelated


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("images.museum.org", "www.museum.org", True),
        ("images.museum.org:8080", "museum.org", True),
        ("a.ac.uk", "b.ac.uk", False),
        ("x.kew.ac.uk", "y.kew.ac.uk", True),
        ("10.0.0.1:80", "10.0.0.2:80", True),
        ("10.0.0.1", "10.0.1.1", False),
        ("[2001:db8::1]:80", "[2001:db8::2]", True),
        ("[2001:db8::1]", "[2001:db9::1]", False),
    ],
)
def test_what_is_related(one: str, other: str, same: bool) -> None:
    assert (network_of(one) == network_of(other)) is same


def test_hosts_of_one_domain_are_one_witness() -> None:
    hosts = ["images.museum.org", "www.museum.org", "10.0.0.1", "10.0.0.2:80"]
    assert unrelated(hosts, 2)
    assert not unrelated(hosts, 3)

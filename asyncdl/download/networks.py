"""Which hosts have something to do with each other, told by their names alone. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import ip_address
from typing import Final

_SHORT_LABEL_CHARS: Final = 3


def network_of(host: str) -> str:
    """What two hosts have in common when one may bring down the other: their registered domain (guessed), or the network around a numeric address."""
    name = host.rpartition(":")[0] if host.count(":") == 1 or host.rpartition("]")[2].startswith(":") else host
    try:
        address = ip_address(name.strip("[]"))
    except ValueError:
        labels = name.removesuffix(".").split(".")
        # co.uk, com.br, ac.jp: a short label before a country's is a part of the registry's name.
        country = len(labels) > 2 and len(labels[-1]) == 2 and len(labels[-2]) <= _SHORT_LABEL_CHARS
        return ".".join(labels[-3:] if country else labels[-2:])
    return address.exploded.rpartition(".")[0] if address.version == 4 else address.exploded[:14]


def unrelated(lanes: Iterable[str], enough: int) -> bool:
    """Whether so many of the lanes have nothing to do with each other."""
    networks: set[str] = set()
    for lane in lanes:
        networks.add(network_of(lane))
        if len(networks) >= enough:
            return True
    return False

"""Populations of simulated hosts, drawn by a seed: museums as a GBIF list has them, and very many small hosts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from random import Random
from typing import Protocol

from benchmarks.simulated_hosts import DAY_SECONDS, HOUR_SECONDS, Outage, Traits

MUSEUM_HOSTS = 550
"""A monthly snapshot of GBIF names about 545 servers (Imageomics/distributed-downloader)."""

_SKEW = 1.1
"""Images per host fall with this power of the host's rank: of 550 hosts the largest then has a sixth of all, nine have almost half."""

_DEAD = ("connect_failed", "dns_error", "tls_error", "timeout")


class Population(Protocol):
    """Hosts by number from 1; what each is like, on demand."""

    @property
    def hosts(self) -> int:
        """How many there are."""
        ...

    def traits(self, host: int) -> Traits:
        """What a host is like."""
        ...


class Listed:
    """A population whose hosts stand in a list."""

    def __init__(self, traits: list[Traits]) -> None:
        self._traits = traits

    @property
    def hosts(self) -> int:
        """How many there are."""
        return len(self._traits)

    def traits(self, host: int) -> Traits:
        """What a host is like."""
        return self._traits[host - 1]

    def __iter__(self) -> Iterator[Traits]:
        return iter(self._traits)


def museums(images: int, seed: int, days: float, hosts: int = MUSEUM_HOSTS) -> Listed:
    """So many images on hosts of all sizes, with limits that nobody tells, outages of hours and days, bans, and a few that are gone."""
    random = Random(seed)
    weights = [rank**-_SKEW for rank in range(1, hosts + 1)]
    drawn = [_museum(max(1, round(images * weight / sum(weights))), random, days) for weight in weights]
    # A list whose largest hosts are all dead would say nothing; the share of the dead among the rest stays.
    return Listed(
        [replace(traits, dead="", kind="healthy") if rank < 3 and traits.dead else traits for rank, traits in enumerate(drawn)]
    )


def _museum(images: int, random: Random, days: float) -> Traits:
    kind = random.choices(("healthy", "rate", "connections", "window", "slow", "dead", "strict"), weights=(40, 25, 12, 4, 8, 6, 5))[
        0
    ]
    traits = Traits(
        images,
        latency_seconds=random.choice((0.05, 0.1, 0.2, 0.4, 0.8)),
        body_seconds=random.choice((0.02, 0.1, 0.3)),
        missing_share=random.choice((0.0, 0.01, 0.05)),
        broken_share=random.choice((0.0, 0.0, 0.001)),
        retry_after_seconds=random.choice((None, None, 5.0, 30.0, 120.0, 3_600.0)),
        refusal=random.choice(("rate_limited", "rate_limited", "unavailable")),
        outages=_outages(random, days),
        kind=kind,
    )
    match kind:
        case "rate":
            rate = random.choice((0.5, 1.0, 2.0, 5.0, 20.0))
            return replace(
                traits, rate_per_second=rate, burst=random.choice((0, 5, 20, 100)), office_share=random.choice((1, 1, 0.5))
            )
        case "connections":
            return replace(traits, connections=random.choice((1, 2, 4, 10)))
        case "window":
            return replace(traits, window_requests=random.choice((30, 60, 300)))
        case "slow":
            return replace(traits, latency_seconds=random.choice((2.0, 5.0)), comfort=random.choice((1, 2, 8)))
        case "dead":
            return replace(traits, dead=random.choice(_DEAD))
        case "strict":
            return replace(traits, rate_per_second=random.choice((1.0, 3.0)), burst=5, ban_after=random.choice((20, 100)))
        case _:
            return traits


def _outages(random: Random, days: float) -> tuple[Outage, ...]:
    """One host in four is away for some hours, one in twenty for days."""
    if random.random() < 0.05:
        seconds = random.uniform(1, 3) * DAY_SECONDS
    elif random.random() < 0.25:
        seconds = random.uniform(0.5, 8) * HOUR_SECONDS
    else:
        return ()
    begins = random.uniform(0, days * DAY_SECONDS)
    return (Outage(begins, begins + seconds, random.choice(("connect_failed", "unavailable", "timeout"))),)


class Scattered:
    """So many hosts with a few images each, none of them held in memory: what a host is like follows from its number."""

    def __init__(self, hosts: int, images_each: int, seed: int) -> None:
        self.hosts = hosts
        self._images_each = images_each
        self._seed = seed

    def traits(self, host: int) -> Traits:
        """What a host is like: one in a hundred is dead, one in ten limited."""
        random = Random(self._seed * 1_000_003 + host)
        traits = Traits(self._images_each, latency_seconds=random.uniform(0.05, 0.5))
        chance = random.random()
        if chance < 0.01:
            return replace(traits, dead="connect_failed", kind="dead")
        if chance < 0.11:
            return replace(traits, rate_per_second=2.0, burst=2, kind="rate")
        return traits

"""Hosts of many kinds with limits nobody tells, in virtual time: how many refusals the search for a pace costs, and how long it takes.

    python -m benchmarks.scenarios [--only far,minute] [--caution normal] [--seeds 3] [--hosts 16] [--each] [--told]

Each scenario draws hosts of one kind by a seed, with limits from a wide range, and enough images on each that the ideal takes about an hour (the kinds with days in
them take longer). A run with no ceilings of ours (`--host-rate 0 --host-connections 0`) then has to find out. Printed per scenario: refusals per limited host,
answers 403 by a host that bans, and the time until the last image against the ideal of that host: median over hosts, and worst. `--each` shows every host. With `--told` each lane is given its host's limit from the first request on, as a person or a preset would; what counts by the minute or the hour
is told as a rate.
"""

from __future__ import annotations

import argparse
import asyncio
import math
import statistics
from collections.abc import Callable
from dataclasses import dataclass, replace
from random import Random

from asyncdl.download.caution import CAUTIONS
from asyncdl.download.lane import LaneLimits
from asyncdl.download.scheduler import SchedulerRules
from benchmarks.populations import Listed
from benchmarks.simulated_hosts import DAY_SECONDS, HOUR_SECONDS, Outage, Traits
from benchmarks.virtual_rows import host_of_lane
from benchmarks.virtual_run import VirtualRun

_IDEAL_SECONDS = HOUR_SECONDS
_MAX_IMAGES = 20_000
_LONGEST_DAYS = 10.0


def _log_uniform(random: Random, low: float, high: float) -> float:
    return math.exp(random.uniform(math.log(low), math.log(high)))


def _any_latency(random: Random) -> Traits:
    return Traits(1, latency_seconds=_log_uniform(random, 0.03, 1.0), body_seconds=_log_uniform(random, 0.01, 0.5))


def _promise(random: Random) -> float | None:
    return random.choice((None, 1.0, 5.0, 30.0, 120.0))


def _rated(random: Random) -> Traits:
    rate = _log_uniform(random, 1, 60)
    return replace(_any_latency(random), rate_per_second=rate, burst=random.randrange(30), retry_after_seconds=_promise(random))


def _connected(random: Random) -> Traits:
    return replace(
        _any_latency(random), connections=random.randint(1, 20), refusal=random.choice(("rate_limited", "unavailable")),
        retry_after_seconds=_promise(random),
    )  # fmt: skip


def _both(random: Random) -> Traits:
    return replace(_rated(random), connections=random.randint(1, 12))


def _rare(random: Random) -> Traits:
    return replace(
        _any_latency(random),
        rate_per_second=_log_uniform(random, 0.02, 0.5),
        burst=random.randrange(3),
        retry_after_seconds=_promise(random),
    )


def _far(random: Random) -> Traits:
    traits = replace(_any_latency(random), latency_seconds=random.uniform(3, 12))
    return replace(traits, connections=random.choice((0, 2, 5, 12)), comfort=random.choice((0, 6, 30)))


def _office(random: Random) -> Traits:
    return replace(_rated(random), office_share=random.uniform(0.1, 0.5), images=40_000, rate_per_second=random.uniform(0.2, 0.6))


def _deep(random: Random) -> Traits:
    return replace(
        _any_latency(random),
        rate_per_second=_log_uniform(random, 0.5, 10),
        burst=random.randint(100, 2_000),
        retry_after_seconds=_promise(random),
    )


def _minute(random: Random) -> Traits:
    return replace(
        _any_latency(random),
        window_requests=round(_log_uniform(random, 10, 600)),
        retry_after_seconds=random.choice((None, None, 10.0, 60.0)),
    )


def _hour(random: Random) -> Traits:
    return replace(
        _minute(random), window_seconds=HOUR_SECONDS, window_requests=round(_log_uniform(random, 300, 5_000)), images=20_000
    )


def _patient(random: Random) -> Traits:
    return replace(_rated(random), retry_after_seconds=HOUR_SECONDS, images=20_000)


def _crowded(random: Random) -> Traits:
    return replace(_any_latency(random), comfort=random.randint(1, 16))


def _strict(random: Random) -> Traits:
    return replace(_rated(random), ban_after=random.randint(10, 40), ban_seconds=DAY_SECONDS)


def _away(random: Random) -> Traits:
    begins, seconds = random.uniform(0, 1_800), _log_uniform(random, 60, 6 * HOUR_SECONDS)
    error = random.choice(("connect_failed", "unavailable", "timeout"))
    return replace(_rated(random), outages=(Outage(begins, begins + seconds, error),))


@dataclass(frozen=True, slots=True)
class Scenario:
    """Hosts of one kind."""

    name: str
    meaning: str
    draw: Callable[[Random], Traits]


SCENARIOS = (
    Scenario("rate", "1 to 60 requests/s, small bursts", _rated),
    Scenario("connections", "1 to 20 at once", _connected),
    Scenario("both", "both limits", _both),
    Scenario("rare", "one request in 2 to 50 s", _rare),
    Scenario("far", "3 to 12 s until the first byte", _far),
    Scenario("office", "a rate that falls to a tenth to a half by day", _office),
    Scenario("deep", "buckets of 100 to 2,000 requests, slowly refilled", _deep),
    Scenario("minute", "10 to 600 a minute, then refusals until the next", _minute),
    Scenario("hour", "300 to 5,000 an hour, then refusals until the next", _hour),
    Scenario("patient", "refusals that ask for an hour", _patient),
    Scenario("crowded", "no refusals, answers grow slow", _crowded),
    Scenario("strict", "a ban after 10 to 40 refusals in an hour", _strict),
    Scenario("away", "out for a minute to six hours", _away),
)


def population(scenario: Scenario, hosts: int, seed: int) -> Listed:
    """The hosts of a scenario, each with about an hour's images."""
    random = Random(f"{scenario.name} {seed}")
    drawn = [scenario.draw(random) for _ in range(hosts)]
    return Listed([_filled(traits) if traits.images == 1 else traits for traits in drawn])


def _filled(traits: Traits) -> Traits:
    capacity = replace(traits, outages=()).capacity_at(0.0)
    images = _MAX_IMAGES if math.isinf(capacity) else round(capacity * _IDEAL_SECONDS + traits.burst)
    return replace(traits, images=max(20, min(_MAX_IMAGES, images)))


@dataclass(frozen=True, slots=True)
class Result:
    """One host of one run."""

    traits: Traits
    refused: int
    forbidden: int
    ideal_seconds: float
    reached_seconds: float | None

    @property
    def ratio(self) -> float:
        """Time taken against the ideal; infinite when it did not come to an end."""
        return math.inf if self.reached_seconds is None else self.reached_seconds / self.ideal_seconds


def simulated(scenario: Scenario, hosts: int, seed: int, caution: str, *, told: bool) -> list[Result]:
    """One run; a result per host."""
    listed = population(scenario, hosts, seed)

    def known(lane: str) -> LaneLimits:
        traits = listed.traits(host_of_lane(lane))
        return LaneLimits(
            traits.rate_per_second or traits.window_requests / traits.window_seconds, traits.connections or traits.comfort
        )

    rules = SchedulerRules(concurrency=256, lane_limits=LaneLimits(0.0, 0), caution=CAUTIONS[caution])
    if told:
        rules = replace(rules, presets=known)
    run = VirtualRun(listed, rules, seed, robots=False)
    asyncio.run(run.run(images=sum(traits.images for traits in listed), until_seconds=_LONGEST_DAYS * DAY_SECONDS))
    results = []
    for number, traits in enumerate(listed, start=1):
        host = run.hosts[number]
        reached = host.finished_at if run.rows.is_done(number) else None
        results.append(Result(traits, host.refused, host.forbidden, traits.ideal_seconds(), reached))
    return results


def show(scenario: Scenario, results: list[Result], *, each: bool) -> None:
    """One line, or one for each host besides."""
    refused = [result.refused for result in results]
    ratios = [result.ratio for result in results]
    print(
        f"{scenario.name:<12}{statistics.mean(refused):>8.1f}{statistics.median(refused):>8g}{max(refused):>8}"
        f"{sum(result.forbidden for result in results):>8,}{statistics.median(ratios):>8.2f}{max(ratios):>8.2f}   {scenario.meaning}",
        flush=True,
    )
    for result in results if each else ():
        traits = result.traits
        told = {
            name: getattr(traits, name)
            for name in ("rate_per_second", "burst", "connections", "comfort", "window_requests", "retry_after_seconds")
            if getattr(traits, name)
        }
        print(
            f"    refused {result.refused:>4} ideal {result.ideal_seconds:>8.0f} s ratio {result.ratio:>6.2f}  {traits.images:,} images, "
            f"latency {traits.latency_seconds:.2f}+{traits.body_seconds:.2f} s "
            + " ".join(f"{name}={value:.3g}" for name, value in told.items())
        )


def main() -> None:
    """Run the scenarios and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", help="names of scenarios, with commas")
    parser.add_argument("--caution", choices=sorted(CAUTIONS), default="normal")
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--hosts", type=int, default=16)
    parser.add_argument("--each", action="store_true")
    parser.add_argument("--told", action="store_true")
    given = parser.parse_args()
    names = given.only.split(",") if given.only else [scenario.name for scenario in SCENARIOS]
    print(f"{'':<12}{'refusals per host':^24}{'403':>8}{'time / ideal':^16}")
    print(
        f"{'scenario':<12}{'mean':>8}{'median':>8}{'most':>8}{'':>8}{'median':>8}{'worst':>8}   hosts (caution {given.caution}, limits {'told' if given.told else 'unknown'}, {given.seeds} x {given.hosts})"
    )
    for scenario in SCENARIOS:
        if scenario.name in names:
            results = [
                result
                for seed in range(1, given.seeds + 1)
                for result in simulated(scenario, given.hosts, seed, given.caution, told=given.told)
            ]
            show(scenario, results, each=given.each)


if __name__ == "__main__":
    main()

"""The scheduler over tens of millions of images and hundreds of hosts with limits nobody tells, in minutes: a virtual clock, simulated hosts.

    python -m benchmarks.simulate [--images 1000000] [--days 30] [--host-rate 3] [--host-connections 2] [--caution normal] [--seed 1]
    python -m benchmarks.simulate --images 50000000 --days 1
    python -m benchmarks.simulate --million-hosts

The scheduler, its lanes, paces and pauses, the gate for robots.txt and the feeder are the real ones. Rows are made when they are asked for, hosts
are numbers (`populations.museums`): sizes fall like 1 / rank^1.1; a quarter limits its rate, others connections or requests per minute; some are slow, away for
hours or days, ban those who were refused too often, or are gone. The same seed gives the same run.

*Ideal* is what a client would need that knew every limit and every outage, under the same ceilings. *Efficiency* is what was had by the end of the
run, as a share of what the limits allowed until then. `--million-hosts` runs a million hosts with ten images each, and a thousand, each in a process of its own, and
compares their memory.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import math
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from asyncdl.download.caution import CAUTIONS
from asyncdl.download.lane import LaneLimits
from asyncdl.download.scheduler import SchedulerRules
from benchmarks.memory import peak_bytes
from benchmarks.populations import MUSEUM_HOSTS, Listed, Scattered, museums
from benchmarks.simulated_hosts import DAY_SECONDS
from benchmarks.virtual_run import BIN_SECONDS, Bin, VirtualRun

CHECKOUT = Path(__file__).resolve().parent.parent
SHOWN_HOSTS = 12
FEW_HOSTS = 1_000
MANY_HOSTS = 1_000_000
IMAGES_EACH = 10
_BLOCKS = " ▁▂▃▄▅▆▇█"
_BINS_A_DAY = int(DAY_SECONDS / BIN_SECONDS)


def rules_of(given: argparse.Namespace) -> SchedulerRules:
    """The rules of a scheduler, as `asyncdl run` makes them of the same options."""
    return SchedulerRules(
        concurrency=given.concurrency,
        lane_limits=LaneLimits(given.host_rate, given.host_connections),
        caution=CAUTIONS[given.caution],
    )


def span(seconds: float) -> str:
    """A time for people: `3.2 h`."""
    for unit, length in (("d", DAY_SECONDS), ("h", 3_600.0), ("min", 60.0)):
        if seconds >= length:
            return f"{seconds / length:.2f} {unit}" if math.isfinite(seconds) else "never"
    return f"{seconds:.1f} s"


def simulate_museums(given: argparse.Namespace) -> None:
    """One run over museums, and what is to be said of it."""
    population = museums(given.images, given.seed, given.days, given.hosts)
    alive = sum(traits.images for traits in population if not traits.dead)
    before_bytes, began = peak_bytes(), time.process_time()
    run = VirtualRun(population, rules_of(given), given.seed)
    figures = asyncio.run(run.run(images=alive, until_seconds=given.days * DAY_SECONDS))
    ended = sum(run.rows.ended.values())
    print(
        f"{population.hosts} hosts, {sum(traits.images for traits in population):,} images, {alive:,} of them on hosts that are not gone; "
        f"at most {given.host_rate:g}/s and {given.host_connections} connections per host (0: no ceiling), caution {given.caution}, seed {given.seed}"
    )
    print(f"{ended:,} images ended in {span(figures.seconds)} of virtual time, {time.process_time() - began:.0f} s of CPU")
    show_efficiency(run, population, given)
    show_hosts(run, population, given)
    grown = peak_bytes() - before_bytes
    print(
        f"\nmemory: peak {peak_bytes() / 1e6:.1f} MB, {grown / 1e6:.1f} MB of it for the run: {grown / given.images:.2f} MB per million images"
    )
    print(
        f"CPU: {figures.decision_seconds / figures.tickets * 1e6:.1f} us per decision (take, received, finish), {figures.tickets:,} decisions; "
        f"the feeder with made-up rows {figures.feeder_seconds / figures.tickets * 1e6:.1f} us per request"
    )
    show_day([figures.bins.get(number, Bin()) for number in range(_BINS_A_DAY)])


def show_efficiency(run: VirtualRun, population: Listed, given: argparse.Namespace) -> None:
    """Against the ideal, for all hosts together."""
    ceilings = (given.host_rate, given.host_connections)
    until = run.figures.seconds
    allowed = sum(traits.allows(until, *ceilings) for traits in population)
    had = sum(host.served for host in run.hosts.values())
    asked = sum(host.asked for host in run.hosts.values())
    refused = sum(host.refused for host in run.hosts.values())
    forbidden = sum(host.forbidden for host in run.hosts.values())
    ideal = max(traits.ideal_seconds(*ceilings) for traits in population if not traits.dead)
    reached = max((host.finished_at for host in run.hosts.values()), default=0.0)
    whole = all(run.rows.is_done(number) for number in range(1, population.hosts + 1) if not population.traits(number).dead)
    print(f"efficiency: {had:,} answers of the {allowed:,.0f} that the limits allowed until then: {had / allowed:.3f}")
    print(f"makespan: ideal {span(ideal)}, reached {f'{span(reached)}: {reached / ideal:.2f} times' if whole else 'not yet'}")
    print(
        f"refused: {refused:,} of {asked:,} requests ({refused / asked:.3%}); answered 403 by a host that bans: {forbidden:,}; "
        f"other failures: {', '.join(f'{count:,} {error}' for error, count in run.figures.errors.most_common() if error != 'http_403')}"
    )


def show_hosts(run: VirtualRun, population: Listed, given: argparse.Namespace) -> None:
    """Refusals and times of single hosts."""
    ceilings = (given.host_rate, given.host_connections)
    limited = sorted(host.refused for host in run.hosts.values() if host.traits.limited)
    if limited:
        print(
            f"refusals per limited host ({len(limited)}): median {statistics.median(limited):g}, "
            f"90 % at most {limited[int(0.9 * (len(limited) - 1))]}, at most {limited[-1]}"
        )
    print(
        f"\n{'host':>5} {'kind':<12}{'images':>12}{'asked':>12}{'refused':>9}{'403':>7}{'allowed/s':>11}{'ideal':>10}{'reached':>10}{'ratio':>7}"
    )
    numbers = sorted(range(1, population.hosts + 1), key=lambda number: -population.traits(number).images)
    worst = sorted((number for number in run.hosts if run.hosts[number].refused), key=lambda number: -run.hosts[number].refused)
    shown = list(dict.fromkeys([*numbers[:SHOWN_HOSTS], *worst[:SHOWN_HOSTS]]))
    for number in shown:
        traits, host = population.traits(number), run.hosts.get(number)
        if host is None:
            continue
        ideal = traits.ideal_seconds(*ceilings)
        done = run.rows.is_done(number)
        print(
            f"{number:>5} {traits.kind:<12}{traits.images:>12,}{host.asked:>12,}{host.refused:>9,}{host.forbidden:>7,}"
            f"{traits.capacity_at(0.0, *ceilings):>11.2f}{span(ideal):>10}"
            f"{span(host.finished_at) if done else '-':>10}{f'{host.finished_at / ideal:.2f}' if done else '-':>7}"
        )


def show_day(bins: Sequence[Bin]) -> None:
    """The first day, a column for each quarter of an hour."""
    print("\nthe first day, a column per quarter of an hour, each row scaled to its own maximum")
    rows = (
        ("images/s", [each.served / BIN_SECONDS for each in bins]),
        ("refusals", [float(each.refused) for each in bins]),
        ("hosts busy", [float(each.busy_hosts) for each in bins]),
        ("paused", [float(each.paused_hosts) for each in bins]),
    )
    for name, values in rows:
        most = max(values)
        print(f"{name:>11} {''.join(block(value, most) for value in values)} max {most:,.4g}")
    print(f"{'hour':>11} {''.join(f'{hour:<8}' for hour in range(0, 24, 2))}")


def block(value: float, most: float) -> str:
    """One column; what is not nothing is seen."""
    return _BLOCKS[math.ceil(value / most * (len(_BLOCKS) - 1))] if value and most else _BLOCKS[0]


def scattered(hosts: int, given: argparse.Namespace) -> dict[str, float]:
    """One run over very many small hosts; its figures."""
    population = Scattered(hosts, IMAGES_EACH, given.seed)
    run = VirtualRun(population, rules_of(given), given.seed, forget_hosts=True)
    before_bytes, began = peak_bytes(), time.process_time()
    figures = asyncio.run(run.run(images=given.ended or hosts * IMAGES_EACH, until_seconds=given.days * DAY_SECONDS))
    return {
        "hosts": hosts, "ended": sum(run.rows.ended.values()), "seconds": figures.seconds, "peak": peak_bytes(), "before": before_bytes,
        "cpu": time.process_time() - began, "decision": figures.decision_seconds / figures.tickets * 1e6,
        "lanes": len(list(run.scheduler.lanes)),
    }  # fmt: skip


def compare_scattered(words: Sequence[str]) -> None:
    """A thousand hosts and a million, each in a process of its own."""
    peaks = []
    for hosts in (FEW_HOSTS, MANY_HOSTS):
        command = [sys.executable, "-m", "benchmarks.simulate", *words, "--scattered", str(hosts)]
        figures = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, cwd=CHECKOUT).stdout)
        peaks.append(figures["peak"])
        print(
            f"{hosts:>9,} hosts with {IMAGES_EACH} images each: {figures['ended']:,} ended in {span(figures['seconds'])} of virtual time, "
            f"peak {figures['peak'] / 1e6:.1f} MB, {(figures['peak'] - figures['before']) / 1e6:.1f} MB of it for the run; "
            f"{figures['lanes']:,} lanes held at the end; {figures['decision']:.1f} us per decision, {figures['cpu']:.0f} s of CPU",
            flush=True,
        )
    print(f"peak, {MANY_HOSTS:,} hosts to {FEW_HOSTS:,}: {peaks[1] / peaks[0]:.2f}")


def main() -> None:
    """Simulate and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=1_000_000)
    parser.add_argument("--hosts", type=int, default=MUSEUM_HOSTS)
    parser.add_argument("--days", type=float, default=30.0, help="of virtual time, at most")
    parser.add_argument("--host-rate", type=float, default=3.0)
    parser.add_argument("--host-connections", type=int, default=2)
    parser.add_argument("--concurrency", type=int, default=128)
    parser.add_argument("--caution", choices=sorted(CAUTIONS), default="normal")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--million-hosts", action="store_true")
    parser.add_argument("--ended", type=int, default=0, help="with --million-hosts: stop after so many images")
    parser.add_argument("--scattered", type=int, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.scattered:
        print(json.dumps(scattered(given.scattered, given)))
    elif given.million_hosts:
        compare_scattered([word for word in sys.argv[1:] if word != "--million-hosts"])
    else:
        simulate_museums(given)


if __name__ == "__main__":
    main()

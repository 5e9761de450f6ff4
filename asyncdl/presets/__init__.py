"""What is known of hosts before the first request: the shipped file `hosts.toml`, read into frozen values.

Kernel: nothing here asks a host or a database. A preset that cannot be read is a fault of ours, and is said as one.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from importlib.resources import files
from typing import Any, Final

from asyncdl.limits import NOTHING_SAID, LaneLimits, limits_of
from asyncdl.units import parse_bit_rate, parse_count, parse_rate_per_second, parse_size_bytes

_LIMITS: Final[Mapping[str, tuple[str, Callable[[object], float]]]] = {
    "rate": ("rate_per_second", parse_rate_per_second),
    "connections": ("connections", parse_count),
    "bandwidth": ("bandwidth_bits_per_second", parse_bit_rate),
    "per_hour": ("bytes_per_hour", parse_size_bytes),
    "per_day": ("bytes_per_day", parse_size_bytes),
    "requests_per_day": ("requests_per_day", parse_count),
}
_WORDS: Final = {"hosts", "source", "read", "note", "ask_first"}


@dataclass(frozen=True, slots=True)
class Preset:
    """What is known of some lanes. `source` is the page that says so, looked at on the day `read`."""

    hosts: tuple[str, ...]
    limits: LaneLimits
    source: str
    read: date
    note: str
    ask_first: bool = False


class Presets:
    """Presets by lane: a lane's own name before a pattern, a longer pattern before a shorter one."""

    def __init__(self, presets: Iterable[Preset]) -> None:
        self.all = tuple(presets)
        self._by_name = {host: preset for preset in self.all for host in preset.hosts}

    def of(self, lane: str) -> Preset | None:
        """What is known of a lane; None when nothing is."""
        if found := self._by_name.get(lane):
            return found
        rest = lane.partition(":")[0]
        while rest:
            rest = rest.partition(".")[2]
            if found := self._by_name.get(f"*.{rest}"):
                return found
        return None

    def limits(self, lane: str) -> LaneLimits:
        """The limits that are known of a lane; most have none."""
        preset = self.of(lane)
        return NOTHING_SAID if preset is None else preset.limits

    @property
    def asked_first(self) -> tuple[str, ...]:
        """The lanes that want mail before bulk."""
        return tuple(host for preset in self.all if preset.ask_first for host in preset.hosts)


@cache
def shipped_presets() -> Presets:
    """The presets that come with the program."""
    return read_presets((files(__package__) / "hosts.toml").read_text(encoding="utf-8"))


def read_presets(text: str) -> Presets:
    """Read a file of presets. Raises `ValueError` that says what is wrong with which entry."""
    return Presets(_preset(entry) for entry in tomllib.loads(text).get("host", []))


def _preset(entry: Mapping[str, Any]) -> Preset:
    hosts = tuple(entry.get("hosts", ()))
    if unknown := entry.keys() - _LIMITS.keys() - _WORDS:
        raise ValueError(f"preset of {', '.join(hosts)}: {', '.join(sorted(unknown))} is unknown")
    if not hosts or not entry.get("source") or not isinstance(entry.get("read"), date):
        raise ValueError(f"preset of {', '.join(hosts)}: hosts, source and read are needed")
    if entry.get("ask_first") and any(host.startswith("*") for host in hosts):
        raise ValueError(f"preset of {', '.join(hosts)}: hosts to write to are named one by one")
    limits = limits_of({name: parse(entry[key]) for key, (name, parse) in _LIMITS.items() if key in entry})
    return Preset(hosts, limits, entry["source"], entry["read"], entry.get("note", ""), ask_first=bool(entry.get("ask_first")))

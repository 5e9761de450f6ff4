"""What was asked of the museum: one entry per request, and the figures per host that follow from them.

Pure. The museum writes entries; tests and the demo's report read them.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

MAX_ENTRIES = 200_000


@dataclass(frozen=True, slots=True)
class LogEntry:
    """One request: `host` is a slug, `path` has its query, `at` is monotonic seconds at its arrival.

    `in_flight` counts the requests being answered at that host, this one included (refused ones are not). `sha256` (hex)
    is that of a body with status 200 that was sent whole; otherwise it is empty.
    """

    host: str
    path: str
    at: float
    seconds: float
    status: int
    body_bytes: int
    in_flight: int
    whole: bool
    sha256: str = ""


@dataclass(frozen=True, slots=True)
class HostTraffic:
    """The requests of one host in figures. `refused` are 429 and 503; `peak_per_second` is the busiest second."""

    host: str
    requests: int
    refused: int
    body_bytes: int
    peak_in_flight: int
    peak_per_second: int


class RequestLog:
    """Entries in the order in which their answers ended; the oldest are forgotten beyond `MAX_ENTRIES`."""

    def __init__(self) -> None:
        self._entries: deque[LogEntry] = deque(maxlen=MAX_ENTRIES)

    def __len__(self) -> int:
        return len(self._entries)

    def __iter__(self) -> Iterator[LogEntry]:
        return iter(self._entries)

    def add(self, entry: LogEntry) -> None:
        """Write an entry."""
        self._entries.append(entry)

    def of(self, host: str, path: str | None = None) -> list[LogEntry]:
        """The entries of a host, or of one path there."""
        return [entry for entry in self._entries if entry.host == host and path in (None, entry.path)]

    def clear(self) -> None:
        """Forget everything."""
        self._entries.clear()

    def traffic(self) -> tuple[HostTraffic, ...]:
        """The figures per host, busiest first."""
        by_host: dict[str, list[LogEntry]] = {}
        for entry in self._entries:
            by_host.setdefault(entry.host, []).append(entry)
        return tuple(sorted((_figures(host, rows) for host, rows in by_host.items()), key=lambda row: -row.requests))


def _figures(host: str, rows: Sequence[LogEntry]) -> HostTraffic:
    return HostTraffic(
        host=host,
        requests=len(rows),
        refused=sum(row.status in (429, 503) for row in rows),
        body_bytes=sum(row.body_bytes for row in rows),
        peak_in_flight=max(row.in_flight for row in rows),
        peak_per_second=busiest_window((row.at for row in rows), 1.0),
    )


def busiest_window(times: Iterable[float], seconds: float) -> int:
    """The largest number of the times that fall into any half-open window of that length."""
    window: deque[float] = deque()
    most = 0
    for at in sorted(times):
        window.append(at)
        while at - window[0] >= seconds:
            window.popleft()
        most = max(most, len(window))
    return most

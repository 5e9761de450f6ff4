from __future__ import annotations

import pytest

from asyncdl.demo.log import HostTraffic, LogEntry, RequestLog, busiest_window


@pytest.mark.parametrize(
    ("times", "most"),
    [([], 0), ([5.0], 1), ([0.0, 1.0, 2.0], 1), ([2.0, 0.0, 0.9, 1.8], 2), ([0.0, 0.1, 0.2, 0.99, 1.0], 4)],
)
def test_the_busiest_window_is_half_open(times: list[float], most: int) -> None:
    assert busiest_window(times, 1.0) == most


def test_traffic_adds_up_per_host() -> None:
    log = RequestLog()
    log.add(LogEntry("alps", "/1", 0.0, 0.1, 200, 1000, 1, whole=True))
    log.add(LogEntry("alps", "/2", 0.5, 0.1, 429, 10, 2, whole=True))
    log.add(LogEntry("night", "/1", 9.0, 0.1, 503, 10, 0, whole=True))
    assert log.traffic() == (HostTraffic("alps", 2, 1, 1010, 2, 2), HostTraffic("night", 1, 1, 10, 0, 1))
    assert [entry.status for entry in log.of("alps", "/2")] == [429]
    log.clear()
    assert len(log) == 0

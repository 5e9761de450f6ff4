from __future__ import annotations

from dataclasses import replace

from asyncdl.demo.hosts import HOST_BY_SLUG
from asyncdl.demo.limits import Gate, Refusal

ALPS = replace(HOST_BY_SLUG["alps"], requests_per_second=4, connections=100)


def admitted(gate: Gate, now: float) -> bool:
    if gate.knock(now) is not None:
        return False
    gate.leave()
    return True


def test_a_second_admits_its_number_and_says_when_to_come_back() -> None:
    gate = Gate(ALPS, enforce=True, closed_for_seconds=0)
    assert [admitted(gate, 100.0) for _ in range(6)] == [True] * 4 + [False] * 2
    assert gate.knock(100.0) == Refusal(429, 2)
    assert admitted(gate, 102.0)


def test_an_even_pace_is_never_refused() -> None:
    gate = Gate(ALPS, enforce=True, closed_for_seconds=0)
    assert all(admitted(gate, n * 0.25) for n in range(200))


def test_a_pace_above_the_limit_is_held_to_the_limit() -> None:
    gate = Gate(ALPS, enforce=True, closed_for_seconds=0)
    assert sum(admitted(gate, n * 0.1) for n in range(1000)) <= 100 * 4 + 4


def test_requests_in_flight_are_limited() -> None:
    gate = Gate(replace(ALPS, connections=2), enforce=True, closed_for_seconds=0)
    assert gate.knock(0.0) is None
    assert gate.knock(0.1) is None
    assert gate.knock(0.2) == Refusal(429, 2)
    assert gate.in_flight == 2
    gate.leave()
    assert gate.knock(0.3) is None


def test_a_host_is_closed_for_its_first_seconds_counted_from_the_first_knock() -> None:
    gate = Gate(ALPS, enforce=False, closed_for_seconds=4.0)
    assert gate.knock(50.0) == Refusal(503, 2)
    assert gate.knock(53.9) == Refusal(503, 2)
    assert gate.in_flight == 0
    assert gate.knock(54.0) is None


def test_without_limits_everything_is_admitted() -> None:
    gate = Gate(ALPS, enforce=False, closed_for_seconds=0)
    assert all(gate.knock(0.0) is None for _ in range(500))

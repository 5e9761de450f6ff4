"""Work side by side, results in order; what goes wrong is said."""

from __future__ import annotations

import os
from contextlib import aclosing

import pytest

from asyncdl.errors import EnvironmentStops, SourceError
from asyncdl.ingest.workers import in_order

MANY = list(range(8))


def doubled(number: int) -> int:
    return 2 * number


def dying_at_three(number: int) -> int:
    if number == 3:
        os._exit(9)
    return number


def refusing_three(number: int) -> int:
    if number == 3:
        raise SourceError("the third is no good", "take another")
    return number


@pytest.mark.parametrize("items", [[], [1], MANY])
async def test_results_come_in_the_order_of_the_items(items: list[int]) -> None:
    assert [found async for found in in_order(doubled, items, 2)] == [2 * item for item in items]


async def test_a_process_that_dies_is_said_and_nobody_waits_for_it() -> None:
    with pytest.raises(EnvironmentStops, match="worker process of the ingest died"):
        assert [found async for found in in_order(dying_at_three, MANY, 1)]


async def test_what_the_work_raises_comes_out() -> None:
    with pytest.raises(SourceError, match="the third is no good"):
        assert [found async for found in in_order(refusing_three, MANY, 1)]


async def test_who_stops_early_leaves_no_process_behind() -> None:
    async with aclosing(in_order(os_pid_of, MANY, 1)) as found:
        worker = await anext(found)
    with pytest.raises(ProcessLookupError):
        os.kill(worker, 0)


def os_pid_of(_: int) -> int:
    return os.getpid()

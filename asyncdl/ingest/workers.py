"""Ranges folded side by side: in worker processes where there are many, in a thread where there are few. Results come in order.

The process that inserts has a core to itself; the rules run in the others. What waits is bounded: one range more than there are workers.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import signal
import threading
from collections import deque
from collections.abc import AsyncGenerator, Callable, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import Final, TypeVar

from asyncdl.errors import EnvironmentStops

T = TypeVar("T")
R = TypeVar("R")

_FEW: Final = 2
"""So many ranges are folded sooner than a process starts."""


async def in_order(work: Callable[[T], R], items: Sequence[T], processes: int) -> AsyncGenerator[R, None]:
    """What `work` makes of each item, in the order of the items. `work` must be importable, items and results picklable.

    With 0 processes a thread does it. Raises what `work` raises, and `EnvironmentStops` when a process dies.
    """
    if not items:
        return
    loop = asyncio.get_running_loop()
    pool, ahead = _pool(len(items), processes)
    waiting: deque[asyncio.Future[R]] = deque()
    try:
        for item in items:
            waiting.append(loop.run_in_executor(pool, work, item))
            if len(waiting) > ahead:
                yield await waiting.popleft()
        while waiting:
            yield await waiting.popleft()
    except BrokenProcessPool as error:
        # The pool is failing the others just now: a future cancelled meanwhile would break its thread (Python 3.11).
        await asyncio.gather(*waiting, return_exceptions=True)
        raise EnvironmentStops(
            "a worker process of the ingest died", "is there enough memory? type the same command again: it goes on"
        ) from error
    finally:
        for future in waiting:
            future.cancel()
        await asyncio.to_thread(pool.shutdown, wait=True, cancel_futures=True)


def _pool(items: int, processes: int) -> tuple[Executor, int]:
    if items <= _FEW or processes < 1:
        return ThreadPoolExecutor(1, "fold"), 1
    count = min(processes, items)
    # Spawned, not forked: duckdb and the event loop have threads here, and a fork would copy their locks.
    return ProcessPoolExecutor(count, multiprocessing.get_context("spawn"), initializer=_begin_worker), count + 1


def _begin_worker() -> None:
    """A worker leaves Ctrl-C to its parent, and does not outlive it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True, name="parent").start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)

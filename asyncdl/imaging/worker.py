"""`python -m asyncdl.imaging.worker LIMITS`: decodes files named on standard input, one at a time, inside limits.

Requests and replies are JSON lines; a reply follows its request in order. The first line out says `ready`. The process
can read and compute, little else: no file grows, memory is bounded, a timer it cannot catch ends a file that takes too
long, and it ends with its parent. Knows nothing of the run.
"""

from __future__ import annotations

import ctypes
import json
import os
import resource
import signal
import sys
from dataclasses import asdict
from pathlib import Path
from typing import BinaryIO

from asyncdl.imaging.verdict import DecodeFailure, DecodeLimits

_PR_SET_PDEATHSIG = 1


def main() -> None:
    """Serve until standard input ends."""
    limits = DecodeLimits(**json.loads(sys.argv[1]))
    replies = _protected_stdout()
    _detach_from_signals()
    # One file at a time is the unit of parallel work: threads of LibRaw and numpy would only take address space.
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.putenv(name, "1")
    try:
        # Decoders load before the limits stand, so that a limit too small shows on a file, not as a broken installation.
        from asyncdl.imaging.decode import decode  # noqa: PLC0415
    except ImportError as error:
        _send(replies, {"fatal": str(error)})
        raise SystemExit(1) from error
    _limit(limits)
    _send(replies, {"ready": True})
    for line in sys.stdin.buffer:
        request = json.loads(line)
        _set_timers(limits)
        result = decode(Path(request["path"]), request["extension"], limits.max_pixels)
        _set_timers(None)
        name = "failure" if isinstance(result, DecodeFailure) else "decoded"
        _send(replies, {"id": request["id"], name: asdict(result)})


def _send(replies: BinaryIO, reply: dict[str, object]) -> None:
    replies.write(json.dumps(reply).encode() + b"\n")
    replies.flush()


def _protected_stdout() -> BinaryIO:
    """Move the pipe to a number of its own: what a codec prints must not land between two replies."""
    replies = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    return replies


def _detach_from_signals() -> None:
    """Leave interrupts to the parent, and die with it: a batch system signals every process of a job."""
    for name in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(name, signal.SIG_IGN)
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def _limit(limits: DecodeLimits) -> None:
    for what, bound in (
        (resource.RLIMIT_AS, limits.memory_bytes),
        (resource.RLIMIT_NOFILE, limits.open_files),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
    ):
        _soft, hard = resource.getrlimit(what)
        allowed = bound if hard == resource.RLIM_INFINITY else min(bound, hard)
        resource.setrlimit(what, (allowed, allowed))


def _set_timers(limits: DecodeLimits | None) -> None:
    """Start both timers, or stop them. Their signals keep the default action, which no codec can hold up: they kill."""
    signal.setitimer(signal.ITIMER_REAL, limits.wall_seconds if limits else 0)
    signal.setitimer(signal.ITIMER_PROF, limits.cpu_seconds if limits else 0)


if __name__ == "__main__":
    main()

"""How a run ended: the figures of its last line and the exit status a scheduler can act on."""

from __future__ import annotations

from dataclasses import dataclass

from asyncdl.clock import Instant, iso_utc
from asyncdl.download.run import StopReason
from asyncdl.status import ImageStatus
from asyncdl.store import Reader
from asyncdl.units import approximate_duration

EXIT_DONE = 0
EXIT_STOPPED = 3
EXIT_WAITING = 7


@dataclass(frozen=True, slots=True)
class RunReport:
    """What a run leaves behind. Counts are of the whole collection; `saved_now` and `size_bytes_now` of this run."""

    exit_status: int
    total: int
    done: int
    waiting: int
    given_up: int
    failed: int
    saved_now: int
    size_bytes_now: int
    seconds: float
    main_cause: str | None
    next_due_ms: int | None
    ended_ms: int
    stop_reason: StopReason | None

    def line(self) -> str:
        """The last line of a run, without the next command, which depends on how it was started."""
        parts = [f"{self.done:,} of {self.total:,} images done", f"{self.waiting:,} waiting", f"{self.given_up:,} given up",
                 f"{self.failed:,} failed"]  # fmt: skip
        if self.main_cause:
            parts.append(f"mostly {self.main_cause}")
        text = ", ".join(parts)
        if self.stop_reason is not None:
            text += f"; stopped ({self.stop_reason})"
        if self.exit_status == EXIT_WAITING and self.next_due_ms is not None:
            due_ms = max(self.next_due_ms, self.ended_ms)
            text += f"; next due {iso_utc(due_ms)} (in {approximate_duration((due_ms - self.ended_ms) / 1000)})"
        return text

    def next_command(self, collection: str) -> str:
        """What to type next."""
        if self.exit_status in (EXIT_STOPPED, EXIT_WAITING):
            return f"asyncdl run {collection}"
        if self.failed or self.given_up:
            return f"asyncdl status {collection}"
        return f"asyncdl verify {collection}"


async def ending(
    store: Reader, stop_reason: StopReason | None, now: Instant, *, saved_now: int, size_bytes_now: int, seconds: float
) -> RunReport:
    """Look at what is left. Call it when everything is committed."""
    counts = await store.counts()
    by = counts.by_status
    waiting = by.get(ImageStatus.PENDING.label, 0) + by.get(ImageStatus.RETRY.label, 0)
    next_due_ms = await store.next_due_ms()
    causes = [row for row in await store.counts_by_error() if row.error and row.status is not ImageStatus.SUCCESS]
    # A run that was not stopped ended because nothing was due; what became due since is for the next one.
    if stop_reason is not None and next_due_ms is not None and next_due_ms <= now.utc_ms:
        exit_status = EXIT_STOPPED
    elif next_due_ms is not None or waiting:
        exit_status = EXIT_WAITING
    else:
        exit_status = EXIT_DONE
    return RunReport(
        exit_status=exit_status,
        total=counts.total,
        done=by.get(ImageStatus.SUCCESS.label, 0),
        waiting=waiting,
        given_up=by.get(ImageStatus.EXHAUSTED.label, 0),
        failed=by.get(ImageStatus.FAILED.label, 0),
        saved_now=saved_now,
        size_bytes_now=size_bytes_now,
        seconds=seconds,
        main_cause=max(causes, key=lambda row: row.images).error if causes else None,
        next_due_ms=next_due_ms,
        ended_ms=now.utc_ms,
        stop_reason=stop_reason,
    )

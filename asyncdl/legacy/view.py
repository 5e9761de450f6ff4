"""What an import came to, as JSON and as lines for people. Every text from the old tree is escaped in the lines."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from asyncdl.legacy.account import MEANINGS, Account, Reason
from asyncdl.legacy.giving import Mode
from asyncdl.terminal import printable
from asyncdl.units import approximate_duration, approximate_size

_MAX_TEXT_CHARS = 200


def report_json(account: Account, mode: Mode, seconds: float, *, dry_run: bool) -> dict[str, Any]:
    """The figures as JSON values. Keys are never renamed; every reason is there."""
    return {
        "dry_run": dry_run,
        "mode": str(mode),
        **asdict(account.tally),
        "refused": {str(reason): account.refused[reason] for reason in Reason},
        "examples": [
            {"what": one.said, "reason": str(one.reason), "detail": one.detail or None}
            for examples in account.examples.values()
            for one in examples
        ],
        "rejects": None if account.rejects is None else str(account.rejects),
        "seconds": round(seconds, 3),
    }


def report_lines(account: Account, mode: Mode, seconds: float, place: str, *, dry_run: bool) -> Iterator[str]:
    """The figures for people, line by line. `place` is the collection as it is typed."""
    tally = account.tally
    done = {Mode.LINK: "linked", Mode.MOVE: "moved", Mode.COPY: "copied"}[mode]
    verb = f"would be adopted ({done})" if dry_run else f"adopted ({done})"
    yield f"{tally.adopted:>12,} {verb}, {approximate_size(tally.adopted_bytes)}"
    yield f"{tally.already_there:>12,} already there"
    for reason in Reason:
        if count := account.refused[reason]:
            yield f"{count:>12,} {reason.replace('_', ' ')}: {MEANINGS[reason]}"
            for one in account.examples[reason]:
                detail = f" ({printable(one.detail, _MAX_TEXT_CHARS)})" if one.detail else ""
                yield f"{'':>15}{printable(one.said, _MAX_TEXT_CHARS)}{detail}"
    if account.rejects is not None:
        yield f"what was not adopted is listed in {printable(str(account.rejects))}"
    if tally.unverified:
        yield (
            f"of the adopted, {tally.unverified:,} by number only (legacy_unverified_index): certain where the record has one "
            "image; of several, which photo it is was never checked"
        )
    if tally.old_files_removed:
        yield f"old files removed, their bytes being in the collection: {tally.old_files_removed:,}"
    yield f"looked at {tally.looked_at:,} in {approximate_duration(seconds)}"
    if dry_run:
        yield "a dry run: nothing was changed"
    else:
        yield f"next: `asyncdl run {place}` fetches the rest, also what the earlier tool had given up"

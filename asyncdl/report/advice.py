"""What to type next, from the figures of a collection. Pure; the last lines of `status`."""

from __future__ import annotations

from asyncdl.report.status import StatusReport
from asyncdl.report.wording import counted, when
from asyncdl.status import ImageStatus
from asyncdl.store import SourceState
from asyncdl.terminal import printable

_MAX_NAME_CHARS = 80


def next_steps(report: StatusReport, place: str) -> list[str]:
    """Sentences with commands, the most useful first. `place` is the collection as it is typed."""
    steps = []
    if unread := [source for source in report.sources if not source.loaded]:
        steps.append(_unfinished(unread[0], place))
    if report.running is not None:
        steps.append(f"a run is at work: `asyncdl status {place}` again to see it move")
    elif report.images.total == 0 and not report.sources:
        steps.append(f"nothing is known yet: `asyncdl add {place} SOURCE`")
    else:
        steps += _when_idle(report, place)
    return steps


def _unfinished(source: SourceState, place: str) -> str:
    if source.cursor is None:
        return f"the addition of {printable(source.name, _MAX_NAME_CHARS)} was stopped before anything of it was added: the same `asyncdl add {place} SOURCE` begins again"
    return f"the addition of {printable(source.name, _MAX_NAME_CHARS)} is unfinished: `asyncdl add {place}` finishes it"


def _when_idle(report: StatusReport, place: str) -> list[str]:
    steps = []
    if report.crashed:
        steps.append(f"the last run did not end by itself: `asyncdl run {place}` repairs what it left and goes on")
    if report.due_now:
        steps.append(f"work is due now: `asyncdl run {place}`")
    elif report.next_due_ms is not None:
        steps.append(f"nothing before {when(report.next_due_ms, report.at_ms)}: `asyncdl run {place}` then")
    elif report.in_status(ImageStatus.PENDING) + report.in_status(ImageStatus.RETRY):
        steps.append(f"what is left stands at hosts that are held: `asyncdl explain {place} HOST`")
    if exhausted := report.in_status(ImageStatus.EXHAUSTED):
        steps.append(f"{counted(exhausted, 'image')} given up for a passing cause: `asyncdl retry {place} --status exhausted`")
    if report.in_status(ImageStatus.FAILED):
        steps.append(f"the evidence of one case: `asyncdl explain {place} ID` (or a URL, or a host)")
    if not steps:
        steps.append(f"nothing is left to do; `asyncdl verify {place} --hash` reads every file again")
    return steps

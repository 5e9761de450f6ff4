"""What `verify` found, as JSON and as lines for people. Every text from a row or the disk is escaped in the lines."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from asyncdl.terminal import printable
from asyncdl.units import approximate_duration, approximate_size
from asyncdl.upkeep.findings import LEFT_BY_A_KILL, MEANINGS, Damage, Finding, count_discrepancies
from asyncdl.upkeep.repair import Repair
from asyncdl.upkeep.verify import VerifyReport

SHOWN_FINDINGS: Final = 20
_SHOWN_PROBLEMS: Final = 10


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a verification comes to in the end: `wrong` is what was found and still is wrong."""

    wrong: int
    fixed: bool

    @property
    def clean(self) -> bool:
        """Whether rows and files agree now."""
        return self.wrong == 0


def verdict_of(report: VerifyReport, repair: Repair | None) -> Verdict:
    """The verdict: without a repair what was found, after one what it left."""
    return Verdict(report.harmful, fixed=False) if repair is None else Verdict(repair.unfixed, fixed=True)


def report_json(report: VerifyReport, repair: Repair | None, verdict: Verdict, root: Path) -> dict[str, Any]:
    """The report as JSON values. Keys are never renamed; paths are relative to the collection."""
    found = report.discrepancies
    return {
        "clean": verdict.clean,
        "wrong": verdict.wrong,
        "files_checked": report.files_checked,
        "files_read": report.files_read,
        "bytes_read": report.bytes_read,
        "found": {str(damage): report.findings.counts[damage] for damage in Damage},
        "examples": [_finding(finding) for finding in report.findings.examples],
        "too_young": report.too_young,
        "database": None
        if found is None
        else {
            "integrity": list(report.integrity or ()),
            "counters": list(found.counters),
            "records": list(found.records),
            "stranded": list(found.stranded),
            "by_table": dict(found.by_table),
        },
        "repair": None
        if repair is None
        else {
            "images_reopened": repair.images_reopened,
            "files_moved": repair.files_moved,
            "digests_noted": repair.digests_noted,
            "unfixed": repair.unfixed,
            "problems": repair.problems,
            "quarantine": None if repair.folder is None else repair.folder.relative_to(root).as_posix(),
        },
        "seconds": round(report.seconds, 3),
    }


def report_lines(report: VerifyReport, repair: Repair | None, verdict: Verdict, place: str) -> Iterator[str]:
    """The report for people, line by line. `place` is the collection as it is typed."""
    read = f", of these read: {report.files_read:,} ({approximate_size(report.bytes_read)})" if report.files_read else ""
    yield f"rows and files compared: {report.files_checked:,}{read}, in {approximate_duration(report.seconds)}"
    if not report.strays_looked_for:
        yield "there is no folder of files, so strays were not looked for"
    for damage in Damage:
        if count := report.findings.counts[damage]:
            yield f"  {count:,} {damage.replace('_', ' ')}: {MEANINGS[damage]}"
    for finding in report.findings.examples[:SHOWN_FINDINGS]:
        detail = f" ({printable(finding.detail)})" if finding.detail else ""
        yield f"    {finding.damage.replace('_', ' ')}: {printable(finding.path)}{detail}"
    told = report.findings.counts.total() - report.findings.counts[Damage.NO_DIGEST]
    if (more := told - SHOWN_FINDINGS) > 0:
        yield f"    … and {more:,} more (--json has up to 1,000)"
    if report.too_young:
        yield f"  files without a row, too young to judge while a run may be at work: {report.too_young:,}"
    yield from _database_lines(report)
    yield from _repair_lines(repair)
    yield _last_line(report, verdict, place)


def _database_lines(report: VerifyReport) -> Iterator[str]:
    for problem in (report.integrity or ())[:_SHOWN_PROBLEMS]:
        yield f"  database: {printable(problem)}"
    found = report.discrepancies
    if found is None:
        return
    if not count_discrepancies(found) and not report.integrity:
        yield "  database: sound, and its counters are those of a recount"
    for what, rows in (("counters that differ from a recount", found.counters), ("records rolled up wrongly", found.records)):
        if rows:
            yield f"  database: {len(rows)} {what}"
    if found.stranded:
        yield f"  database: {len(found.stranded)} images that nothing would ever wake"
    for table, wrong in found.by_table.items():
        yield f"  database: {table.replace('_', ' ')}: {wrong:,}"


def _repair_lines(repair: Repair | None) -> Iterator[str]:
    if repair is None:
        return
    where = "" if repair.folder is None else f" to {printable(str(repair.folder))}"
    yield f"repaired: images re-opened: {repair.images_reopened:,}; files moved{where}: {repair.files_moved:,}; counters recomputed"
    if repair.digests_noted:
        yield f"  digests noted of files that had none: {repair.digests_noted:,}"
    for problem in repair.problems[:_SHOWN_PROBLEMS]:
        yield f"  not repaired: {printable(problem)}"


def _last_line(report: VerifyReport, verdict: Verdict, place: str) -> str:
    left = any(report.findings.counts[damage] for damage in LEFT_BY_A_KILL)
    if not verdict.clean:
        todo = (
            "look at what is named above"
            if verdict.fixed
            else f"`asyncdl verify {place} --fix` sets damaged files aside and re-opens their images"
        )
        return f"wrong: {verdict.wrong:,}; {todo}"
    if verdict.fixed and report.harmful:
        return f"rows and files agree again; `asyncdl run {place}` fetches what was re-opened"
    return "rows and files agree" + (f"; `asyncdl run {place}` settles what a kill left" if left else "")


def _finding(finding: Finding) -> dict[str, Any]:
    row = finding.file
    owner = None if row is None else {"record": row.external_id, "number": row.number}
    return {"damage": str(finding.damage), "path": finding.path, "detail": finding.detail or None, "image": owner}

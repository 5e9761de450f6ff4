"""How a status report looks to people: totals, causes with what to do, hosts, and what to type next.

Builds what rich prints; every text from outside goes through `terminal.safe`.
"""

from __future__ import annotations

from typing import Final

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from asyncdl.errors import error_type
from asyncdl.model import Counts
from asyncdl.report.advice import next_steps
from asyncdl.report.standing import lane_text
from asyncdl.report.status import StatusReport
from asyncdl.report.wording import counted, time_text, when
from asyncdl.status import ImageStatus
from asyncdl.store import HostCounts, SourceState
from asyncdl.terminal import printable, safe
from asyncdl.units import approximate_duration, approximate_size

_ADOPTED: Final = "legacy_unverified_index"
_EXCEPTIONS: Final = {"insecure_host": "certificates were not checked", "robots_ignored": "robots.txt was not obeyed"}
_DAY_MS: Final = 86_400_000
SHOWN_HOSTS: Final = 20
_MIN_HOST_CHARS: Final = 16
SHOWN_CAUSES: Final = 30
SHOWN_SOURCES: Final = 10


def render_status(report: StatusReport, place: str) -> RenderableType:
    """The report for a console. `place` is the collection as it is typed."""
    parts: list[RenderableType] = [_totals(report, place)]
    if causes := report.causes():
        parts += [Text(), Text("By cause", "bold"), _causes(report)]
        if len(causes) > SHOWN_CAUSES:
            parts.append(Text(f"… and {len(causes) - SHOWN_CAUSES} more (--json has all)", "dim"))
    if report.hosts:
        parts += [Text(), Text("By host", "bold"), _hosts(report)]
        if len(report.hosts) > SHOWN_HOSTS:
            parts.append(Text("… and more hosts (--json)", "dim"))
        if alone := _left_alone(report):
            parts += [Text(), Text("Left alone", "bold"), *alone]
    parts += [Text(), Text("Next", "bold"), *(Text(f"  {step}") for step in next_steps(report, place))]
    return Group(*parts)


def _totals(report: StatusReport, place: str) -> Table:
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    table.add_row("collection", safe(place))
    if report.as_of_ms is not None:
        table.add_row("figures", f"as of {when(report.as_of_ms, report.at_ms)}: a snapshot that the run keeps")
    table.add_row("images", _images_line(report))
    if adopted := sum(row.images for row in report.errors if row.error == _ADOPTED):
        table.add_row("", f"{adopted:,} of them adopted from an earlier tool by number; which photo each is was never checked")
    if report.images_gone:
        kept = report.images_gone - report.images_withdrawn
        table.add_row(
            "gone",
            f"{counted(report.images_gone, 'image')} that no source names any more: {kept:,} keep their file or cause, {report.images_withdrawn:,} are not asked",
        )
    table.add_row("records", _parts(report.records))
    if report.manifests.total:
        table.add_row("manifests", _parts(report.manifests))
    table.add_row("waiting", _waiting_line(report))
    if report.robots_ignored:
        note = (
            f": {printable(report.robots_note, 200)}" if report.robots_note else ", and nobody said by whose leave (--robots-note)"
        )
        table.add_row("robots.txt", f"not obeyed at {printable(', '.join(report.robots_ignored), 200)}{note}")
    if lane := report.ahead.decides:
        end_ms = report.at_ms + round(lane.seconds * 1000)
        table.add_row(
            "end", f"{when(end_ms, report.at_ms)} at the earliest: {safe(lane.lane, 80)} decides (`asyncdl plan {safe(place)}`)"
        )
    table.add_row("run", _run_line(report))
    if line := _politeness_line(report):
        table.add_row("politeness", line)
    for kind, hosts in report.exceptions().items():
        if kind == "robots_ignored" and report.robots_ignored:
            continue  # said above, with by whose leave
        table.add_row("exception", f"{_EXCEPTIONS.get(kind, safe(kind))}: {safe(', '.join(hosts))} (in the last run)")
    for source in report.sources[-SHOWN_SOURCES:]:
        table.add_row(f"source {source.id}", _source_line(source))
    if len(report.sources) > SHOWN_SOURCES:
        table.add_row("", f"… and {counted(len(report.sources) - SHOWN_SOURCES, 'older source')}")
    return table


def _source_line(source: SourceState) -> str:
    said = f"{safe(source.name)} ({source.format})"
    if not source.loaded:
        return f"{said}: its addition is unfinished"
    replaced = f"; source {source.replaced_by} took its place" if source.replaced_by else ""
    gone = f"; {counted(source.images_gone, 'image')} gone since" if source.images_gone else ""
    return f"{said}: {counted(source.rows, 'row')}, {source.rejected:,} rejected{replaced}{gone}"


def _images_line(report: StatusReport) -> str:
    total, saved = report.images.total, report.in_status(ImageStatus.SUCCESS)
    share = f" ({100 * saved / total:.1f} %)" if total else ""
    rest = {name: images for name, images in report.images.by_status.items() if name != ImageStatus.SUCCESS.label}
    size = approximate_size(report.saved_bytes)
    return f"{saved:,} of {total:,} saved{share}, {size}; " + ", ".join(f"{images:,} {name}" for name, images in rest.items())


def _parts(counts: Counts) -> str:
    return f"{counts.total:,}: " + ", ".join(f"{count:,} {name}" for name, count in counts.by_status.items())


def _waiting_line(report: StatusReport) -> str:
    paused = f"; {counted(report.paused_images, 'image')} at hosts that are left alone for now" if report.paused_images else ""
    if report.next_due_ms is None:
        still_open = report.in_status(ImageStatus.PENDING) + report.in_status(ImageStatus.RETRY)
        unknown = report.as_of_ms is not None and still_open
        return ("the snapshot does not say until when" if unknown else "nothing has a time") + paused if still_open else "nothing"
    return ("work is due now" if report.due_now else f"until {when(report.next_due_ms, report.at_ms)}") + paused


def _run_line(report: StatusReport) -> str:
    if report.running is not None:
        return f"running: {safe(str(report.running))} ({approximate_duration((report.at_ms - report.running.since_ms) / 1000)})"
    run = report.last_run
    if run is None:
        return "never run"
    if run.ended_ms is None:
        return f"the last one began {time_text(run.info.started_ms)} on {safe(run.info.host)} and did not end by itself"
    return f"the last one ended {when(run.ended_ms, report.at_ms)} with exit status {run.exit_status}"


def _politeness_line(report: StatusReport) -> str:
    """How near the last run came to what its hosts' limits allow, and how often it was refused."""
    counts = report.run_counts()
    requests, refused, efficiency = (counts.get(name) for name in ("requests", "refused", "efficiency"))
    if not isinstance(requests, int) or not isinstance(refused, int) or not requests:
        return ""
    share = f"{refused:,} of {counted(requests, 'request')} refused ({100 * refused / requests:.1f} %)"
    return f"efficiency {efficiency:.2f}, {share}" if isinstance(efficiency, int | float) else share


def _causes(report: StatusReport) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim")
    table.add_column("images", justify="right", no_wrap=True)
    table.add_column("status", no_wrap=True)
    table.add_column("cause", no_wrap=True)
    table.add_column("blame", no_wrap=True)
    table.add_column("meaning", overflow="fold")
    table.add_column("what to do", overflow="fold")
    for row in report.causes()[:SHOWN_CAUSES]:
        cause = error_type(row.error or "")
        table.add_row(
            f"{row.images:,}", row.status.label, safe(cause.name), str(cause.blame), safe(cause.meaning), safe(cause.remedy)
        )
    return table


def _hosts(report: StatusReport) -> Table:
    """One line each, narrow enough for eighty columns: why a host is left alone is a sentence, and stands below."""
    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0), header_style="dim")
    table.add_column("host", overflow="fold", min_width=_MIN_HOST_CHARS)
    for status in (ImageStatus.SUCCESS, ImageStatus.PENDING, ImageStatus.RETRY, ImageStatus.EXHAUSTED, ImageStatus.FAILED):
        table.add_column(status.label, justify="right", no_wrap=True)
    table.add_column("size", justify="right", no_wrap=True)
    table.add_column("ETA", justify="right", no_wrap=True)
    table.add_column("main cause", no_wrap=True, overflow="ellipsis")
    for host in report.hosts[:SHOWN_HOSTS]:
        table.add_row(*_host_cells(host, report))
    return table


def _host_cells(host: HostCounts, report: StatusReport) -> list[str]:
    now_ms, eta_seconds = report.at_ms, report.ahead.eta_seconds(host.lane)
    if eta_seconds is not None and host.lane_record is not None and host.lane_record.pause_until_ms > now_ms + _DAY_MS:
        eta_seconds = None  # until when it is left alone, which is most of it, is said below
    by = host.by_status
    if not by.get(ImageStatus.PENDING.label):
        eta_seconds = None  # what is to be tried again has times of its own
    order = (ImageStatus.SUCCESS, ImageStatus.PENDING, ImageStatus.RETRY, ImageStatus.EXHAUSTED, ImageStatus.FAILED)
    return [
        safe(host.host or "(no usable link)", 80),
        *(f"{by.get(status.label, 0):,}" for status in order),
        approximate_size(host.size_bytes),
        "" if eta_seconds is None else approximate_duration(eta_seconds),
        safe(host.main_error or ""),
    ]


def _left_alone(report: StatusReport) -> list[Text]:
    """The hosts above that are not asked now, and why, in the words of `explain` and `hosts list`."""
    shown = ((host, lane_text(host.lane_record, report.at_ms)) for host in report.hosts[:SHOWN_HOSTS])
    return [Text(f"  {printable(host.host, 80)}: {printable(why, 300)}") for host, why in shown if why]

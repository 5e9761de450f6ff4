"""What `asyncdl init --reset` says: what it keeps and where, which files it adopted again, which not and why, and what to do about those."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from asyncdl.app.resetting import Reset
from asyncdl.report.wording import counted, place_text
from asyncdl.terminal import printable, stderr_console, stdout_console
from asyncdl.units import approximate_size
from asyncdl.upkeep.readoption_account import MEANINGS, ReadoptionAccount, Refusal

ResetOption = Annotated[
    bool,
    typer.Option(
        "--reset", help="Make the collection anew from these sources: keep its database in before/, adopt its files by digest."
    ),
]


def tell(sentence: str) -> None:
    """Say something before the work begins, on standard error."""
    stderr_console().print(printable(sentence), markup=False, soft_wrap=True)


def print_readopted(reset: Reset, root: Path) -> None:
    """What became of the files of the earlier state; nothing, where there was none."""
    if reset.account is None or reset.kept is None:
        return
    for line in _lines(reset.account, reset.kept, root):
        stdout_console().print(printable(line), markup=False, soft_wrap=True)


def print_finished(reset: Reset, root: Path) -> None:
    """That an earlier call, which was killed, had done everything."""
    line = f"it was made anew already; what it was is kept in {reset.kept}; next: asyncdl run {place_text(root)}"
    stdout_console().print(printable(line), markup=False, soft_wrap=True)


def _lines(account: ReadoptionAccount, kept: Path, root: Path) -> list[str]:
    place = place_text(root)
    lines = [
        f"adopted again: {account.adopted:,} of {counted(account.files, 'file')}, {approximate_size(account.adopted_bytes)}, by SHA-256"
    ]
    if account.digests_noted:
        lines.append(f"  {account.digests_noted:,} of them were never read before: they are whole, and their SHA-256 is noted now")
    lines += [f"  not adopted {account.refused[why]:,} times: {MEANINGS[why]}" for why in Refusal if account.refused[why]]
    if account.rejects is not None:
        lines.append(f"  all of them: {account.rejects}")
    if account.strays:
        belong = f"{counted(account.strays, 'file')} on the disk belong to no image"
        lines.append(f"  {belong}: asyncdl verify {place} lists them, --fix moves them to quarantine/")
    if account.unreadable:
        lines += [
            f"the old database could not be read{' any further' if account.files else ''}: {account.unreadable}",
            f"  before anything else: asyncdl import-legacy {place} --files {place_text(root / 'files')} --hash",
            "  adopts the other files by their number: certain where a record has one image, never checked where it has several, and not",
            "  possible for ids that are no numbers",
        ]
    of_hosts = f", and the pauses and limits of {counted(account.lanes, 'host')}" if account.lanes else ""
    lines.append(f"kept: the numbers of images{of_hosts}; begun anew: attempts and causes of failures, events")
    lines.append(f"what the collection was is kept in {kept}; remove it when you need it no more")
    return lines

"""Asking a person at a terminal who a web master can write to, once, when public hosts are going to be asked and nobody is named."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final

import typer

from asyncdl.cli.opening import ask_figures
from asyncdl.download.preflight import first_public_host
from asyncdl.settings.addresses import parse_contact
from asyncdl.terminal import printable

MAX_QUESTIONS: Final = 3


async def contact_asked(root: Path) -> str:
    """What a person answers; "" when nobody sits at a terminal, no public host is going to be asked, or the answer is put off."""
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        return ""
    host = await ask_figures(root, first_public_host)
    return ask(host, _question) if host else ""


def ask(host: str, question: Callable[[str], str]) -> str:
    """Ask until the answer is an address, or empty, or `MAX_QUESTIONS` were asked. `question` shows a text and returns what was typed."""
    asked = f"{printable(host, 80)} and other public hosts are going to be asked. Who can their web masters write to? (your e-mail address or a web page; Enter: say it later)"
    for _ in range(MAX_QUESTIONS):
        answer = question(asked).strip()
        if not answer:
            return ""
        try:
            return parse_contact(answer)
        except ValueError as error:
            asked = f"that is no contact: {printable(str(error))}. Your e-mail address or a web page (Enter: say it later)"
    return ""


def _question(text: str) -> str:
    return str(typer.prompt(text, default="", show_default=False, err=True))

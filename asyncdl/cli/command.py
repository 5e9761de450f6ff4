"""What a command is, and the pieces of a command line that several commands share.

A command is a plain function: its docstring is the help, its annotated parameters are the arguments, its
integer result is the exit status (None is 0). Settings are not written out per command:
`with_settings(RunSettings)` gives a function all the options of a slice, made from the table of settings,
and hands what was typed to its `flags` parameter for `load_run_settings`.
"""

from __future__ import annotations

import asyncio
import functools
import inspect
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer
from rich.markup import escape

from asyncdl.settings import Setting, Slice

CommandFunction = Callable[..., int | None]
Flags = Mapping[str, object]
T = TypeVar("T")

HERE = Path()
CollectionArgument = Annotated[
    Path, typer.Argument(metavar="COLLECTION", help="The collection's folder; left out: the current one.", show_default=False)
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]


class Group(StrEnum):
    """The headings of `asyncdl --help`."""

    EVERY_DAY = "Every day"
    CARE = "Care"


FAMILIES = {
    "gbif": "Get an archive from GBIF: request it, wait for it, fetch it, cite it.",
    "hosts": "See what each host may be asked, and order otherwise: limits, pauses, blocks. Beside a run it holds within seconds.",
}
"""Words that several commands begin with, and what `asyncdl --help` says of them."""


@dataclass(frozen=True, slots=True)
class Command:
    """A command as `cli` lists it. `name` is a word, or a family's word and its own; `example` lines can be typed as they stand."""

    name: str
    function: CommandFunction
    group: Group
    example: str


def with_settings(*slices: type[Slice] | tuple[Setting, ...]) -> Callable[[CommandFunction], CommandFunction]:
    """Give a command the options of these slices, or of single rows of them. The function takes `flags: Flags`: by key, only what was typed.

    The signature that typer reads is made here; the values stay the texts that were typed, so that reading,
    checking and refusing them is done in one place for flags, variables and files alike.
    """
    rows = [row for one in slices for row in (one if isinstance(one, tuple) else one.settings())]

    def dress(function: CommandFunction) -> CommandFunction:
        own = inspect.signature(function, eval_str=True)
        kept = [parameter for name, parameter in own.parameters.items() if name != "flags"]
        options = [_parameter(row) for row in rows]

        @functools.wraps(function)
        def command(**arguments: Any) -> int | None:
            flags = {row.key: given for row in rows if (given := arguments.pop(row.key)) is not None}
            return function(**arguments, flags=flags)

        parameters = [parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY) for parameter in (*kept, *options)]
        command.__signature__ = inspect.Signature(parameters, return_annotation=own.return_annotation)  # type: ignore[attr-defined]
        command.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
        return command

    return dress


def run_coroutine(work: Coroutine[Any, Any, T]) -> T:
    """Run a command's coroutine to its end and return its result.

    Signals are the command's business: one that wants to drain installs its own handlers on the running
    loop; for all others SIGINT cancels the coroutine and ends the program with status 3. Errors inside task
    groups arrive as groups; `main` finds the one that tells why.
    """
    return asyncio.run(work)


def _parameter(row: Setting) -> inspect.Parameter:
    """The command-line option of a setting. None (nothing typed) leaves the word to the other sources."""
    name = f"--{row.key.replace('_', '-')}"
    annotation: Any
    if row.kind.switch:
        annotation, names, metavar = bool | None, f"{name}/--no-{name[2:]}", None
    elif row.kind.several:
        annotation, names, metavar = list[str] | None, name, row.kind.metavar
    else:
        annotation, names, metavar = str | None, name, row.kind.metavar
    option = typer.Option(names, metavar=metavar, help=escape(_help(row)), show_default=False, rich_help_panel=str(row.panel))
    return inspect.Parameter(row.key, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=Annotated[annotation, option])


def _help(row: Setting) -> str:
    """One line of help with the default as a person would write it; a switch shows its default by its two names."""
    text = f"{row.help[:1].upper()}{row.help[1:]}."
    if row.kind.several:
        text += " May be repeated."
    if row.default_text and not row.kind.switch:
        text += f" Default: {row.default_text}."
    return text

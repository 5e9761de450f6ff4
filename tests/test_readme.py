"""What the documentation shows is real: commands and options exist, links lead somewhere, tables are those of the code."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import pytest
import typer.main

from asyncdl import errors
from asyncdl.cli import commands
from asyncdl.cli.program import build_app
from asyncdl.download.ending import EXIT_DONE, EXIT_STOPPED, EXIT_WAITING
from docs import make_tables

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").glob("*.md"))]
_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
_INLINE = re.compile(r"`(asyncdl [^`]+)`")
_LINK = re.compile(r"\]\(([^)#\s]+)(?:#[^)]*)?\)")
_PLACEHOLDER = re.compile(r"…|\.\.\.")
# The error that whichever click typer brings raises for a bad command line.
_BAD_COMMAND_LINE = cast("type[Exception]", typer.BadParameter.__bases__[0])
_SHELL_WORDS = {"&&", "||", "|", ";", "<", ">"}


def shell_lines(page: str) -> Iterator[str]:
    for language, block in _FENCE.findall(page):
        if language in ("sh", "console"):
            yield from (line for line in block.splitlines() if line.strip())


def shown_commands() -> list[tuple[str, str]]:
    """Every command of ours that a page shows, in a block or in its prose, with the page's name."""
    found: list[tuple[str, str]] = []
    for path in PAGES:
        page = path.read_text(encoding="utf-8")
        prose = _FENCE.sub("", page)
        lines = [*shell_lines(page), *(line for line in _INLINE.findall(prose) if not _PLACEHOLDER.search(line))]
        found += [(path.name, line) for line in lines]
    # Examples carry commands in their docstrings.
    for path in sorted((ROOT / "examples").glob("*.py")):
        found += [
            (path.name, line.strip()) for line in path.read_text(encoding="utf-8").splitlines() if re.match(r"\s+asyncdl ", line)
        ]
    return found


def our_calls(line: str) -> Iterator[list[str]]:
    """The calls of `asyncdl` in a line of shell, each as its arguments."""
    words = shlex.shlex(line, posix=True, punctuation_chars="|&;<>")
    words.whitespace_split = True
    call: list[str] | None = None
    for word in words:
        if word in _SHELL_WORDS:
            if call is not None:
                yield call
            call = None
        elif call is not None:
            call.append(word)
        elif word == "asyncdl" or word.endswith("/asyncdl"):
            call = []
    if call is not None:
        yield call


CALLS = [pytest.param(call, id=f"{page}: {' '.join(call)}") for page, line in shown_commands() for call in our_calls(line)]


@pytest.mark.parametrize("call", CALLS)
def test_every_command_shown_can_be_typed(call: list[str]) -> None:
    program = typer.main.get_command(build_app(commands()))
    if call == ["--version"]:
        return
    name, *arguments = call
    command = program
    while known := getattr(command, "commands", None):  # a family has commands of its own
        assert name in known, f"there is no command {name}"
        command = known[name]
        if not arguments:
            return  # in prose a command may stand alone, for what it is
        if getattr(command, "commands", None):
            name, *arguments = arguments
    if arguments:
        try:
            command.make_context(name, arguments, resilient_parsing=False)
        except _BAD_COMMAND_LINE as error:
            pytest.fail(f"asyncdl {' '.join(call)}: {error}")


def test_the_pages_show_commands() -> None:
    shown = {call.values[0][0] for call in CALLS}  # type: ignore[index]
    assert shown >= {"demo", "init", "get", "run", "status", "explain", "retry", "verify", "config", "keys"}


def test_a_command_that_is_wrong_would_be_found() -> None:
    with pytest.raises(pytest.fail.Exception):
        test_every_command_shown_can_be_typed(["run", "herbarium", "--no-such-option"])
    with pytest.raises(AssertionError):
        test_every_command_shown_can_be_typed(["foresee", "herbarium"])


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_links_lead_to_files(path: Path) -> None:
    targets = [target for target in _LINK.findall(path.read_text(encoding="utf-8")) if "://" not in target]
    assert [target for target in targets if not (path.parent / target).exists()] == []


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_scripts_that_are_shown_are_there(path: Path) -> None:
    page = path.read_text(encoding="utf-8")
    scripts = [
        word
        for line in shell_lines(page)
        for word in line.split()
        if re.fullmatch(r"(\.ci|benchmarks|docs|examples|tests)/\S*", word)
    ]
    scripts += re.findall(r"`((?:tests|asyncdl|docs|benchmarks|examples)/[\w/.]+)`", page)
    assert [script for script in scripts if not (ROOT / script).exists()] == []


@pytest.mark.parametrize(("path", "name"), [(path, name) for path, tables in make_tables.pages().items() for name in tables])
def test_tables_are_those_of_the_code(path: Path, name: str) -> None:
    page = path.read_text(encoding="utf-8")
    assert make_tables.filled(page, name, make_tables.pages()[path][name]) == page, "run `python docs/make_tables.py`"


def test_every_exit_status_is_in_the_table() -> None:
    raised = {
        kind.exit_status for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, errors.AsyncdlError)
    }
    page = (ROOT / "README.md").read_text(encoding="utf-8")
    for status in {EXIT_DONE, EXIT_STOPPED, EXIT_WAITING} | raised:
        assert f"\n| {status} | " in page


def test_architecture_names_tests_that_exist() -> None:
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    named = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", page)
    assert named
    missing = [
        f"{path}::{test}" for path, test in named if not re.search(rf"def {test}\(", (ROOT / path).read_text(encoding="utf-8"))
    ]
    assert missing == []


def test_the_changelog_knows_this_version() -> None:
    from asyncdl import __version__  # noqa: PLC0415

    assert re.search(rf"^## \[{re.escape(__version__)}\]", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)

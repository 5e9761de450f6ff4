import errno
import logging
import subprocess
from collections.abc import Callable, Iterator

import pytest

from asyncdl import cli
from asyncdl.cli.command import Command, Group
from asyncdl.cli.program import build_app, execute
from asyncdl.errors import (
    AsyncdlError,
    CollectionError,
    CollectionLocked,
    EnvironmentStops,
    SourceError,
    UsageError,
)
from asyncdl.version import __version__

Ran = subprocess.CompletedProcess[bytes]
RunProgram = Callable[..., Ran]
Say = Callable[..., tuple[int, str]]


@pytest.fixture(autouse=True)
def quiet_log() -> Iterator[None]:
    """The logger as `main` leaves it, and as it was afterwards: `--debug` adds a handler."""
    log = logging.getLogger("asyncdl")
    before, level = list(log.handlers), log.level
    log.addHandler(logging.NullHandler())
    yield
    log.handlers[:] = before
    log.setLevel(level)


@pytest.fixture
def ending(capsys: pytest.CaptureFixture[str]) -> Say:
    """Status and standard error of a command that ends with an error (or returns a status)."""

    def end(with_what: BaseException | int | None, *options: str) -> tuple[int, str]:
        def command() -> int | None:
            """End."""
            if isinstance(with_what, BaseException):
                raise with_what
            return with_what

        app = build_app([Command("end", command, Group.CARE, "asyncdl end"), Command("x", command, Group.CARE, "asyncdl x")])
        status = execute(app, [*options, "end"])
        return status, capsys.readouterr().err

    return end


@pytest.mark.parametrize(
    ("kind", "status"),
    [(AsyncdlError, 1), (UsageError, 2), (SourceError, 2), (CollectionLocked, 4), (CollectionError, 5), (EnvironmentStops, 6)],
)
def test_our_errors_are_a_sentence_a_remedy_and_their_status(ending: Say, kind: type[AsyncdlError], status: int) -> None:
    assert ending(kind("it is\x1b[31m so", "do this\nand that")) == (status, "asyncdl: it is\\x1b[31m so\n  do this\n  and that\n")


@pytest.mark.parametrize(("returned", "status"), [(None, 0), (0, 0), (3, 3), (7, 7)])
def test_a_command_returns_its_status(ending: Say, returned: int | None, status: int) -> None:
    assert ending(returned) == (status, "")


def test_an_interruption_is_status_3(ending: Say) -> None:
    assert ending(KeyboardInterrupt()) == (3, "asyncdl: interrupted\n")
    assert ending(BaseExceptionGroup("tasks", [KeyboardInterrupt()])) == (3, "asyncdl: interrupted\n")


def test_a_group_tells_its_telling_error(ending: Say) -> None:
    group = ExceptionGroup("tasks", [ValueError("consequence"), ExceptionGroup("more", [CollectionError("the cause", "")])])
    assert ending(group) == (5, "asyncdl: the cause\n")


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EMFILE, errno.EACCES])
def test_what_the_machine_refuses_is_status_6(ending: Say, code: int) -> None:
    status, said = ending(OSError(code, "said no", "/some/file"))
    assert status == 6
    assert said.splitlines()[0] == "asyncdl: /some/file: said no"
    assert len(said.splitlines()) == 2


def test_the_unforeseen_is_a_short_message_and_status_1(ending: Say) -> None:
    status, said = ending(ValueError("odd \x1b]0;title\x07" + "x" * 5000))
    assert status == 1
    assert said.startswith(r"asyncdl: internal error: ValueError: odd \x1b]0;title\x07xxx")
    assert len(said) < 1_300
    assert "Traceback" not in said


def test_debug_shows_the_traceback_and_nothing_a_terminal_acts_on(ending: Say) -> None:
    status, said = ending(ValueError("odd \x1b[31m"), "--debug")
    assert status == 1
    assert "Traceback (most recent call last):" in said
    assert "\x1b" not in said


def test_a_log_handler_gets_the_traceback_without_debug(ending: Say, caplog: pytest.LogCaptureFixture) -> None:
    ending(ValueError("odd"))
    (record,) = [record for record in caplog.records if record.levelno == logging.CRITICAL]
    assert record.exc_info
    assert isinstance(record.exc_info[1], ValueError)


def test_the_real_program_says_its_version(program: RunProgram) -> None:
    ran = program("--version")
    assert (ran.returncode, ran.stdout.decode(), ran.stderr) == (0, f"asyncdl {__version__}\n", b"")


def test_without_a_command_the_help_is_shown_with_status_2(program: RunProgram) -> None:
    ran = program()
    assert ran.returncode == 2
    assert b"keys" in ran.stdout


def test_an_unknown_command_is_one_sentence(program: RunProgram) -> None:
    ran = program("kys\x1b[31m")
    assert ran.returncode == 2
    assert ran.stdout == b""
    assert b"\x1b" not in ran.stderr
    assert ran.stderr.startswith(b"asyncdl: ")


@pytest.mark.parametrize("command", cli.commands(), ids=lambda command: command.name)
def test_every_command_has_help_with_an_example_that_can_be_typed(command: Command, capsys: pytest.CaptureFixture[str]) -> None:
    assert execute(build_app(cli.commands()), [*command.name.split(), "--help"]) == 0
    text = " ".join(capsys.readouterr().out.split())
    assert "Example" in text
    assert all(" ".join(line.split()) in text for line in command.example.splitlines())
    assert all(f"asyncdl {command.name}" in line for line in command.example.splitlines())
    assert (command.function.__doc__ or "").splitlines()[0].endswith(".")


def test_help_breaks_its_lines_where_the_terminal_does(capsys: pytest.CaptureFixture[str]) -> None:
    assert execute(build_app(cli.commands_for(["run"])), ["run", "--help"]) == 0
    assert "the collection is missing or damaged" in capsys.readouterr().out


def test_commands_stand_under_their_headings(capsys: pytest.CaptureFixture[str]) -> None:
    assert execute(build_app(cli.commands()), ["--help"]) == 0
    text = capsys.readouterr().out
    assert all(str(command.group) in text and f" {command.name.split()[0]} " in text for command in cli.commands())


def test_each_command_is_found_under_its_name() -> None:
    assert [command.name for command in cli.commands()] == list(cli.PLACES)


@pytest.mark.parametrize("words", [["status", "here"], ["--debug", "status"]])
def test_only_the_command_that_is_named_is_imported(words: list[str]) -> None:
    assert [command.name for command in cli.commands_for(words)] == ["status"]


def test_a_family_is_imported_as_a_whole_and_shows_its_commands(capsys: pytest.CaptureFixture[str]) -> None:
    assert [command.name for command in cli.commands_for(["gbif", "fetch"])] == ["gbif request", "gbif fetch", "gbif status"]
    for words, status in ((["gbif"], 2), (["gbif", "--help"], 0)):
        assert execute(build_app(cli.commands()), words) == status
        text = capsys.readouterr().out
        assert all(f" {name} " in text for name in ("request", "fetch", "status"))
        assert "Example: asyncdl gbif request" in " ".join(text.replace("Examples:", "Example:").split())


def test_an_unknown_command_of_a_family_is_one_sentence(program: RunProgram) -> None:
    ran = program("gbif", "reqest")
    assert (ran.returncode, ran.stdout) == (2, b"")
    assert ran.stderr.startswith(b"asyncdl: ")
    assert b"`asyncdl gbif --help`" in ran.stderr


@pytest.mark.parametrize("words", [[], ["--help"], ["sttus"], ["--version"]])
def test_without_a_known_command_all_are_there_to_choose_from(words: list[str]) -> None:
    assert cli.commands_for(words) == cli.commands()

"""From the list of commands to a program: the typer application, and what an ending means for the shell.

Every ending is one of: a command's own status; one clear sentence and the status of an `AsyncdlError`; the
status 3 of an interruption; a short message and status 1 for what nobody foresaw, with its traceback only
in logs, or on request. Nothing here knows what a command does.
"""

from __future__ import annotations

import asyncio
import errno
import inspect
import logging
import os
import sys
from collections.abc import Sequence
from typing import Annotated, cast

import typer
from rich.markup import escape

from asyncdl.cli.command import FAMILIES, Command
from asyncdl.errors import AsyncdlError, EnvironmentStops, UsageError
from asyncdl.settings import debug_asked
from asyncdl.terminal import printable
from asyncdl.version import __version__

STATUS_INTERNAL = 1
STATUS_INTERRUPTED = 3
STATUS_BROKEN_PIPE = 141  # what the shell reports of a program that SIGPIPE ended
MAX_MESSAGE_CHARS = 1_000
MAX_GROUP_DEPTH = 20

# The error that whichever click typer brings raises for a bad command line.
_BAD_COMMAND_LINE = cast("type[Exception]", typer.BadParameter.__bases__[0])
_INTERRUPTED_BY_TYPER = 130

_ENVIRONMENT_ERRORS = {
    errno.ENOSPC: "free some space, then run it again",
    errno.EDQUOT: "free some of your quota, then run it again",
    errno.EROFS: "choose a folder that can be written",
    errno.EACCES: "ask for the permission, or choose another folder",
    errno.EPERM: "ask for the permission, or choose another folder",
    errno.EMFILE: "raise the limit of open files (ulimit -n), or lower --concurrency",
    errno.ENFILE: "the machine has too many files open: run it again later",
    errno.EIO: "look at the disk",
    errno.ESTALE: "look at the network file system, then run it again",
}

_log = logging.getLogger("asyncdl")


def build_app(commands: Sequence[Command]) -> typer.Typer:
    """The typer application of these commands, grouped and with an example under every command's help."""
    app = typer.Typer(
        name="asyncdl",
        help="One verified file per distinct image of a table of media links: politely, resumably, with a reason for what is missing.",
        epilog="Example: asyncdl demo",
        rich_markup_mode="rich",
        add_completion=False,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback(invoke_without_command=True)(_start)
    families: dict[str, typer.Typer] = {}
    for command in commands:
        word, _, own = command.name.rpartition(" ")
        if word and word not in families:
            families[word] = _family(app, word, command)
        families.get(word, app).command(own, rich_help_panel=str(command.group), epilog=_example(command), help=_help(command))(
            command.function
        )
    return app


def _family(app: typer.Typer, word: str, first: Command) -> typer.Typer:
    """The application of the commands that begin with `word`; without a command of its own it shows its help, as `asyncdl` does."""
    family = typer.Typer(rich_markup_mode="rich", context_settings={"help_option_names": ["-h", "--help"]})

    def start(context: typer.Context) -> None:
        if context.invoked_subcommand is None:
            typer.echo(context.get_help())
            raise typer.Exit(UsageError.exit_status)

    family.callback(invoke_without_command=True)(start)
    app.add_typer(family, name=word, help=FAMILIES[word], rich_help_panel=str(first.group), epilog=_example(first))
    return family


def execute(app: typer.Typer, arguments: Sequence[str] | None = None) -> int:
    """Run one command line and return its exit status; say what there is to say on standard error."""
    try:
        status = app(args=arguments, prog_name="asyncdl", standalone_mode=False)
        sys.stdout.flush()
    except BrokenPipeError:
        return _pipe_broke()
    except (KeyboardInterrupt, typer.Abort):
        return _interrupted()
    except _BAD_COMMAND_LINE as error:
        return _report(_usage_error(error))
    except SystemExit as error:
        return _pipe_broke() if isinstance(error.__context__, BrokenPipeError) else _status_of(error.code)
    except Exception as error:  # noqa: BLE001  the border of the program: reported, never swallowed
        return _failed(error)
    except (BaseExceptionGroup, asyncio.CancelledError) as error:  # nobody is left who could be cancelled
        return _failed(error)
    return _interrupted() if status == _INTERRUPTED_BY_TYPER else _status_of(status)


def main(app: typer.Typer) -> None:
    """Run the command line of this process and end it."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):  # a terminal that cannot show a letter shows its number
            stream.reconfigure(errors="backslashreplace")
    _log.addHandler(logging.NullHandler())
    if debug_asked():
        _show_tracebacks()
    sys.exit(execute(app))


def _start(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Print the version and stop.")] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show where an internal error came from.")] = False,
) -> int:
    if debug:
        _show_tracebacks()
    if version:
        typer.echo(f"asyncdl {__version__}")
        raise typer.Exit
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())
        raise typer.Exit(UsageError.exit_status)
    return 0


def _help(command: Command) -> str:
    """The docstring, each paragraph on one line: where a line ends is for the terminal to say, not for the source."""
    paragraphs = (inspect.getdoc(command.function) or "").split("\n\n")
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in paragraphs)


def _example(command: Command) -> str:
    lines = escape(command.example).splitlines()
    return "Example: " + lines[0] if len(lines) == 1 else "\n\n".join(["Examples:", *lines])


def _failed(error: BaseException) -> int:
    """Report an error, or the telling one of a group of them."""
    telling = _telling(error)
    if isinstance(telling, AsyncdlError):
        return _report(telling)
    if isinstance(telling, BrokenPipeError):
        return _pipe_broke()
    if isinstance(telling, KeyboardInterrupt):
        return _interrupted()
    if isinstance(telling, OSError) and telling.errno in _ENVIRONMENT_ERRORS:
        _log.debug("stopped by the environment", exc_info=error)
        what = f"{telling.filename}: {telling.strerror}" if telling.filename else str(telling.strerror)
        return _report(EnvironmentStops(what, _ENVIRONMENT_ERRORS[telling.errno]))
    _log.critical("internal error", exc_info=error)
    what = f"internal error: {type(telling).__name__}: {telling}"
    return _report(AsyncdlError(what, "this is a fault of asyncdl: report it, with the traceback that --debug shows"))


def _telling(error: BaseException, depth: int = 0) -> BaseException:
    """The error that says why: of a group the first of ours, else its first leaf."""
    if not isinstance(error, BaseExceptionGroup) or depth > MAX_GROUP_DEPTH:
        return error
    leaves = [_telling(one, depth + 1) for one in error.exceptions]
    return next((leaf for leaf in leaves if isinstance(leaf, AsyncdlError)), leaves[0])


def _report(error: AsyncdlError) -> int:
    """Write an error as `asyncdl: what` and, indented, what to do about it."""
    lines = [f"asyncdl: {printable(error.what, MAX_MESSAGE_CHARS)}"]
    lines += [f"  {printable(line, MAX_MESSAGE_CHARS)}" for line in error.todo.splitlines()]
    _write_error("\n".join(lines))
    return error.exit_status


def _usage_error(error: Exception) -> UsageError:
    """Our words for a command line that typer refused."""
    message = getattr(error, "format_message", error.__str__)()
    context = getattr(error, "ctx", None)
    path = context.command_path if context is not None else "asyncdl"
    return UsageError(" ".join(message.split()), f"`{path} --help` shows how it is used")


def _interrupted() -> int:
    _write_error("asyncdl: interrupted")
    return STATUS_INTERRUPTED


def _pipe_broke() -> int:
    """Whoever read our output is gone. Say nothing, and keep the interpreter from failing to flush at its end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return STATUS_BROKEN_PIPE


def _status_of(result: object) -> int:
    """An exit status from what a command returned or SystemExit carried."""
    if result is None:
        return 0
    return result if isinstance(result, int) else STATUS_INTERNAL


def _write_error(text: str) -> None:
    try:
        sys.stderr.write(text + "\n")
        sys.stderr.flush()
    except OSError:  # nobody listens on standard error either: the status has to do
        return


def _show_tracebacks() -> None:
    """Send what the program logs, tracebacks too, to standard error, with nothing a terminal would act on."""
    if any(isinstance(handler.formatter, _PrintableFormatter) for handler in _log.handlers):
        return
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_PrintableFormatter("%(levelname)s %(name)s: %(message)s"))
    _log.addHandler(handler)
    _log.setLevel(logging.DEBUG)


class _PrintableFormatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        return "\n".join(printable(line, MAX_MESSAGE_CHARS) for line in super().format(record).splitlines())

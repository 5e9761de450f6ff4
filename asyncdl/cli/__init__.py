"""The command line: one module per command, or per family of commands, and the table of them.

A command's module ends with `COMMAND = Command(name, function, group, example)`; it is on the command line
once it stands in `PLACES`, in the order of `asyncdl --help`. A name of two words is a command of a family (`command.FAMILIES`). Doors may use `app` and every slice; nothing imports a door.

A command line names one command, and only that one's module is imported: `asyncdl status` has no use for a
decoder, and what it saves is most of its start.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from importlib import import_module

from asyncdl.cli import program
from asyncdl.cli.command import Command

PLACES = {
    "demo": "demo.COMMAND",
    "gbif request": "gbif.REQUEST",
    "gbif fetch": "gbif.FETCH",
    "gbif status": "gbif.STATUS",
    "get": "init.GET",
    "init": "init.INIT",
    "add": "add.COMMAND",
    "plan": "plan.COMMAND",
    "run": "run.COMMAND",
    "status": "status.COMMAND",
    "explain": "explain.COMMAND",
    "report": "report.COMMAND",
    "retry": "retry.COMMAND",
    "hosts list": "hosts.LIST",
    "hosts limit": "hosts.LIMIT",
    "hosts pause": "hosts.PAUSE",
    "hosts block": "hosts.BLOCK",
    "hosts resume": "hosts.RESUME",
    "hosts give-up": "hosts.GIVE_UP",
    "hosts join": "host_groups.JOIN",
    "hosts part": "host_groups.PART",
    "hosts group": "host_groups.GROUP",
    "keys": "keys.COMMAND",
    "verify": "verify.COMMAND",
    "rekey": "rekey.COMMAND",
    "import-legacy": "import_legacy.COMMAND",
    "unlock": "unlock.COMMAND",
    "config": "config.COMMAND",
}
"""Each command's name, and where it is: a module of this package and a name in it."""


def commands(names: Iterable[str] = PLACES) -> tuple[Command, ...]:
    """The commands of these names, all of them by default; their modules are imported."""
    found = []
    for name in names:
        module, _, value = PLACES[name].partition(".")
        found.append(getattr(import_module(f"{__name__}.{module}"), value))
    return tuple(found)


def commands_for(arguments: Sequence[str]) -> tuple[Command, ...]:
    """What a command line needs: the command (or family) it names, or all of them where it names none that there is."""
    word = next((argument for argument in arguments if not argument.startswith("-")), "")
    return commands([name for name in PLACES if name.split()[0] == word] or PLACES)


def main() -> None:
    """Run `asyncdl` on this process's command line; the console script."""
    program.main(program.build_app(commands_for(sys.argv[1:])))

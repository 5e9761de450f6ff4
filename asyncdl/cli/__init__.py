"""The command line: one module per command, and the list of them.

A command's module ends with `COMMAND = Command(name, function, group, example)`; it is on the command line
once it stands in `COMMANDS`. Doors may use `app` and every slice; nothing imports a door.
"""

from __future__ import annotations

from asyncdl.cli import config, demo, explain, init, keys, program, retry, run, status, unlock, verify

COMMANDS = (
    demo.COMMAND,
    init.GET,
    init.INIT,
    run.COMMAND,
    status.COMMAND,
    explain.COMMAND,
    retry.COMMAND,
    keys.COMMAND,
    verify.COMMAND,
    unlock.COMMAND,
    config.COMMAND,
)


def main() -> None:
    """Run `asyncdl` on this process's command line; the console script."""
    program.main(program.build_app(COMMANDS))

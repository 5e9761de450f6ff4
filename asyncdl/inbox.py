"""How commands reach a running job: small files in `control/`, each written whole or not at all.

The same on every file system and from every machine that sees the folder. A command stays in the inbox until
it is acknowledged, so one that a crash interrupts is taken again: commands must be harmless twice. It does not
know what commands mean.
"""

from __future__ import annotations

import json
import os
import re
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from asyncdl.wholefile import write_whole

_NAME: Final = re.compile(r"(\d{15}-[0-9a-f]{12})\.json")
_MAX_COMMAND_BYTES: Final = 64 * 1024
_MAX_TAKEN_COMMANDS: Final = 100
_MAX_KEPT_RESULTS: Final = 200
_MAX_REMEMBERED_JUNK: Final = 1000


@dataclass(frozen=True, slots=True)
class Command:
    """A command as posted. `body` is JSON from another process: to be checked by whoever carries it out."""

    id: str
    body: Mapping[str, Any]


class Inbox:
    """The folders `control/inbox` and `control/done`. Both sides use the same class."""

    def __init__(self, control: Path) -> None:
        self._inbox = control / "inbox"
        self._done = control / "done"
        self._junk: set[str] = set()

    def make_folders(self) -> None:
        """Make the two folders where they are missing."""
        self._inbox.mkdir(parents=True, exist_ok=True)
        self._done.mkdir(parents=True, exist_ok=True)

    def post(self, body: Mapping[str, Any]) -> str:
        """Post a command and return its id. Raises `ValueError` when it is larger than 64 KiB."""
        content = json.dumps(dict(body)).encode()
        if len(content) > _MAX_COMMAND_BYTES:
            raise ValueError(f"a command has at most {_MAX_COMMAND_BYTES} bytes")
        command_id = f"{time.time_ns() // 1_000_000:015d}-{secrets.token_hex(6)}"
        write_whole(self._inbox / f"{command_id}.json", content)
        return command_id

    def take(self, on_junk: Callable[[str], None] | None = None) -> list[Command]:
        """The commands that wait, oldest first, at most 100; they stay until `acknowledge`.

        A file that is no command is left alone and told once to `on_junk`, with its name and what is wrong
        (as found: escape it before it reaches a terminal).
        """
        commands: list[Command] = []
        names = [name for name in os.listdir(self._inbox) if not name.endswith(".tmp")]  # noqa: PTH208  names, not paths
        for name in sorted(names):
            if len(commands) == _MAX_TAKEN_COMMANDS:
                break
            found = self._read(name)
            if isinstance(found, Command):
                commands.append(found)
            elif found and name not in self._junk and len(self._junk) < _MAX_REMEMBERED_JUNK:
                self._junk.add(name)
                if on_junk is not None:
                    on_junk(f"{name}: {found}")
        return commands

    def acknowledge(self, command_id: str, result: Mapping[str, Any]) -> None:
        """Say what came of a command, and take it out of the inbox. The newest 200 results are kept."""
        write_whole(self._done / f"{command_id}.json", json.dumps(dict(result)).encode())
        (self._inbox / f"{command_id}.json").unlink(missing_ok=True)
        kept = sorted(entry for entry in self._done.iterdir() if _NAME.fullmatch(entry.name))
        for old in kept[:-_MAX_KEPT_RESULTS]:
            old.unlink(missing_ok=True)

    def result(self, command_id: str) -> dict[str, Any] | None:
        """What came of a command, or None while it waits."""
        try:
            found = json.loads((self._done / f"{command_id}.json").read_bytes())
        except FileNotFoundError:
            return None
        return found if isinstance(found, dict) else {}

    def withdraw(self, command_id: str) -> bool:
        """Take a command back that nobody has acknowledged; False when it is gone already."""
        try:
            (self._inbox / f"{command_id}.json").unlink()
        except FileNotFoundError:
            return False
        return True

    def _read(self, name: str) -> Command | str | None:
        """The command in a file, or what is wrong with it, or None when it has just gone."""
        match = _NAME.fullmatch(name)
        if match is None:
            return "not the name of a command"
        path = self._inbox / name
        try:
            if path.is_symlink() or not path.is_file():
                return "no regular file" if path.exists() or path.is_symlink() else None
            with path.open("rb") as file:
                content = file.read(_MAX_COMMAND_BYTES + 1)
        except FileNotFoundError:
            return None
        except PermissionError:
            return "not readable"
        if len(content) > _MAX_COMMAND_BYTES:
            return f"more than {_MAX_COMMAND_BYTES} bytes"
        try:
            body = json.loads(content)
        except (ValueError, RecursionError):
            return "no JSON"
        return Command(match[1], body) if isinstance(body, dict) else "no JSON object"

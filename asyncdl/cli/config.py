"""`asyncdl config`: every setting in force, and where it comes from."""

from __future__ import annotations

import json
from pathlib import Path

import typer
from rich.table import Table

from asyncdl.cli.command import HERE, CollectionArgument, Command, Group, JsonOption
from asyncdl.errors import CollectionError
from asyncdl.settings import Explained, explain_settings
from asyncdl.terminal import safe, stdout_console


def config(collection: CollectionArgument = HERE, *, as_json: JsonOption = False) -> None:
    """Show every setting of a collection, its value and where that value comes from."""
    rows = explain_settings(_folder(collection), {})
    if as_json:
        typer.echo(json.dumps([row._asdict() for row in rows], indent=2))
        return
    stdout_console().print(_table(rows))


def _folder(collection: Path) -> Path:
    if not collection.is_dir():
        raise CollectionError(f"{collection} is no folder", "name a collection's folder, or make one: `asyncdl init --help`")
    return collection


def _table(rows: list[Explained]) -> Table:
    """Key, value and origin; what differs from the default stands out."""
    table = Table("setting", "value", "from", "what it does", box=None, pad_edge=False)
    for row in rows:
        style = None if row.origin == "default" else "bold"
        table.add_row(row.key, safe(row.value), safe(row.origin), safe(row.help), style=style)
    return table


COMMAND = Command("config", config, Group.CARE, "asyncdl config herbarium\nasyncdl config herbarium --json")

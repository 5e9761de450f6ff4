"""`asyncdl explain`: the story of a record, a URL or a host."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from asyncdl.cli.command import CollectionArgument, Command, Group, JsonOption, run_coroutine
from asyncdl.cli.opening import ask_rows
from asyncdl.clock import SystemClock
from asyncdl.collection import Collection
from asyncdl.errors import UsageError
from asyncdl.report.explain import explain as gather_explanation
from asyncdl.report.explain_json import explanation_json
from asyncdl.report.explain_view import render_explanation
from asyncdl.report.wording import place_text
from asyncdl.terminal import stdout_console

_MAX_ASKED_CHARS = 200
_PLAIN_WIDTH_CHARS = 100_000
_Asked = Annotated[
    str,
    typer.Argument(
        metavar="ID|URL|HOST", help="The id of a record, the URL of an image or manifest, or a host.", show_default=False
    ),
]


def explain(collection: CollectionArgument, asked: _Asked, *, as_json: JsonOption = False) -> None:
    """Tell the story of a record, a URL or a host: links, attempts, evidence, why it stands where it stands, what to do.

    A URL is looked up by its key, so any size of the same photo finds it; on a large collection that takes a while.
    """
    place_of = Collection(collection)
    running = place_of.holder()
    found = run_coroutine(
        ask_rows(
            collection,
            lambda store: gather_explanation(store, asked, SystemClock().now().utc_ms, running=running, sources=place_of.sources),
        )
    )
    if found is None:
        raise UsageError(
            f"nothing is known of {asked[:_MAX_ASKED_CHARS]!r}: no record has that id, no image or manifest that URL or its key, and no host that name",
            f"`asyncdl status {place_text(collection)}` lists the hosts; ids are those of the source",
        )
    place = place_text(collection)
    if as_json:
        typer.echo(json.dumps(explanation_json(found, place), indent=2))
        return
    console = stdout_console()
    if not console.is_terminal:
        console.width = _PLAIN_WIDTH_CHARS  # a file or a pipe gets whole lines: evidence is not cut
    console.print(render_explanation(found, place))


COMMAND = Command(
    "explain",
    explain,
    Group.EVERY_DAY,
    "asyncdl explain herbarium 1234567890\nasyncdl explain herbarium https://images.example.org/iiif/1/full/full/0/default.jpg\n"
    "asyncdl explain herbarium images.example.org",
)

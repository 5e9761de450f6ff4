"""`asyncdl gbif`: the way from a question to an archive: request it, wait for it, fetch it, cite it."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated

import typer

from asyncdl.app.gbif import GbifOptions, check_options, open_errand
from asyncdl.cli.command import Command, Flags, Group, JsonOption, run_coroutine, with_settings
from asyncdl.cli.fetch_display import fetch_shown
from asyncdl.cli.gbif_filters import PANEL, Filters, predicates_of, with_filters
from asyncdl.cli.gbif_view import print_archive, print_downloads
from asyncdl.errors import UsageError
from asyncdl.gbif.api import API
from asyncdl.gbif.downloads import Download, parse_reference
from asyncdl.gbif.errand import Archive, Errand, Place
from asyncdl.gbif.ordering import Order
from asyncdl.gbif.predicatefile import WrittenFilter, read_filter
from asyncdl.gbif.request import ANY_MEDIA, DownloadRequest, checklist_of, extension_of, make_request
from asyncdl.gbif.waiting import WaitStep
from asyncdl.settings import FETCH_SETTINGS, GbifAccount, RunSettings, load_gbif_account, load_run_settings
from asyncdl.settings.addresses import parse_contact
from asyncdl.terminal import printable, stderr_console
from asyncdl.units import parse_duration_seconds

_PLACE_PANEL = "Where, and how long"
_Api = Annotated[str, typer.Option("--api", metavar="URL", help="Where GBIF is asked.", rich_help_panel=_PLACE_PANEL)]
_To = Annotated[
    Path,
    typer.Option(
        "--to", metavar="FOLDER|FILE.zip", help="Where the archive goes; left out: here, under its key.", show_default=False,
        rich_help_panel=_PLACE_PANEL,
    ),
]  # fmt: skip
_MaxWait = Annotated[
    str,
    typer.Option(
        "--max-wait", metavar="DURATION", help="Give up waiting after this time (status 3); 0: never.", rich_help_panel=_PLACE_PANEL
    ),
]
_Poll = Annotated[
    str,
    typer.Option(
        "--poll", metavar="DURATION", help="How long to wait between two questions at first; it grows to four times that.",
        rich_help_panel=_PLACE_PANEL,
    ),
]  # fmt: skip


def _panel_option(*names: str, help: str, metavar: str | None = None) -> typer.models.OptionInfo:  # noqa: A002  typer's own word
    option: typer.models.OptionInfo = typer.Option(*names, metavar=metavar, help=help, show_default=False, rich_help_panel=PANEL)
    return option


@with_settings(FETCH_SETTINGS)
@with_filters
def request(
    where: Annotated[
        list[str] | None,
        _panel_option(
            "--where",
            metavar="PARAM=VALUE",
            help="Any search parameter of GBIF, as `init --where` writes conditions. May be repeated.",
        ),
    ] = None,
    predicate: Annotated[
        Path | None, _panel_option("--predicate", metavar="FILE", help="A predicate as JSON; it holds beside the others.")
    ] = None,
    media_type: Annotated[
        list[str] | None,
        _panel_option("--media-type", metavar="NAME,…|any", help="Kinds of media that the record must have. Default: StillImage."),
    ] = None,
    has_coordinate: Annotated[
        bool | None, _panel_option("--has-coordinate/--no-has-coordinate", help="Only records with, or without, coordinates.")
    ] = None,
    checklist_key: Annotated[
        str,
        _panel_option(
            "--checklist-key", metavar="col|backbone|KEY", help="The taxonomy that taxon keys and names are of. Default: backbone."
        ),
    ] = "",
    verbatim_extension: Annotated[
        list[str] | None,
        _panel_option(
            "--verbatim-extension", metavar="NAME|URL", help="An extension as published, besides: audubon. May be repeated."
        ),
    ] = None,
    notification: Annotated[
        list[str] | None,
        typer.Option(
            "--notification",
            metavar="EMAIL|none",
            help="Where GBIF writes when it is ready. Default: GBIF_EMAIL.",
            show_default=False,
        ),
    ] = None,
    description: Annotated[
        str, typer.Option("--description", metavar="TEXT", help="A note that GBIF keeps with the download.", show_default=False)
    ] = "",
    new: Annotated[bool, typer.Option("--new", help="Request it even when there is an equal download.")] = False,
    no_wait: Annotated[bool, typer.Option("--no-wait", help="Print the key and the command that goes on, and stop.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print what would be asked as JSON, and stop.")] = False,
    to: _To = Path(),
    api: _Api = API,
    max_wait: _MaxWait = "24h",
    poll: _Poll = "15s",
    *,
    as_json: JsonOption = False,
    filters: Filters,
    flags: Flags,
) -> None:
    """Request an archive from GBIF, wait until it is made, fetch it, and say how to cite it.

    Name and password come from GBIF_USER and GBIF_PWD. Interrupted or killed, type the same command again: nothing is requested twice.
    """
    asked = _request(filters, where or (), predicate, media_type, has_coordinate, checklist_key, verbatim_extension or ())
    account = load_gbif_account()
    body = asked.body(_notify(notification, account), description)
    if dry_run:
        typer.echo(json.dumps(body, indent=2, ensure_ascii=False))
        return
    options = _options(api, poll, max_wait)
    order = Order(asked, body, new, options.busy_pace)
    place, settings = _place(to), load_run_settings(None, flags)
    if no_wait:
        key = run_coroutine(_ordered(order, place, settings, account, options))
        follow = f"asyncdl gbif fetch {key}"
        typer.echo(json.dumps({"key": key, "next": follow}) if as_json else f"{key}\nnext: {follow}")
        return
    archive = run_coroutine(_requested(order, place, settings, account, options))
    print_archive(archive, settings.contact or account.email, as_json=as_json)


@with_settings(FETCH_SETTINGS)
def fetch(
    download: Annotated[str, typer.Argument(metavar="KEY", help="A download by its key, its DOI, or the address of its page.")],
    to: _To = Path(),
    api: _Api = API,
    max_wait: _MaxWait = "24h",
    poll: _Poll = "15s",
    *,
    as_json: JsonOption = False,
    flags: Flags,
) -> None:
    """Fetch the archive of a GBIF download, your own or anybody's, waiting for it when it is not ready. Needs no account."""
    reference = _reference(download)
    account, settings = load_gbif_account(), load_run_settings(None, flags)
    archive = run_coroutine(_fetched(reference, _place(to), settings, account, _options(api, poll, max_wait)))
    print_archive(archive, settings.contact or account.email, as_json=as_json)


@with_settings(FETCH_SETTINGS)
def status(
    download: Annotated[
        str | None,
        typer.Argument(metavar="[KEY]", help="A download; left out: your own that are under way or new.", show_default=False),
    ] = None,
    api: _Api = API,
    *,
    as_json: JsonOption = False,
    flags: Flags,
) -> None:
    """Show what is under way at GBIF: one download, or your own newest ones."""
    reference = _reference(download) if download is not None else None
    account, settings = load_gbif_account(), load_run_settings(None, flags)
    found = run_coroutine(_downloads(reference, settings, account, _options(api, "15s", "0")))
    print_downloads(found, as_json=as_json)


@asynccontextmanager
async def _errand(
    settings: RunSettings, account: GbifAccount, options: GbifOptions, *, as_user: bool = False
) -> AsyncIterator[Errand]:
    """An errand with its display."""
    with fetch_shown(stderr_console(), time.monotonic, progress=settings.progress) as shown:

        def watch(step: WaitStep) -> None:
            shown.wait(step.words, news=step.news)

        async with open_errand(settings, account, options, watch, shown.fetch, as_user=as_user) as errand:
            yield errand


async def _requested(order: Order, place: Place, settings: RunSettings, account: GbifAccount, options: GbifOptions) -> Archive:
    async with _errand(settings, account, options, as_user=True) as errand:
        return await errand.archive_of_order(order, place)


async def _ordered(order: Order, place: Place, settings: RunSettings, account: GbifAccount, options: GbifOptions) -> str:
    async with _errand(settings, account, options, as_user=True) as errand:
        return await errand.place_order(order, place)


async def _fetched(reference: str, place: Place, settings: RunSettings, account: GbifAccount, options: GbifOptions) -> Archive:
    async with _errand(settings, account, options) as errand:
        return await errand.archive_of(reference, place)


async def _downloads(reference: str | None, settings: RunSettings, account: GbifAccount, options: GbifOptions) -> list[Download]:
    async with _errand(settings, account, options, as_user=reference is None) as errand:
        return [await errand.api.download(reference)] if reference is not None else await errand.api.own_downloads()


def _request(
    filters: Filters, where: Sequence[str], predicate: Path | None, media_type: Sequence[str] | None, has_coordinate: bool | None,
    checklist: str, extensions: Sequence[str],
) -> DownloadRequest:  # fmt: skip
    """What is asked for, from all that was typed."""
    written = read_filter(predicate) if predicate is not None else WrittenFilter(None)
    checklist_key = checklist_of(checklist) or written.checklist_key
    coordinate = [f"HAS_COORDINATE={str(has_coordinate).lower()}"] if has_coordinate is not None else []
    predicates = predicates_of(filters, [*coordinate, *where], checklist_key)
    if written.predicate is not None:
        predicates.append(written.predicate)
    kinds = ",".join(media_type or ["StillImage"])
    media = None if kinds.strip().lower() == ANY_MEDIA else predicates_of({}, [f"MEDIA_TYPE={kinds}"], "")[0]
    asked = [extension_of(word) for one in extensions for word in one.split(",")]
    return make_request(predicates, media=media, extensions=[*asked, *written.verbatim_extensions], checklist_key=checklist_key)


def _notify(notification: Sequence[str] | None, account: GbifAccount) -> list[str]:
    if notification is None:
        return [account.email] if account.email else []
    words = [word.strip() for one in notification for word in one.split(",")]
    if [word.lower() for word in words] == ["none"]:
        return []
    try:
        return [parse_contact(word) for word in words if word]
    except ValueError as error:
        raise UsageError(
            f"--notification: {printable(','.join(words), 80)} cannot be used: {error}", "expected: an e-mail address, or none"
        ) from error


def _options(api: str, poll: str, max_wait: str) -> GbifOptions:
    options = GbifOptions(api.rstrip("/"), _seconds("--poll", poll), _seconds("--max-wait", max_wait) or None)
    check_options(options)
    return options


def _seconds(option: str, text: str) -> float:
    try:
        return parse_duration_seconds(text)
    except ValueError as error:
        raise UsageError(
            f'{option}: "{printable(text, 40)}" cannot be used: {error}', "expected: a duration such as 90s, 15m or 2d"
        ) from error


def _place(to: Path) -> Place:
    return Place(to.parent, to.name) if to.suffix.lower() == ".zip" and not to.is_dir() else Place(to)


def _reference(text: str) -> str:
    found = parse_reference(text)
    if found is None:
        raise UsageError(
            f'"{printable(text, 80)}" is no download of GBIF', "expected: a key such as 0012345-260101000000000, or its DOI"
        )
    return found


REQUEST = Command(
    "gbif request",
    request,
    Group.EVERY_DAY,
    "asyncdl gbif request --taxon-key 7228684 --country DE --basis-of-record preserved-specimen --licence open --dry-run\n"
    "asyncdl gbif request --taxon-key 7228684 --country DE --basis-of-record preserved-specimen --licence open --to archives",
)
FETCH = Command("gbif fetch", fetch, Group.EVERY_DAY, "asyncdl gbif fetch 0012345-260101000000000 --contact you@institute.edu")
STATUS = Command("gbif status", status, Group.EVERY_DAY, "asyncdl gbif status\nasyncdl gbif status 10.15468/dl.k35gux")

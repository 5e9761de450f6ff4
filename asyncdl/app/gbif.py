"""An errand to GBIF, wired: settings and an account in, objects that work together out."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from random import Random

from asyncdl.addresses import Refusal, public, target_of
from asyncdl.app.websettings import file_web_settings
from asyncdl.clock import SystemClock
from asyncdl.contact import require_contact_for
from asyncdl.errors import EnvironmentStops, UsageError
from asyncdl.gbif.api import API, GbifApi
from asyncdl.gbif.errand import Errand
from asyncdl.gbif.waiting import MIN_POLL_SECONDS, Deadline, Pace, WaitStep, Watch
from asyncdl.login import Login
from asyncdl.resumable import FetchStep, FetchTools
from asyncdl.settings import GbifAccount, RunSettings
from asyncdl.terminal import printable
from asyncdl.web import Web

_LONGEST_PER_FIRST = 4.0
_BUSY_PER_FIRST = 4.0


@dataclass(frozen=True, slots=True)
class GbifOptions:
    """Where GBIF is asked, how often at first, and how long in all (None: as long as it takes)."""

    api: str = API
    poll_seconds: float = 15.0
    max_wait_seconds: float | None = 86_400.0

    @property
    def pace(self) -> Pace:
        """How often a download is asked for."""
        return Pace(self.poll_seconds, self.poll_seconds * _LONGEST_PER_FIRST)

    @property
    def busy_pace(self) -> Pace:
        """How often a request is made again that GBIF did not take."""
        return Pace(self.poll_seconds * _BUSY_PER_FIRST, self.poll_seconds * _BUSY_PER_FIRST * _LONGEST_PER_FIRST)


@asynccontextmanager
async def open_errand(
    settings: RunSettings, account: GbifAccount, options: GbifOptions, watch: Watch, fetched: Callable[[FetchStep], None],
    *, as_user: bool,
) -> AsyncIterator[Errand]:  # fmt: skip
    """Make what an errand works with. `as_user`: with name and password.

    Raises `UsageError` for an API address that cannot be used, `EnvironmentStops` when there is no account, or nobody to write to.
    """
    login = _login(account, options) if as_user else None
    known = settings if settings.contact else settings.model_copy(update={"contact": account.email})
    require_contact_for(options.api, known.contact)
    clock = SystemClock()
    async with Web(file_web_settings(known)) as web:
        tools = FetchTools(web, clock, Random(), settings.max_redirects)
        api = GbifApi(options.api, tools, login, lambda words: watch(WaitStep(words, news=True)))
        yield Errand(api, tools, options.pace, Deadline(clock.now(), options.max_wait_seconds), watch, fetched)


def check_options(options: GbifOptions) -> None:
    """Raise `UsageError` for an address that cannot be the API's, and for asking GBIF too often."""
    target = target_of(options.api)
    if isinstance(target, Refusal):
        raise UsageError(
            f'--api: "{printable(options.api)}" cannot be used: {target.detail}', f"expected: an address such as {API}"
        )
    if public(target.host) and options.poll_seconds < MIN_POLL_SECONDS:
        raise UsageError(f"--poll: GBIF is asked at most every {MIN_POLL_SECONDS:g} s", "a download takes minutes to hours")


def _login(account: GbifAccount, options: GbifOptions) -> Login:
    if not account.user or not account.password:
        raise EnvironmentStops(
            "no GBIF account is known: " + " and ".join(
                name for name, value in (("GBIF_USER", account.user), ("GBIF_PWD", account.password)) if not value
            ) + " must be set",
            "in the environment, or in a file .env here that only you can read; an account is free: https://www.gbif.org/user/profile",
        )  # fmt: skip
    try:
        return Login(options.api, account.user, account.password)
    except ValueError as error:
        raise UsageError(f"GBIF_USER or GBIF_PWD cannot be used: {error}", "look at the environment and at .env") from error

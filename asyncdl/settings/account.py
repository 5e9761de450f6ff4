"""The GBIF account: user name, password and e-mail address, from the environment or the `.env` of the current directory.

No settings: a password is no command-line option (others see those), no key of a collection, and nothing that `asyncdl config` shows. The
variables are those that rgbif and pygbif read, so that an account is set up once.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from asyncdl.errors import UsageError
from asyncdl.settings.addresses import parse_contact
from asyncdl.settings.reading import literal_dotenv_variables
from asyncdl.terminal import printable

USER_VARIABLE: Final = "GBIF_USER"
PASSWORD_VARIABLE: Final = "GBIF_PWD"  # noqa: S105  the name of a variable
EMAIL_VARIABLE: Final = "GBIF_EMAIL"
ACCOUNT_VARIABLES: Final = (USER_VARIABLE, PASSWORD_VARIABLE, EMAIL_VARIABLE)
ACCOUNT_HELP: Final = (
    "the GBIF account that `asyncdl gbif` asks with: user name (not the e-mail address), password, address for GBIF's notices"
)


@dataclass(frozen=True, slots=True)
class GbifAccount:
    """Who one is at GBIF; what is not known is empty."""

    user: str = ""
    password: str = field(default="", repr=False)
    email: str = ""


def load_gbif_account() -> GbifAccount:
    """The account as the environment says, before `.env`. Raises `UsageError` for an e-mail address nobody can be reached at."""
    dotenv = {name.upper(): value for name, value in literal_dotenv_variables(Path.cwd()).items()}
    user, password, email = (os.environ.get(name) or dotenv.get(name) or "" for name in ACCOUNT_VARIABLES)
    try:
        address = parse_contact(email)
    except ValueError as error:
        raise UsageError(
            f'{EMAIL_VARIABLE}: "{printable(email, 80)}" cannot be used: {error}', "expected: your own e-mail address"
        ) from error
    return GbifAccount(user.strip(), password, address)

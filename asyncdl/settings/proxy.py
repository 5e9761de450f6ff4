"""The way out through a proxy: who one is there, and the variables by which other programs know of one.

No settings for the same reason as `account`: a password is no option and nothing that is shown. The variables of other programs are not obeyed, because what passes a proxy
escapes the address gate, and that has to be somebody's wish; that they are there is worth a word when nothing else gets through.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from asyncdl.settings.reading import literal_dotenv_variables

USER_VARIABLE: Final = "PROXY_USER"
PASSWORD_VARIABLE: Final = "PROXY_PWD"  # noqa: S105  the name of a variable
PROXY_LOGIN_VARIABLES: Final = (USER_VARIABLE, PASSWORD_VARIABLE)
PROXY_LOGIN_HELP: Final = (
    "user name and password at the proxy of `--proxy`, where it asks for them; an http:// proxy hears them unencrypted"
)
_OTHERS: Final = ("HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY")


@dataclass(frozen=True, slots=True)
class ProxyLogin:
    """Who one is at the proxy; empty when it does not ask."""

    user: str = ""
    password: str = field(default="", repr=False)


def load_proxy_login() -> ProxyLogin:
    """As the environment says, before the `.env` of the current directory."""
    dotenv = {name.upper(): value for name, value in literal_dotenv_variables(Path.cwd()).items()}
    user, password = (os.environ.get(name) or dotenv.get(name) or "" for name in PROXY_LOGIN_VARIABLES)
    return ProxyLogin(user.strip(), password)


def proxy_variables() -> tuple[str, ...]:
    """The variables by which other programs are told of a proxy here, as far as they are set; curl and others read them in small letters too."""
    return tuple(name for name in _OTHERS if os.environ.get(name) or os.environ.get(name.lower()))

"""Who asks: a public host is not asked by somebody it cannot write to."""

from __future__ import annotations

from typing import Never

from asyncdl.addresses import Refusal, public, target_of
from asyncdl.errors import EnvironmentStops
from asyncdl.terminal import printable


def require_contact_for(url: str, contact: str) -> None:
    """Raise `EnvironmentStops` when `url` is at a public host and no contact is known. An unusable address is left to who asks it."""
    target = target_of(url)
    if not contact and not isinstance(target, Refusal) and public(target.host):
        refuse_nobody(target.host)


def refuse_nobody(host: str) -> Never:
    """Raise what is raised where the contact is missing."""
    raise EnvironmentStops(
        f"no contact address is set, and {printable(host)} is a public host",
        "say who a web master can write to: --contact you@institute.edu, ASYNCDL_CONTACT, or `contact` in asyncdl.toml",
    )

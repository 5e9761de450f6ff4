"""What is looked at before the first request."""

from __future__ import annotations

import ipaddress

from asyncdl.errors import EnvironmentStops
from asyncdl.store import Reader

_PAGE_HOSTS = 1_000


async def require_contact(store: Reader, contact: str) -> None:
    """Raise `EnvironmentStops` when a public host would be asked by somebody it cannot write to."""
    if contact:
        return
    after = 0
    while page := await store.hosts_due(after, _PAGE_HOSTS):
        for due in page:
            if public(due.host):
                raise EnvironmentStops(
                    f"no contact address is set, and {due.host} is a public host",
                    "say who a web master can write to: --contact you@institute.edu, ASYNCDL_CONTACT, or `contact` in asyncdl.toml",
                )
        after = page[-1].host_id


def public(host: str) -> bool:
    """Whether a host (with its port, if any) may be somebody else's: everything but literal private addresses and localhost."""
    name = host.rpartition(":")[0] if ":" in host and not host.endswith("]") else host
    try:
        return ipaddress.ip_address(name.strip("[]")).is_global
    except ValueError:
        return name != "localhost"

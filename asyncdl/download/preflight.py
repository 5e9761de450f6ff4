"""What is looked at before the first request."""

from __future__ import annotations

from asyncdl.addresses import public
from asyncdl.contact import refuse_nobody
from asyncdl.store import Reader

_PAGE_HOSTS = 1_000


async def require_contact(store: Reader, contact: str) -> None:
    """Raise `EnvironmentStops` when a public host would be asked by somebody it cannot write to."""
    if not contact and (host := await first_public_host(store)):
        refuse_nobody(host)


async def first_public_host(store: Reader) -> str:
    """A public host with work waiting; "" when there is none."""
    after = 0
    while page := await store.hosts_due(after, _PAGE_HOSTS):
        found = next((due.host for due in page if public(due.host)), "")
        if found:
            return found
        after = page[-1].host_id
    return ""

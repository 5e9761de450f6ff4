"""What is looked at before the first request."""

from __future__ import annotations

from asyncdl.addresses import public
from asyncdl.contact import refuse_nobody
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
                refuse_nobody(due.host)
        after = page[-1].host_id

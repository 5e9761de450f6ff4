"""Which hosts' robots.txt a run does not obey, and by whose leave: on record with the collection, because it is the user who answers for it."""

from __future__ import annotations

import json
from typing import Final

from asyncdl.settings import RunSettings
from asyncdl.store import ROBOTS_LEAVE_KEY, Store

_EVERY_HOST: Final = "every host"


async def note_leave(store: Store, settings: RunSettings, at_ms: int) -> None:
    """Note what the settings say now: as a fact that `status` shows, and, when it is another than before, as an event for each host."""
    hosts = [_EVERY_HOST] if settings.robots == "ignore" else sorted(settings.robots_ignore_hosts)
    said = json.dumps({"hosts": hosts, "note": settings.robots_note} if hosts else {})
    before = await store.get_meta(ROBOTS_LEAVE_KEY)
    if said == (before or "{}"):
        return
    await store.set_meta(ROBOTS_LEAVE_KEY, said)
    for host in hosts:
        await store.add_event(at_ms, "robots", host, f"robots.txt is not obeyed: {settings.robots_note or 'no reason was given'}")
    if not hosts:
        await store.add_event(at_ms, "robots", "", "robots.txt is obeyed everywhere again")

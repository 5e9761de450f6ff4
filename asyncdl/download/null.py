"""A fetcher without a network: every ticket is answered at once with the same body.

For benchmarks, memory tests and simulations of everything behind the sockets: the scheduler, the spool, inspection, files and rows
are the real ones.
"""

from __future__ import annotations

from asyncdl.download.body import Body
from asyncdl.download.fetch import OpenSpool
from asyncdl.download.outcome import Outcome, RobotsRead, Ticket, TicketKind


class NullFetcher:
    """Answers image tickets with `body`, and says that there is no robots.txt."""

    def __init__(self, open_spool: OpenSpool, body: bytes, media_type: str = "image/jpeg") -> None:
        self._open_spool = open_spool
        self._body = body
        self._media_type = media_type
        self.tickets = 0
        self.received_bytes = 0

    def forget_network(self) -> None:
        """There is none."""

    async def fetch(self, ticket: Ticket) -> Outcome | Body:
        """The same body every time."""
        self.tickets += 1
        if ticket.kind is TicketKind.ROBOTS:
            return RobotsRead(404, b"")
        spool = self._open_spool(ticket)
        await spool.write(self._body)
        self.received_bytes += len(self._body)
        await spool.finish()
        return Body(spool, ticket.url, self._media_type, None)

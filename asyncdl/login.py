"""A name and a password for one origin, and the rule about when they may be sent. Pure.

They go to the origin they belong to and nowhere else: not to the host a redirect leads to, not in plain text over the Internet, not to a
host whose certificate is not checked. They stand in no message, log or representation.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Collection
from dataclasses import dataclass, field

from asyncdl.addresses import Refusal, Target, public, target_of

_FORBIDDEN = "forbidden_address"


@dataclass(frozen=True, slots=True)
class Login:
    """Who one is at `url`'s origin (scheme, host, port). Raises `ValueError` for a name that HTTP cannot carry."""

    url: str
    user: str
    password: str = field(repr=False)

    def __post_init__(self) -> None:
        if ":" in self.user or not (self.user + self.password).isprintable():
            raise ValueError("a user name holds no colon, and neither name nor password control characters (RFC 7617)")

    def authorization(self, target: Target, insecure_hosts: Collection[str] = ()) -> str | Refusal:
        """The header that asks `target` as this user, or why it is not sent there."""
        own = target_of(self.url)
        if isinstance(own, Refusal) or (own.scheme, own.host, own.port) != (target.scheme, target.host, target.port):
            return Refusal(_FORBIDDEN, f"the password is not for {target.host}")
        if public(target.host) and target.scheme != "https":
            return Refusal(_FORBIDDEN, f"no password is sent to {target.host} unencrypted")
        if public(target.host) and target.host in insecure_hosts:
            return Refusal(_FORBIDDEN, f"no password is sent to {target.host}, whose certificate is not checked")
        return self.basic

    @property
    def basic(self) -> str:
        """Name and password as a header carries them (RFC 7617, UTF-8)."""
        return "Basic " + b64encode(f"{self.user}:{self.password}".encode()).decode("ascii")

"""Which URLs and which network addresses may be asked at all: pure rules, no sockets, no names resolved.

URLs are hostile input. `target_of` decides what may become a request line, before any library sees the text;
`AddressGate` judges the numeric address a socket is about to connect to, because names, redirects and odd
spellings of literals (`0x7f.1`, circled digits, `[::ffff:10.0.0.1]`) all end there and nowhere else.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import quote, urljoin

from yarl import URL

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

MAX_URL_CHARACTERS = 8_000
MAX_HOST_CHARACTERS = 253  # RFC 1035 section 2.3.4, as text
MAX_LABEL_CHARACTERS = 63
NOT_NUMERIC = "not a numeric address"
REDIRECTS = frozenset({301, 302, 303, 307, 308})  # RFC 9110, 15.4; the others name no place to ask instead

# ---- addresses -------------------------------------------------------------------------------------------


def _networks(text: str) -> tuple[Network, ...]:
    return tuple(ipaddress.ip_network(word) for word in text.split())


# IANA IPv4 special-purpose registry (RFC 6890 and its updates), multicast, and one platform address that lies
# in ordinary space. `ipaddress.is_private` and `is_global` are no substitute: they differ between Python
# releases and call multicast, CGNAT or embedded addresses global.
_REFUSED_V4: tuple[tuple[Network, str], ...] = tuple(
    (network, reason)
    for text, reason in (
        ("0.0.0.0/8", "this network"),
        ("10.0.0.0/8 172.16.0.0/12 192.168.0.0/16", "a private network"),
        ("100.64.0.0/10", "carrier-grade NAT"),
        ("127.0.0.0/8", "loopback"),
        ("169.254.0.0/16", "link-local, where cloud platforms keep their metadata"),
        ("168.63.129.16/32", "a cloud platform's own address"),
        ("192.0.0.0/24 192.88.99.0/24", "protocol assignments"),
        ("192.0.2.0/24 198.51.100.0/24 203.0.113.0/24", "documentation"),
        ("198.18.0.0/15", "benchmarking"),
        ("224.0.0.0/4", "multicast"),
        ("240.0.0.0/4", "reserved or broadcast"),
    )
    for network in _networks(text)
)
# Only 2000::/3 is delegated as global unicast (RFC 4291); these parts of it are not for the public.
_GLOBAL_V6 = ipaddress.ip_network("2000::/3")
_REFUSED_V6: tuple[tuple[Network, str], ...] = tuple(
    (network, reason)
    for text, reason in (("2001::/23", "protocol assignments"), ("2001:db8::/32 3fff::/20", "documentation"))
    for network in _networks(text)
)
# IPv6 forms that carry an IPv4 address, with the number of bits to its right (RFC 4291, 2765, 6052, 3056).
_V4_INSIDE_V6: tuple[tuple[ipaddress.IPv6Network, int], ...] = (
    (ipaddress.IPv6Network("::ffff:0:0/96"), 0),  # mapped
    (ipaddress.IPv6Network("::ffff:0:0:0/96"), 0),  # translated
    (ipaddress.IPv6Network("::/96"), 0),  # compatible
    (ipaddress.IPv6Network("64:ff9b::/96"), 0),  # NAT64
    (ipaddress.IPv6Network("2002::/16"), 80),  # 6to4
)
_TEREDO = ipaddress.IPv6Network("2001::/32")  # RFC 4380: the client's address with its bits inverted
_MASK_V4 = 0xFFFF_FFFF


class AddressGate:
    """Lets connections through to global unicast addresses only, and to what `allow` names besides."""

    def __init__(self, allow: Iterable[Network] = ()) -> None:
        self._allow = tuple(allow)

    def refusal(self, address: str) -> str | None:
        """Why a socket may not connect to this numeric address; None when it may."""
        try:
            outer = ipaddress.ip_address(address)
        except ValueError:
            return NOT_NUMERIC
        if isinstance(outer, ipaddress.IPv6Address) and outer.scope_id is not None:
            return "an address with a zone"
        inner = _embedded(outer)
        if any(_inside(part, network) for part in (outer, inner) for network in self._allow):
            return None
        return _refusal(inner)


def _inside(address: Address, network: Network) -> bool:
    return address.version == network.version and address in network


def _embedded(address: Address) -> Address:
    """The IPv4 address that an IPv6 address carries, or the address itself."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if address in _TEREDO:
        return ipaddress.IPv4Address(int(address) & _MASK_V4 ^ _MASK_V4)
    if int(address) <= 1:
        return address  # `::` and `::1` are not IPv4-compatible addresses
    for network, shift in _V4_INSIDE_V6:
        if address in network:
            return ipaddress.IPv4Address(int(address) >> shift & _MASK_V4)
    return address


def _refusal(address: Address) -> str | None:
    if isinstance(address, ipaddress.IPv6Address) and address not in _GLOBAL_V6:
        return "loopback" if address.is_loopback else "multicast" if address.is_multicast else "not global unicast"
    table = _REFUSED_V4 if address.version == 4 else _REFUSED_V6
    return next((reason for network, reason in table if address in network), None)


def public(host: str) -> bool:
    """Whether a host (with its port, if any) may be somebody else's: everything but literal private addresses and localhost."""
    name = host.rpartition(":")[0] if ":" in host and not host.endswith("]") else host
    try:
        return ipaddress.ip_address(name.strip("[]")).is_global
    except ValueError:
        return name != "localhost"


# ---- URLs ------------------------------------------------------------------------------------------------

# The "bad ports" of the Fetch standard (fetch.spec.whatwg.org/#port-blocking): services that a request line
# could be mistaken by.
_BLOCKED_PORTS = frozenset(
    (0, 1, 7, 9, 11, 13, 15, 17, 19, 20, 21, 22, 23, 25, 37, 42, 43, 53, 69, 77, 79, 87, 95, 101, 102, 103, 104, 109, 110, 111,
     113, 115, 117, 119, 123, 135, 137, 139, 143, 161, 179, 389, 427, 465, 512, 513, 514, 515, 526, 530, 531, 532, 540, 548, 554,
     556, 563, 587, 601, 636, 989, 990, 993, 995, 1719, 1720, 1723, 2049, 3659, 4045, 4190, 5060, 5061, 6000, 6566, 6665, 6666,
     6667, 6668, 6669, 6679, 6697, 10080)
)  # fmt: skip
_DEFAULT_PORT = {"http": 80, "https": 443}
_PARTS = re.compile(r"(https?)://([^/?#]*)([^#]*)", re.IGNORECASE)
_CONTROL = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")
_AUTHORITY = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[^\s:@\[\]\\%<>\"^`{|}]+)(?::([0-9]{0,5}))?")
_PLAIN_HOST = re.compile(r"[a-z0-9._-]+")
# What is sent as it stands: printable ASCII but for the characters that the URL standard escapes in a path.
_SENT_AS_IS = "!$%&'()*+,-./:;=?@[]_|~#"


@dataclass(frozen=True, slots=True)
class Target:
    """A URL that may be asked: `url` is ASCII, as published but for the escapes it lacked; no fragment."""

    url: str
    scheme: str
    host: str
    port: int


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a URL may not be asked: an error type and a sentence."""

    error: str
    detail: str


def target_of(url: str) -> Target | Refusal:
    """The request target of a published URL, or why there is none.

    Refused are other schemes, control characters, credentials, empty, over-long or malformed hosts, zone
    ids and blocked ports. Nothing that is already escaped is touched; blanks, non-ASCII and the few
    characters that may not stand in a request line are escaped as UTF-8.
    """
    if len(url) > MAX_URL_CHARACTERS:
        return _invalid(f"longer than {MAX_URL_CHARACTERS} characters")
    if _CONTROL.search(url):
        return _invalid("contains control characters")
    parts = _PARTS.match(url)
    if parts is None:
        return _invalid("not an http(s) address")
    scheme, authority, rest = parts[1].lower(), parts[2], parts[3]
    if "@" in authority:
        return _invalid("carries a user name or password")
    match = _AUTHORITY.fullmatch(authority)
    host = _host_of(match[1]) if match else None
    if match is None or host is None:
        return _invalid("has no usable host name")
    port = int(match[2] or _DEFAULT_PORT[scheme])
    if port > 65_535:
        return _invalid("has an impossible port")
    if port in _BLOCKED_PORTS:
        return Refusal("forbidden_address", f"port {port} belongs to another service")
    shown_port = "" if port == _DEFAULT_PORT[scheme] else f":{port}"
    path = quote(rest if rest.startswith("/") else f"/{rest}", safe=_SENT_AS_IS)
    sent = f"{scheme}://{host}{shown_port}{path}"
    if len(sent) > MAX_URL_CHARACTERS:
        return _invalid(f"longer than {MAX_URL_CHARACTERS} characters")
    return Target(sent, scheme, host, port)


def redirect_target(url: str, location: str) -> str:
    """The target of a redirect (RFC 9110, 10.2.2), or the header's own text where it is no address at all."""
    try:
        return urljoin(url, location.strip())
    except ValueError:
        return location


def _invalid(detail: str) -> Refusal:
    return Refusal("invalid_url", f"the address {detail}" if not detail.startswith("not") else detail)


def _host_of(host: str) -> str | None:
    """The host in lower-case ASCII (IDNA where needed), or None when it cannot be one."""
    if host.startswith("["):
        try:
            ipaddress.IPv6Address(host[1:-1])
        except ValueError:
            return None
        return host.lower()
    if len(host) > MAX_HOST_CHARACTERS:
        return None
    if not host.isascii():
        try:
            host = URL.build(scheme="http", host=host).raw_host or ""
        except ValueError:  # UnicodeError among them: labels IDNA does not allow
            return None
    host = host.lower()
    labels = host.removesuffix(".").split(".")
    if not _PLAIN_HOST.fullmatch(host) or len(host) > MAX_HOST_CHARACTERS:
        return None
    return host if all(0 < len(label) <= MAX_LABEL_CHARACTERS for label in labels) else None

"""Addresses in settings: whom to write to, which hosts, which networks. Pure checks of text, no look-ups.

Each parser returns the normal form or raises `ValueError` with what is wrong. An empty text is nobody, and
stays empty.
"""

from __future__ import annotations

import ipaddress
import re
from urllib.parse import urlsplit

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

MAX_CONTACT_CHARS = 200
MAX_HOST_CHARS = 253  # RFC 1035, 2.3.4, less the root's dot

_LABEL = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)", re.ASCII)
_MAILBOX = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}", re.ASCII)  # RFC 5321 dot-string, less the rare quoted form
_HEADER_COMMENT = re.compile(r"[!-'*-\[\]-~]+", re.ASCII)  # RFC 9110, 5.6.5: what a comment may hold unquoted, without spaces

# RFC 2606 and RFC 6761: names that nobody reads mail at.
_NOBODY_DOMAINS = ("example.com", "example.net", "example.org", "example.edu", "domain.com", "domain.tld", "yourdomain.com")
_NOBODY_SUFFIXES = ("example", "invalid", "test", "localhost", "local", "localdomain", "internal", "lan")

# What browsers and search engines call themselves: no setting may make us look like one of them.
_OTHERS = re.compile(r"(mozilla|applewebkit|gecko|chrome|safari|firefox|edg|opr|googlebot|bingbot)/[0-9]", re.IGNORECASE)


def parse_contact(value: object) -> str:
    """An e-mail address or http(s) page that a web master can use, as it goes into the User-Agent's comment."""
    text = _text(value)
    if not text:
        return ""
    if len(text) > MAX_CONTACT_CHARS:
        raise ValueError(f"longer than {MAX_CONTACT_CHARS} characters")
    if not _HEADER_COMMENT.fullmatch(text):
        raise ValueError("holds a space, a bracket or a character outside ASCII")
    _honest(text)
    if "://" in text:
        return parse_page(text)
    mailbox, at, domain = text.removeprefix("mailto:").rpartition("@")
    if not at or not _MAILBOX.fullmatch(mailbox) or mailbox.startswith(".") or mailbox.endswith(".") or ".." in mailbox:
        raise ValueError("neither an e-mail address nor a web address")
    _reachable(domain)
    return f"{mailbox}@{domain}"


def parse_page(value: object) -> str:
    """An http(s) address of a page about this project or this job."""
    text = _text(value)
    if len(text) > MAX_CONTACT_CHARS or not _HEADER_COMMENT.fullmatch(text):
        raise ValueError(f"holds a space, a bracket or a character outside ASCII, or is longer than {MAX_CONTACT_CHARS} characters")
    _honest(text)
    parts = urlsplit(text)
    if parts.scheme.lower() not in {"http", "https"} or not parts.hostname or "@" in parts.netloc:
        raise ValueError("not an http(s) address")
    _reachable(parts.hostname)
    return text


def parse_proxy(value: object) -> str:
    """The address of an http or https proxy: scheme, host, port; nothing else. It may be a private one."""
    text = _text(value)
    if not text:
        return ""
    parts = urlsplit(text if "://" in text else f"http://{text}")
    if parts.scheme.lower().startswith("socks"):
        raise ValueError("only http and https proxies work; in front of a SOCKS proxy put one that speaks http")
    if "@" in parts.netloc:
        raise ValueError("a user name and password are said by PROXY_USER and PROXY_PWD, not in the address")
    if parts.scheme.lower() not in {"http", "https"} or not parts.hostname or parts.path not in {"", "/"} or parts.query:
        raise ValueError("not the http(s) address of a proxy")
    if not parts.port:  # raises ValueError for what is no port
        raise ValueError("without a port")
    return f"{parts.scheme.lower()}://{parts.netloc.lower()}"


def parse_host(value: object) -> str:
    """A host as lanes name it: lower case, IDNA, without a default port: `images.org`, `images.org:8080`, `[::1]:8080`."""
    text = _text(value).lower()
    if "/" in text or "@" in text:
        raise ValueError("an address, not the name of a host")
    name, port = _split_port(text)
    if name.startswith("["):
        try:
            return f"[{ipaddress.IPv6Address(name[1:-1])}]{port}"
        except ValueError as error:
            raise ValueError("not an IPv6 address") from error
    name = name.removesuffix(".")
    if not name.isascii():
        try:
            name = name.encode("idna").decode("ascii")
        except UnicodeError as error:
            raise ValueError("not an internationalised host name") from error
    if len(name) > MAX_HOST_CHARS or not all(_LABEL.fullmatch(label) for label in name.split(".")):
        raise ValueError("not the name of a host")
    return name + port


def parse_network(value: object) -> Network:
    """A network in CIDR form, or one address. The whole Internet is refused: nothing may switch the address check off."""
    text = _text(value)
    try:
        network = ipaddress.ip_network(text, strict=False)
    except ValueError as error:
        raise ValueError("not a network") from error
    if ipaddress.ip_address(text.partition("/")[0]) != network.network_address:
        raise ValueError(f"an address inside {network}: write the network, or the address alone")
    if network.prefixlen == 0:
        raise ValueError("every address there is")
    return network


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError("not a text")  # noqa: TRY004  a validator turns only ValueError into a sentence
    return value.strip()


def _split_port(text: str) -> tuple[str, str]:
    """Name and `:port`; an empty second part without a port or with 80 or 443, which host names leave out."""
    found = re.fullmatch(r"(\[[0-9a-f:.]+\]|[^:]+)(?::([0-9]{1,5}))?", text)
    if not found:
        raise ValueError("not the name of a host")
    port = int(found[2] or 0)
    if port > 65_535 or (found[2] and port == 0):
        raise ValueError("no such port")
    return found[1], f":{port}" if port and port not in {80, 443} else ""


def _reachable(domain: str) -> None:
    """Refuse a domain that cannot be somebody's: reserved names, single words, malformed."""
    name, _ = _split_port(parse_host(domain))
    labels = name.split(".")
    if name.startswith("[") or labels[-1].isdigit():
        if not ipaddress.ip_address(name.strip("[]")).is_global:
            raise ValueError(f"nobody outside reads mail or pages at {domain}")
        return
    if labels[-1] in _NOBODY_SUFFIXES or ".".join(labels[-2:]) in _NOBODY_DOMAINS:
        raise ValueError(f"nobody reads mail or pages at {domain}")
    if len(labels) < 2:
        raise ValueError(f"{domain} is no complete domain")


def _honest(text: str) -> None:
    """Refuse what would make the User-Agent look like somebody else's."""
    if found := _OTHERS.search(text):
        raise ValueError(f"{found[0]} is how others introduce themselves")

"""Hosts: which text is one, how it is written in a key, and which hosts are one bucket.

Knows nothing of paths beyond the bucket that stands in some, and nothing of families.
"""

from __future__ import annotations

import re
from ipaddress import AddressValueError, IPv4Address, IPv6Address

from asyncdl.urls.normalise import words

# What a publisher wrote as a file name became a host when a scheme was put before it (gbif/pipelines#713).
_FILE_ENDINGS = words(
    "jpg jpeg jpe jfif png gif tif tiff bmp webp jp2 j2k jpx heic avif svg dng nef cr2 cr3 crw arw orf rw2 raf pef raw psd ptif "
    "pdf mp3 mp4 wav avi mpg mpeg flac ogg html htm xhtml php asp aspx jsp xml json txt csv tsv doc docx xls xlsx"
)
_NAME = re.compile(r"(?=.{1,253}$)[a-z0-9_](?:[a-z0-9_-]{0,62}(?<!-))?(?:\.[a-z0-9_](?:[a-z0-9_-]{0,62}(?<!-))?)*")
# Hosts of object stores. A bucket is a host of its own or the first folder of a shared one: the same object under two URLs.
_AMAZON = re.compile(
    r"(?:(?P<bucket>.+)\.)?s3(?:[.-](?:dualstack[.-])?(?:accelerate|external-1|[a-z]{2}(?:-[a-z]+)+-\d))?\.amazonaws\.com"
)
_GOOGLE = re.compile(r"(?:(?P<bucket>.+)\.)?(?:storage|commondatastorage|storage\.cloud)\.(?:googleapis|google)\.com")
_SPACES = re.compile(r"(?:(?P<bucket>.+)\.)?(?P<region>[a-z]{3}\d)(?:\.cdn)?\.digitaloceanspaces\.com")
_SHARED = re.compile(r"(?:s3\.(?:[a-z0-9-]+\.)+[a-z]{2,}|storage\.googleapis\.com|[a-z]{3}\d\.digitaloceanspaces\.com)(?::\d+)?")
_BUCKET = re.compile(r"[a-z0-9][a-z0-9_.-]{1,61}[a-z0-9]")


def usable_host(authority: str) -> str:
    """The host of an authority, lower-case and ASCII, with its port; "" when nothing may be asked there.

    Refused: user names and passwords, blanks, file names (`654355.jpg`), numbers that are an address only to
    some programs (`0x7f.1`, `2130706433`), single names without a port other than `localhost`.
    """
    if not authority or "@" in authority:
        return ""
    if authority[0] == "[":
        return _bracketed(authority)
    name, colon, port = authority.partition(":")
    if colon and not _is_port(port):
        return ""
    name = _ascii(name.removesuffix(".")).lower()
    if not _NAME.fullmatch(name):
        return ""
    last = name.rpartition(".")[2]
    if last.isdigit() or last.startswith("0x"):
        if not _is_ipv4(name):
            return ""
    elif last in _FILE_ENDINGS or ("." not in name and name != "localhost" and (not port or not name[0].isalpha())):
        return ""
    return f"{name}:{int(port)}" if port else name


def _is_port(port: str) -> bool:
    return not port or (port.isascii() and port.isdigit() and len(port) <= 5 and 0 < int(port) < 65536)


def _is_ipv4(name: str) -> bool:
    try:
        IPv4Address(name)
    except AddressValueError:
        return False
    return True


def _ascii(name: str) -> str:
    if name.isascii():
        return name
    try:
        return name.encode("idna").decode("ascii")
    except UnicodeError:
        return ""


def _bracketed(authority: str) -> str:
    address, bracket, rest = authority[1:].partition("]")
    if not bracket or (rest and rest[0] != ":") or not _is_port(rest[1:]):
        return ""
    try:
        text = IPv6Address(address).compressed
    except AddressValueError:
        return ""
    if "%" in text:  # a zone names a network card of this machine
        return ""
    return f"[{text}]:{int(rest[1:])}" if rest[1:] else f"[{text}]"


def bucket_host(host: str) -> str:
    """One spelling for the hosts of an object store: `BUCKET.s3.amazonaws.com`, or `s3.amazonaws.com` for the shared one.

    Amazon, Google and DigitalOcean; other hosts come back unchanged. Sources:
    https://docs.aws.amazon.com/AmazonS3/latest/userguide/VirtualHosting.html, https://cloud.google.com/storage/docs/request-endpoints,
    https://docs.digitalocean.com/products/spaces/how-to/.
    """
    if host.endswith(".amazonaws.com"):
        store, match = "s3.amazonaws.com", _AMAZON.fullmatch(host)
    elif host.endswith((".googleapis.com", ".google.com")):
        store, match = "storage.googleapis.com", _GOOGLE.fullmatch(host)
    elif host.endswith(".digitaloceanspaces.com"):
        match = _SPACES.fullmatch(host)
        store = f"{match['region']}.digitaloceanspaces.com" if match else ""
    else:
        return host
    if match is None:
        return host
    return f"{match['bucket']}.{store}" if match["bucket"] else store


def key_host(host: str) -> str:
    """The host as keys write it: without `www.`, one spelling for the hosts of a bucket."""
    while host.startswith("www.") and "." in host[4:]:
        host = host[4:]
    return bucket_host(host)


def is_shared_store(host: str) -> bool:
    """Whether the first folder below a key host is a bucket: the shared hosts above, and any whose first name is `s3`."""
    return _SHARED.fullmatch(host) is not None


def split_bucket(host: str, path: str) -> tuple[str, str]:
    """A normal path on a shared host as the bucket's own host and the path there; ("", path) when it names no bucket.

    Old buckets with capitals, which are no part of a host, stay where they are.
    """
    bucket, slash, inside = path[1:].partition("/")
    return (f"{bucket}.{host}", slash + inside) if inside and _BUCKET.fullmatch(bucket) else ("", path)

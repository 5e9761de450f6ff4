"""Hosts: which text is one, how it is written in a key, and which hosts are one bucket.

Knows nothing of paths beyond the bucket that stands in a path-style S3 URL, and nothing of families.
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
_S3 = re.compile(
    r"(?:(?P<bucket>.+)\.)?s3(?:[.-](?:dualstack[.-])?(?:accelerate|external-1|[a-z]{2}(?:-[a-z]+)+-\d))?\.amazonaws\.com"
)


SHARED_S3 = "s3.amazonaws.com"
"""The host of path-style S3 URLs, whose first folder is the bucket."""


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
    """`BUCKET.s3.amazonaws.com` for every spelling of a bucket's own host, `s3.amazonaws.com` for the shared one.

    Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/VirtualHosting.html. Other hosts come back unchanged.
    """
    if not host.endswith(".amazonaws.com") or not (match := _S3.fullmatch(host)):
        return host
    return f"{match['bucket']}.s3.amazonaws.com" if match["bucket"] else SHARED_S3


def key_host(host: str) -> str:
    """The host as keys write it: without `www.`, one spelling for the hosts of an S3 bucket."""
    bare = host.removeprefix("www.")
    return bucket_host(bare if "." in bare else host)

"""What a probe has found out, for people and for programs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final

from asyncdl.download.probe import MAX_REQUESTS_PER_LANE, NOT_ASKED
from asyncdl.download.probed import ProbedHost, ProbedImage
from asyncdl.terminal import printable
from asyncdl.units import approximate_duration, approximate_size

_MAX_CELL_CHARS: Final = 60


def probe_lines(hosts: Sequence[ProbedHost]) -> list[str]:
    """One line per host, its pictures summed up; harmless on a terminal."""
    return [f"{printable(host.lane, _MAX_CELL_CHARS)}: {'; '.join(filter(None, _parts(host)))}" for host in hosts]


def _parts(host: ProbedHost) -> list[str]:
    answered = [image for image in host.images if image.status is not None]
    types = _distinct(image.media_type or image.announced for image in answered)
    redirects = _distinct(name for image in host.images for name in image.hosts)
    trouble = _trouble(host)
    return [
        f"asked {host.requests} of {MAX_REQUESTS_PER_LANE}, answers for pictures {len(answered)}{_first_byte(answered)}",
        printable(types, _MAX_CELL_CHARS),
        _distinct(approximate_size(image.size_bytes) for image in answered if image.size_bytes),
        f"redirects to {printable(redirects, _MAX_CELL_CHARS)}" if redirects else "",
        _connection(host),
        f"robots.txt {printable(_robots(host), _MAX_CELL_CHARS)}",
        f"trouble: {printable(trouble, 2 * _MAX_CELL_CHARS)}" if trouble else "",
    ]


def probe_json(hosts: Sequence[ProbedHost]) -> list[dict[str, Any]]:
    """The same as JSON values, picture by picture. Texts are as received."""
    return [
        {
            "host": host.lane,
            "requests": host.requests,
            "robots": host.robots,
            "crawl_delay_seconds": host.crawl_delay_seconds or None,
            "http_version": host.http_version or None,
            "keep_alive": host.keeps_connection,
            "paused_seconds": host.paused_seconds,
            "pause_reason": host.pause_reason or None,
            "images": [_image(image) for image in host.images],
        }
        for host in hosts
    ]


def _image(image: ProbedImage) -> dict[str, Any]:
    return {
        "url": image.url,
        "status": image.status,
        "announced_type": image.announced or None,
        "type": image.media_type or None,
        "bytes": image.size_bytes,
        "redirects": image.hosts,
        "first_byte_seconds": image.latency_seconds,
        "error": image.error or None,
    }


def _distinct(values: Iterable[str]) -> str:
    return ", ".join(dict.fromkeys(value for value in values if value))


def _first_byte(answered: Sequence[ProbedImage]) -> str:
    known = sorted(image.latency_seconds for image in answered if image.latency_seconds is not None)
    return f" after {known[len(known) // 2] * 1000:.0f} ms" if known else ""


def _connection(host: ProbedHost) -> str:
    if host.keeps_connection is None:
        return ""
    return f"HTTP/{host.http_version}, {'kept' if host.keeps_connection else 'closed'}"


def _robots(host: ProbedHost) -> str:
    return f"{host.robots}, {host.crawl_delay_seconds:g} s between requests" if host.crawl_delay_seconds else host.robots


def _trouble(host: ProbedHost) -> str:
    paused = f"left alone for {approximate_duration(host.paused_seconds)}: {host.pause_reason}" if host.paused_seconds else ""
    causes = (image.error for image in host.images if not (paused and image.error in {host.pause_reason, NOT_ASKED}))
    return _distinct([paused, *causes])

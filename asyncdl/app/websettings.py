"""Settings of requests, from a person's words to what `web` takes."""

from __future__ import annotations

import math
from dataclasses import replace

from asyncdl.settings import RunSettings
from asyncdl.web import WebSettings


def web_settings(settings: RunSettings) -> WebSettings:
    """How images are asked for."""
    return WebSettings(
        user_agent=settings.user_agent,
        connect_timeout_seconds=settings.connect_timeout_seconds,
        first_byte_timeout_seconds=settings.first_byte_timeout_seconds,
        stall_timeout_seconds=settings.stall_timeout_seconds,
        total_timeout_seconds=settings.total_timeout_seconds,
        min_speed_bytes_per_second=settings.min_speed_bytes_per_second,
        min_speed_grace_seconds=settings.min_speed_grace_seconds,
        bandwidth_bits_per_second=settings.bandwidth_bits_per_second,
        allow_private=settings.allow_private,
        insecure_hosts=settings.insecure_hosts,
    )


def file_web_settings(settings: RunSettings) -> WebSettings:
    """How one large file is asked for: it takes as long as it takes; a stall and the minimum speed still end a connection."""
    return replace(web_settings(settings), total_timeout_seconds=math.inf)

"""Settings of requests, from a person's words to what `web` takes."""

from __future__ import annotations

import math
from dataclasses import replace

from asyncdl.errors import UsageError
from asyncdl.login import Login
from asyncdl.settings import RunSettings, load_proxy_login
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
        address_connections=settings.address_connections,
        proxy=settings.proxy or None,
        proxy_login=_proxy_login(settings.proxy) if settings.proxy else None,
    )


def _proxy_login(proxy: str) -> Login | None:
    """Who one is at the proxy. Raises `UsageError` for a name that HTTP cannot carry."""
    said = load_proxy_login()
    try:
        return Login(proxy, said.user, said.password) if said.user else None
    except ValueError as error:
        raise UsageError(f"PROXY_USER or PROXY_PWD cannot be used: {error}", "look at the environment and at .env") from error


def file_web_settings(settings: RunSettings) -> WebSettings:
    """How one large file is asked for: it takes as long as it takes; a stall and the minimum speed still end a connection."""
    return replace(web_settings(settings), total_timeout_seconds=math.inf, address_connections=0)

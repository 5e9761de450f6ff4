"""Which failures to re-open: from what a person typed, or another process posted, to a checked `RetryFilter`. Pure."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from asyncdl.errors import UsageError, all_error_types, error_type
from asyncdl.status import ImageStatus
from asyncdl.store import RetryFilter
from asyncdl.units import parse_duration_seconds
from asyncdl.urls import host_of

COMMAND_NAME: Final = "retry"
"""The value of `command` in the body of a command that `filter_of` reads."""

MAX_NAMES: Final = 150
"""Error types, or hosts, in one filter: so many long names of hosts still fit into one command."""

_MAX_HOST_CHARS: Final = 260  # 253 of a name (RFC 1035), a colon and a port
_MAX_SHOWN_CHARS: Final = 80
_RETRIABLE: Final = (ImageStatus.FAILED, ImageStatus.EXHAUSTED, ImageStatus.RETRY)
_ENDED: Final = frozenset({ImageStatus.FAILED, ImageStatus.EXHAUSTED})


def parse_filter(
    error_types: Iterable[str] = (),
    hosts: Iterable[str] = (),
    statuses: Iterable[str] = (),
    since: str | None = None,
    *,
    waiting_too: bool = False,
    now_ms: int,
) -> RetryFilter:
    """The filter that a command line asks for. Values may be lists with commas; a host may be given as a URL.

    Without statuses what ended without a file is meant, with `waiting_too` also what waits for its next
    attempt. `since` is a date, a time (UTC where it does not say) or a duration before now. Raises
    `UsageError` that says what is wrong with which value.
    """
    wanted = frozenset(_status(text) for text in _listed(statuses)) or _ENDED
    return RetryFilter(
        error_types=_bounded("error types", [_error(text) for text in _listed(error_types)]),
        hosts=_bounded("hosts", [_host(text) for text in _listed(hosts)]),
        statuses=wanted | {ImageStatus.RETRY} if waiting_too else wanted,
        since_ms=None if since is None else parse_since_ms(since, now_ms),
    )


def parse_since_ms(text: str, now_ms: int) -> int:
    """UTC milliseconds of `2026-11-21`, `2026-11-21T09:30`, `2d` or `12h30m` (that long before now). Raises `UsageError`."""
    text = text.strip()
    try:
        return max(0, now_ms - round(parse_duration_seconds(text) * 1000))
    except ValueError:
        pass  # no duration; a bare number is one, so a date cannot be mistaken for it
    try:
        moment = datetime.fromisoformat(text)
        moment = moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
        return max(0, round(moment.timestamp() * 1000))
    except (ValueError, OverflowError):
        raise UsageError(
            f"--since {text[:_MAX_SHOWN_CHARS]!r} is no time", "give a date (2026-11-21), a time, or a duration before now (2d)"
        ) from None


def retry_command_body(wanted: RetryFilter) -> dict[str, Any]:
    """The filter as the body of a command for a running job; `filter_of` reads it."""
    return {
        "command": COMMAND_NAME,
        "error_types": sorted(wanted.error_types),
        "hosts": sorted(wanted.hosts),
        "statuses": sorted(status.label for status in wanted.statuses),
        "since_ms": wanted.since_ms,
    }


def filter_of(body: Mapping[str, Any]) -> RetryFilter:
    """The filter in the body of a command. Raises `UsageError` for anything that `retry_command_body` does not write."""
    if body.get("command") != COMMAND_NAME:
        raise UsageError("not a retry command")
    since_ms = body.get("since_ms")
    if since_ms is not None and (not isinstance(since_ms, int) or isinstance(since_ms, bool) or not 0 <= since_ms < 1 << 62):
        raise UsageError("since_ms is no time")
    statuses = _texts(body, "statuses")
    if not statuses:
        raise UsageError("statuses is empty")
    return RetryFilter(
        error_types=frozenset(_error(text) for text in _texts(body, "error_types")),
        hosts=frozenset(_host(text) for text in _texts(body, "hosts")),
        statuses=frozenset(_status(text) for text in statuses),
        since_ms=since_ms,
    )


def describe_filter(wanted: RetryFilter) -> str:
    """The filter in words, with texts as given: escape before a terminal."""
    parts = [" or ".join(status.label for status in sorted(wanted.statuses))]
    if wanted.error_types:
        parts.append(f"with {', '.join(sorted(wanted.error_types))}")
    if wanted.hosts:
        parts.append(f"at {', '.join(sorted(wanted.hosts))}")
    if wanted.since_ms is not None:
        moment = datetime.fromtimestamp(min(wanted.since_ms, 253_402_300_799_000) / 1000, UTC)
        parts.append(f"failed since {moment:%Y-%m-%dT%H:%M:%SZ}")
    return " ".join(parts)


def _listed(values: Iterable[str]) -> list[str]:
    return [text for value in values for part in value.split(",") if (text := part.strip())]


def _texts(body: Mapping[str, Any], key: str) -> list[str]:
    found = body.get(key, [])
    if not isinstance(found, list) or len(found) > MAX_NAMES or not all(isinstance(text, str) for text in found):
        raise UsageError(f"{key} is no list of at most {MAX_NAMES} texts")
    return found


def _bounded(what: str, names: Sequence[str]) -> frozenset[str]:
    if len(names) > MAX_NAMES:
        raise UsageError(f"{len(names)} {what} are too many for one command", f"give at most {MAX_NAMES} at a time")
    return frozenset(names)


def _error(text: str) -> str:
    if error_type(text).code:
        return text
    known = [row.name for row in all_error_types()]
    close = difflib.get_close_matches(text[:_MAX_SHOWN_CHARS], known, n=3)
    hint = f"did you mean {' or '.join(close)}?" if close else "`asyncdl status` lists the causes; http_404 stands for status 404"
    raise UsageError(f"{text[:_MAX_SHOWN_CHARS]!r} is no error type", hint)


def _host(text: str) -> str:
    host = host_of(text) if "://" in text else text.lower()
    if not host or len(host) > _MAX_HOST_CHARS or any(character in host for character in "/ \t\n\0@"):
        raise UsageError(
            f"{text[:_MAX_SHOWN_CHARS]!r} is no host", "give a name as `asyncdl status` shows it, with its port if it has one"
        )
    return host


def _status(text: str) -> ImageStatus:
    found = next((status for status in _RETRIABLE if status.label == text.lower()), None)
    if found is None:
        raise UsageError(f"{text[:_MAX_SHOWN_CHARS]!r} cannot be re-opened", "--status takes failed, exhausted and retry")
    return found

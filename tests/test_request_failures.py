from __future__ import annotations

import errno

import aiohttp
import pytest

from asyncdl.request_failures import clean_text, failure_of


@pytest.mark.parametrize(
    ("exc", "error"),
    [
        (aiohttp.ClientPayloadError("x"), "connection_broken"),
        (aiohttp.ServerDisconnectedError(), "connection_broken"),
        (aiohttp.ClientOSError(errno.ECONNRESET, "reset"), "connection_broken"),
        (ConnectionResetError(errno.ECONNRESET, "reset"), "connection_broken"),
        (aiohttp.ClientOSError(errno.ENETUNREACH, "unreachable"), "local_network"),
        (OSError(errno.EMFILE, "too many"), "local_io"),
        (OSError(errno.ENOMEM, "no memory"), "local_io"),
        (aiohttp.InvalidURL("x"), "invalid_url"),
        (UnicodeError("label too long"), "invalid_url"),
        (TimeoutError(), "timeout"),
        (aiohttp.ClientError("?"), "protocol_error"),
    ],
)
def test_foreign_exceptions_have_one_meaning(exc: Exception, error: str) -> None:
    assert failure_of(exc).error == error


def test_texts_from_outside_become_one_bounded_storable_line() -> None:
    assert clean_text("a\r\n b\udcff" + "x" * 1000).startswith("a b\\udcff")
    assert len(clean_text("x" * 1000)) == 300

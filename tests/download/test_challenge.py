from __future__ import annotations

import pytest
from multidict import CIMultiDict

from asyncdl.download.challenge import is_challenge


@pytest.mark.parametrize(
    ("status", "headers", "page"),
    [
        (403, {"CF-Mitigated": "challenge"}, b""),
        (503, {"cf-mitigated": "challenge"}, b"<html>"),
        (202, {"x-amzn-waf-action": "challenge"}, b""),
        (405, {"x-amzn-waf-action": "captcha"}, b""),
        (403, {}, b"<html><title>Just a moment...</title><script>window._cf_chl_opt={}"),
        (503, {}, b'<script src="/cdn-cgi/challenge-platform/h/b/orchestrate/jsch/v1">'),
        (403, {}, b"<html><head><title>Attention Required! | Cloudflare</title>"),
        (403, {}, b'<iframe src="/_Incapsula_Resource?x=1">'),
    ],
)
def test_pages_that_keep_programs_out(status: int, headers: dict[str, str], page: bytes) -> None:
    assert is_challenge(status, CIMultiDict(headers), page)


@pytest.mark.parametrize(
    ("status", "headers", "page"),
    [
        (403, {"Server": "cloudflare"}, b"<html>Forbidden: this image is private"),
        (404, {}, b"window._cf_chl_opt"),
        (429, {"cf-mitigated": "challenge"}, b""),
        (503, {}, b"<h1>Closed for inventory</h1>"),
    ],
)
def test_other_answers_of_the_same_services(status: int, headers: dict[str, str], page: bytes) -> None:
    assert not is_challenge(status, CIMultiDict(headers), page)

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asyncdl.download.robots_tag import refusal


@pytest.mark.parametrize(
    ("fields", "asked"),
    [
        (["noai"], "noai"),
        (["noai, noimageai"], "noai"),
        (["noindex, NoImageAI"], "noimageai"),
        (["noindex", "noimageai"], "noimageai"),
        (["asyncdl: noai"], "noai"),
        (["AsyncDL:noai"], "noai"),
        (["*: noai"], "noai"),
        (["googlebot: noindex, asyncdl: nofollow, noai"], "noai"),
        (["unavailable_after: 25 Jun 2030 15:00:00 PST, noai"], "noai"),
        (["unavailable_after: Friday, 25-Jun-30 15:00:00 UTC, noai"], "noai"),
        (["max-image-preview: large, noai"], "noai"),
        (["googlebot: noai", "noimageai"], "noimageai"),
    ],
)
def test_refusals(fields: list[str], asked: str) -> None:
    assert refusal(fields) == asked


@pytest.mark.parametrize(
    "fields",
    [
        [],
        [""],
        ["noindex"],
        ["none"],
        ["noimageindex, nofollow"],
        ["googlebot: noai"],
        ["googlebot: noindex, noai"],
        ["otherbot: noai, googlebot: noimageai"],
        ["noaiart", "no ai", "noai=1"],
        ["max-snippet: noai"],
    ],
)
def test_what_is_no_refusal(fields: list[str]) -> None:
    assert refusal(fields) is None


@given(st.lists(st.text(max_size=60), max_size=5))
def test_whatever_a_server_says(fields: list[str]) -> None:
    assert refusal(fields) in (None, "noai", "noimageai")
    assert refusal([*fields, "noai"]) is not None

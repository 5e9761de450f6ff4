import pytest

from asyncdl.errors import UsageError
from asyncdl.ingest.licences import CODES, OPEN, classify, parse_licences


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("http://creativecommons.org/publicdomain/zero/1.0/legalcode", "cc0"),
        ("https://creativecommons.org/publicdomain/mark/1.0/", "pdm"),
        ("http://creativecommons.org/licenses/by/4.0/legalcode", "cc-by"),
        ("https://creativecommons.org/licenses/by-nc-nd/3.0/de/", "cc-by-nc-nd"),
        ("CC0_1_0", "cc0"), ("CC0", "cc0"), ("CC_BY_4_0", "cc-by"), ("CC_BY_NC_4_0", "cc-by-nc"), ("CC BY-NC-SA 3.0", "cc-by-nc-sa"),
        ("cc by nc", "cc-by-nc"), ("Creative Commons Attribution Share Alike", "cc-by-sa"),
        ("Creative Commons Attribution-NonCommercial 4.0 International", "cc-by-nc"),
        ("CC BY (non-commercial use only)", "cc-by-nc"), ("Public Domain", "pdm"), ("OGL v3.0", "ogl"),
        ("© Museum, all rights reserved", "all-rights-reserved"), ("", "none"), ("  ", "none"),
        ("Usage Conditions Apply", "other"), ("UNSPECIFIED", "other"), ("not in the public domain", "other"),
        ("CC0, but non-commercial", "other"), ("https://example.org/by/4.0", "other"), ("accc bypass", "other"),
    ],
)  # fmt: skip
def test_a_text_becomes_its_code(text: str, code: str) -> None:
    assert classify(text) == code


def test_open_is_what_the_open_definition_says() -> None:
    assert parse_licences("open") == OPEN
    assert parse_licences("Open, cc_by_nc") == OPEN | {"cc-by-nc"}
    assert not OPEN & {"other", "none", "cc-by-nc", "cc-by-nd"}
    assert set(CODES) >= OPEN


def test_an_unknown_code_is_refused_with_the_known_ones() -> None:
    with pytest.raises(UsageError, match="cc-bye") as caught:
        parse_licences("cc0,cc-bye")
    assert "cc-by-sa" in caught.value.todo

import pytest

from asyncdl.resumable.ranges import (
    Begins,
    Continues,
    Elsewhere,
    HasChanged,
    IsWhole,
    Meaning,
    NotNow,
    Refused,
    Version,
    meaning_of,
    request_headers,
)

URL = "https://a.org/x/file.zip"
VERSION = Version('"v1"', "Tue, 04 Aug 2026 10:00:00 GMT", 100)
HALF = {"Content-Range": "bytes 40-99/100", "ETag": '"v1"', "Last-Modified": VERSION.last_modified}


def meaning(status: int, headers: dict[str, str], have: int = 40, version: Version = VERSION) -> Meaning:
    return meaning_of(status, headers, URL, have, version, 1_785_837_600_000)


@pytest.mark.parametrize(
    ("have", "version", "immutable", "headers"),
    [
        (0, VERSION, True, {}),
        (40, VERSION, False, {"Range": "bytes=40-", "If-Range": '"v1"'}),
        (40, Version('W/"v1"', "a date"), False, {"Range": "bytes=40-", "If-Range": "a date"}),
        (40, Version('W/"v1"'), False, {"Range": "bytes=40-"}),  # a weak validator is compared, not sent (RFC 9110, 13.1.5)
        (40, Version(total_bytes=100), False, {}),
        (40, Version(total_bytes=100), True, {"Range": "bytes=40-"}),
    ],
)
def test_only_what_can_be_compared_is_continued(have: int, version: Version, immutable: bool, headers: dict[str, str]) -> None:
    assert request_headers(have, version, immutable=immutable) == headers


@pytest.mark.parametrize(
    ("status", "headers", "expected"),
    [
        (200, {"Content-Length": "7", "ETag": '"v2"'}, Begins(Version('"v2"', "", 7))),
        (200, {"Content-Length": "much"}, Begins(Version())),
        (206, HALF, Continues(VERSION)),
        (206, HALF | {"Content-Range": "bytes 40-59/100"}, Continues(VERSION)),
        (206, {"Content-Range": "bytes 40-99/*"}, Continues(Version())),
        (416, {"Content-Range": "bytes */40"}, IsWhole()),
        (302, {"Location": "../y"}, Elsewhere("https://a.org/y")),
        (307, {"Location": "http://[b"}, Elsewhere("http://[b")),
        (302, {}, Refused(302)),
        (429, {"Retry-After": "7"}, NotNow(429, 7.0)),
        (420, {}, NotNow(420, None)),
        (503, {"Retry-After": "soon"}, NotNow(503, None)),
        (500, {}, NotNow(500, None)),
        (404, {}, Refused(404)),
        (410, {}, Refused(410)),
        (401, {}, Refused(401)),
        (204, {}, Refused(204)),
    ],
)
def test_what_an_answer_means(status: int, headers: dict[str, str], expected: Meaning) -> None:
    assert meaning(status, headers) == expected


@pytest.mark.parametrize(
    ("status", "headers"),
    [
        (206, {}),
        (206, HALF | {"Content-Range": "bytes 0-99/100"}),
        (206, HALF | {"Content-Range": "bytes 41-99/100"}),
        (206, HALF | {"Content-Range": "bytes 40-120/121"}),
        (206, HALF | {"ETag": '"v2"'}),
        (206, HALF | {"Last-Modified": "Wed, 05 Aug 2026 10:00:00 GMT"}),
        (206, HALF | {"Content-Range": "lines 40-99/100"}),
        (416, {"Content-Range": "bytes */39"}),
        (416, {}),
    ],
)
def test_another_version_or_another_part_starts_over(status: int, headers: dict[str, str]) -> None:
    assert isinstance(meaning(status, headers), HasChanged)


def test_an_empty_file_is_not_whole_because_nothing_is_missing() -> None:
    assert isinstance(meaning(416, {"Content-Range": "bytes */0"}, have=0), HasChanged)

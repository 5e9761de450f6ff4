"""JSON lines as sources: keys as columns, arrays as several links, and objects of the GBIF API."""

from __future__ import annotations

import gzip
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from asyncdl.errors import SourceError
from asyncdl.ingest import SourceFormat, detect, parse_choices
from tests.ingest.ingesting import OPTIONS, ingested

LINK = "https://example.org/a.jpg"


def written(path: Path, *lines: object) -> Path:
    path.write_text("".join((line if isinstance(line, str) else json.dumps(line)) + "\n" for line in lines))
    return path


async def test_keys_are_columns_in_any_case_and_by_their_local_names(tmp_path: Path) -> None:
    path = written(
        tmp_path / "lines.jsonl",
        {"ID": 1, "Image_URL": LINK, "LICENSE": "CC0", "creator": None, "tags": {"a": 1}},
        {"dc:title": "sheet", "id": "u-2", "image_url": LINK},
        "",
        {"id": 3.0, "image_url": [LINK, "https://example.org/b, c.jpg", None, 5]},
    )
    assert detect(path).format is SourceFormat.JSONL
    found = await ingested(path, tmp_path / "job", [1, "u-2", 3])
    assert found.images == {1: [[LINK]], "u-2": [[LINK]], 3: [[LINK], ["https://example.org/b, c.jpg"]]}
    assert (found.said[1][0].licence, found.said["u-2"][0].title, found.said[3][0].line) == ("CC0", "sheet", 4)
    assert found.source.counts.links_rejected == 1


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
async def test_packed_and_in_other_encodings(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "lines.gz"
    path.write_bytes(gzip.compress(f'{{"id": "ä", "url": "{LINK}"}}\n'.encode(encoding)))
    assert (await ingested(path, tmp_path / "job", ["ä"])).images == {"ä": [[LINK]]}


async def test_a_role_that_turns_up_late_is_not_lost(tmp_path: Path) -> None:
    lines: list[dict[str, Any]] = [{"id": n, "goodQualityAccessURI": f"https://example.org/{n}.jpg"} for n in range(1, 1_500)]
    lines[1_400] |= {"accessURI": "https://example.org/best.jpg", "license": "CC0", "rightsHolder": "Museum"}
    found = await ingested(written(tmp_path / "lines", *lines), tmp_path / "job", [1_401])
    assert found.images[1_401] == [["https://example.org/best.jpg", "https://example.org/1401.jpg"]]
    assert (found.said[1_401][0].licence, found.said[1_401][0].rights_holder) == ("CC0", "Museum")


def occurrence(key: int, *media: dict[str, str], **more: object) -> dict[str, object]:
    return {"key": key, "gbifID": str(key), "countryCode": "DE", "license": "CC0", "references": "https://example.org/page", "identifiers": [],
            "type": "PhysicalObject", "media": list(media), **more}  # fmt: skip


async def test_an_occurrence_of_the_gbif_api_is_a_row_for_each_photo(tmp_path: Path) -> None:
    path = written(
        tmp_path / "lines",
        occurrence(1, {"type": "StillImage", "format": "image/jpeg", "identifier": LINK, "license": "CC BY", "title": "front"},
                   {"type": "StillImage", "identifier": "https://example.org/b.jpg"}),
        occurrence(2),
        occurrence(3, {"type": "Sound", "format": "audio/mpeg", "identifier": "https://example.org/c"}),
        occurrence(4, {"type": "StillImage", "references": "https://example.org/d.jpg"}),
        {"key": 5, "media": [{"identifier": LINK}]},
    )  # fmt: skip
    found = await ingested(path, tmp_path / "job", [1, 2, 3, 4])
    assert found.images == {1: [[LINK], ["https://example.org/b.jpg"]], 2: [], 3: [], 4: [["https://example.org/d.jpg"]]}
    assert (found.source.counts.rows_read, found.source.counts.rows_without_media) == (6, 1)
    assert found.rejects == [("", 3, "not_an_image"), ("", 5, "missing_id")]
    assert [(row.line, row.licence, row.title, row.reference) for row in found.said[1]] == [
        (1, "CC BY", "front", ""),
        (1, "CC0", "", ""),
    ]


async def test_columns_of_the_occurrence_can_be_asked(tmp_path: Path) -> None:
    path = written(tmp_path / "lines", occurrence(1, {"identifier": LINK}), occurrence(2, {"identifier": LINK}, countryCode="AT"))
    chosen = parse_choices(where=["countryCode=AT"])
    found = await ingested(path, tmp_path / "job", [1, 2], replace(OPTIONS, choices=chosen))
    assert found.images == {1: [], 2: [[LINK]]}


async def test_an_id_of_the_api_alone(tmp_path: Path) -> None:
    assert (await ingested(written(tmp_path / "lines", {"key": 9, "media": [{"identifier": LINK}]}), tmp_path / "job", [9])).images[
        9
    ]


async def test_lines_that_are_no_row(tmp_path: Path) -> None:
    good = {"id": 1, "url": LINK}
    path = tmp_path / "lines"
    lines = [
        json.dumps(good).encode(), b"[1, 2]", b'{"id": 2, "url"', b"{" + b'"a":{' * 200_000, b"null", b'{"id": "\xff"}', b'{"id": "\0"}',
        b'{"id": 3, "url": "https://example.org/\\ud800.jpg"}', b'{"id": ' + b"9" * 5_000 + b"}", b'{"id": 4, "url": "' + b"x" * 5_000_000 + b'"}',
        b'{"id": 5, "url": "' + b"x" * 1_500_000 + b'"}', b'{"id": "' + b"x" * 2_000 + b'", "url": "https://example.org/a.jpg"}', b'{"id": 7}',
        b'{"id": 8, "url": "https://example.org/\\u00fc.jpg"}',
    ]  # fmt: skip
    path.write_bytes(b"\r\n".join(lines))
    found = await ingested(path, tmp_path / "job", [1, 8])
    assert found.source.counts.rows_read == len(lines)
    assert found.rejects == [("", line, reason) for line, reason in (
        (2, "no_object"), (3, "no_object"), (4, "too_deep"), (5, "no_object"), (6, "undecodable"), (7, "nul_byte"), (8, "undecodable"),
        (9, "no_object"), (10, "row_too_long"), (11, "cell_too_long"), (12, "id_too_long"), (13, "no_link"),
    )]  # fmt: skip
    assert len(found.images[1]) == len(found.images[8]) == 1


@pytest.mark.parametrize(
    ("content", "says"),
    [
        pytest.param('[\n {"url": "https://example.org/a.jpg"}\n]\n', "jq -c '.\\[\\]'", id="an array"),
        pytest.param('[{"url": "https://example.org/a.jpg"}]', "one JSON array", id="an array in one line"),
        pytest.param('{\n  "results": [\n    {"key": 1}\n  ]\n}\n', "jq -c '.results\\[\\]'", id="a page of the API"),
        pytest.param('{"id": 1}\n', "no column holds links to media: id", id="no links"),
        pytest.param(
            '{"a": "https://example.org/a", "b": "https://example.org/b"}\n', "more than one column holds links: a, b", id="two"
        ),
    ],
)
async def test_json_that_is_no_source(tmp_path: Path, content: str, says: str) -> None:
    path = tmp_path / "file.json"
    path.write_text(content)
    with pytest.raises(SourceError, match=says):
        await ingested(path, tmp_path / "job")


def test_a_hint_for_what_is_no_json(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_text("id,url\n")
    with pytest.raises(SourceError, match="no line begins with an object"):
        detect(path, SourceFormat.JSONL)

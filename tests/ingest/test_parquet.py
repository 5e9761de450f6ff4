"""Parquet files as sources, made by duckdb on the spot."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import duckdb
import pytest

from asyncdl.errors import SourceError
from asyncdl.ingest import Bounds, SourceFormat, detect, parquet, parse_choices
from asyncdl.ingest.tables import open_tables
from tests.ingest.ingesting import OPTIONS, ingested

LINK = "https://example.org/a.jpg"
LINKS = f"'{LINK}' AS identifier"
Make = Callable[..., Path]


@pytest.fixture
def make(tmp_path: Path) -> Make:
    def make(select: str, name: str = "table.parquet", options: str = "") -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        quoted = str(path).replace("'", "''")
        duckdb.execute(f"COPY ({select}) TO '{quoted}' (FORMAT parquet{options})")
        return path

    return make


async def test_columns_have_the_roles_of_a_table_with_headings(make: Make, tmp_path: Path) -> None:
    path = make(
        f"SELECT 5 AS GBIFID, 'StillImage' AS Type, {LINKS}, NULL AS license, 'A. Painter' AS creator, 'a' || chr(9) || 'b' AS title"
    )
    assert detect(path).format is SourceFormat.PARQUET
    found = await ingested(path, tmp_path / "job", [5])
    assert found.images == {5: [[LINK]]}
    (said,) = found.said[5]
    assert (said.creator, said.title, said.licence) == ("A. Painter", "a b", "")


@pytest.mark.parametrize(
    ("column", "record"),
    [
        pytest.param("7::UTINYINT", 7, id="small integer"),
        pytest.param("4123456789::BIGINT", 4123456789, id="integer"),
        pytest.param("2::HUGEINT", 2, id="huge integer"),
        pytest.param("7.0::DOUBLE", 7, id="a whole number that missing values turned into a float"),
        pytest.param("7.5::DOUBLE", "7.5", id="a broken number"),
        pytest.param("'6f1c1c0e-0000-4000-8000-00000000000a'::UUID", "6f1c1c0e-0000-4000-8000-00000000000a", id="uuid"),
        pytest.param("'B 10'", "B 10", id="text"),
        pytest.param("'B 10'::ENUM('B 10', 'x')", "B 10", id="enumeration"),
        pytest.param("DATE '2020-01-02'", "2020-01-02", id="date"),
    ],
)
async def test_ids_of_any_type(make: Make, tmp_path: Path, column: str, record: int | str) -> None:
    assert (await ingested(make(f"SELECT {column} AS id, {LINKS}"), tmp_path / "job", [record])).images == {record: [[LINK]]}


async def test_rows_that_are_none(make: Make, tmp_path: Path) -> None:
    """Missing cells are empty ones; a row's number is its line."""
    path = make(
        f"SELECT * FROM (VALUES (1, '{LINK}'), (NULL, '{LINK}'), (3, NULL), (4, 'http://654355.jpg'), (5, repeat('x', 1500000)),"
        " (NULL, NULL), (7, 'https://example.org/a' || chr(0) || '.jpg')) AS t(id, url)"
    )
    found = await ingested(path, tmp_path / "job", [1])
    assert found.source.counts.rows_read == 7
    assert found.rejects == [
        ("", 2, "missing_id"), ("", 3, "no_link"), ("", 4, "unusable_link"), ("", 5, "cell_too_long"), ("", 6, "no_link"), ("", 7, "nul_byte"),
    ]  # fmt: skip


async def test_a_list_of_links_is_several_photos(make: Make, tmp_path: Path) -> None:
    path = make(
        "SELECT 1 AS id, ['https://example.org/a,b.jpg', NULL, 'https://example.org/c d.jpg'] AS image_url, [1, 2] AS numbers"
    )
    assert (await ingested(path, tmp_path / "job", [1])).images[1] == [
        ["https://example.org/a,b.jpg"],
        ["https://example.org/c d.jpg"],
    ]


async def test_a_table_of_one_column_has_its_row_numbers_as_ids(make: Make, tmp_path: Path) -> None:
    found = await ingested(
        make(f"SELECT * FROM (VALUES ('{LINK}'), (NULL), ('https://example.org/b.jpg')) AS t(url)"), tmp_path / "job", [1, 3]
    )
    assert found.images == {1: [[LINK]], 3: [["https://example.org/b.jpg"]]}
    assert found.rejects == [("", 2, "no_link")]


async def test_named_columns_and_choices(make: Make, tmp_path: Path) -> None:
    """Columns without a role are read only when they are asked for, and those that hold no text never."""
    path = make(
        f"SELECT i AS sheet, '{LINK}' AS page, 'https://example.org/' || i || '.jpg' AS file, i % 2 AS odd, {{'a': 1}} AS part, 'x'::BLOB AS image"
        " FROM range(10) AS t(i)"
    )
    chosen = parse_choices(where=["ODD=1", "sheet<6"], max_per="odd:2")
    found = await ingested(
        path, tmp_path / "job", range(10), replace(OPTIONS, choices=chosen), id_column="Sheet", url_column="FILE"
    )
    assert {record for record, images in found.images.items() if images} < {1, 3, 5}
    assert found.source.filters == (
        "--where ODD=1 leaves out 5 rows",
        "--where sheet<6 leaves out 2 rows",
        "--max-per odd:2 leaves out 1 rows",
    )
    with pytest.raises(SourceError, match="has no column part"):
        await ingested(path, tmp_path / "job 2", [], replace(OPTIONS, choices=parse_choices(where=["part=1"])), url_column="file")


async def test_a_folder_of_files(make: Make, tmp_path: Path) -> None:
    """Each file has its own columns; those without links say nothing; rows that have no ids do not meet."""
    make("SELECT 'https://example.org/' || i || '.jpg' AS url FROM range(2) AS t(i)", "dataset/part-0.parquet")
    make(
        "SELECT 'https://example.org/' || i || '.jpg' AS link, 'CC0' AS license FROM range(2) AS t(i)",
        "dataset/year=2020/part-1.parquet",
    )
    make("SELECT 1 AS taxon, 'Bellis' AS name", "dataset/taxa.parquet")
    (tmp_path / "dataset" / "_SUCCESS").touch()
    found = await ingested(tmp_path / "dataset", tmp_path / "job", [1, 2, "year=2020/part-1.parquet:2"])
    assert found.source.counts.images == 4
    assert found.images["year=2020/part-1.parquet:2"] == [["https://example.org/1.jpg"]]


async def test_files_without_an_ending_and_names_that_look_like_patterns(make: Make, tmp_path: Path) -> None:
    make(f"SELECT 1 AS id, {LINKS}", "occurrence.parquet/000000")
    assert (await ingested(tmp_path / "occurrence.parquet", tmp_path / "job", [1])).images == {1: [[LINK]]}
    odd = make(f"SELECT 1 AS id, {LINKS}", "it's [a] {b} *?.parquet")
    assert (await ingested(odd, tmp_path / "job 2", [1])).images == {1: [[LINK]]}


async def test_texts_that_an_old_writer_kept_as_bytes(make: Make, tmp_path: Path) -> None:
    path = make(f"SELECT 1 AS id, '{LINK}'::BLOB AS url")
    assert (await ingested(path, tmp_path / "job", [1])).images == {1: [[LINK]]}


def test_many_rows_come_in_order_and_in_pieces(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parquet, "ROWS_PER_RANGE", 3_000)
    path = make(
        "SELECT i AS id, 'https://example.org/' || i || '.jpg' AS url FROM range(20000) AS t(i)", options=", ROW_GROUP_SIZE 2048"
    )
    (table,) = open_tables(detect(path), Bounds())
    lines = b"".join(table.chunks()).splitlines()
    assert lines == [f"{n}\thttps://example.org/{n}.jpg".encode() for n in range(20_000)]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        pytest.param(b"PAR1", "begins like a Parquet file but breaks off", id="a beginning"),
        pytest.param(b"PAR1" + bytes(100) + b"PAR1", "cannot be read as Parquet", id="nothing in it"),
        pytest.param(b"PARE" + bytes(100) + b"PARE", "cannot be read as Parquet", id="encrypted"),
    ],
)
def test_what_is_no_parquet_file(tmp_path: Path, content: bytes, says: str) -> None:
    path = tmp_path / "table.parquet"
    path.write_bytes(content)
    with pytest.raises(SourceError, match=says):
        open_tables(detect(path), Bounds())


async def test_cut_and_damaged_files(make: Make, tmp_path: Path) -> None:
    whole = make(
        "SELECT i AS id, 'https://example.org/' || md5(i::VARCHAR) || '.jpg' AS url FROM range(50000) AS t(i)"
    ).read_bytes()
    path = tmp_path / "table.parquet"
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(SourceError, match="breaks off in the middle"):
        detect(path)
    path.write_bytes(whole[: len(whole) // 2] + bytes(1_000) + whole[len(whole) // 2 + 1_000 :])
    with pytest.raises(SourceError, match="cannot be read as Parquet"):
        await ingested(path, tmp_path / "job")


async def test_files_without_links_and_formats_that_do_not_fit(make: Make, tmp_path: Path) -> None:
    path = make("SELECT 1 AS gbifid, ['StillImage'] AS mediatype")
    with pytest.raises(SourceError, match="no column holds links to media: gbifid, mediatype"):
        await ingested(path, tmp_path / "job")
    with pytest.raises(SourceError, match="is a Parquet file, not csv"):
        detect(path, SourceFormat.CSV)
    with pytest.raises(SourceError, match="holds no Parquet file"):
        detect(tmp_path / "job", SourceFormat.PARQUET)
    with pytest.raises(SourceError, match="no column of text or numbers"):
        await ingested(make("SELECT {'a': 1} AS part", "odd.parquet"), tmp_path / "job 2")

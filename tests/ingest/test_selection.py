"""Choices applied to real sources, through the table of rows."""

from __future__ import annotations

import gzip
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import duckdb
import pytest

from asyncdl.errors import SourceError, UsageError
from asyncdl.ingest.accounts import Tally
from asyncdl.ingest.choices import ALL_COLUMNS, DEFAULT_COLUMNS, Choices, parse_choices, parse_keep_columns, parse_max_per
from asyncdl.ingest.intake import take
from asyncdl.ingest.options import IngestOptions
from asyncdl.ingest.rejects import RejectsFile
from asyncdl.ingest.rowtable import RowTable
from asyncdl.ingest.selection import Selection
from asyncdl.ingest.sources import detect
from asyncdl.ingest.tables import open_tables
from asyncdl.ingest.texts import SaidTexts
from asyncdl.sourceabout import About
from asyncdl.sourcerows import SourceRows
from tests.ingest.conftest import MULTIMEDIA, OCCURRENCE, meta_xml, table_xml

DWC, DC, GBIF = "http://rs.tdwg.org/dwc/terms/", "http://purl.org/dc/terms/", "http://rs.gbif.org/terms/1.0/"
OPTIONS = IngestOptions(memory_limit_bytes=200_000_000)
CC0, BY, NC = (
    f"http://creativecommons.org/{path}/legalcode" for path in ("publicdomain/zero/1.0", "licenses/by/4.0", "licenses/by-nc/4.0")
)
OCCURRENCE_TERMS = {
    0: GBIF + "gbifID", 1: DWC + "countryCode", 2: DWC + "year", 3: GBIF + "speciesKey", 4: GBIF + "genusKey", 5: DC + "license",
    6: DWC + "scientificName",
}  # fmt: skip
MEDIA_TERMS = {0: GBIF + "gbifID", 1: DC + "type", 2: DC + "identifier", 3: DC + "license", 4: DC + "title"}
OCCURRENCES = (
    (1, "DE", 1901, 11, 7, "CC0_1_0", "Bellis perennis L."),
    (2, "DE", 1950, 11, 7, "CC_BY_NC_4_0", "Bellis perennis L."),
    (3, "FR", 1950, 12, 7, "CC_BY_4_0", "Bellis annua L."),
    (4, "", "", 21, 8, "CC0_1_0", "Salix"),
    (5, "de", 2001, "", "", "", "Musci"),
    (2, "FR", 1800, 99, 99, "CC0_1_0", "the same id once more"),
    ("bad",),
)
MEDIA = (
    (1, "StillImage", "https://a.example.org/1a.jpg", CC0, "sheet"),
    (1, "", "https://a.example.org/1b.jpg", NC, "label"),
    (2, "StillImage", "https://a.example.org/2.jpg", "", "sheet"),
    (3, "StillImage", "https://b.example.org/3.jpg", "", "sheet"),
    (4, "StillImage", "https://b.example.org/4.jpg", "Usage Conditions Apply", "Zettel"),
    (5, "StillImage", "https://b.example.org/5.jpg", BY, "sheet"),
    (6, "StillImage", "https://b.example.org/6.jpg", "", "no occurrence row"),
)  # fmt: skip


def tsv(header: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    return "".join("\t".join(str(cell) for cell in row) + "\n" for row in (header, *rows))


def names(terms: Mapping[int, str]) -> list[str]:
    return [term.rpartition("/")[2] for term in terms.values()]


@pytest.fixture
def members() -> dict[str, str | bytes]:
    return {
        "meta.xml": meta_xml(
            table_xml("core", OCCURRENCE, "occurrence.txt", OCCURRENCE_TERMS),
            table_xml("extension", MULTIMEDIA, "multimedia.txt", MEDIA_TERMS),
        ),
        "occurrence.txt": tsv(names(OCCURRENCE_TERMS), OCCURRENCES),
        "multimedia.txt": tsv(names(MEDIA_TERMS), MEDIA),
        "verbatim.txt": "gbifID\tcountryCode\n1\tXX\n",
    }


@pytest.fixture
def archive(make_zip: Callable[..., Path], members: dict[str, str | bytes]) -> Path:
    return make_zip(members)


class Selected:
    """What came through, by lines of the media table, with the counts."""

    def __init__(self, source: Path, choices: Choices, folder: Path) -> None:
        spec = detect(source)
        tables = open_tables(spec, OPTIONS.bounds)
        selection = Selection(spec, tables, choices, OPTIONS)
        self.tally = Tally()
        parts = folder / "parts"
        parts.mkdir(parents=True, exist_ok=True)
        for part in parts.iterdir():
            part.unlink()
        with (
            RowTable(folder / "scratch", OPTIONS.memory_limit_bytes, 2, licences=choices.licences is not None) as rows,
            RejectsFile(folder / "rejects.tsv", 100) as rejects,
        ):
            said = SaidTexts(rows, parts)
            for number, table in enumerate(tables):
                for _ in take(rows, said, table, number, OPTIONS, rejects, self.tally):
                    pass
            for _ in selection.apply(rows, self.tally):
                pass
            self.urls = [url.rpartition("/")[2] for (url,) in rows.execute("SELECT photos FROM rows ORDER BY line").fetchall()]
            for _ in (*rows.write(parts), *selection.write_kept(rows, parts)):
                pass
        About(spec.name, keep_columns=selection.keep_columns).save(parts)
        self.kept = SourceRows(parts).kept
        self.counts = [(count.name, count.rows) for count in selection.counts]
        self.malformed = selection.occurrences_malformed


@pytest.fixture
def select(archive: Path, tmp_path: Path) -> Callable[..., Selected]:
    def run(source: Path | None = None, **choices: object) -> Selected:
        return Selected(source or archive, parse_choices(**choices), tmp_path / "work")  # type: ignore[arg-type]

    return run


Select = Callable[..., Selected]


def test_without_choices_everything_passes_and_the_columns_are_kept(select: Select) -> None:
    found = select()
    assert len(found.urls) == len(MEDIA)
    assert found.counts == []
    assert found.kept(2) == {
        "scientificName": "Bellis perennis L.",
        "speciesKey": "11",
        "countryCode": "DE",
        "license": "CC_BY_NC_4_0",
    }
    assert found.kept(6) == {}


@pytest.mark.parametrize(
    ("where", "urls"),
    [
        (["countryCode=DE"], ["1a.jpg", "1b.jpg", "2.jpg", "5.jpg"]),
        (["countrycode!=DE"], ["3.jpg", "4.jpg", "6.jpg"]),
        (["countryCode="], ["4.jpg", "6.jpg"]),
        (["countryCode=DE", "year=1900..1950"], ["1a.jpg", "1b.jpg", "2.jpg"]),
        (["taxonKey=7"], ["1a.jpg", "1b.jpg", "2.jpg", "3.jpg"]),
        (["taxonKey=12,8"], ["3.jpg", "4.jpg"]),
        (["taxonKey!=7"], ["4.jpg", "5.jpg", "6.jpg"]),
        (["title=sheet"], ["1a.jpg", "2.jpg", "3.jpg", "5.jpg"]),
        (["type=", "speciesKey=*"], ["1b.jpg"]),
        (["occurrence.license=CC0_1_0"], ["1a.jpg", "1b.jpg", "4.jpg"]),
        (["media.license=*", "license!=Usage*"], ["1a.jpg", "1b.jpg", "4.jpg", "5.jpg"]),
    ],
)  # fmt: skip
def test_where_asks_the_occurrence_or_the_media_row(select: Select, where: list[str], urls: list[str]) -> None:
    found = select(where=where)
    assert found.urls == urls
    assert found.tally.rows_filtered == len(MEDIA) - len(urls)
    assert found.tally.rows_taken == found.tally.links == len(urls)
    assert sum(rows for _, rows in found.counts) == found.tally.rows_filtered
    assert [name for name, _ in found.counts] == [f"--where {text}" for text in where]


def test_malformed_occurrences_are_counted(select: Select) -> None:
    assert select(where=["countryCode=DE"]).malformed == 1


def test_the_licence_of_the_image_speaks_and_the_records_only_where_it_is_silent(select: Select) -> None:
    assert select(licence="open").urls == ["1a.jpg", "3.jpg", "5.jpg"]
    assert select(licence="cc-by-nc").urls == ["1b.jpg", "2.jpg"]
    assert select(licence="other").urls == ["4.jpg"]
    assert select(licence="none").urls == ["6.jpg"]


def test_only_what_remains_is_kept(select: Select) -> None:
    found = select(where=["countryCode=FR"], keep_columns=["all"])
    assert found.kept(3) == {
        "gbifID": "3", "countryCode": "FR", "year": "1950", "speciesKey": "12", "genusKey": "7", "license": "CC_BY_4_0",
        "scientificName": "Bellis annua L.",
    }  # fmt: skip
    assert found.kept(1) == {}
    assert select(keep_columns=["none"]).kept(3) == {}
    assert select(keep_columns=["year", "dwc:countryCode"]).kept(3) == {"year": "1950", "countryCode": "FR"}


def test_a_sample_is_the_same_for_the_same_seed_whatever_the_order_of_rows(
    select: Select, make_zip: Callable[..., Path], members: dict[str, str | bytes]
) -> None:
    turned = make_zip(members | {"multimedia.txt": tsv(names(MEDIA_TERMS), MEDIA[::-1])}, "turned.zip")
    found = {seed: set(select(sample=2, seed=seed).urls) for seed in range(8)}
    assert all(set(select(turned, sample=2, seed=seed).urls) == urls for seed, urls in found.items())
    assert len({frozenset(urls) for urls in found.values()}) > 3
    assert all(("1a.jpg" in urls) == ("1b.jpg" in urls) for urls in found.values())
    assert len(select(sample=100).urls) == len(MEDIA)


def test_max_per_leaves_so_many_records_of_each_value(select: Select) -> None:
    found = select(max_per="genusKey:1")
    of_genus_7 = [url for url in found.urls if url[0] in "123"]
    assert {url[0] for url in of_genus_7} in ({"1"}, {"2"}, {"3"})
    assert "4.jpg" in found.urls
    assert len({"5.jpg", "6.jpg"} & set(found.urls)) == 1
    assert found.urls == select(max_per="genusKey:1").urls
    by_title = select(max_per="title:1").urls
    assert "4.jpg" in by_title


def test_ledgers_leave_out_their_records(select: Select, make_zip: Callable[..., Path], tmp_path: Path, archive: Path) -> None:
    ids = tmp_path / "ids.txt"
    ids.write_text("1\n3\n")
    table = tmp_path / "multimedia.txt"
    table.write_text("gbifID\tidentifier\n2\thttps://x.example.org/1.jpg\n")
    assert select(exclude=[str(ids)]).urls == ["2.jpg", "4.jpg", "5.jpg", "6.jpg"]
    assert select(exclude=[str(ids), str(table)]).counts == [(f"--exclude-ledger {ids}", 3), (f"--exclude-ledger {table}", 1)]
    assert select(exclude=[str(archive)]).urls == []
    collection = tmp_path / "other"
    Selected(archive, parse_choices(where=["countryCode=DE"]), tmp_path / "else")
    (collection / "sources").mkdir(parents=True)
    (tmp_path / "else" / "parts").rename(collection / "sources" / "1")
    assert select(exclude=[str(collection)]).urls == ["3.jpg", "4.jpg", "6.jpg"]


def test_ledgers_may_be_packed_or_parquet(select: Select, tmp_path: Path) -> None:
    packed, parquet, other = tmp_path / "ids.gz", tmp_path / "ids.parquet", tmp_path / "other.parquet"
    packed.write_bytes(gzip.compress(b"gbifID\n1\n3\n"))
    duckdb.execute(f"COPY (SELECT 2 AS gbifID, 'x' AS y UNION ALL SELECT 4, 'y') TO '{parquet}' (FORMAT parquet)")
    duckdb.execute(f"COPY (SELECT 2 AS number) TO '{other}' (FORMAT parquet)")
    assert select(exclude=[str(packed), str(parquet)]).urls == ["5.jpg", "6.jpg"]
    with pytest.raises(SourceError, match="has no column of ids"):
        select(exclude=[str(other)])


def test_choices_come_in_their_order(select: Select, tmp_path: Path) -> None:
    ids = tmp_path / "ids.txt"
    ids.write_text("gbifID\n3\n")
    found = select(where=["countryCode=*"], licence="open,cc-by-nc", exclude=[str(ids)], max_per="speciesKey:1", sample=1, seed=4)
    assert [name.split(" ")[0] for name, _ in found.counts] == ["--where", "--licence", "--exclude-ledger", "--max-per", "--sample"]
    assert [rows for _, rows in found.counts][:3] == [2, 0, 1]
    assert len({url[0] for url in found.urls}) == 1
    assert found.tally.rows_taken + found.tally.rows_filtered == len(MEDIA)


def test_a_column_that_nothing_has_is_refused_with_the_one_that_was_meant(select: Select) -> None:
    with pytest.raises(SourceError, match="no column countyCode") as caught:
        select(where=["countyCode=DE"])
    assert "did you mean countryCode?" in caught.value.todo
    with pytest.raises(SourceError, match="no column elevation"):
        select(keep_columns=["elevation"])


def test_a_bare_table_of_media_says_what_is_missing(select: Select, tmp_path: Path, members: dict[str, str | bytes]) -> None:
    alone = tmp_path / "alone" / "multimedia.txt"
    alone.parent.mkdir()
    alone.write_text(str(members["multimedia.txt"]))
    with pytest.raises(SourceError, match="no table of occurrences") as caught:
        select(alone, where=["countryCode=DE"])
    assert "--occurrences FILE" in caught.value.todo
    assert select(alone, where=["title=label"]).urls == ["1b.jpg"]
    elsewhere = tmp_path / "elsewhere.txt"
    elsewhere.write_text(str(members["occurrence.txt"]))
    assert select(alone, where=["countryCode=FR"], occurrences=str(elsewhere)).urls == ["3.jpg"]
    (alone.parent / "occurrence.txt").write_text(str(members["occurrence.txt"]))
    assert select(alone, where=["countryCode=FR"]).urls == ["3.jpg"]


def test_a_table_of_ones_own_is_filtered_by_its_own_columns(select: Select, tmp_path: Path) -> None:
    table = tmp_path / "own.csv"
    table.write_text("id,url,species\n" + "".join(f"r{n},https://x.example.org/{n}.jpg,{'ab'[n % 2]}\n" for n in range(6)))
    assert select(table, where=["species=a"]).urls == ["0.jpg", "2.jpg", "4.jpg"]
    assert len(select(table, max_per="species:2").urls) == 4


def test_a_default_of_meta_xml_speaks_where_the_column_is_missing(
    select: Select, make_zip: Callable[..., Path], members: dict[str, str | bytes]
) -> None:
    text = str(members["meta.xml"]).replace(
        '<field index="1"', f'<field default="herbarium" term="{DWC}institutionCode"/><field index="1"', 1
    )
    source = make_zip(members | {"meta.xml": text}, "defaults.zip")
    assert len(select(source, where=["institutionCode=Herbarium"]).urls) == 6


def test_how_choices_are_written() -> None:
    assert parse_max_per("") is None
    assert parse_max_per(" speciesKey : 300 ") == parse_max_per("speciesKey:300")
    for wrong in ("speciesKey", "speciesKey:0", ":3", "speciesKey:x"):
        with pytest.raises(UsageError, match="--max-per"):
            parse_max_per(wrong)
    assert parse_keep_columns([]) == DEFAULT_COLUMNS
    assert parse_keep_columns(["ALL"]) == ALL_COLUMNS
    assert parse_keep_columns(["none"]) == ()


def test_every_choice_changes_the_digest() -> None:
    given = (
        {"where": ["a=1"]}, {"where": ["a=2"]}, {"licence": "open"}, {"exclude": ["x"]}, {"max_per": "a:1"}, {"sample": 1},
        {"seed": 3, "sample": 1}, {"keep_columns": ["none"]}, {"occurrences": "x"},
    )  # fmt: skip
    digests = {parse_choices(**choices).digest for choices in given}
    assert len(digests) == len(given)
    assert parse_choices().digest == ""
    assert replace(Choices(), sample=1).selective

"""The labelled samples: no wrong merge, every pair folded that can be known, ranks in order."""

import csv
import io
from collections.abc import Iterable
from itertools import combinations, product
from pathlib import Path
from typing import NamedTuple

import pytest

from asyncdl.cli.keys import write_keys
from asyncdl.ingest.fold import fold
from asyncdl.ingest.rows import MediaRow
from asyncdl.urls import resolve

SAMPLES = Path(__file__).parents[1] / "data" / "urls"
ARK = "ids.si.edu/ids/deliveryService/id/ark:/65665/m3d9e26a6ef50046c6b537a3e143067c6e"
SHEET = "https://web.corral.tacc.utexas.edu/torch/BRIT/BRIT0452000/BRIT452101"

# The pairs that no rule can know, and why; each side as the keys or the URLs of its members.
NOT_DERIVABLE = {
    "an ARK is a random UUID; only the Smithsonian's records say which file it names": (
        {f"https://{ARK}", f"https://{ARK}/90", "http://n2t.net/ark:/65665/m3d9e26a6e-f500-46c6-b537-a3e143067c6e",
         "https://ids.si.edu/ids/iiif/ark:/65665/m3d9e26a6ef50046c6b537a3e143067c6e/full/max/0/default.jpg"},
        {"https://ids.si.edu/ids/download?id=NMNH-USNM_1573355_FARMS_14_LEE_4446_screen",
         "https://ids.si.edu/ids/download?id=NMNH-USNM_1573355_FARMS_14_LEE_4446_thumb"},
    ),
    "Arctos numbers its media; only its pages say that this one lies at CalPhotos": (
        {"https://arctos.database.museum/media/10257311?open", "https://arctos.database.museum/media/10257311"},
        {"https://calphotos.berkeley.edu/imgs/512x768/0000_0000/0809/1561.jpeg",
         "https://calphotos.berkeley.edu/imgs/128x192/0000_0000/0809/1561.jpeg"},
    ),
    "a URN of Harvard is a name of its own; only its redirect says which number it has": (
        {"https://nrs.lib.harvard.edu/urn-3:fhcl.hough:408019"},
        {"https://ids.lib.harvard.edu/ids/view/1639647", "https://ids.lib.harvard.edu/ids/iiif/1639647/full/max/0/default.jpg"},
    ),
    "the page of a Symbiota record names no photo; within its record it is one of the image's candidates": (
        {"https://portal.torcherbaria.org/portal/collections/individual/index.php?occid=24923936"},
        {f"{SHEET}.jpg", f"{SHEET}_med.jpg", f"{SHEET}_thumb.jpg"},
    ),
}  # fmt: skip


class Labelled(NamedTuple):
    group: str
    rank: int
    url: str
    key: str
    found_rank: int


def labelled(name: str, rank: str) -> list[Labelled]:
    """A table of labelled URLs with what `asyncdl keys` says of each."""
    with (SAMPLES / name).open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    answers = io.BytesIO()
    write_keys(io.BytesIO("".join(f"{row['url']}\n" for row in rows).encode()), answers)
    said = [line.split("\t") for line in answers.getvalue().decode().splitlines()]
    assert [url for url, _, _ in said] == [row["url"] for row in rows]
    return [Labelled(row["group"], int(row[rank]), url, key, int(found)) for row, (url, key, found) in zip(rows, said, strict=True)]


TABLES = {"url_groups.tsv": "rank_by_resolution", "more_groups.tsv": "rank"}


@pytest.fixture(scope="module", params=TABLES)
def sample(request: pytest.FixtureRequest) -> list[Labelled]:
    return labelled(request.param, TABLES[request.param])


def pairs(rows: Iterable[Labelled]) -> list[tuple[Labelled, Labelled]]:
    return [(a, b) for a, b in combinations(rows, 2) if a.group == b.group]


def test_every_url_is_usable(sample: list[Labelled]) -> None:
    assert len(sample) > 200
    assert [row.url for row in sample if not row.key] == []


def test_no_two_photos_share_a_key(sample: list[Labelled]) -> None:
    wrong = [(a.url, b.url) for a, b in combinations(sample, 2) if a.group != b.group and a.key == b.key]
    assert wrong == []


def test_every_pair_that_can_be_known_shares_a_key() -> None:
    rows = labelled("url_groups.tsv", TABLES["url_groups.tsv"])
    missed = {frozenset((a.url, b.url)) for a, b in pairs(rows) if a.key != b.key}
    assert len(pairs(rows)) == 238
    assert missed == {frozenset(pair) for sides in NOT_DERIVABLE.values() for pair in product(*sides)}
    assert len(missed) == 17


def test_every_pair_of_our_own_table_shares_a_key() -> None:
    rows = labelled("more_groups.tsv", TABLES["more_groups.tsv"])
    assert [(a.url, b.url) for a, b in pairs(rows) if a.key != b.key] == []
    assert len(pairs(rows)) > 1000


def test_larger_pictures_come_first(sample: list[Labelled]) -> None:
    ordered = [(a, b) if a.rank < b.rank else (b, a) for a, b in pairs(sample) if a.rank != b.rank]
    assert [(a.url, a.found_rank, b.url, b.found_rank) for a, b in ordered if a.found_rank >= b.found_rank] == []


def test_pages_are_known(sample: list[Labelled]) -> None:
    assert [row.url for row in sample if (row.rank == 9) != (row.found_rank == 9)] == []


def test_keys_are_their_own_keys(sample: list[Labelled]) -> None:
    assert [row.url for row in sample if resolve(row.key).key != row.key] == []


def test_what_only_a_record_tells_is_known_within_it() -> None:
    rows = labelled("url_groups.tsv", TABLES["url_groups.tsv"])
    for group in ("torch-BRIT452101", "inat-31610070"):
        urls = [row.url for row in rows if row.group == group]
        record = fold(1, [MediaRow(0, line, ((url,),)) for line, url in enumerate(urls, 2)]).record
        assert record is not None
        (image,) = record.images
        assert sorted(candidate.url for candidate in image.candidates) == sorted(urls)

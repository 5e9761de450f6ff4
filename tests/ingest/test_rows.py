"""From cells to links and ids."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asyncdl.ingest.columns import Column, Columns
from asyncdl.ingest.options import Bounds
from asyncdl.ingest.rejects import RejectReason
from asyncdl.ingest.rows import Identified, MediaRow, RowRules, grouped_photos, pack, unpack
from asyncdl.urls import split_urls

A, B, C = "https://example.org/a.jpg", "https://example.org/b.jpg", "https://example.org/c.jpg"
# id, identifier, references, type, format, title
COLUMNS = Columns(
    Column(0),
    (Column(1),),
    (Column(2),),
    (Column(3),),
    (Column(4),),
    references=(Column(2),),
    title=(Column(5),),
    licence=(Column(-1, "CC0"),),
)


def interpret(
    cells: list[str], columns: Columns = COLUMNS, bounds: Bounds | None = None, *, only_images: bool = True, id_prefix: str = ""
) -> Identified | RejectReason | None:
    return RowRules(0, columns, bounds or Bounds(), only_images=only_images, id_prefix=id_prefix).interpret(7, cells)


def row(*cells: str) -> list[str]:
    return [*cells, *[""] * (6 - len(cells))]


def test_what_a_row_says() -> None:
    assert interpret(row(" 12 ", f" {A} ", B, "StillImage", "image/jpeg", "A\ttitle")) == Identified(
        12, MediaRow(0, 7, ((A,),), licence="CC0", media_format="image/jpeg", references=B, title="A title")
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0", 0), ("12", 12), (str((1 << 60) - 1), (1 << 60) - 1), (str(1 << 60), str(1 << 60)), ("007", "007"), ("-1", "-1"),
        ("urn:catalog:X:1", "urn:catalog:X:1"), ("٣", "٣"), ("1.0", "1.0"), ("a\nb", "a b"),
        ("", RejectReason.MISSING_ID), ("x" * 1_001, RejectReason.ID_TOO_LONG),
    ],
)  # fmt: skip
def test_ids(text: str, expected: int | str | RejectReason) -> None:
    found = interpret(row(text, A))
    assert (found.record if isinstance(found, Identified) else found) == expected


def test_the_line_is_the_id_where_there_is_none() -> None:
    columns = Columns(None, (Column(1),))
    found, prefixed = interpret(row("", A), columns), interpret(row("", A), columns, id_prefix="list:")
    assert isinstance(found, Identified)
    assert isinstance(prefixed, Identified)
    assert (found.record, prefixed.record) == (7, "list:7")


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        pytest.param(row("1", "", B), ((B,),), id="moved to references"),
        pytest.param(row("1", A, B), ((A,),), id="references is a page otherwise"),
        pytest.param(row("1", "", "see label"), RejectReason.NO_LINK, id="references without a link"),
        pytest.param(row("1"), RejectReason.NO_LINK, id="no link"),
        pytest.param(row("1", f"{A}|{B}"), ((A,), (B,)), id="several links in one cell"),
        pytest.param(row("1", "example.org/a.jpg"), (("example.org/a.jpg",),), id="no scheme"),
        pytest.param(row("1", "|".join(f"{A}?{n}" for n in range(100))), tuple((f"{A}?{n}",) for n in range(100)), id="a hundred links"),
        pytest.param(row("1", "|".join(f"{A}?{n}" for n in range(101))), RejectReason.TOO_MANY_LINKS, id="more"),
        pytest.param(row("1", "https://example.org/a.mp3", "", "Sound"), RejectReason.NOT_AN_IMAGE, id="sound"),
        pytest.param(row("1", "https://example.org/a", "", "http://purl.org/dc/dcmitype/MovingImage"), RejectReason.NOT_AN_IMAGE, id="film"),
        pytest.param(row("1", "https://example.org/a", "", "", "audio/mpeg"), RejectReason.NOT_AN_IMAGE, id="by format"),
        pytest.param(row("1", "", "", "http://purl.org/dc/dcmitype/Text"), RejectReason.NOT_AN_IMAGE, id="a text"),
        pytest.param(row("1", A, "", "Sound", "image/jpeg"), ((A,),), id="type against format"),
        pytest.param(row("1", "https://example.org/a", "", "InteractiveResource", "application/ld+json"), (("https://example.org/a",),), id="manifest"),
    ],
)  # fmt: skip
def test_links(cells: list[str], expected: object) -> None:
    found = interpret(cells)
    assert (found.row.photos if isinstance(found, Identified) else found) == expected


def test_sound_is_taken_when_all_is_asked_for() -> None:
    assert isinstance(interpret(row("1", "https://example.org/a.mp3", "", "Sound"), only_images=False), Identified)


def test_records_need_not_have_media() -> None:
    assert interpret(row("", ""), Columns(Column(0), (Column(1),), optional=True)) is None


@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        ([], ()),
        ([[A], [B], [C]], ((A, B, C),)),
        ([[A, B]], ((A,), (B,))),
        ([[A, B], [f"{A}?s", f"{B}?s"]], ((A, f"{A}?s"), (B, f"{B}?s"))),
        ([[A, B], [C]], ((A,), (B,), (C,))),
    ],
)
def test_which_links_are_one_photo(columns: list[list[str]], expected: object) -> None:
    assert grouped_photos(columns) == expected


def test_long_metadata_is_cut() -> None:
    found = interpret(row("1", A, "", "", "", "x" * 5_000))
    assert isinstance(found, Identified)
    assert len(found.row.title) == 2_000


TEXT = st.text(alphabet=st.characters(exclude_categories=("Cc", "Cs")), max_size=10)
URL = st.text(alphabet=st.characters(exclude_categories=("Cc", "Cs")), min_size=1, max_size=10)


@given(st.builds(MediaRow, st.integers(0, 9), st.integers(1, 10**9),
                 st.lists(st.lists(URL, min_size=1, max_size=3).map(tuple), min_size=1, max_size=3).map(tuple), TEXT, TEXT, TEXT, TEXT, TEXT, TEXT))  # fmt: skip
def test_packing_is_reversible(media: MediaRow) -> None:
    assert unpack(pack(media)) == media


@given(st.text(alphabet="ahtps:/.w?=&,;| \"'", max_size=30).map(lambda text: "https://" + text))
def test_the_short_way_for_one_link_is_the_general_rule(text: str) -> None:
    found = interpret(row("1", text))
    assert isinstance(found, Identified)
    assert [url for photo in found.row.photos for url in photo] == split_urls(text)

"""Rows of text tables: dialects, damage, and going on after it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asyncdl.ingest.dialect import Dialect, encoding_of, terminator_of
from asyncdl.ingest.options import Bounds
from asyncdl.ingest.rejects import RejectReason
from asyncdl.ingest.tabular import BadRow, Line, Row, TableReader, split_cells, split_lines, transcoded, usual_width

TAB = Dialect("\t", header_lines=1)
COMMA = Dialect(",", '"', header_lines=1)


def read(data: bytes, dialect: Dialect, bounds: Bounds | None = None) -> list[Row | BadRow]:
    dialect = Dialect(
        dialect.delimiter, dialect.quote, encoding_of(data, dialect.encoding), dialect.terminator, dialect.header_lines
    )
    return list(TableReader([data], dialect, terminator_of(data, dialect.terminator), bounds or Bounds()).rows())


def outcome(rows: list[Row | BadRow]) -> list[tuple[int, object]]:
    return [(row.line, row.reason if isinstance(row, BadRow) else list(row.cells)) for row in rows]


@pytest.mark.parametrize(
    ("data", "dialect", "expected"),
    [
        pytest.param(b'a\tb\n1\t"x\n2\ty"\n', TAB, [(2, ["1", '"x']), (3, ["2", 'y"'])], id="quotes are plain in GBIF's dialect"),
        pytest.param(b"a\tb\n1\tx\n2\n3\ty\tz\n4\tw\n", TAB,
                     [(2, ["1", "x"]), (3, RejectReason.WRONG_FIELD_COUNT), (4, RejectReason.WRONG_FIELD_COUNT), (5, ["4", "w"])],
                     id="fields missing and too many"),
        pytest.param(b"a\tb\r\n1\tx\r\n", TAB, [(2, ["1", "x"])], id="dos line ends"),
        pytest.param(b"a\tb\r1\tx\r2\ty\r", TAB, [(2, ["1", "x"]), (3, ["2", "y"])], id="only carriage returns"),
        pytest.param(b"\xef\xbb\xbfa\tb\n1\tx", TAB, [(2, ["1", "x"])], id="byte order mark, no newline at the end"),
        pytest.param("a\tb\n1\tŽ\n".encode("utf-16"), TAB, [(2, ["1", "Ž"])], id="utf-16 with mark"),
        pytest.param("a\tb\n1\tplain\n".encode("utf-16-le"), TAB, [(2, ["1", "plain"])], id="utf-16 without mark"),
        pytest.param(b"a\tb\n1\t\x00\n2\ty\n", TAB, [(2, RejectReason.NUL_BYTE), (3, ["2", "y"])], id="nul"),
        pytest.param(b"a\tb\n1\t\xff\n2\ty\n", TAB, [(2, RejectReason.UNDECODABLE), (3, ["2", "y"])], id="no utf-8"),
        pytest.param(b"a\tb\n1\t\xc5\xc2\x85z\n", Dialect("\t", encoding="cp1250", header_lines=1), [(2, ["1", "ĹÂ…z"])], id="one byte each"),
        pytest.param("a\tb\n1\tx\u0085y\u2028z\n".encode(), TAB, [(2, ["1", "x\u0085y\u2028z"])], id="other line separators are text"),
        pytest.param(b"a\tb\n\n1\tx\n\n\n2\ty\n", TAB, [(3, ["1", "x"]), (6, ["2", "y"])], id="empty lines keep the count"),
        pytest.param(b'a,b\n1,"x, y"\n2,"say ""hi"""\n', COMMA, [(2, ["1", "x, y"]), (3, ["2", 'say "hi"'])], id="rfc 4180"),
        pytest.param(b'a,b\n1,"x\ny\nz"\n2,w\n', COMMA, [(2, ["1", "x\ny\nz"]), (5, ["2", "w"])], id="a cell over lines"),
        pytest.param(b'a,b\n1,"x\n2,y\n3,z\n', COMMA, [(2, RejectReason.STRAY_QUOTE), (3, ["2", "y"]), (4, ["3", "z"])], id="stray quote"),
        pytest.param(b'a,b\n1,"x\n2,y\n3,"z"\n4,w\n', COMMA,
                     [(2, RejectReason.STRAY_QUOTE), (3, ["2", "y"]), (4, ["3", "z"]), (5, ["4", "w"])], id="stray quote before a quoted row"),
        pytest.param(b'a,b,c,d\n1,"x,y,z\n2,x,y,z"\n3,x,y,"z"\n', COMMA,
                     [(2, RejectReason.STRAY_QUOTE), (3, ["2", "x", "y", 'z"']), (4, ["3", "x", "y", "z"])], id="a quote that closes by accident"),
        pytest.param(b'a,b,c\n1,"x\nsaid \\"y\\" and\nz",w\n', COMMA, [(2, ["1", 'x\nsaid \\"y\\" and\nz', "w"])], id="escapes over lines"),
        pytest.param(b'a,b\n1,5" disc\n2,"a "b" c"\n', COMMA, [(2, ["1", '5" disc']), (3, ["2", 'a "b" c'])], id="inner quotes"),
        pytest.param(b'a,b\n1,"x \\"y\\", z"\n', COMMA, [(2, ["1", 'x "y", z'])], id="escaped with backslash"),
        pytest.param(b"1\tx\n2\ty\n3\n", Dialect("\t"), [(1, ["1", "x"]), (2, ["2", "y"]), (3, RejectReason.WRONG_FIELD_COUNT)], id="no header"),
        pytest.param(b"a,b\n1,x,\n2,y,\n3,z,\n", COMMA, [(2, ["1", "x", ""]), (3, ["2", "y", ""]), (4, ["3", "z", ""])], id="each row ends in a separator"),
        pytest.param(b"a|b||1|x||2|y||", Dialect("|", terminator="||", header_lines=1), [(2, ["1", "x"]), (3, ["2", "y"])], id="odd line end"),
    ],
)  # fmt: skip
def test_rows(data: bytes, dialect: Dialect, expected: list[tuple[int, object]]) -> None:
    assert outcome(read(data, dialect)) == expected


def test_a_cell_and_a_row_over_their_bounds_are_reported_and_reading_goes_on() -> None:
    bounds = Bounds(max_cell_chars=20, max_row_bytes=100)
    data = b"a\tb\n1\t" + b"x" * 30 + b"\n2\t" + b"y" * 5_000 + b"\n3\tz\n"
    assert outcome(read(data, TAB, bounds)) == [(2, RejectReason.CELL_TOO_LONG), (3, RejectReason.ROW_TOO_LONG), (4, ["3", "z"])]


def test_an_endless_line_is_held_in_bounded_memory() -> None:
    handed = 0

    def chunks() -> Iterator[bytes]:
        nonlocal handed
        for _ in range(500):
            handed += 1
            yield b"x" * 1_000
        yield b"\nend"

    lines = list(split_lines(chunks(), b"\n", 5_000))
    assert [(line.number, line.whole, len(line.raw) <= 10_000) for line in lines] == [(1, False, True), (2, True, True)]
    assert lines[1] == Line(2, b"end")
    assert handed == 500


@given(
    st.lists(st.binary(max_size=20).map(lambda raw: raw.replace(b"\r", b"").replace(b"\n", b"")), max_size=20), st.integers(1, 7)
)
def test_lines_do_not_depend_on_where_chunks_end(lines: list[bytes], size: int) -> None:
    data = b"".join(line + b"\r\n" for line in lines)
    chunks = [data[at : at + size] for at in range(0, len(data), size)]
    assert [line.raw for line in split_lines(chunks, b"\n", 1_000)] == lines


@given(st.lists(st.text(max_size=8), min_size=1, max_size=5))
def test_what_a_csv_writer_writes_is_read_back(cells: list[str]) -> None:
    text = ",".join('"' + cell.replace('"', '""') + '"' for cell in cells)
    assert split_cells(text, ",", '"') == (cells, False)


@given(st.text(alphabet='a,"\\\n', max_size=40))
def test_splitting_always_ends_and_loses_no_letter(text: str) -> None:
    cells, is_open = split_cells(text, ",", '"')
    assert is_open or "".join(cells).count("a") == text.count("a")


def test_a_stray_quote_at_each_line_costs_only_these_rows() -> None:
    data = b"a,b\n" + b"".join(f'{n},"x{n}\n{n},ok\n'.encode() for n in range(200))
    rows = read(data, COMMA)
    assert [row.cells[1] for row in rows if isinstance(row, Row)] == ["ok"] * 200
    assert sum(isinstance(row, BadRow) for row in rows) == 200


def test_damage_in_utf16_costs_only_its_row() -> None:
    data = "a\tb\n1\t".encode("utf-16-le") + b"\x00\xd8" + "\n2\ty\n".encode("utf-16-le")
    dialect = Dialect("\t", encoding="utf-16-le", header_lines=1)
    rows = list(TableReader([data], dialect, b"\n", Bounds()).rows())
    assert outcome(rows) == [(2, RejectReason.UNDECODABLE), (3, ["2", "y"])]
    assert b"".join(transcoded([b"a\0b"], "utf-16-le")) == b"a\xff"


@pytest.mark.parametrize(
    ("widths", "header", "expected"),
    [([], 15, 15), ([15, 14, 16], 15, 15), ([14, 14], 15, 15), ([16, 16, 16], 15, 16), ([5, 5, 4], None, 5), ([], None, None)],
)
def test_usual_width(widths: list[int], header: int | None, expected: int | None) -> None:
    assert usual_width(widths, header) == expected

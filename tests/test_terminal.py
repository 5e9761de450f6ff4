import io
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console
from rich.table import Table

from asyncdl import terminal


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain text, ünïcödé 日本", "plain text, ünïcödé 日本"),
        ("\x1b[31mred\x1b[0m", r"\x1b[31mred\x1b[0m"),
        ("\x1b]0;title\x07", r"\x1b]0;title\x07"),
        ("\x9b31m", r"\x9b31m"),
        ("a\x00b\x7f", r"a\x00b\x7f"),
        ("one\ntwo\r\tthree", r"one\ntwo\r\tthree"),
        ("gnp\u202egpj", r"gnp\u202egpj"),
        ("\u2066x\u2069\u200b\ufeff", r"\u2066x\u2069\u200b\ufeff"),
        ("line\u2028para\u2029", r"line\u2028para\u2029"),
        ("wide\u00a0space", "wide space"),
        ("bytes \udcff", r"bytes \udcff"),
        ("tag \U000e0041", r"tag \U000e0041"),
        ("", ""),
    ],
)
def test_what_a_terminal_would_act_on_is_spelt_out(text: str, shown: str) -> None:
    assert terminal.printable(text) == shown


@given(st.text(alphabet=st.characters(exclude_categories=())), st.integers(min_value=1, max_value=60))
def test_printable_is_one_harmless_bounded_line(text: str, max_chars: int) -> None:
    shown = terminal.printable(text, max_chars)
    assert len(shown) <= max_chars
    assert shown.isprintable()
    assert not any(unicodedata.category(character) in {"Cc", "Cf", "Cs", "Zl", "Zp"} for character in shown)
    assert terminal.printable(shown, max_chars) == shown


def test_a_long_text_is_cut_and_says_so() -> None:
    assert terminal.printable("x" * 301) == "x" * 299 + "…"
    assert terminal.printable("x" * 300) == "x" * 300
    assert terminal.printable("abc\x1b", 6) == "abc…"


@pytest.mark.parametrize(
    "text", ["[bold]x[/bold]", "[link=http://a.org]x", "[/]", "back\\", "\\[bold]x", ":smile:", "[@click=f]x", "[red]\x1b[1m"]
)
def test_rich_shows_untrusted_text_as_it_is(text: str) -> None:
    out = io.StringIO()
    console = Console(file=out, emoji=False, highlight=False, width=100)
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(no_wrap=True)
    table.add_row(f"[bold]{terminal.safe(text)}[/bold]")
    console.print(table)
    assert out.getvalue().rstrip() == terminal.printable(text)


def test_consoles_write_plain_wide_lines_where_no_terminal_is(capsys: pytest.CaptureFixture[str]) -> None:
    terminal.stdout_console().print("[bold]x[/bold] " + "y" * 120)
    terminal.stderr_console().print("[red]z[/red] :smile:")
    captured = capsys.readouterr()
    assert captured.out == "x " + "y" * 120 + "\n"
    assert captured.err == "z :smile:\n"

import io
import os
import pty
import signal
import subprocess
import sys
from collections.abc import Callable

import pytest

from asyncdl.cli import keys
from asyncdl.cli.keys import MAX_LINE_BYTES, write_keys
from asyncdl.urls import media_digest, resolve

Ran = subprocess.CompletedProcess[bytes]
RunProgram = Callable[..., Ran]

LARGE = "https://inaturalist-open-data.s3.amazonaws.com/photos/123/original.jpg"
SMALL = "https://inaturalist-open-data.s3.amazonaws.com/photos/123/medium.jpg"


OTHER = "https://a.org/x.jpg"
COPY = f"https://api.gbif.org/v1/image/cache/occurrence/1/media/{media_digest(LARGE)}"
SMALL_COPY = COPY.replace("cache/", "cache/200x/")


def answered(given: bytes, *, for_people: bool = False) -> bytes:
    sink = io.BytesIO()
    write_keys(io.BytesIO(given), sink, for_people=for_people)
    return sink.getvalue()


def test_lines_are_answered_one_for_one_by_the_real_program(program: RunProgram) -> None:
    ran = program("keys", stdin=f"{LARGE}\n{SMALL}\n\nno url\n".encode())
    assert (ran.returncode, ran.stderr) == (0, b"")
    rows = [line.split("\t") for line in ran.stdout.decode().splitlines()]
    assert [row[0] for row in rows] == [LARGE, SMALL, "", "no url"]
    assert rows[0][1] == rows[1][1] == resolve(LARGE).key != ""
    assert int(rows[0][2]) < int(rows[1][2])
    assert rows[2][1:] == rows[3][1:] == ["", "9"]


@pytest.mark.parametrize(
    ("given", "url_column"),
    [
        (b"https://a.org/\xff\xfe.jpg\n", b"https://a.org/\xff\xfe.jpg"),
        (b"https://a.org/x.jpg\r\n", b"https://a.org/x.jpg"),
        (b"  https://a.org/x.jpg \n", b"  https://a.org/x.jpg "),
        (b"https://a.org/\x1b[31m\x00.jpg", b"https://a.org/\x1b[31m\x00.jpg"),
        ("https://a.org/\u2028ü.jpg\n".encode(), "https://a.org/\u2028ü.jpg".encode()),
        (b"a\xed\xa0\x80b\n", b"a\xed\xa0\x80b"),
    ],
)
def test_the_url_column_is_the_line_as_given(given: bytes, url_column: bytes) -> None:
    answer = answered(given)
    assert answer.startswith(url_column + b"\t")
    assert answer.endswith(b"\n")
    assert answer.count(b"\n") == 1


def keys_of(*lines: str, for_people: bool = False) -> list[str]:
    given = "".join(f"{line}\n" for line in lines).encode()
    rows = [line.split("\t") for line in answered(given, for_people=for_people).decode().splitlines()]
    assert [row[0] for row in rows] == list(lines)
    return [row[1] for row in rows]


def test_gbifs_copy_has_the_key_of_what_it_is_a_copy_of_wherever_that_stands() -> None:
    key, other = resolve(LARGE).key, resolve(OTHER).key
    assert keys_of(LARGE, OTHER, COPY, SMALL_COPY) == [key, other, key, key]
    assert keys_of(SMALL_COPY, COPY, "", OTHER, LARGE, COPY) == [key, key, "", other, key, key]
    assert keys_of(COPY, LARGE.replace("https", "http")) == [key, key]
    assert keys_of(COPY, OTHER, SMALL) == [resolve(COPY).key, other, key]


def test_on_a_terminal_gbifs_copy_waits_for_nothing() -> None:
    assert keys_of(COPY, LARGE, COPY, for_people=True) == [resolve(COPY).key, resolve(LARGE).key, resolve(LARGE).key]


def test_only_what_waits_for_a_copy_is_held_back() -> None:
    class Source(io.BytesIO):
        """Lines; what had been written before each was asked for."""

        def __init__(self, *lines: str) -> None:
            super().__init__("".join(f"{line}\n" for line in lines).encode())
            self.written: list[int] = []

        def readline(self, size: int | None = -1, /) -> bytes:
            self.written.append(sink.getvalue().count(b"\n"))
            return super().readline(size)

    sink = io.BytesIO()
    source = Source(OTHER, OTHER, COPY, OTHER, LARGE, OTHER, COPY)
    write_keys(source, sink)
    assert source.written == [0, 1, 2, 2, 2, 5, 6, 7]


def test_waiting_and_remembering_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keys, "MAX_LINES_WAITING", 3)
    monkeypatch.setattr(keys, "MAX_LINES_REMEMBERED", 3)
    own, key = resolve(COPY).key, resolve(LARGE).key
    others = [f"https://a.org/{number}.jpg" for number in range(9)]
    assert keys_of(COPY, *others[:2], LARGE)[0] == key
    assert keys_of(COPY, *others[:4], LARGE)[0] == own
    assert keys_of(SMALL_COPY, LARGE, others[0], COPY)[-1] == key
    assert keys_of(SMALL_COPY, LARGE, *others, COPY)[-1] == own
    monkeypatch.setattr(keys, "MAX_LINES_WAITING", 1000)
    monkeypatch.setattr(keys, "MAX_WAITING_BYTES", 100)
    assert keys_of(COPY, *others[:3], LARGE)[0] == own


def test_no_input_is_no_output() -> None:
    assert answered(b"") == b""


def test_a_line_without_end_is_passed_through_in_bounded_pieces_and_is_no_url() -> None:
    class Recorder(io.BytesIO):
        longest = 0

        def write(self, piece: object) -> int:
            assert isinstance(piece, bytes)
            self.longest = max(self.longest, len(piece))
            return super().write(piece)

    long = b"https://a.org/" + b"x" * (3 * MAX_LINE_BYTES)
    sink = Recorder()
    write_keys(io.BytesIO(long + b"\r\n" + LARGE.encode() + b"\n"), sink)
    first, second, rest = sink.getvalue().split(b"\n")
    assert first == long + b"\t\t9"
    assert second.startswith(LARGE.encode() + b"\t")
    assert rest == b""
    assert sink.longest <= MAX_LINE_BYTES


def test_a_terminal_gets_nothing_it_would_act_on() -> None:
    assert answered(b"x\x1b[2J\xff\n", for_people=True).startswith(rb"x\x1b[2J\udcff" + b"\t")


def test_the_program_knows_when_it_writes_to_a_terminal(clean_environment: dict[str, str]) -> None:
    master, slave = pty.openpty()
    try:
        subprocess.run(
            [sys.executable, "-m", "asyncdl", "keys"],
            input=b"x\x1b[2J\n",
            stdout=slave,
            env=clean_environment,
            timeout=60,
            check=True,
        )
        os.close(slave)
        assert b"\x1b" not in os.read(master, 1000)
    finally:
        os.close(master)


def test_a_reader_that_leaves_ends_it_quietly(clean_environment: dict[str, str]) -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "asyncdl", "keys"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=clean_environment,
    ) as process:  # fmt: skip
        assert process.stdin
        assert process.stdout
        assert process.stderr
        process.stdout.close()
        try:
            process.stdin.write(f"{LARGE}\n".encode() * 20_000)
            process.stdin.close()
        except BrokenPipeError:
            pass  # it was gone before it had read everything
        assert process.stderr.read() == b""
        assert process.wait(60) == 141


def test_an_interruption_is_status_3_without_a_traceback(clean_environment: dict[str, str]) -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "asyncdl", "keys"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=clean_environment,
    ) as process:  # fmt: skip
        assert process.stdin
        assert process.stdout
        assert process.stderr
        process.stdin.write(f"{LARGE}\n".encode() * 300)  # an answer shows that it is at work; the pipe holds them all
        process.stdin.flush()
        assert process.stdout.read(1)
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 3
        assert process.stderr.read() == b"asyncdl: interrupted\n"

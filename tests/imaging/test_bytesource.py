from __future__ import annotations

import io

from hypothesis import given
from hypothesis import strategies as st

from asyncdl.imaging import bytesource
from asyncdl.imaging.bytesource import FileSource, MemorySource


@given(body=st.binary(max_size=200), offset=st.integers(0, 250), size=st.integers(0, 250))
def test_file_and_memory_read_alike(body: bytes, offset: int, size: int) -> None:
    assert FileSource(io.BytesIO(body), len(body)).read_at(offset, size) == MemorySource(body).read_at(offset, size)


def test_a_pattern_is_found_across_every_window_border() -> None:
    window = bytesource._WINDOW_BYTES
    size = 2 * window + 10
    for at in (0, 9, 10, window - 1, window, window + 9, window + 10, size - 2):
        body = bytearray(size)
        body[at : at + 2] = b"\xff\xd9"
        source = FileSource(io.BytesIO(bytes(body)), size)
        assert source.rfind(b"\xff\xd9", 0) == at
        assert source.rfind(b"\xff\xd9", at + 1) == -1


def test_the_last_of_several_is_found() -> None:
    body = b"\xff\xd9" * 3 + b"tail"
    assert FileSource(io.BytesIO(body), len(body)).rfind(b"\xff\xd9", 0) == MemorySource(body).rfind(b"\xff\xd9", 0) == 4

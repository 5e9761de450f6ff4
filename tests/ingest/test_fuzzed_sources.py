"""Good sources with their bytes changed at random: whatever comes, it ends in an error of ours or in accounts that balance."""

from __future__ import annotations

import contextlib
import gzip
import io
import json
import random
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

import duckdb
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from asyncdl.errors import AsyncdlError
from tests.ingest.conftest import AUDUBON, CORE_XML, GBIF_HEADER, MEDIA_XML, gbif_row, meta_xml, table_xml
from tests.ingest.ingesting import ingested

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

AC = "http://rs.tdwg.org/ac/terms/"
ROWS = 40


def gbif() -> bytes:
    rows = [
        gbif_row(n // 2, f"https://example.org/{n}.jpg", title='a "word"', references="https://example.org/page")
        for n in range(ROWS)
    ]
    return ("\n".join([GBIF_HEADER, *rows]) + "\n").encode()


def comma() -> bytes:
    rows = [f'{n // 2},"https://example.org/{n}.jpg","two\nlines, ""quoted""",CC0\n' for n in range(ROWS)]
    return ("id,url,title,license\n" + "".join(rows)).encode()


def members() -> dict[str, bytes]:
    audubon = table_xml("extension", AUDUBON, "ac.txt", {1: AC + "accessURI", 2: AC + "thumbnailAccessURI"})
    return {
        "meta.xml": meta_xml(CORE_XML, MEDIA_XML, audubon).encode(),
        "occurrence.txt": b"id\tc\n" + b"".join(b"%d\tx\n" % n for n in range(ROWS)),
        "multimedia.txt": b"id\tidentifier\n" + b"".join(b"%d\thttps://example.org/%d.jpg\n" % (n // 2, n) for n in range(ROWS)),
        "ac.txt": b"id\ta\tt\n"
        + b"".join(b"%d\thttps://example.org/%d.jpg\thttps://example.org/%d_tn.jpg\n" % (n, n, n) for n in range(ROWS)),
    }


def zipped(method: int, contents: Mapping[str, bytes] | None = None) -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", method) as file:
        for name, content in (contents or members()).items():
            file.writestr(zipfile.ZipInfo(name), content, method)
    return data.getvalue()


def tarred(mode: str) -> bytes:
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode=mode) as file:  # type: ignore[call-overload]
        for name, content in members().items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            file.addfile(info, io.BytesIO(content))
    return data.getvalue()


def lines() -> bytes:
    photo = {"type": "StillImage", "format": "image/jpeg", "identifier": "https://example.org/a.jpg", "license": "CC0"}
    return "".join(json.dumps({"key": n, "countryCode": "DE", "media": [photo] * (n % 3)}) + "\n" for n in range(ROWS)).encode()


def parquet() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "t.parquet"
        links = f"SELECT i AS id, 'https://example.org/' || i || '.jpg' AS url, ['a', 'b'] AS tags FROM range({ROWS}) AS t(i)"
        duckdb.execute(f"COPY ({links}) TO '{path}' (FORMAT parquet)")
        return path.read_bytes()


SOURCES: dict[str, Callable[[], bytes]] = {
    "gbif": gbif,
    "comma": comma,
    "lines": lines,
    "links": lambda: b"".join(b"https://example.org/%d.jpg\n" % n for n in range(ROWS)),
    "utf-16": lambda: gbif().decode().encode("utf-16"),
    "gzip": lambda: gzip.compress(gbif()),
    "zstd": lambda: zstd.compress(comma()),
    "zip": lambda: zipped(zipfile.ZIP_DEFLATED),
    "stored zip": lambda: zipped(zipfile.ZIP_STORED),
    "bzip2 zip": lambda: zipped(zipfile.ZIP_BZIP2),
    "lzma zip": lambda: zipped(zipfile.ZIP_LZMA),
    "tar": lambda: tarred("w:"),
    "tgz": lambda: tarred("w:gz"),
    "parquet": parquet,
}
MEMBER = "member of a zip"
INSERTED = [
    b"\0",
    b"\r",
    b"\n",
    b'"',
    b"\t",
    b",",
    b"\\",
    b"\xff",
    b"\x01",
    b"\x1d",
    b"\x1e",
    b"\xef\xbb\xbf",
    b"PK\x03\x04",
    b"|https://",
    b"{",
    b"]",
    b"<",
]


def changed(data: bytes, chance: random.Random) -> bytes:
    """A few bytes flipped, put in, taken out, doubled or set to nothing; or the end cut off."""
    found = bytearray(data)
    for _ in range(chance.randint(1, 6)):
        at = chance.randrange(len(found) + 1)
        size = chance.choice((1, 1, 4, 100))
        match chance.randrange(7):
            case 0 if at < len(found):
                found[at] ^= 1 << chance.randrange(8)
            case 1 | 2:
                found[at:at] = chance.choice(INSERTED) * chance.choice((1, 1, 3))
            case 3:
                del found[at : at + size]
            case 4:
                found[at:at] = found[at : at + size]
            case 5:
                found[at : at + size] = bytes(len(found[at : at + size]))
            case _ if chance.random() < 0.3:
                del found[at:]
    return bytes(found)


def member_changed(chance: random.Random) -> bytes:
    """A sound zip with something changed inside."""
    contents = members()
    name = chance.choice(["meta.xml", "meta.xml", *contents])
    return zipped(zipfile.ZIP_STORED, {**contents, name: changed(contents[name], chance)})


async def fuzz(kind: str, seed: int) -> None:
    chance = random.Random(seed)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "source"
        path.write_bytes(member_changed(chance) if kind == MEMBER else changed(SOURCES[kind](), chance))
        with contextlib.suppress(AsyncdlError):
            found = await ingested(path, Path(folder) / "job")
            assert found.source.counts.rows_read > 0


@pytest.mark.parametrize("kind", SOURCES)
async def test_unchanged_they_are_good(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "source"
    path.write_bytes(SOURCES[kind]())
    found = await ingested(path, tmp_path / "job")
    assert found.source.counts.images >= ROWS / 2
    assert not found.rejects


# No shrinking of seeds, and a database of examples would only grow: a failure names its seed.
@settings(
    max_examples=4, deadline=None, database=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(seed=st.integers(0, 2**32))
@pytest.mark.parametrize("kind", [*SOURCES, MEMBER])
async def test_changed_sources_end_well(kind: str, seed: int) -> None:
    await fuzz(kind, seed)


@pytest.mark.slow
@pytest.mark.parametrize("kind", [*SOURCES, MEMBER])
async def test_many_changed_sources_end_well(kind: str) -> None:
    for seed in range(300):
        await fuzz(kind, seed)

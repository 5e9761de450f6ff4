"""Tar files, packed or not: members in place, in order and out of order."""

from __future__ import annotations

import gzip
import io
import random
import tarfile
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from asyncdl.errors import SourceError
from asyncdl.ingest import Bounds, SourceFormat, detect, tarballs
from asyncdl.ingest.archive import file_chunks
from asyncdl.ingest.tables import open_tables
from asyncdl.ingest.tarballs import TarArchive
from tests.ingest.conftest import CORE_XML, MEDIA_XML, meta_xml
from tests.ingest.ingesting import ingested

LINK = "https://example.org/a.jpg"
DWCA: Mapping[str, bytes] = {
    "multimedia.txt": f"id\tidentifier\n1\t{LINK}\n".encode(),
    "occurrence.txt": b"id\tc\n1\tx\n",
    "meta.xml": meta_xml(CORE_XML, MEDIA_XML).encode(),
}


def made(path: Path, members: Mapping[str, bytes], mode: str = "w:gz", form: int = tarfile.PAX_FORMAT) -> Path:
    with tarfile.open(path, mode, format=form) as file:  # type: ignore[call-overload]
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            file.addfile(info, io.BytesIO(content))
    return path


@pytest.mark.parametrize("mode", ["w:", "w:gz", "w:bz2", "w:xz"])
@pytest.mark.parametrize("form", [tarfile.PAX_FORMAT, tarfile.GNU_FORMAT, tarfile.USTAR_FORMAT])
@pytest.mark.parametrize("root", ["", "./", "dwca/", "a/b/c/"])
async def test_an_archive_in_a_tar(tmp_path: Path, mode: str, form: int, root: str) -> None:
    path = made(tmp_path / "archive", {f"{root}{name}": content for name, content in DWCA.items()}, mode, form)
    assert detect(path).format is SourceFormat.DWCA
    (table,) = open_tables(detect(path), Bounds())
    assert (table.member, b"".join(table.chunks())) == ("multimedia.txt", DWCA["multimedia.txt"])


async def test_it_is_ingested_as_a_zip_would_be(tmp_path: Path) -> None:
    assert (await ingested(made(tmp_path / "a.tgz", DWCA), tmp_path / "job", [1])).images == {1: [[LINK]]}


def test_members_in_any_order_and_side_by_side(tmp_path: Path) -> None:
    contents = {f"{n}.txt": random.Random(n).randbytes(n * 300_001) for n in range(6)}
    archive = TarArchive(made(tmp_path / "a.tgz", contents), Bounds())
    assert archive.members() == {name: len(content) for name, content in contents.items()}
    for name in ("3.txt", "1.txt", "5.txt", "0.txt"):
        assert b"".join(archive.chunks(name)) == contents[name]
    one, other = archive.chunks("2.txt"), archive.chunks("4.txt")
    assert next(one) + next(other) + b"".join(one) + b"".join(other) != b""
    assert b"".join(archive.chunks("2.txt")) == contents["2.txt"]


def test_a_file_is_listed_once_and_anew_when_it_changes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    passes: list[str] = []
    chunks = file_chunks

    def counted(path: str, bounds: Bounds) -> Iterator[bytes]:
        passes.append(path)
        return chunks(path, bounds)

    monkeypatch.setattr(tarballs, "file_chunks", counted)
    path = made(tmp_path / "a.tgz", DWCA)
    for _ in range(3):
        assert len(TarArchive(path, Bounds()).members()) == 3
    assert len(passes) == 3 + 1
    assert len(TarArchive(made(path, {**DWCA, "more.txt": b"x" * 1_000}), Bounds()).members()) == 4


def test_links_devices_and_names_that_lead_out(tmp_path: Path) -> None:
    path = tmp_path / "a.tar"
    with tarfile.open(path, "w") as file:
        for name, kind in (
            ("link", tarfile.SYMTYPE),
            ("hard", tarfile.LNKTYPE),
            ("device", tarfile.CHRTYPE),
            ("folder", tarfile.DIRTYPE),
        ):
            info = tarfile.TarInfo(name)
            info.type, info.linkname = kind, "/etc/passwd"
            file.addfile(info)
        info = tarfile.TarInfo("t.csv")
        info.size = 2
        file.addfile(info, io.BytesIO(b"ab"))
    assert TarArchive(path, Bounds()).members() == {"t.csv": 2}
    for name in ("../evil.txt", "/etc/passwd", "a/../../b"):
        with pytest.raises(SourceError, match="names a file outside itself"):
            TarArchive(made(tmp_path / "b.tgz", {name: b"x"}), Bounds())


@pytest.mark.parametrize("cut", [100, 600, 5_000, 100_000])
def test_a_cut_tar(tmp_path: Path, cut: int) -> None:
    rows = "".join(f"{n}\thttps://example.org/{n * 7919 % 10007}.jpg\n" for n in range(9_000)).encode()
    whole = made(tmp_path / "a.tar", {**DWCA, "multimedia.txt": rows, "z.txt": b"z" * 1_000}, "w:").read_bytes()
    for data in (whole[:cut], gzip.compress(whole)[: cut // 4], gzip.compress(whole[:cut])):
        path = tmp_path / "cut"
        path.write_bytes(data)
        with pytest.raises(SourceError):
            [b"".join(table.chunks()) for table in open_tables(detect(path), Bounds())]


def test_headers_that_would_fill_the_memory(tmp_path: Path) -> None:
    info = tarfile.TarInfo("x")
    info.type, info.size = tarfile.XHDTYPE, 3_000_000_000
    path = tmp_path / "a.tar"
    path.write_bytes(info.tobuf() + bytes(100_000))
    with pytest.raises(SourceError, match="header of 3000000000 bytes"):
        TarArchive(path, Bounds())


def test_a_bomb_in_a_tar(tmp_path: Path) -> None:
    path = made(tmp_path / "a.tgz", {"t.csv": b"https://example.org/a.jpg\n" * 2_000_000})
    with pytest.raises(SourceError, match="times its packed size"):
        open_tables(detect(path), Bounds())

"""What a source is: recognised by its content, with a clear refusal for everything that is none.

It looks at beginnings only; reading is done elsewhere.
"""

from __future__ import annotations

import hashlib
import zipfile
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from asyncdl.errors import SourceError
from asyncdl.ingest.archive import GZIP_MAGIC, ZIP_MAGIC, file_chunks, folder_files, read_head
from asyncdl.ingest.dialect import HEAD_BYTES, encoding_of, guess_delimiter, is_link_list, sample_lines

_EDGE_BYTES = 1_000_000
_READABLE = "a source is a Darwin Core Archive (zip or folder), a TSV or CSV table with links, or a list of links"
_FOREIGN = (
    (b"PAR1", "a Parquet file"), (b"%PDF", "a PDF"), (b"\xff\xd8\xff", "a JPEG picture"), (b"\x89PNG", "a PNG picture"),
    (b"SQLite format 3\0", "an SQLite database"), (b"\x28\xb5\x2f\xfd", "packed with zstd"), (b"7z\xbc\xaf", "a 7z archive"),
    (b"BZh", "packed with bzip2"), (b"\xfd7zXZ", "packed with xz"), (b"\x7fELF", "a program"),
)  # fmt: skip


class SourceFormat(StrEnum):
    """The kinds of source, as `--format` names them."""

    DWCA = "dwca"
    TSV = "tsv"
    CSV = "csv"
    URLS = "urls"


@dataclass(frozen=True, slots=True)
class SourceSpec:
    """A source that was recognised. `path` is `-` for standard input, whose beginning is then in `head`.

    `fingerprint` changes with the content and with how it is to be read. `id_prefix` is put before the numbers
    of rows that serve as ids, so that two sources without ids do not meet in one record.
    """

    path: str
    format: SourceFormat
    name: str
    fingerprint: str
    head: bytes = b""
    id_column: str | None = None
    url_column: str | None = None
    id_prefix: str = ""


def detect(
    path: str | Path,
    format_hint: SourceFormat | None = None,
    *,
    id_column: str | None = None,
    url_column: str | None = None,
    choices: str = "",
) -> SourceSpec:
    """Recognise a source by its content; `format_hint` settles what content leaves open.

    `choices` is the digest of what is taken of it (`Choices.digest`): the same file with other choices is another reading.

    Raises `SourceError` for what is missing, empty or nothing that can be read.
    """
    text = str(path)
    if text.startswith(("http://", "https://")):
        raise SourceError(f"{text} is an address", "download it first, and name the file")
    if text == "-":
        return _detect_stdin(format_hint, id_column, url_column, choices)
    place = Path(text)
    if not place.exists():
        raise SourceError(f"{text} does not exist", "look at the name of the source")
    if place.is_dir():
        kind, head = _check_folder(place, format_hint), b""
    elif not place.is_file():
        raise SourceError(f"{text} is neither a file nor a folder", _READABLE)
    elif (raw := read_head(text, HEAD_BYTES)).startswith(ZIP_MAGIC):
        _check_zip(place, format_hint)
        kind, head = SourceFormat.DWCA, raw
    else:
        head = b"".join(_first_chunk(text)) if raw.startswith(GZIP_MAGIC) else raw
        kind = _text_format(text, head, format_hint, url_column)
    fingerprint = _fingerprint(place, f"{kind}|{id_column}|{url_column}{choices and f'|{choices}'}")
    return SourceSpec(text, kind, place.resolve().name, fingerprint, id_column=id_column, url_column=url_column)


def _first_chunk(path: str) -> list[bytes]:
    chunks = file_chunks(path)
    return [next(chunks, b"")[:HEAD_BYTES]]


def _detect_stdin(format_hint: SourceFormat | None, id_column: str | None, url_column: str | None, choices: str) -> SourceSpec:
    head = read_head("-", HEAD_BYTES)
    if head.startswith((ZIP_MAGIC, GZIP_MAGIC)) or format_hint is SourceFormat.DWCA:
        raise SourceError("standard input can only bring plain text", "name the archive's file instead")
    kind = _text_format("standard input", head, format_hint, url_column)
    digest = hashlib.blake2b(head + choices.encode(), digest_size=16).hexdigest()
    return SourceSpec("-", kind, "stdin", digest, head, id_column, url_column)


def _check_folder(place: Path, format_hint: SourceFormat | None) -> SourceFormat:
    if format_hint not in {None, SourceFormat.DWCA}:
        raise SourceError(f"{place} is a folder, not a {format_hint} file", "name the file in it")
    return SourceFormat.DWCA


def _check_zip(place: Path, format_hint: SourceFormat | None) -> None:
    if format_hint not in {None, SourceFormat.DWCA}:
        raise SourceError(f"{place} is a zip file, not a {format_hint} file", "leave out --format, or unpack it")
    if not zipfile.is_zipfile(place):
        raise SourceError(f"{place} begins like a zip file but breaks off in the middle", "fetch it again")


def _text_format(shown: str, head: bytes, format_hint: SourceFormat | None, url_column: str | None) -> SourceFormat:
    """The kind of text, or a refusal."""
    if not head.strip(b"\xef\xbb\xbf \t\r\n"):
        raise SourceError(f"{shown} is empty", _READABLE)
    for magic, what in _FOREIGN:
        if head.startswith(magic):
            raise SourceError(f"{shown} is {what}, which is no source this version reads", _READABLE)
    encoding = encoding_of(head)
    # A NUL in a damaged row is that row's business; a head full of them, or of bytes that are no text, is a foreign file.
    controls = sum(byte < 9 or 13 < byte < 32 for byte in head)
    if not encoding.startswith("utf-16") and encoding != "utf-32" and controls > len(head) // 10:
        raise SourceError(f"{shown} is no text", _READABLE)
    lines = sample_lines(head)
    start = lines[0].lstrip().lower() if lines else ""
    if start.startswith(("<!doctype", "<html", "<?xml", "<head")):
        raise SourceError(f"{shown} is a web page or XML, not a table", "its download probably failed; fetch it again")
    if start.startswith(("{", "[")) and format_hint is None:
        raise SourceError(f"{shown} is JSON, which is no source this version reads", _READABLE)
    if format_hint is SourceFormat.DWCA:
        raise SourceError(f"{shown} is no Darwin Core Archive: neither a zip file nor a folder", _READABLE)
    if format_hint is not None:
        return format_hint
    if url_column is None and is_link_list(lines):
        return SourceFormat.URLS
    return SourceFormat.TSV if guess_delimiter(lines) == "\t" else SourceFormat.CSV


def _fingerprint(place: Path, how: str) -> str:
    """A digest of size, first and last megabyte (of a folder: names, sizes, times), and of how it is read."""
    digest = hashlib.blake2b(how.encode(), digest_size=16)
    if place.is_dir():
        for name, size in folder_files(place).items():
            modified = (place / name).stat().st_mtime_ns
            digest.update(f"{name}|{size}|{modified}".encode("utf-8", "surrogateescape"))
        return digest.hexdigest()
    with place.open("rb") as file:
        size = file.seek(0, 2)
        digest.update(str(size).encode())
        for start in (0, max(0, size - _EDGE_BYTES)):
            file.seek(start)
            digest.update(file.read(_EDGE_BYTES))
    return digest.hexdigest()

"""What a source is: recognised by its content, with a clear refusal for everything that is none.

It looks at beginnings only; reading is done elsewhere.
"""

from __future__ import annotations

import hashlib
import zipfile
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path

from asyncdl.errors import SourceError
from asyncdl.ingest.archive import file_chunks, folder_files, parquet_files, peeked, read_head
from asyncdl.ingest.dialect import HEAD_BYTES, encoding_of, guess_delimiter, is_link_list, sample_lines
from asyncdl.ingest.magic import foreign, is_parquet, is_tar, is_whole_parquet, is_zip, packing_of
from asyncdl.ingest.options import Bounds
from asyncdl.ingest.packed import unpacked_head

_EDGE_BYTES = 1_000_000
_MIN_PARQUET_BYTES = 12
_BOUNDS = Bounds()
_READABLE = (
    "a source is a Darwin Core Archive (zip, tar or folder), a TSV or CSV table with links, Parquet, JSON lines, or a list of links;"
    " any of them may be packed with gzip, zstd, bzip2 or xz"
)


class SourceFormat(StrEnum):
    """The kinds of source, as `--format` names them. `DWCA` is any archive: one without a description holds a single table."""

    DWCA = "dwca"
    TSV = "tsv"
    CSV = "csv"
    PARQUET = "parquet"
    JSONL = "jsonl"
    URLS = "urls"


_ROWS = (SourceFormat.TSV, SourceFormat.CSV, SourceFormat.JSONL, SourceFormat.URLS)


@dataclass(frozen=True, slots=True)
class SourceSpec:
    """A source that was recognised. `path` is `-` for standard input, whose beginning is then in `head`.

    `fingerprint` changes with the content and with how it is to be read. `id_prefix` is put before the numbers
    of rows that serve as ids, so that two sources without ids do not meet in one record. `table_format` is what a person says of the one
    table in an archive. `needs_copy`: it can only be read where one can seek, and that is not where it is (`copying`).
    """

    path: str
    format: SourceFormat
    name: str
    fingerprint: str
    head: bytes = b""
    id_column: str | None = None
    url_column: str | None = None
    id_prefix: str = ""
    table_format: SourceFormat | None = None
    needs_copy: bool = False


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
    place = Path(text)
    if text == "-":
        raw = read_head("-", HEAD_BYTES)
        found = _of_content("standard input", unpacked_head(raw, HEAD_BYTES, _BOUNDS), format_hint, url_column)
        digest = hashlib.blake2b(raw + _how(found, id_column, url_column, choices), digest_size=16).hexdigest()
        return SourceSpec(
            "-", found.format, "stdin", digest, raw, id_column, url_column, table_format=found.table_format, needs_copy=found.seeks
        )
    if not place.exists():
        raise SourceError(f"{text} does not exist", "look at the name of the source")
    if place.is_dir():
        found = _of_folder(place, format_hint)
    elif place.is_fifo():
        raise SourceError(f"{text} is a pipe", "give it as standard input: COMMAND | asyncdl init COLLECTION -")
    elif not place.is_file():
        raise SourceError(f"{text} is neither a file nor a folder", _READABLE)
    else:
        found = _of_file(place, format_hint, url_column)
    fingerprint = _fingerprint(place, _how(found, id_column, url_column, choices))
    return SourceSpec(
        text, found.format, place.resolve().name, fingerprint, b"", id_column, url_column,
        table_format=found.table_format, needs_copy=found.seeks,
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Found:
    """What a source turned out to be. `seeks`: its content can only be read where one can seek."""

    format: SourceFormat
    table_format: SourceFormat | None = None
    seeks: bool = False


def _how(found: _Found, id_column: str | None, url_column: str | None, choices: str) -> bytes:
    """How a source is to be read, for its fingerprint."""
    table = f"|{found.table_format}" if found.table_format else ""
    return f"{found.format}|{id_column}|{url_column}{choices and f'|{choices}'}{table}".encode("utf-8", "surrogateescape")


def _of_file(place: Path, format_hint: SourceFormat | None, url_column: str | None) -> _Found:
    """A tar can be read in place even when it is packed; a zip or a Parquet file only when it is not."""
    shown = str(place)
    packed = packing_of(read_head(shown, HEAD_BYTES)) is not None
    head = peeked(file_chunks(shown, _BOUNDS))[0][:HEAD_BYTES]
    found = _of_content(shown, head, format_hint, url_column)
    if packed:
        return replace(found, seeks=found.seeks and not is_tar(head))
    if is_zip(head) and not zipfile.is_zipfile(place):
        raise SourceError(f"{place} begins like a zip file but breaks off in the middle", "fetch it again")
    if found.format is SourceFormat.PARQUET and (place.stat().st_size < _MIN_PARQUET_BYTES or not is_whole_parquet(_tail(place))):
        raise SourceError(f"{place} begins like a Parquet file but breaks off in the middle", "fetch it again")
    return replace(found, seeks=False)


def _of_content(shown: str, head: bytes, format_hint: SourceFormat | None, url_column: str | None) -> _Found:
    """What unpacked content with this beginning is, or a refusal."""
    what = "a zip file" if is_zip(head) else "a tar file" if is_tar(head) else ""
    if what:
        if format_hint is SourceFormat.PARQUET:
            raise SourceError(f"{shown} is {what}, not a Parquet file", "unpack it, and name the Parquet files or their folder")
        return _Found(SourceFormat.DWCA, format_hint if format_hint in _ROWS else None, seeks=True)
    if is_parquet(head):
        if format_hint not in {None, SourceFormat.PARQUET}:
            raise SourceError(f"{shown} is a Parquet file, not {format_hint}", "leave out --format")
        return _Found(SourceFormat.PARQUET, seeks=True)
    return _Found(text_format(shown, head, format_hint, url_column))


def _of_folder(place: Path, format_hint: SourceFormat | None) -> _Found:
    """An archive, unless it holds Parquet files and no description."""
    if format_hint is SourceFormat.PARQUET or (format_hint is None and not (place / "meta.xml").is_file()):
        if parquet_files(place):
            return _Found(SourceFormat.PARQUET)
        if format_hint is SourceFormat.PARQUET:
            raise SourceError(f"{place} holds no Parquet file", "name the folder that does")
    return _Found(SourceFormat.DWCA, format_hint if format_hint in _ROWS else None)


def text_format(shown: str, head: bytes, format_hint: SourceFormat | None, url_column: str | None) -> SourceFormat:
    """The kind of text, or a refusal."""
    if not head.strip(b"\xef\xbb\xbf \t\r\n"):
        raise SourceError(f"{shown} is empty", _READABLE)
    if what := foreign(head):
        raise SourceError(f"{shown} is {what}, which is no source this version reads", _READABLE)
    encoding = encoding_of(head)
    # A NUL in a damaged row is that row's business; a head full of them, or of bytes that are no text, is a foreign file.
    controls = sum(byte < 9 or 13 < byte < 32 for byte in head)
    if not encoding.startswith("utf-16") and encoding != "utf-32" and controls > len(head) // 10:
        raise SourceError(f"{shown} is no text", _READABLE)
    lines = sample_lines(head)
    start = lines[0].lstrip().lower() if lines else head.decode(encoding, "replace").lstrip("\ufeff \t\r\n")[:100].lower()
    if start.startswith(("<!doctype", "<html", "<?xml", "<head")) or (format_hint is None and start.startswith("<")):
        raise SourceError(
            f"{shown} is a web page or XML, not a table",
            "if it is part of an archive, name the archive; else its download probably failed: fetch it again",
        )
    if format_hint is SourceFormat.DWCA:
        raise SourceError(f"{shown} is no Darwin Core Archive: neither a zip file, a tar file nor a folder", _READABLE)
    if format_hint is SourceFormat.JSONL or (format_hint is None and start.startswith(("{", "["))):
        _check_json(shown, start, lines)
        return SourceFormat.JSONL
    if format_hint is not None:
        return format_hint
    if url_column is None and is_link_list(lines):
        return SourceFormat.URLS
    return SourceFormat.TSV if guess_delimiter(lines) == "\t" else SourceFormat.CSV


def _check_json(shown: str, start: str, lines: list[str]) -> None:
    """Raise `SourceError` for JSON that is not one object per line, with the command that makes it so."""
    if start.startswith("["):
        raise SourceError(f"{shown} is one JSON array, not one object per line", "make lines of it: jq -c '.[]' FILE > lines.jsonl")
    if not start.startswith("{") and not any(line.lstrip().startswith("{") for line in lines):
        raise SourceError(f"{shown} is no JSON: no line begins with an object", "leave out --format")
    if len(lines) > 1 and lines[0].rstrip().endswith(("{", "[", ",", ":")):
        raise SourceError(
            f"{shown} is a JSON object over several lines, not one object per line",
            "make lines of it: jq -c . FILE > lines.jsonl, or jq -c '.results[]' for a page of answers",
        )


def _tail(place: Path) -> bytes:
    with place.open("rb") as file:
        file.seek(max(0, place.stat().st_size - 4))
        return file.read(4)


def _fingerprint(place: Path, how: bytes) -> str:
    """A digest of size, first and last megabyte (of a folder: names, sizes, times), and of how it is read."""
    digest = hashlib.blake2b(how, digest_size=16)
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

"""How a source wants to be cited: what an archive says in `metadata.xml`, `citations.txt` (iDigBio: `records.citation.txt`), `rights.txt` and `dataset/<key>.xml`.

EML (https://eml.ecoinformatics.org/) with GBIF's additions, parsed by expat with document types and entities forbidden, so nothing can
expand or reach out. Whatever is missing, broken or too large is left out: no ingest fails for want of a citation.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from json import dumps
from pathlib import Path
from typing import Final, Never
from xml.parsers import expat

from asyncdl.errors import SourceError
from asyncdl.ingest.archive import Archive
from asyncdl.sourcerows import DATASETS_FILE

MAX_DOCUMENT_BYTES: Final = 5_000_000
MAX_DATASETS: Final = 20_000
"""A download of everything with images has some 5,000."""
MAX_TEXT_CHARS: Final = 4_000
_DOI: Final = re.compile(r"(?:doi:|https?://(?:dx\.)?doi\.org/)?(10\.\d{4,9}/[^\s\"<>]+)", re.IGNORECASE)
_DATASET: Final = re.compile(r"dataset/([0-9A-Za-z_.-]{1,100})\.xml")
_WANTED: Final = frozenset({"title", "alternateIdentifier", "citation", "intellectualRights", "licensed"})
_TOP: Final = ("eml", "dataset")


@dataclass(frozen=True, slots=True)
class Citation:
    """How something wants to be cited; empty where nothing is said."""

    title: str = ""
    doi: str = ""
    citation: str = ""
    rights: str = ""


def source_citation(archive: Archive) -> Citation:
    """The citation of the archive as a whole. A DOI of the download stands in its `metadata.xml`, or in the text that asks for citation."""
    members = archive.members()
    said = _parsed(_read(archive, members, "metadata.xml") or _read(archive, members, "eml.xml"))
    asked = _line(_read(archive, members, "citations.txt") or _read(archive, members, "records.citation.txt"))
    rights = _line(_read(archive, members, "rights.txt"))
    citation = said.citation or asked
    doi = said.doi or _doi_of(citation)
    return Citation(said.title, doi, citation, said.rights or rights)


def dataset_citations(archive: Archive) -> Iterator[tuple[str, Citation]]:
    """The key and the citation of each dataset that the archive describes, at most `MAX_DATASETS`."""
    members = archive.members()
    described = [(found[1], name) for name in members if (found := _DATASET.fullmatch(name))]
    for key, name in described[:MAX_DATASETS]:
        citation = _parsed(_read(archive, members, name))
        if citation != Citation():
            yield key, citation


def write_datasets(folder: Path, citations: Iterable[tuple[str, Citation]]) -> int:
    """Write `datasets.json` (an object by dataset key) beside the parts and say how many there are; without any there is no file."""
    count = 0
    path = folder / DATASETS_FILE
    with path.open("w", encoding="utf-8") as file:
        for key, citation in citations:
            file.write(f"{',' if count else '{'}\n{dumps(key)}: {dumps(asdict(citation), ensure_ascii=False)}")
            count += 1
        file.write("\n}\n")
    if not count:
        path.unlink()
    return count


def _read(archive: Archive, members: Mapping[str, int], name: str) -> bytes:
    """A small document; nothing when it is missing, too large or damaged."""
    if not 0 < members.get(name, 0) <= MAX_DOCUMENT_BYTES:
        return b""
    try:
        return b"".join(archive.chunks(name))
    except SourceError:  # the tables tell whether the archive is damaged; a citation is worth no refusal
        return b""


def _parsed(document: bytes) -> Citation:
    if not document:
        return Citation()
    reader = _Eml()
    parser = expat.ParserCreate(namespace_separator=" ")
    parser.StartDoctypeDeclHandler = parser.EntityDeclHandler = _forbid
    parser.StartElementHandler, parser.EndElementHandler = reader.start, reader.end
    parser.CharacterDataHandler = reader.text
    try:
        parser.Parse(document, True)
    except (expat.ExpatError, LookupError, ValueError):  # what was read before the fault still holds
        return reader.citation()
    return reader.citation()


def _forbid(*_: object) -> Never:
    raise ValueError("a document type or an entity")


class _Eml:
    """Gathers the texts of a few elements as expat meets them."""

    def __init__(self) -> None:
        self._path: list[str] = []
        self._texts: dict[str, list[str]] = {}
        self._chars = 0

    def start(self, name: str, _: dict[str, str]) -> None:
        self._path.append(name.rpartition(" ")[2])
        if self._place is not None:
            self._texts.setdefault(self._place, []).append("\n")

    def end(self, _: str) -> None:
        self._path.pop()

    def text(self, text: str) -> None:
        place = self._place
        if place is not None and self._chars < MAX_DOCUMENT_BYTES:
            self._texts.setdefault(place, []).append(text)
            self._chars += len(text)

    @property
    def _place(self) -> str | None:
        """Which text stands here: of the dataset itself, or of GBIF's additions, never of a project or a person in it."""
        path = self._path
        if len(path) >= 3 and tuple(path[:2]) == _TOP and path[2] in _WANTED:
            return path[2]
        if len(path) == 5 and path[1] == "additionalMetadata" and path[3] == "gbif" and path[4] == "citation":
            return "citation"
        return None

    def citation(self) -> Citation:
        """What was found."""
        texts = {name: _one_line("".join(parts)) for name, parts in self._texts.items()}
        identifiers = "".join(self._texts.get("alternateIdentifier", ())).split("\n")
        doi = next((found for text in identifiers if (found := _doi_of(text))), "")
        rights = texts.get("intellectualRights", "") or texts.get("licensed", "")
        return Citation(texts.get("title", ""), doi, texts.get("citation", ""), rights)


def _doi_of(text: str) -> str:
    """The first DOI in a text, without what surrounds it (https://www.doi.org/doi-handbook/)."""
    found = _DOI.search(text)
    return found[1].rstrip(".,;)").lower() if found else ""


def _line(document: bytes) -> str:
    return _one_line(document[: MAX_TEXT_CHARS * 4].decode("utf-8", "replace"))


def _one_line(text: str) -> str:
    """Without control characters and runs of blanks, and no longer than `MAX_TEXT_CHARS`."""
    return " ".join("".join(char if char.isprintable() else " " for char in text).split())[:MAX_TEXT_CHARS]

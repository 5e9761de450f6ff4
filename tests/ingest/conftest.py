"""Sources made on the spot."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

NAMESPACE = "http://rs.tdwg.org/dwc/text/"
GBIF_HEADER = (
    "gbifID\ttype\tformat\tidentifier\treferences\ttitle\tdescription\tsource\taudience\tcreated\tcreator\tcontributor\t"
    "publisher\tlicense\trightsHolder"
)


def gbif_row(
    record: object,
    identifier: str,
    *,
    references: str = "",
    media_format: str = "image/jpeg",
    kind: str = "StillImage",
    title: str = "",
) -> str:
    cells = [str(record), kind, media_format, identifier, references, title, "", "", "", "", "A. Painter", "", "", "CC0", "Museum"]
    return "\t".join(cells)


def table_xml(tag: str, row_type: str, file: str, terms: dict[int, str], attributes: str = "") -> str:
    key = "id" if tag == "core" else "coreid"
    fields = "".join(f'<field index="{index}" term="{term}"/>' for index, term in terms.items())
    dialect = (
        attributes or 'fieldsTerminatedBy="\\t" fieldsEnclosedBy="" linesTerminatedBy="\\n" ignoreHeaderLines="1" encoding="UTF-8"'
    )
    return f'<{tag} {dialect} rowType="{row_type}"><files><location>{file}</location></files><{key} index="0"/>{fields}</{tag}>'


def meta_xml(*tables: str) -> str:
    return f'<archive xmlns="{NAMESPACE}">{"".join(tables)}</archive>'


MULTIMEDIA = "http://rs.gbif.org/terms/1.0/Multimedia"
AUDUBON = "http://rs.tdwg.org/ac/terms/Multimedia"
OCCURRENCE = "http://rs.tdwg.org/dwc/terms/Occurrence"
CORE_XML = table_xml("core", OCCURRENCE, "occurrence.txt", {1: "http://rs.tdwg.org/dwc/terms/catalogNumber"})
MEDIA_XML = table_xml("extension", MULTIMEDIA, "multimedia.txt", {1: "http://purl.org/dc/terms/identifier"})


@pytest.fixture
def make_zip(tmp_path: Path) -> Callable[..., Path]:
    def make(members: dict[str, str | bytes], name: str = "archive.zip") -> Path:
        path = tmp_path / name
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
            for member, content in members.items():
                file.writestr(member, content)
        return path

    return make

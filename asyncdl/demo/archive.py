r"""The museum's catalogue as a real Darwin Core Archive, in the dialect of a GBIF download.

Tab separated, no quoting, a header line, `\n` line ends; members `occurrence.txt`, `multimedia.txt`, `meta.xml`, `metadata.xml`,
`rights.txt`, `citations.txt` (GBIF technical documentation, "download formats"; Darwin Core text guide). Knows no socket.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from xml.sax.saxutils import escape, quoteattr

from asyncdl.demo.catalogue import Catalogue, MediaRow
from asyncdl.demo.hosts import HOST_BY_SLUG
from asyncdl.demo.iiif import UrlOf

DWC, DC, GBIF = "http://rs.tdwg.org/dwc/terms/", "http://purl.org/dc/terms/", "http://rs.gbif.org/terms/1.0/"
MULTIMEDIA_COLUMNS = (
    "gbifID", "type", "format", "identifier", "references", "title", "description", "source", "audience", "created",
    "creator", "contributor", "publisher", "license", "rightsHolder",
)  # fmt: skip
OCCURRENCE_TERMS = (
    GBIF + "gbifID", GBIF + "datasetKey", DWC + "occurrenceID", DWC + "basisOfRecord", DWC + "institutionCode",
    DWC + "collectionCode", DWC + "catalogNumber", DWC + "scientificName", DWC + "countryCode", DWC + "eventDate",
    DWC + "recordedBy", DC + "license", GBIF + "mediaType",
)  # fmt: skip
DATASET_KEY = "6d1c3d4e-8f1e-4b7a-9a55-0c2d3e4f5a6b"
RECORDS_WITHOUT_MEDIA = 5
_MADE_AT = (2026, 1, 1, 0, 0, 0)  # one fixed time, so that the same museum writes the same archive
_SPECIES = ("Campanula scheuchzeri Vill.", "Bellis perennis L.", "Gentiana acaulis L.", "Parnassius apollo (Linnaeus, 1758)",
            "Carabus auratus Linnaeus, 1761", "Salix ×ambigua Ehrh.", "Salix herbacea L.")  # noqa: RUF001  the sign of a hybrid  # fmt: skip
_PEOPLE = ("A. Müller", "Sigrún Ólafsdóttir", "J. O'Connor", "M. Nuñez", "", "Li Wei")
_LICENCES = ("http://creativecommons.org/publicdomain/zero/1.0/legalcode", "http://creativecommons.org/licenses/by/4.0/legalcode",
             "http://creativecommons.org/licenses/by-nc/4.0/legalcode", "Usage Conditions Apply", "")  # fmt: skip


@dataclass(frozen=True, slots=True)
class ArchiveSummary:
    """What the archive holds. `rows` counts every data line of the multimedia table, the malformed ones included.

    `images_expected` is the number of images when all manifests are expanded, `images_at_ingest` the number before that (an image
    that only waits for its manifest counts as one), `rejects_expected` the malformed rows.
    """

    path: Path
    rows: int
    records: int
    records_without_media: int
    images_expected: int
    images_at_ingest: int
    manifests: int
    rejects_expected: int


def write_archive(path: Path, catalogue: Catalogue, url_of: UrlOf) -> ArchiveSummary:
    """Write the archive of a catalogue to a zip file and say what is in it. Raises OSError when it cannot be written."""
    lines = [_media_line(row, url_of) for row in catalogue.rows]
    malformed = _malformed_lines(catalogue, url_of)
    for number, line in enumerate(malformed):
        lines.insert(len(lines) * (number + 1) // (len(malformed) + 1), line)
    records = catalogue.records
    empty = _ids_without_media(records)
    members = {
        "occurrence.txt": _table((term.rpartition("/")[2] for term in OCCURRENCE_TERMS),
                                 (_occurrence_line(number, number not in empty) for number in sorted((*records, *empty)))),
        "multimedia.txt": _table(MULTIMEDIA_COLUMNS, lines),
        "meta.xml": _meta_xml(),
        "metadata.xml": _metadata_xml(),
        "rights.txt": _rights(),
        "citations.txt": "When using this dataset please cite: The embedded museum of asyncdl (2026). Invented photographs.\n",
    }  # fmt: skip
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in members.items():
            archive.writestr(zipfile.ZipInfo(name, _MADE_AT), text.encode(), zipfile.ZIP_DEFLATED)
    return ArchiveSummary(
        path=path,
        rows=len(lines),
        records=len(records),
        records_without_media=len(empty),
        images_expected=len(catalogue.exhibits),
        images_at_ingest=_images_at_ingest(catalogue),
        manifests=len(catalogue.manifests),
        rejects_expected=len(malformed),
    )


def _images_at_ingest(catalogue: Catalogue) -> int:
    """Photos that a row names, by image or by a manifest of the same base, and one for each manifest of another base."""
    named = sum(exhibit.named for exhibit in catalogue.exhibits)
    return named + catalogue.unmatched_manifests


def _table(header: Iterable[str], lines: Iterable[str]) -> str:
    return "\n".join(("\t".join(header), *lines)) + "\n"


def _media_line(row: MediaRow, url_of: UrlOf) -> str:
    host, number = HOST_BY_SLUG[row.place.host], row.gbif_id
    # Double quotes are literal in this dialect, also a lone one.
    title = f'"{_SPECIES[number % 7]}" sheet {number % 1000}' if number % 4 == 0 else f'Sheet {number % 1000}, 12" wide'
    creator = _PEOPLE[number % 6]
    return "\t".join((
        str(number), row.kind, row.media_type, url_of(row.place), f"{url_of(row.place._replace(path='/object'))}/{number}", title,
        "", host.name, "", f"19{number % 90 + 10}-05-0{number % 9 + 1}", creator, "", host.name, _LICENCES[number % 5], host.name,
    ))  # fmt: skip


def _malformed_lines(catalogue: Catalogue, url_of: UrlOf) -> list[str]:
    """Two lines with a wrong number of fields: a tab got into a title, and a line broke in its middle."""
    first, second = catalogue.rows[0], catalogue.rows[-1]
    whole = _media_line(MediaRow(first.gbif_id, first.place._replace(path="/malformed/1.jpg")), url_of).split("\t")
    tab_in_title = [*whole[:5], "Sheet 7", "with a tab", *whole[6:]]
    broken = _media_line(MediaRow(second.gbif_id, second.place._replace(path="/malformed/2.jpg")), url_of).split("\t")[:9]
    return ["\t".join(tab_in_title), "\t".join(broken)]


def _ids_without_media(records: tuple[int, ...]) -> tuple[int, ...]:
    """Ids of occurrences that have no picture."""
    taken, number = set(records), records[-1]
    found: list[int] = []
    while len(found) < RECORDS_WITHOUT_MEDIA:
        number += 17
        if number not in taken:
            found.append(number)
    return tuple(found)


def _occurrence_line(number: int, has_media: bool) -> str:
    return "\t".join((
        str(number), DATASET_KEY, f"urn:catalog:MUS:DEMO:{number}", "PRESERVED_SPECIMEN", "MUS", "DEMO", f"MUS-{number % 100_000}",
        _SPECIES[number % 7], ("DE", "IS", "IE", "MX", "CN", "CH")[number % 6], f"19{number % 90 + 10}-05-0{number % 9 + 1}",
        _PEOPLE[number % 6], "CC_BY_4_0", "StillImage" if has_media else "",
    ))  # fmt: skip


def _meta_xml() -> str:
    return (
        '<archive xmlns="http://rs.tdwg.org/dwc/text/" metadata="metadata.xml">\n'
        + _meta_table("core", DWC + "Occurrence", "occurrence.txt", "id", OCCURRENCE_TERMS)
        + _meta_table("extension", GBIF + "Multimedia", "multimedia.txt", "coreid",
                      (GBIF + "gbifID", *(DC + name for name in MULTIMEDIA_COLUMNS[1:])))
        + "</archive>\n"
    )  # fmt: skip


def _meta_table(element: str, row_type: str, file: str, key: str, terms: tuple[str, ...]) -> str:
    fields = "".join(f"    <field index={quoteattr(str(n))} term={quoteattr(term)}/>\n" for n, term in enumerate(terms))
    return (
        f'  <{element} encoding="utf-8" fieldsTerminatedBy="\\t" linesTerminatedBy="\\n" fieldsEnclosedBy="" ignoreHeaderLines="1" '
        f"rowType={quoteattr(row_type)}>\n    <files>\n      <location>{escape(file)}</location>\n    </files>\n"
        f'    <{key} index="0"/>\n{fields}  </{element}>\n'
    )


def _metadata_xml() -> str:
    return (
        '<?xml version="1.0" encoding="utf-8"?>\n'
        '<eml:eml xmlns:eml="eml://ecoinformatics.org/eml-2.1.1" packageId="' + DATASET_KEY + '" system="asyncdl" xml:lang="en">\n'
        "  <dataset>\n    <title>The embedded museum</title>\n    <creator><organizationName>asyncdl</organizationName></creator>\n"
        "    <pubDate>2026-01-01</pubDate>\n    <abstract><para>Invented photographs of invented sheets, on loopback addresses."
        "</para></abstract>\n"
        "    <intellectualRights><para>CC0 1.0</para></intellectualRights>\n  </dataset>\n</eml:eml>\n"
    )


def _rights() -> str:
    return f"Dataset: The embedded museum\nDataset key: {DATASET_KEY}\nRights as supplied: {_LICENCES[0]}\n"

"""Reading `meta.xml`, and refusing what is none."""

from __future__ import annotations

import pytest

from asyncdl.errors import SourceError
from asyncdl.ingest.dialect import Dialect
from asyncdl.ingest.metaxml import FieldMeta, parse_meta

NAMESPACE = 'xmlns="http://rs.tdwg.org/dwc/text/"'


def meta(inside: str, namespace: str = NAMESPACE) -> bytes:
    return f"<archive {namespace}>{inside}</archive>".encode()


CORE = '<core rowType="http://rs.tdwg.org/dwc/terms/Occurrence"><files><location>o.txt</location></files><id index="0"/></core>'


def test_everything_a_table_says() -> None:
    found = parse_meta(
        meta(
            CORE + '<extension encoding="ISO-8859-1" fieldsTerminatedBy="\\t" linesTerminatedBy="\\r\\n" fieldsEnclosedBy="" '
            'ignoreHeaderLines="1" rowType="http://rs.gbif.org/terms/1.0/Multimedia"><files><location>a.txt</location>'
            '<location> b.txt </location></files><coreid index="2"/><field index="1" term="http://purl.org/dc/terms/identifier"/>'
            '<field default="CC0" term="http://purl.org/dc/terms/license"/></extension>'
        )
    )
    (extension,) = found.extensions
    assert extension.locations == ("a.txt", "b.txt")
    assert extension.dialect == Dialect("\t", "", "ISO-8859-1", "\r\n", 1)
    assert extension.id_index == 2
    assert extension.fields == (
        FieldMeta("http://purl.org/dc/terms/identifier", 1, ""),
        FieldMeta("http://purl.org/dc/terms/license", None, "CC0"),
    )
    assert found.core is not None
    assert found.core.id_index == 0


def test_defaults_of_the_schema() -> None:
    core = parse_meta(meta(CORE)).core
    assert core is not None
    assert core.dialect == Dialect(",", '"', "utf-8", "\n", 0)


def test_a_literal_tab_that_xml_turned_into_a_space() -> None:
    core = parse_meta(meta(CORE.replace("<core ", '<core fieldsTerminatedBy="\t" '))).core
    assert core is not None
    assert core.dialect.delimiter == "\t"


def test_other_encodings_and_no_namespace() -> None:
    text = meta(CORE, "").decode()
    assert parse_meta(text.encode("utf-16")).core == parse_meta(meta(CORE)).core


@pytest.mark.parametrize(
    ("data", "says"),
    [
        pytest.param(b"", "broken", id="empty"),
        pytest.param(b"<archive>", "broken", id="cut"),
        pytest.param(b"<html><body>404</body></html>", "describes no table", id="a page"),
        pytest.param(meta(""), "describes no table", id="nothing in it"),
        pytest.param(meta(CORE + CORE), "more than one core", id="two cores"),
        pytest.param(meta('<core rowType="x"><id index="0"/></core>'), "names no file", id="no file"),
        pytest.param(meta(CORE.replace("<core ", '<core encoding="klingon" ')), "unknown encoding", id="encoding"),
        pytest.param(meta(CORE.replace("<core ", '<core encoding="zlib" ')), "unknown encoding", id="a codec that is no encoding"),
        pytest.param(meta(CORE.replace("<core ", '<core ignoreHeaderLines="yes" ')), "ignoreHeaderLines", id="header lines"),
        pytest.param(meta(CORE.replace('"0"', '"-1"')), "index", id="index"),
        pytest.param(b'<!DOCTYPE a [<!ENTITY b "c">]>' + meta(CORE), "document type", id="entities"),
        pytest.param(b'<!DOCTYPE a SYSTEM "file:///etc/passwd">' + meta(CORE), "document type", id="outside"),
        pytest.param('<!DOCTYPE a [<!ENTITY b "c">]><archive/>'.encode("utf-16"), "document type", id="entities in utf-16"),
    ],
)
def test_what_is_refused(data: bytes, says: str) -> None:
    with pytest.raises(SourceError, match=says):
        parse_meta(data)

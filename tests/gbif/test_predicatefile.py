from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from asyncdl.errors import UsageError
from asyncdl.gbif import predicatefile
from asyncdl.gbif.predicatefile import WrittenFilter, read_filter

FERNS = {"type": "equals", "key": "TAXON_KEY", "value": 7228684}
WITHIN = {"type": "within", "geometry": "POLYGON((5 47, 16 47, 16 55, 5 55, 5 47))"}


def written(tmp_path: Path, document: Any) -> Path:
    path = tmp_path / "ferns.json"
    path.write_text(document if isinstance(document, str) else json.dumps(document))
    return path


def test_a_predicate_alone_or_a_whole_request(tmp_path: Path) -> None:
    everything = {
        "type": "and",
        "predicates": [FERNS, WITHIN, {"type": "not", "predicate": {"type": "isNull", "parameter": "YEAR"}}],
    }
    assert read_filter(written(tmp_path, everything)) == WrittenFilter(everything)
    whole = {
        "creator": "me",
        "format": "SIMPLE_CSV",
        "predicate": everything,
        "verbatimExtensions": ["http://a.org/x"],
        "checklistKey": "k",
    }
    assert read_filter(written(tmp_path, whole)) == WrittenFilter(everything, ("http://a.org/x",), "k")


@pytest.mark.parametrize(
    ("document", "says"),
    [
        ("", "no JSON"),
        ("[" * 100_000, "no JSON"),
        ([FERNS], "predicate: it is no object"),
        ({}, '"None" is no type'),
        ({"type": "equal", "key": "A", "value": "b"}, '"equal" is no type'),
        ({"type": ["equals"]}, "is no type"),
        ({"type": "equals", "key": "A"}, 'needs "value"'),
        ({"type": "in", "key": "A", "value": ["b"]}, 'needs "values"'),
        ({"type": "in", "key": "A", "values": []}, "no list of values"),
        ({"type": "in", "key": "A", "values": [{}]}, "no list of values"),
        ({"type": "and", "predicates": []}, '"predicates" is empty'),
        (
            {"type": "and", "predicates": [FERNS, {"type": "or", "predicates": [FERNS, {"type": "x\x1b"}]}]},
            r"predicate.predicates[1].predicates[1]",
        ),
        ({"type": "not", "predicate": {"type": "isNull", "key": "YEAR"}}, "predicate.predicate: a predicate of type isNull needs"),
        ({"sql": "SELECT 1"}, "SQL request"),
        ({"predicate": FERNS, "verbatimExtensions": "x"}, "verbatimExtensions"),
        ({"predicate": FERNS, "checklistKey": 1}, "checklistKey"),
    ],
)
def test_a_wrong_shape_is_told_with_its_place(tmp_path: Path, document: Any, says: str) -> None:
    path = written(tmp_path, document)
    with pytest.raises(UsageError) as refused:
        read_filter(path)
    assert str(path) in refused.value.what
    assert says in refused.value.what
    assert "\x1b" not in str(refused.value)


def test_depth_and_number_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    deep: dict[str, Any] = FERNS
    for _ in range(60):
        deep = {"type": "not", "predicate": deep}
    with pytest.raises(UsageError, match="nested more than 50 deep"):
        read_filter(written(tmp_path, deep))
    monkeypatch.setattr(predicatefile, "MAX_ITEMS", 10)
    with pytest.raises(UsageError, match="more than 10 items"):
        read_filter(written(tmp_path, {"type": "in", "key": "TAXON_KEY", "values": list(range(11))}))
    monkeypatch.setattr(predicatefile, "MAX_FILE_BYTES", 20)
    with pytest.raises(UsageError, match="more than 20 bytes"):
        read_filter(written(tmp_path, FERNS))


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be read: No such file"):
        read_filter(tmp_path / "nothing.json")

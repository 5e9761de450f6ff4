from __future__ import annotations

from typing import Any

import pytest

from asyncdl.errors import UsageError
from asyncdl.gbif.request import DownloadRequest, checklist_of, extension_of, make_request

FERNS = {"type": "equals", "key": "TAXON_KEY", "value": "7228684"}
IMAGES = {"type": "equals", "key": "MEDIA_TYPE", "value": "StillImage"}
AUDUBON = "http://rs.tdwg.org/ac/terms/Multimedia"
COL = "7ddf754f-d193-4cc9-b351-99906754a03b"


def test_what_is_posted() -> None:
    request = make_request([FERNS], media=IMAGES, extensions=[AUDUBON, AUDUBON], checklist_key=COL)
    assert request.body(["me@museum.org"], "for a thesis") == {
        "format": "DWCA",
        "sendNotification": True,
        "notificationAddresses": ["me@museum.org"],
        "predicate": {"type": "and", "predicates": [FERNS, IMAGES]},
        "verbatimExtensions": [AUDUBON],
        "checklistKey": COL,
        "description": "for a thesis",
    }
    assert make_request([FERNS], media=None).body() == {"format": "DWCA", "sendNotification": False, "predicate": FERNS}


def test_all_of_gbif_is_not_asked_for_by_mistake() -> None:
    assert make_request([], media=IMAGES).predicate == IMAGES
    with pytest.raises(UsageError, match="all of GBIF") as refused:
        make_request([], media=None)
    assert "snapshot" in refused.value.todo


def test_a_digest_follows_what_is_asked_and_not_how() -> None:
    first = DownloadRequest({"type": "and", "predicates": [FERNS, IMAGES]})
    assert first.digest == DownloadRequest({"type": "and", "predicates": [IMAGES, FERNS]}).digest
    assert len({first.digest, DownloadRequest(FERNS).digest, DownloadRequest(FERNS, (AUDUBON,)).digest,
                DownloadRequest(FERNS, (), COL).digest}) == 4  # fmt: skip
    assert first.digest == "".join(char for char in first.digest if char in "0123456789abcdef")


def test_an_equal_download_is_known_by_filter_extensions_and_taxonomy() -> None:
    request = DownloadRequest(FERNS, (AUDUBON,), COL)
    theirs = {
        "format": "DWCA",
        "predicate": FERNS | {"matchCase": False},
        "verbatimExtensions": [AUDUBON.upper()],
        "checklistKey": COL,
    }
    assert request.is_what(theirs)
    assert request.is_what(theirs | {"verbatimExtensions": ["AUDUBON"]})
    assert not request.is_what(theirs | {"format": "SIMPLE_CSV"})
    assert not request.is_what(theirs | {"predicate": IMAGES})
    changes: list[dict[str, Any]] = [
        {"verbatimExtensions": []}, {"checklistKey": None}, {"verbatimExtensions": [AUDUBON, "http://a.org/b"]},
    ]  # fmt: skip
    for changed in changes:
        assert request.filters_as(theirs | changed)
        assert not request.brings_what(theirs | changed)


def test_extensions_and_taxonomies_go_by_name_or_address() -> None:
    assert extension_of("Audubon") == AUDUBON
    assert extension_of("http://rs.gbif.org/terms/1.0/DNADerivedData") == "http://rs.gbif.org/terms/1.0/DNADerivedData"
    assert (checklist_of("COL"), checklist_of(""), checklist_of(COL.upper())) == (COL, "", COL)
    for wrong in ("pictures", "http://a b/", "ftp://x"):
        with pytest.raises(UsageError, match="is no extension"):
            extension_of(wrong)
    with pytest.raises(UsageError, match="is no taxonomy"):
        checklist_of("linnaeus")

import pytest

from asyncdl.terms import local_name


@pytest.mark.parametrize("term", ["http://purl.org/dc/terms/identifier", "dcterms:identifier", '"Identifier"', " identifier/"])
def test_local_name(term: str) -> None:
    assert local_name(term) == "identifier"

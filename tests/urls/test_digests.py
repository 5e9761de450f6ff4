import pytest

from asyncdl.urls import cached_digest, identifier_digests, media_digest, resolve

IDENTIFIER = "https://inaturalist-open-data.s3.amazonaws.com/photos/31610070/original.jpg"
DIGEST = "568639b65b65ddb9090d3d6ef1abce14"


def test_the_digest_of_gbifs_documentation() -> None:
    # https://techdocs.gbif.org/en/openapi/images, occurrence 2005380410
    assert media_digest(IDENTIFIER) == DIGEST


def test_an_identifier_has_the_digest_of_its_twin_too() -> None:
    assert DIGEST in identifier_digests(IDENTIFIER)
    assert DIGEST in identifier_digests(IDENTIFIER.replace("https", "http"))
    assert identifier_digests("urn:x") == (media_digest("urn:x"),)
    assert len(identifier_digests("http://a.org/\ud800.jpg")) == 2


@pytest.mark.parametrize("size", ["", "200x/", "fit-in/500x/"])
def test_a_cached_copy_says_whose_it_is(size: str) -> None:
    assert cached_digest(resolve(f"https://api.gbif.org/v1/image/cache/{size}occurrence/2005380410/media/{DIGEST}").key) == DIGEST


def test_other_keys_name_no_digest() -> None:
    assert cached_digest(resolve(IDENTIFIER).key) == ""
    assert cached_digest("bs.plantnet.org/image/" + DIGEST) == ""

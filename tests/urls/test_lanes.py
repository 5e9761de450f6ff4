import pytest

from asyncdl.urls import lane_of


@pytest.mark.parametrize(
    ("host", "lane"),
    [
        ("farm5.static.flickr.com", "live.staticflickr.com"),
        ("farm66.staticflickr.com", "live.staticflickr.com"),
        ("live.staticflickr.com", "live.staticflickr.com"),
        ("imagens3.jbrj.gov.br", "imagens.jbrj.gov.br"),
        ("ia800203.us.archive.org", "archive.org"),
        ("ia902.archive.org", "archive.org"),
        ("dn790003.ca.archive.org", "archive.org"),
        ("web.archive.org", "web.archive.org"),
        ("inaturalist-open-data.s3.us-east-1.amazonaws.com", "inaturalist-open-data.s3.amazonaws.com"),
        ("inaturalist-open-data.s3-eu-west-1.amazonaws.com", "inaturalist-open-data.s3.amazonaws.com"),
        ("inaturalist-open-data.s3.dualstack.us-east-1.amazonaws.com", "inaturalist-open-data.s3.amazonaws.com"),
        ("s3.eu-central-1.amazonaws.com", "s3.amazonaws.com"),
        ("herbanwmex.net", "herbanwmex.net"),
        ("swbiodiversity.org", "swbiodiversity.org"),
        ("example.org:8080", "example.org:8080"),
        ("farm5.static.flickr.com.example.org", "farm5.static.flickr.com.example.org"),
        ("127.0.0.3:8123", "127.0.0.3:8123"),
    ],
)
def test_lanes(host: str, lane: str) -> None:
    assert lane_of(host) == lane

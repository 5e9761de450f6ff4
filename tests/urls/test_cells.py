import pytest

from asyncdl.urls import split_urls


@pytest.mark.parametrize(
    ("cell", "urls"),
    [
        ("", []),
        (" | ; ", []),
        ("http://a.org/1.jpg", ["http://a.org/1.jpg"]),
        ("http://a.org/1.jpg | http://a.org/2.jpg", ["http://a.org/1.jpg", "http://a.org/2.jpg"]),
        ("http://a.org/1.jpg|http://a.org/2.jpg|", ["http://a.org/1.jpg", "http://a.org/2.jpg"]),
        (
            "http://a.org/1,2.jpg,http://a.org/3.jpg;https://b.org/x",
            ["http://a.org/1,2.jpg", "http://a.org/3.jpg", "https://b.org/x"],
        ),
        ("http://a.org/1.jpg http://a.org/2.jpg\nwww.c.org/3", ["http://a.org/1.jpg", "http://a.org/2.jpg", "www.c.org/3"]),
        ("http://a.org/1.jpg; http://a.org/1.jpg", ["http://a.org/1.jpg"]),
        ("http://a.org/full/!720,720/0/default.jpg", ["http://a.org/full/!720,720/0/default.jpg"]),
        (
            "https://api.gbif.org/v1/image/unsafe/x/https://a.org/1.jpg",
            ["https://api.gbif.org/v1/image/unsafe/x/https://a.org/1.jpg"],
        ),
        ('["http://a.org/1.jpg","http://a.org/2.jpg"]', ["http://a.org/1.jpg", "http://a.org/2.jpg"]),
        ("['http://a.org/1.jpg', 'http://a.org/2.jpg']", ["http://a.org/1.jpg", "http://a.org/2.jpg"]),
        ("<http://a.org/1.jpg>", ["http://a.org/1.jpg"]),
        ("http://a.org/My photo.jpg", ["http://a.org/My photo.jpg"]),
        ("http://a.org/x;jsessionid=1 ; http://b.org", ["http://a.org/x;jsessionid=1", "http://b.org"]),
        ("no picture", ["no picture"]),
    ],
)
def test_cells(cell: str, urls: list[str]) -> None:
    assert split_urls(cell) == urls

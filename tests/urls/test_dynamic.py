from __future__ import annotations

import pytest

from asyncdl.urls import is_dynamic


@pytest.mark.parametrize(
    "url",
    [
        "https://iiif.example.org/herb/E00010016/full/300,/0/default.jpg",
        "https://iiif.example.org/2/id%3A7/full/full/0/native.jpg?x=1",
        "https://quod.example.edu/cgi/i/image/api/image/herb00ic:X/full/res:0/0/native.jpg",
        "https://ids.example.edu/ids/deliveryService?id=X&max=1200",
        "https://a.org/image_service/image/00-X/resize:1250/format:jpeg",
        "https://imagens.example.br/fsi/server?type=image&source=P",
        "https://api.gbif.org/v1/image/unsafe/1200x/https://a.org/1.jpg",
        "https://a.org/fileget?coll=x&filename=y.jpg&scale=1000",
        "https://a.org/view/7?Width=2400",
    ],
)
def test_pictures_that_are_made_for_the_request(url: str) -> None:
    assert is_dynamic(url)


@pytest.mark.parametrize(
    "url",
    [
        "https://a.org/photos/1/original.jpg",
        "https://a.org/photos/1/original.jpg?1514760468",
        "https://a.org/media/7?open",
        "https://a.org/file?w=yes&id=300",
        "https://a.org",
        "https://a.org/robots.txt",
        "not a url",
    ],
)
def test_files(url: str) -> None:
    assert not is_dynamic(url)

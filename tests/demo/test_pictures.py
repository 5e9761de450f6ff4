from __future__ import annotations

import io

import pytest
import simplejpeg
from PIL import Image

from asyncdl.demo.pictures import MEDIA_TYPES, MOTIFS, damaged_jpeg, full_size, no_image_available, picture


def test_every_motif_is_a_whole_jpeg_of_its_size() -> None:
    for motif in range(MOTIFS):
        width, height = full_size(motif)
        pixels = simplejpeg.decode_jpeg(picture(motif, width, height, f"mark {motif}"), strict=True)
        assert pixels.shape[:2] == (height, width)


def test_sizes_reach_from_small_to_large() -> None:
    sizes = {full_size(motif) for motif in range(MOTIFS)}
    assert min(sizes) == (160, 120)
    assert max(sizes) == (1200, 900)


@pytest.mark.parametrize("form", MEDIA_TYPES)
def test_a_format_is_what_it_says_and_the_mark_changes_its_bytes(form: str) -> None:
    first, second = picture(3, 120, 90, "first", form), picture(3, 120, 90, "second", form)
    assert first != second
    assert first == picture(3, 120, 90, "first", form)
    with Image.open(io.BytesIO(first)) as opened:
        opened.load()
        assert (opened.format, opened.size) == (form, (120, 90))


def test_the_damage_is_seen_only_by_a_strict_decoder() -> None:
    for motif in range(MOTIFS):
        damaged = damaged_jpeg(motif, "x")
        assert len(damaged) == len(picture(motif, *full_size(motif), "x"))
        assert damaged.endswith(b"\xff\xd9")
        with Image.open(io.BytesIO(damaged)) as opened:
            opened.load()
        with pytest.raises(ValueError, match="Corrupt JPEG"):
            simplejpeg.decode_jpeg(damaged, strict=True)


def test_the_stand_in_picture_is_always_the_same() -> None:
    assert no_image_available() == no_image_available()
    simplejpeg.decode_jpeg(no_image_available(), strict=True)

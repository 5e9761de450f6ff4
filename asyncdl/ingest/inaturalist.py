"""iNaturalist's open data: a table of photos without links gets a column of them.

`photos.csv` is tab-separated in spite of its name, with the columns photo_uuid, photo_id, observation_uuid, observer_id, extension, license, width,
height, position. A photo lies at `photos/{photo_id}/{size}.{extension}` of the bucket, its largest size is `original`
(https://github.com/inaturalist/inaturalist-open-data). Pure: bytes in, bytes out.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from typing import Final

from asyncdl.ingest.blocks import whole_lines

PHOTOS: Final = "https://inaturalist-open-data.s3.amazonaws.com/photos/"
LINK_HEADING: Final = "url"
_TELLING: Final = frozenset({b"photo_uuid", b"photo_id", b"observation_uuid", b"extension"})
_PARTS: Final = {b"photo_id": rb"([0-9]{1,18})", b"extension": rb"([A-Za-z0-9]{1,5})"}
_ANY: Final = rb"[^\t\n]*"


def with_links(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """A table as it is, or, if its headings are those of iNaturalist's photos, with a last column `url`. Reads its beginning at once."""
    first = next(chunks, b"")
    while b"\n" not in first[:10_000] and len(first) < 10_000 and (more := next(chunks, b"")):
        first += more
    whole = chain([first] if first else [], chunks)
    names = first[:10_000].partition(b"\n")[0].removeprefix(codecs.BOM_UTF8).rstrip(b"\r").split(b"\t")
    return _linked(whole, names) if set(names) >= _TELLING and LINK_HEADING.encode() not in names else whole


def _linked(chunks: Iterable[bytes], names: Sequence[bytes]) -> Iterator[bytes]:
    """Rows from which no link can be made get an empty one; lines of another width stay as they are, and are no rows."""
    row = re.compile(rb"(?m)^" + rb"\t".join(_PARTS.get(name, _ANY) for name in names) + rb"$")
    groups = [name for name in names if name in _PARTS]
    photo, extension = (f"\\{groups.index(name) + 1}" for name in (b"photo_id", b"extension"))
    with_link = rf"\g<0>\t{PHOTOS}{photo}/original.{extension}".encode()
    other = re.compile(rb"(?m)^" + rb"\t".join([_ANY] * len(names)) + rb"$")
    is_first = True
    for block in whole_lines(chunks):
        lines = block.replace(b"\r\n", b"\n") if b"\r" in block else block
        if is_first:
            heading, _, lines = lines.partition(b"\n")
            yield heading + b"\t" + LINK_HEADING.encode() + b"\n"
            is_first = False
        linked = row.sub(with_link, lines)
        yield linked if linked.count(b"\t") == len(names) * linked.count(b"\n") else other.sub(rb"\g<0>\t", linked)

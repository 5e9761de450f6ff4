"""A media table like GBIF's `multimedia.txt`, made by rule: families of hosts, IIIF pairs, shuffled records, some dirt.

Rows per record follow the ledger this tool was made for: of 50.4 million records 87.4 % have one row, 9.4 % two, 2.8 % three and 0.2 % four or more, 1.17 rows
on average. Records stand in no order, rows of one record mostly side by side, as in a real download. The same arguments make the same bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from random import Random

HEADER = (
    "gbifID", "type", "format", "identifier", "references", "title", "description", "source", "audience", "created", "creator",
    "contributor", "publisher", "license", "rightsHolder",
)  # fmt: skip
_ROWS_OF_RECORD = ((1, 8736), (2, 945), (3, 277), (4, 24), (7, 6), (12, 3), (30, 1))
_LICENCES = (
    "http://creativecommons.org/licenses/by-nc/4.0/legalcode", "http://creativecommons.org/publicdomain/zero/1.0/legalcode",
    "http://creativecommons.org/licenses/by/4.0/legalcode", "Usage Conditions Apply", "",
)  # fmt: skip
_HEX = "0123456789abcdef"
_BLOCK_RECORDS = 20_000
_FIRST_ID = 1_000_000_000

Photo = Callable[[int, int], list[str]]
"""The links of photo `n` of a record, by a number of the record: most hosts publish one, some a rendering and a manifest of it."""


def _uuid(number: int) -> str:
    digits = f"{number * 0x9E3779B97F4A7C15 % (1 << 128):032x}"
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))


def _one(pattern: str) -> Photo:
    return lambda record, photo: [pattern.format(n=record * 7 + photo, r=record, p=photo)]


def _rbge(record: int, photo: int) -> list[str]:
    base = f"https://iiif.rbge.org.uk/herb/iiif/E{record % 10**8:08d}" + (f"_{photo}" if photo else "")
    return [f"{base}/full/300,/0/default.jpg", *([f"{base}/manifest"] if photo == 0 else [])]


def _bgbm(record: int, photo: int) -> list[str]:
    code = f"B{record % 10**9:010d}"
    thumbs = f"https://image.bgbm.org/images/herbarium/HerbarThumbs/{code}_1700"
    return [thumbs, f"https://herbarium.bgbm.org/data/iiif/{code}/manifest.json"] if photo == 0 else [f"{thumbs}?p={photo}"]


def _symbiota(portal: int) -> Photo:
    return _one(f"https://portal{portal}.example.org/imglib/seinet/ASU/00{{r}}/ASU{{n}}_lg.jpg")


def _iiif(museum: int) -> Photo:
    return _one(f"https://iiif.museum{museum}.example.org/iiif/2/spec%2F{{n}}/full/1200,/0/default.jpg")


_GIANTS: tuple[tuple[Photo, int], ...] = (
    (_one("https://inaturalist-open-data.s3.amazonaws.com/photos/{n}/original.jpg"), 380),
    (_one("https://observation.org/photos/{n}.jpg"), 60),
    (_one("http://mediaphoto.mnhn.fr/media/{n}tOkEn{p}"), 80),
    (_one("https://medialib.naturalis.nl/file/id/L.{n}/format/large"), 60),
    (lambda record, photo: [f"https://data.huh.harvard.edu/{_uuid(record * 31 + photo)}/image"], 20),
    (_one("http://sweetgum.nybg.org/images3/{p}/1/{n}.jpg"), 50),
    (_one("https://live.staticflickr.com/65535/{n}_41638ff622_b.jpg"), 20),
    (_one("https://content.eol.org/data/media/ab/cd/ef/{n}.jpg"), 30),
    (lambda record, photo: [f"https://images.ala.org.au/image/proxyImageThumbnailLarge?imageId={_uuid(record + photo)}"], 20),
    (_one("https://quod.lib.umich.edu/cgi/i/image/api/image/herb00ic:{n}:MICH-V-{r}{p}/full/res:0/0/native.jpg"), 20),
    (_one("https://oxalis.br.fgov.be/images/BR0/000/013/701/604/BR{n:013d}.jpg"), 20),
    (_one("https://upload.wikimedia.org/wikipedia/commons/a/ab/Herbarium_sheet_{n}.jpg"), 10),
    (_one("https://services.jacq.org/jacq-services/rest/images/europeana/{n}?withredirect=1"), 20),
    (_rbge, 25),
    (_bgbm, 15),
)
_SMALL: tuple[Photo, ...] = (
    *map(_symbiota, range(60)),
    *map(_iiif, range(40)),
    *(_one(f"http://www.museum{number}.example.com/pictures/{{r}}/img_{{n}}.jpg") for number in range(400)),
)
_SMALL_WEIGHT = 170


@dataclass(frozen=True, slots=True)
class Ledger:
    """What a table is made of. `dirt`: the share of rows that are damaged in one of seven ways."""

    rows: int
    seed: int = 1
    dirt: float = 0.0005

    def write(self, path: Path) -> None:
        """Write the table."""
        with path.open("wb") as file:
            file.write(("\t".join(HEADER) + "\n").encode())
            for block in self.blocks():
                file.write(block)

    def blocks(self) -> Iterator[bytes]:
        """The table without its header, some thousand records at a time."""
        random = Random(self.seed)
        left, record = self.rows, 0
        while left > 0:
            lines = self._records(random, record, left)
            record += _BLOCK_RECORDS
            left -= len(lines)
            yield b"".join(lines)

    def _records(self, random: Random, first: int, left: int) -> list[bytes]:
        """The rows of a block of records whose ids are spread over the whole range, each id used once."""
        sizes, weights = zip(*_ROWS_OF_RECORD, strict=True)
        counts = random.choices(sizes, weights, k=_BLOCK_RECORDS)
        photos, shares = zip(*_GIANTS, (None, _SMALL_WEIGHT), strict=True)
        places = random.choices(photos, shares, k=_BLOCK_RECORDS)
        lines: list[bytes] = []
        for place, (count, photo) in enumerate(zip(counts, places, strict=True)):
            number = first + place
            identifier = _FIRST_ID + number * 2_654_435_761 % 4_294_967_291
            source = photo or _SMALL[number * 7919 % len(_SMALL)]
            links = [link for shot in range(count) for link in source(identifier, shot)][:count]
            lines += [_row(identifier, link) for link in links]
            if len(lines) >= left:
                break
        del lines[left:]
        for place in range(len(lines)):
            if random.random() < self.dirt:
                lines[place] = _damaged(lines[place], random.randrange(7))
        return lines


def _row(identifier: int, link: str) -> bytes:
    person = identifier % 50_021
    manifest = link.endswith(("/manifest", "manifest.json"))
    kind, form = ("", "application/ld+json") if manifest else ("StillImage", "image/jpeg")
    licence = _LICENCES[identifier % len(_LICENCES)]
    day = f"{1850 + identifier % 170}-{1 + identifier % 12:02d}-{1 + identifier % 28:02d}T00:00:00"
    return (
        f"{identifier}\t{kind}\t{form}\t{link}\thttps://www.gbif.org/occurrence/{identifier}\t\t\t\t\t{day}\tCollector {person}\t\t"
        f"Herbarium {person % 97}\t{licence}\tThe trustees of herbarium {person % 97}\n"
    ).encode()


def _damaged(line: bytes, way: int) -> bytes:
    """One row spoilt: a field too few, too many, a NUL, no link, no id, no UTF-8, or a link to a file name."""
    cells = line.rstrip(b"\n").split(b"\t")
    match way:
        case 0:
            del cells[5]
        case 1:
            cells.append(b"one more")
        case 2:
            cells[10] += b"\0"
        case 3:
            cells[3], cells[4] = b"", b""
        case 4:
            cells[0] = b""
        case 5:
            cells[10] += b"\xe9\xff"
        case _:
            cells[3] = b"http://654355.jpg"
    return b"\t".join(cells) + b"\n"


def second_state(table: Path, into: Path, share: float) -> int:
    """Write a newer state of a table: this share of its records is gone, as many have another link, as many are new. Returns its rows."""
    of, rows = round(share * 10_000), 0
    with table.open("rb") as old, into.open("wb") as new:
        new.write(old.readline())
        for line in old:
            identifier, tab, rest = line.partition(b"\t")
            lot = int(identifier) // 7 % 10_000 if identifier.isdigit() else 10_000
            if lot < of:
                continue
            if lot < 2 * of:
                rest = rest.replace(b"://", b"://new.", 1)
            elif lot < 3 * of:
                rows += 1
                new.write(b"9" + line)
            rows += 1
            new.write(identifier + tab + rest)
    return rows

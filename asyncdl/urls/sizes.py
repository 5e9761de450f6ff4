"""What URLs say about size, in a family or anywhere: words, pixels, suffixes, folders and query parameters.

Ranks: 1 the largest picture there is; 2 a manifest, or at least 2000 px; 3 from 1100 px; 4 from 700; 5 from 400; 6 from 180; 7 less,
and thumbnails of unknown size; 8 crops to a square, grey and turned pictures; 9 pages. Only spellings that mean size wherever they
occur are taken here: `_web` may be a spider's, `_full` a whole tree, `_a` another photo.
"""

from __future__ import annotations

import re

from asyncdl.urls.normalise import normal_parameter, words

LAST_IMAGE_RANK = 8
PAGE_RANK = 9
MANIFEST_RANK = 2

IMAGE_ENDINGS = words("jpg jpeg jpe jfif png gif tif tiff bmp webp jp2 heic avif dng nef cr2 cr3 crw arw orf rw2 raf pef")
PAGE_ENDINGS = words("html htm xhtml dzi")

_WORD_RANKS = {
    **dict.fromkeys(("original", "originals", "orig", "master", "max", "maximum"), 1),
    **dict.fromkeys(("fullsize", "fullres", "highres", "hires", "full"), 2),
    **dict.fromkeys(("large", "lg", "xlarge", "big"), 3),
    **dict.fromkeys(("medium", "med", "webview", "screen", "preview", "previews"), 5),
    **dict.fromkeys(("small", "sm", "lowres"), 6),
    **dict.fromkeys(("thumb", "thumbs", "thumbnail", "thumbnails", "tn", "icon"), 7),
    "square": 8,
}
# After `_` or `-` at the end of a name, and before `_` at its start.
_SUFFIXES = words("orig original large medium med small thumb thumbnail preview fullsize hires highres lowres")
_UNDERSCORE_SUFFIXES = words("lg tn")
_PREFIXES = words("tn thumb thumbnail")
_WORDPRESS_COPY = re.compile(r"\d{2,4}x\d{2,4}")
_THUMBNAIL_FOLDERS = frozenset(
    spelling for word in ("thumb", "thumbs", "thumbnail", "thumbnails") for spelling in (word, word.capitalize(), word.upper())
)
_SIZE_FOLDERS = _THUMBNAIL_FOLDERS | frozenset(
    spelling
    for word in ("original", "originals", "orig", "fullsize", "full", "hires", "highres", "large", "medium", "small", "lowres")
    for spelling in (word, word.capitalize(), word.upper())
)
_SPECIFIC = re.compile(r"\d.*\d.*\d.*\d")  # a name with four digits names a thing, not a class of things

PIXEL_NAMES = words("w h width height max max_w max_h maxw maxh maxwidth maxheight max-width max-height wid hei imgsize resize")
_WORD_NAMES = words("size quality resolution imagesize thumbnail thumb scale")
_LOOK_NAMES = words("q dpr fit crop auto format fm output profile")
_LOOK_VALUE = re.compile(
    r"[0-9.]{1,5}|jpe?g|png|webp|avif|tiff?|gif|image/\w+|cover|contain|max|clip|auto|true|false|compress", re.IGNORECASE
)
_WIDTH_AS_FORMAT = re.compile(r"\d{2,5}w")  # Squarespace: ?format=1500w
_NUMBERS = re.compile(r"\d{1,5}(?:\.\d+)?(?:[x,]\d{0,5})?%?")
_SIGNED_PREFIXES = ("x-amz-", "x-goog-", "utm_")
_SIGNED_NAMES = words(
    "signature expires key-pair-id awsaccesskeyid googleaccessid policy jsessionid phpsessid sessionid downloadname fbclid gclid itok "
    "download"
)
# A signature of Azure's (https://learn.microsoft.com/azure/storage/common/storage-sas-overview); beside others they may mean anything.
_AZURE_NAMES = words("sv sig se sp st sr ss srt spr si sip skoid sktid skt ske sks skv")
# These are noise behind a file, or beside something that names the photo; alone behind a program they may be its name.
_NOISE_NAMES = words("v t _ token ts timestamp cb ver nocache rnd rand cachebuster withredirect")


def pixel_rank(pixels: int) -> int:
    """The rank of a picture whose longest asked-for edge is `pixels`."""
    for rank, least in enumerate((2000, 1100, 700, 400, 180), 2):
        if pixels >= least:
            return rank
    return 7


def numbers_rank(text: str) -> int:
    """The rank of a size like `1024`, `300x`, `!720,720` or `x260`: of its largest number (1 when it has none)."""
    numbers = [int(digits[:6]) for digits in re.findall(r"\d+", text)]
    return pixel_rank(max(numbers)) if numbers else 1


def word_rank(word: str) -> int | None:
    """The rank of a size word (`thumbnail`, `large`), or None when it is none."""
    return _WORD_RANKS.get(word.lower())


def plain_path(path: str) -> tuple[str, int]:
    """A normal path without the spelling of a size, and the rank that it told (1 when it told none)."""
    head, slash, name = path.rpartition("/")
    stem, dot, ending = name.rpartition(".")
    if not stem or ending.lower() not in IMAGE_ENDINGS:
        return path, 1
    rank = 1
    folders = head.split("/")
    if not _SIZE_FOLDERS.isdisjoint(folders):
        head, rank = _without_size_folders(folders, stem)
    while (shorter := _without_size(stem, "/wp-content/" in path)) is not None:
        stem, told = shorter
        rank = max(rank, told)
    if (word := _WORD_RANKS.get(stem.lower())) is not None and _names_one_thing(head.rpartition("/")[2]):
        return head, max(rank, word)  # /photos/12648072/large.jpg
    return f"{head}{slash}{stem}{dot}{ending}", rank


def _names_one_thing(folder: str) -> bool:
    return _SPECIFIC.search(folder) is not None and folder.rpartition(".")[2].lower() not in IMAGE_ENDINGS


def _without_size(stem: str, wordpress: bool) -> tuple[str, int] | None:
    """A file's name without one size word at its end or start, and the rank of that; None when it has none."""
    if stem.endswith((".thumb", ".thumbnail")) and stem[0] != ".":
        return stem[: stem.rindex(".")], _WORD_RANKS["thumb"]
    cut = max(stem.rfind("_"), stem.rfind("-"))
    if cut <= 0:
        return None
    word = stem[cut + 1 :]
    if word.lower() in _SUFFIXES or (word in _UNDERSCORE_SUFFIXES and stem[cut] == "_"):  # TN is Tennessee
        return stem[:cut], _WORD_RANKS[word.lower()]
    if wordpress and stem[cut] == "-":  # elsewhere such numbers may name things
        if _WORDPRESS_COPY.fullmatch(word):
            return stem[:cut], numbers_rank(word)
        if word == "scaled":
            return stem[:cut], 2
    first, _, rest = stem.partition("_")
    return (rest, _WORD_RANKS[first]) if rest and first in _PREFIXES else None


def _without_size_folders(folders: list[str], stem: str) -> tuple[str, int]:
    """Drops thumbnail folders always, others only before a name that names one thing (`/large/0123.jpg`)."""
    dropped = _SIZE_FOLDERS if _SPECIFIC.search(stem) else _THUMBNAIL_FOLDERS
    rank = max((_WORD_RANKS[folder.lower()] for folder in folders if folder in dropped), default=1)
    return "/".join(folder for folder in folders if folder not in dropped), rank


def plain_query(query: str, *, names_file: bool) -> tuple[str, int]:
    """A query sorted, without size, signature, session and cache parameters; and the rank told (0 when none was).

    `names_file`: the path ends in an image file, so that what follows can hardly name another photo.
    """
    kept: list[str] = []
    noise: list[str] = []
    rank = 0
    signed = _SIGNED_NAMES | _AZURE_NAMES if "sig=" in query and "sv=" in query else _SIGNED_NAMES
    for parameter in map(normal_parameter, query.split("&")):
        name, _, value = parameter.partition("=")
        name = name.lower()
        told = _told_size(name, value)
        if told is not None:
            rank = max(rank, told)
        elif not parameter or name in signed or name.startswith(_SIGNED_PREFIXES):
            continue
        elif name in _NOISE_NAMES or (names_file and len(name) >= 8 and name.isdigit() and not value):
            noise.append(parameter)
        else:
            kept.append(parameter)
    if not kept and not names_file:
        kept = noise
    return "&".join(sorted(kept)), rank


def _told_size(name: str, value: str) -> int | None:
    """The rank that a parameter tells, 0 for one that only changes the look, None when it is no size."""
    if name in PIXEL_NAMES:
        return numbers_rank(value) if _NUMBERS.fullmatch(value) else None
    if name in _WORD_NAMES:
        if (rank := word_rank(value)) is not None:
            return rank
        if name in ("thumb", "thumbnail") and (not value or value.lower() in ("1", "true", "yes")):
            return 7
        if name == "size" or name.startswith("thumb"):
            return numbers_rank(value) if _NUMBERS.fullmatch(value) else None
        return 0 if _NUMBERS.fullmatch(value) else None
    if name == "format" and _WIDTH_AS_FORMAT.fullmatch(value):
        return numbers_rank(value)
    return 0 if name in _LOOK_NAMES and _LOOK_VALUE.fullmatch(value) else None

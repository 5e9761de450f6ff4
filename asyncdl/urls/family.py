"""What a family of URLs is: one museum's or platform's ways of naming one photo, written as a readable entry.

A family lists the *forms* its URLs take. The path of a form is a regular expression in which `<name>` stands for a field
(within one path segment) and `<name:regex>` for a field of that shape. Its query lists the parameters that matter, as
`id=<id> ?imgSize=<px>`: a name and a pattern of its value; `?` before one that may be missing, no pattern where being there is
enough. A field of a parameter holds no slash unless its regex says so. Fields make the key; `<size>` is looked up in the
ladder, `<px>` holds pixels. Paths arrive normalised and without the tail of a IIIF request: the form of an image service
covers all its renderings. Keys are shortest URLs without scheme, so that a key, resolved as a URL, gives itself.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TypeAlias
from urllib.parse import quote, unquote_to_bytes

from asyncdl.model import CandidateKind
from asyncdl.urls.sizes import LAST_IMAGE_RANK, MANIFEST_RANK, PAGE_RANK, numbers_rank

ANY_HOST = "*"
UUID = r"[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}"
PICTURE = r"\.(?i:jpe?g|jpe|png|gif|tiff?|bmp|webp|jp2|heic|avif|dng|nef|cr[23]|arw|orf|rw2|raf|pef)"
EXT = f"(?:{PICTURE})+"
"""The ending of a picture, or several: what is cut off before it then has none, so that a key stays as it is."""
_FIELD = re.compile(r"<(\w+)(?::([^<>]+))?>")
_SIMPLE = re.compile(r"[A-Za-z0-9._~:/,-]*")
# What becomes a segment of a key may be no dots and no name of a IIIF document: the key would not be read as it was written.
_IN_SEGMENT = r"(?!\.|(?:[mM]anifest(?:\.json)?|info\.json)(?:/|$))[^/]+?"
_SAFE_IN_PATH = "~!$'()*+,=:@/"  # what a normal path holds unescaped
_UNKNOWN_SIZE_RANK = 5


Match: TypeAlias = tuple[str, int, CandidateKind, str, bool]
"""What the grammar says of a URL: key, rank, kind, the family (or rule) that said it, and whether the key names one photo.

A bare tuple: it is made 100 million times.
"""


@dataclass(frozen=True, slots=True)
class Form:
    """One way a family writes its URLs. `rank` None: by ladder and pixels. `key` "": the family's.

    `names_photo` False: the page of a specimen or an observation, which may have several photos, or none.
    """

    path: str
    query: str = ""
    kind: CandidateKind = CandidateKind.IMAGE
    rank: int | None = None
    key: str = ""
    names_photo: bool = True
    regex: re.Pattern[str] = field(init=False, repr=False)
    parameters: tuple[tuple[str, re.Pattern[str] | None, bool], ...] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "regex", _compiled(self.path))
        object.__setattr__(self, "parameters", tuple(map(_parameter, self.query.split())))

    def reads(self, query: Mapping[str, str], fields: dict[str, str | None]) -> bool:
        """Adds the fields that the parameters fill; False when one that must be there is missing or of another shape."""
        for name, pattern, optional in self.parameters:
            value = query.get(name)
            found = pattern.fullmatch(value) if pattern is not None and value is not None else None
            if found is not None:
                fields |= found.groupdict()
            elif not optional and (value is None or pattern is not None):
                return False
        return True


def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(_FIELD.sub(lambda found: f"(?P<{found[1]}>{found[2] or _IN_SEGMENT})", pattern), re.DOTALL)


def _parameter(text: str) -> tuple[str, re.Pattern[str] | None, bool]:
    name, _, pattern = text.removeprefix("?").partition("=")
    return name.lower(), _compiled(pattern) if pattern else None, text.startswith("?")


def image(path: str, query: str = "", *, rank: int | None = None, key: str = "") -> Form:
    """A form that answers with a picture."""
    return Form(path, query, CandidateKind.IMAGE, rank, key)


def page(path: str, query: str = "", *, key: str = "") -> Form:
    """A form that answers with a landing page or a viewer of one photo."""
    return Form(path, query, CandidateKind.PAGE, PAGE_RANK, key)


def record(path: str, query: str = "", *, key: str = "") -> Form:
    """A form that answers with the page of a record: a specimen, an observation, a species."""
    return Form(path, query, CandidateKind.PAGE, PAGE_RANK, key, names_photo=False)


def manifest(path: str, query: str = "", *, key: str = "") -> Form:
    """A form that answers with a IIIF document."""
    return Form(path, query, CandidateKind.MANIFEST, MANIFEST_RANK, key)


def service(path: str, *, key: str = "") -> Form:
    """A IIIF image service: its requests are cut off before, the bare service answers with its `info.json`."""
    return Form(path, "", CandidateKind.MANIFEST, 1, key)


def ladder(text: str) -> dict[str, int]:
    """Ranks of size words: `original large|big thumb=6` counts up from 1, `|` joins equals, `=` sets, `-` is no word at all."""
    ranks: dict[str, int] = {}
    rank = 0
    for step in text.lower().split():
        words, _, given = step.partition("=")
        rank = int(given) if given else min(rank + 1, LAST_IMAGE_RANK)
        ranks |= dict.fromkeys(("" if word == "-" else word for word in words.split("|")), rank)
    return ranks


@dataclass(frozen=True, slots=True)
class Family:
    """One readable entry of the table.

    `hosts`: blank-separated, without `www.`; `*.` before one stands for any subdomain, `#` for digits, and the single
    word `*` for every host (then `marker` names the folders of which its paths contain one).
    `clean` rewrites fields before they enter the key; a field that no form filled is "" there. `open`: the keys hold
    whole paths as published, which other rules may know. `example` is a URL of the family, `source` where the rule was read.
    """

    name: str
    hosts: str
    key: str
    forms: tuple[Form, ...]
    example: str
    source: str
    sizes: str = ""
    marker: str = ""
    clean: Mapping[str, Callable[[str], str]] = field(default_factory=dict)
    open: bool = False
    ranks: Mapping[str, int] = field(init=False, repr=False)
    keyed_forms: tuple[tuple[Form, str, str], ...] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "ranks", ladder(self.sizes))
        object.__setattr__(self, "keyed_forms", tuple((form, *_templates(form.key or self.key)) for form in self.forms))

    def match(self, host: str, path: str, query: str) -> Match | None:
        """What a URL of this family is, from its key host, normal path and raw query; None when no form fits."""
        for form, key, key_query in self.keyed_forms:
            found = form.regex.fullmatch(path)
            if found is None:
                continue
            fields: dict[str, str | None] = found.groupdict()
            if form.parameters and not form.reads(query_fields(query), fields):
                continue
            for name, rewrite in self.clean.items():
                fields[name] = rewrite(fields.get(name) or "")
            rank = form.rank or self._rank(fields)
            fields["host"] = host
            name = key % fields
            if key_query:
                name += (key_query % fields).replace("+", "%2B")
            return name, rank, form.kind, self.name, form.names_photo
        return None

    def _rank(self, fields: Mapping[str, str | None]) -> int:
        rank = 1
        if self.ranks:
            size = fields.get("size")
            rank = self.ranks.get(size.lower(), _UNKNOWN_SIZE_RANK) if size else self.ranks.get("", 1)
        pixels = fields.get("px")
        return max(rank, numbers_rank(pixels)) if pixels else rank


def _templates(key: str) -> tuple[str, str]:
    """A key with its fields as `%` takes them, cut before its query: there a plus would mean a space."""
    template = re.sub(r"\{(\w+)\}", r"%(\1)s", key.replace("%", "%%"))
    path, mark, query = template.partition("?")
    return path, mark + query


@lru_cache(maxsize=16)  # the forms of one URL ask in turn
def query_fields(query: str) -> Mapping[str, str]:
    """The parameters of a raw query, names lower-case, values escaped as keys write a path; none that says two things, or dots."""
    found: dict[str, str] = {}
    unclear: set[str] = set()
    for parameter in query.split("&") if query else ():
        name, _, value = parameter.partition("=")
        if not _SIMPLE.fullmatch(value):
            value = quote(unquote_to_bytes(value.replace("+", " ")), safe=_SAFE_IN_PATH)
        if found.setdefault(name.lower(), value) != value or value[:1] == "." or "/." in value:
            unclear.add(name.lower())
    for name in unclear:
        del found[name]
    return found


class FamilyTable:
    """Families found by host (exact names first, then digits as `#`, then ever shorter domains), or by a folder on any host."""

    def __init__(self, families: Iterable[Family]) -> None:
        self.families = tuple(families)
        self._by_marker: dict[str, tuple[Family, ...]] = {}
        self._by_host: dict[str, tuple[Family, ...]] = {}
        for family in self.families:
            known, names = (self._by_marker, family.marker) if family.hosts == ANY_HOST else (self._by_host, family.hosts)
            for name in names.split():
                known[name] = (*known.get(name, ()), family)
        self.markers = frozenset(self._by_marker)
        self.open_families = frozenset(family.name for family in self.families if family.open)
        self.own_markers = {family.name: frozenset(family.marker.split()) for family in self.families if not family.open}

    def of_host(self, host: str) -> tuple[Family, ...]:
        """The families that a key host may belong to; those of every host are not among them."""
        numbered = re.sub(r"\d+", "#", host)
        names = [host, numbered] if numbered != host else [host]
        domain = host
        while domain:
            names.append(f"*.{domain}")
            domain = domain.partition(".")[2]
        return tuple(family for name in names for family in self._by_host.get(name, ()))

    def of_folders(self, folders: Iterable[str]) -> list[Family]:
        """The families of every host that a path with these folders may belong to."""
        return [family for folder in folders if folder in self.markers for family in self._by_marker[folder]]

"""The rules of `RowRules` in duckdb's words, for the rows that are ordinary: nearly all of them.

For each row of a chunk SQL says whether it is *ordinary*: one link that stands alone in the only column of links, an id, a kind that is surely
an image, and texts that need no cleaning. Such a row is taken as it stands. Any other row is left to `RowRules`, which stays the only place
where rules are; a test holds that both agree. Cells come as columns `c0`, `c1`, …; an empty cell is NULL.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from enum import IntEnum
from typing import Final

from asyncdl.ingest.columns import Column, Columns
from asyncdl.ingest.options import Bounds
from asyncdl.ingest.rows import MAX_INTEGER_ID
from asyncdl.urls.plain import MANIFEST_WORDS, MAX_PLAIN_CHARS, PLAIN_URL

_SAID: Final = ("licence", "rights_holder", "creator", "references", "title")
"""The roles of columns that become `asyncdl.saidfiles.TEXTS`, as `Columns` names them and in that order."""
_NOTHING: Final = "CAST(NULL AS VARCHAR)"
_SMALL_LINK: Final = "small_link"
_SMALL_FORMAT: Final = "small_format"

# A comma or a colon may stand inside a URL; what would make it several is another scheme, or `www.` behind a comma (`urls.split_urls`).
_ONE_URL: Final = r"https?://(?:www\.)?[A-Za-z0-9._~%/?=&+@,:-]*[A-Za-z0-9/]"
# What `RowRules` would clean or trim: control characters anywhere, blanks of any kind at the ends (or, to be short, the odd ones anywhere).
_NEEDS_CARE: Final = r"[\x{01}-\x{1f}\x{7f}-\x{a0}\x{1680}\x{2000}-\x{200a}\x{2028}\x{2029}\x{202f}\x{205f}\x{3000}]|^ | $"
_SURE_KINDS: Final = ("stillimage", "image", "still image")


class State(IntEnum):
    """What SQL says of a row: not a row at all, one without media that need not have any, ordinary, ordinary and plain, or for `RowRules` to say."""

    NO_ROW = -1
    WITHOUT_MEDIA = 0
    ORDINARY = 1
    PLAIN = 2
    ODD = 3


@dataclass(frozen=True, slots=True)
class Needed:
    """The columns of a table that have a role: `places` in the file, and the roles with places among the needed."""

    places: tuple[int, ...]
    columns: Columns

    def names(self) -> list[str]:
        """The names of the needed cells, in order."""
        return [f"c{place}" for place in range(len(self.places))]


def needed_of(columns: Columns, width: int = 0) -> Needed:
    """The columns that are needed at all: of GBIF's 15 some nine, of an occurrence's 250 a few. Those beyond the `width` of the table are in no cell."""
    used: set[int] = set()
    for role in fields(columns):
        value = getattr(columns, role.name)
        for column in value if isinstance(value, tuple) else (value,):
            if isinstance(column, Column) and 0 <= column.index < (width or column.index + 1):
                used.add(column.index)
    places = tuple(sorted(used))
    moved = {index: place for place, index in enumerate(places)}

    def at(column: Column) -> Column:
        return replace(column, index=moved.get(column.index, -1))

    changes: dict[str, object] = {}
    for role in fields(columns):
        value = getattr(columns, role.name)
        if isinstance(value, tuple):
            changes[role.name] = tuple(at(column) for column in value)
        elif isinstance(value, Column):
            changes[role.name] = at(value)
    return Needed(places, replace(columns, **changes))  # type: ignore[arg-type]


class PlainSql:
    """The expressions for one table. Texts from outside (defaults, prefixes) are parameters, by name in `values`."""

    def __init__(self, needed: Needed, bounds: Bounds, *, only_images: bool, id_prefix: str) -> None:
        self._columns = needed.columns
        self._bounds = bounds
        self._only_images = only_images
        self._prefixed = bool(id_prefix)
        self.values: dict[str, object] = {"prefix": id_prefix} if id_prefix and needed.columns.id is None else {}
        self._has_cells = bool(needed.places)

    def _without_media(self) -> str:
        """Whether the row is one that has no link and need not have any."""
        if not self._columns.optional:
            return "false"
        cells = [self._text((column,)) for column in (*self._columns.photo, *self._columns.fallback)]
        return " AND ".join(f"{cell} IS NULL" for cell in cells)

    def once(self) -> Mapping[str, str]:
        """What `state` asks for several times, by the names that it uses: duckdb would work it out anew each time inside a CASE."""
        return {_SMALL_LINK: f"lower({self.photo()})", _SMALL_FORMAT: f"lower({self.media_format()})"}

    def state(self) -> str:
        """A row's `State` as a number. Never NULL. Uses the columns of `once`."""
        cases = [f"WHEN {self._without_media()} THEN {State.WITHOUT_MEDIA:d}"]
        if len(self._columns.photo) == 1:
            conditions = [self._sure_image(), self._clean()]
            if self._columns.id is not None:
                conditions.append(f"{self._id()} IS NOT NULL AND length({self._id()}) <= {self._bounds.max_id_chars:d}")
            sure = " AND ".join(f"({condition})" for condition in conditions)
            cases.append(f"WHEN NOT coalesce({sure}, false) THEN {State.ODD:d}")
            cases.append(f"WHEN coalesce({self._plain()}, false) THEN {State.PLAIN:d}")
            url = self.photo()
            one = f"regexp_full_match({url}, '{_ONE_URL}') AND NOT contains({url}[9:], '://') AND NOT contains({_SMALL_LINK}, ',www.')"
            cases.append(f"WHEN coalesce({one}, false) THEN {State.ORDINARY:d}")
        return f"CASE {' '.join(cases)} ELSE {State.ODD:d} END"

    def photo(self) -> str:
        """The link."""
        return self._text(self._columns.photo[:1])

    def _plain(self) -> str:
        """Whether the link, on a plain host, needs no rules."""
        url = self.photo()
        words = " OR ".join(f"contains({_SMALL_LINK}, '{word}')" for word in MANIFEST_WORDS)
        return (
            f"(regexp_full_match({url}, '{PLAIN_URL}') AND length({url}) <= {MAX_PLAIN_CHARS:d} AND NOT ({words})"
            f" AND NOT starts_with(coalesce({_SMALL_FORMAT}, ''), 'application/'))"
        )

    def record(self) -> str:
        """The id as a whole number, or NULL."""
        if self._columns.id is None:
            return "NULL" if self._prefixed else "line"
        cell = self._id()
        return (
            f"CASE WHEN try_cast({cell} AS BIGINT) BETWEEN 0 AND {MAX_INTEGER_ID:d}"
            f" AND CAST(try_cast({cell} AS BIGINT) AS VARCHAR) = {cell} THEN try_cast({cell} AS BIGINT) END"
        )

    def name(self) -> str:
        """The id as text, where it is no whole number."""
        if self._columns.id is None:
            return "$prefix || line" if self._prefixed else "NULL"
        return f"CASE WHEN ({self.record()}) IS NULL THEN {self._id()} END"

    def media_format(self) -> str:
        """The format that is claimed."""
        return self._text(self._columns.media_format)

    def texts(self) -> list[str]:
        """What is said besides, in the order of `asyncdl.saidfiles.TEXTS`."""
        return [self._text(getattr(self._columns, role)) for role in _SAID]

    def says_nothing(self) -> bool:
        """Whether no row of the table has any of the texts."""
        return all(text == _NOTHING for text in self.texts())

    def _id(self) -> str:
        assert self._columns.id is not None
        return self._text((self._columns.id,))

    def _text(self, columns: Sequence[Column]) -> str:
        """The first of these that says something."""
        found: list[str] = []
        for column in columns:
            if column.index >= 0:
                found.append(f"c{column.index}")
            if column.default:
                found.append(self._parameter(column.default))
                break
        if not found:
            return _NOTHING
        return found[0] if len(found) == 1 else f"coalesce({', '.join(found)})"

    def _parameter(self, value: str) -> str:
        for name, known in self.values.items():
            if known == value and name != "prefix":
                return f"${name}"
        name = f"default_{len(self.values)}"
        self.values[name] = value
        return f"${name}"

    def _sure_image(self) -> str:
        """Whether the row surely says nothing against being a picture."""
        if not self._only_images:
            return "true"
        kind = self._text(self._columns.kind)
        listed = ", ".join(f"'{kind}'" for kind in _SURE_KINDS)
        documents = " OR ".join(f"starts_with({_SMALL_FORMAT}, '{group}/')" for group in ("application", "text"))
        return (
            f"starts_with({_SMALL_FORMAT}, 'image') OR lower({kind}) IN ({listed})"
            f" OR ({kind} IS NULL AND ({_SMALL_FORMAT} IS NULL OR {documents}))"
        )

    def _clean(self) -> str:
        """Whether no cell that is kept needs trimming, cleaning or cutting. A link that stands alone needs none, or it would not be taken for one."""
        cells = [*self.texts(), self.media_format()]
        if self._columns.id is not None:
            cells.append(self._id())
        # Clean lines hold no control character of ASCII, so a text that is all ASCII needs a look at its ends only; of those only a blank comes before `!`.
        conditions = [
            f"({cell} IS NULL OR (length({cell}) <= {self._bounds.max_metadata_chars:d} AND CASE WHEN strlen({cell}) = length({cell})"
            f" THEN {cell} >= '!' AND NOT ends_with({cell}, ' ') ELSE NOT regexp_matches({cell}, '{_NEEDS_CARE}') END))"
            for cell in dict.fromkeys(cells)
            if cell != _NOTHING
        ]
        return " AND ".join(conditions) or "true"

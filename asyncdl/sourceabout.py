"""What is known of a source as a whole: `about.json` beside its rows, and proof that they are all there.

The last thing that an ingest writes into a source's folder (`asyncdl.sourcerows`) before the folder gets its name.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

from asyncdl.errors import CollectionError

ABOUT: Final = "about.json"
_FORMAT: Final = 2
"""1 had the texts of `asyncdl.saidfiles` in the parts."""
_MAX_ABOUT_BYTES: Final = 16_000_000


@dataclass(frozen=True, slots=True)
class About:
    """What is known of a source as a whole.

    `members` are its tables by number; `counts`, `rejects` and the length of the rejects file are what reading it came to. `choices` are those
    it was read with, as `asyncdl.ingest.choices` says them, `read_as` the columns that a person named (`id_column`, `url_column`). Where the lines of a list serve as ids, `line_prefix` stands before their numbers
    (None: a column names the records), `next_line` is the first number that is free, and `continues` the source whose numbers it took over
    (0: none), `continues_share` the share of that source's lines that it has.
    """

    name: str
    members: tuple[str, ...] = ()
    counts: Mapping[str, int] = field(default_factory=dict)
    rejects: Mapping[str, int] = field(default_factory=dict)
    rejects_bytes: int = 0
    doi: str = ""
    citation: str = ""
    rights: str = ""
    keep_columns: tuple[str, ...] = ()
    filters: tuple[str, ...] = ()
    choices: Mapping[str, Any] = field(default_factory=dict)
    read_as: Mapping[str, str] = field(default_factory=dict)
    line_prefix: str | None = None
    next_line: int = 0
    continues: int = 0
    continues_share: float = 0.0

    @property
    def cite(self) -> str:
        """How the source wants to be cited, in one line; empty where it does not say. A DOI that the text lacks is added."""
        doi = f"https://doi.org/{self.doi}" if self.doi else ""
        return (
            self.citation
            if self.doi and self.doi in self.citation.lower()
            else " ".join(part for part in (self.citation, doi) if part)
        )

    def save(self, folder: Path) -> None:
        """Write it, whole or not at all, and durably: it says that the folder is whole."""
        unfinished = folder / f"{ABOUT}.new"
        with unfinished.open("w", encoding="utf-8") as file:
            json.dump({"format": _FORMAT, **asdict(self)}, file, ensure_ascii=False, indent=1)
            file.flush()
            os.fsync(file.fileno())
        unfinished.rename(folder / ABOUT)

    @classmethod
    def load(cls, folder: Path) -> About:
        """Read it. Raises `CollectionError` when it is missing, damaged or of a later format."""
        path = folder / ABOUT
        try:
            if path.stat().st_size > _MAX_ABOUT_BYTES:
                raise CollectionError(f"{path} is larger than any real one", "restore a copy of the folder")
            values: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
            if (written := int(values.pop("format"))) != _FORMAT:
                todo = (
                    "use that version, or a newer one"
                    if written > _FORMAT
                    else "make the collection anew with `asyncdl init --reset`"
                )
                raise CollectionError(f"{path} was written by {'a newer' if written > _FORMAT else 'an older'} asyncdl", todo)
            for name in ("members", "keep_columns", "filters"):
                values[name] = tuple(values.get(name, ()))
            return cls(**values)
        except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
            raise CollectionError(f"{path} cannot be read: {error}", "restore a copy of the folder") from error

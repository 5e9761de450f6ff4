"""Which source of a collection a new one takes the place of: what it no longer names of that one is then gone.

Sources whose records have ids are compared by those; lists, whose lines have only numbers, by their links (`linenumbers`).
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from asyncdl.collection import Collection
from asyncdl.errors import CollectionError, UsageError
from asyncdl.ingest.comparing import Comparison
from asyncdl.ingest.spans import common_ranges
from asyncdl.sourceabout import About
from asyncdl.sourcerows import SourceRows, folders
from asyncdl.store import SourceState

ALIKE_SHARE: Final = 0.5
"""A source that has at least this share of an older one's records is a newer state of it."""

_WORDS: Final = ("auto", "none")


@dataclass(frozen=True, slots=True)
class Replaces:
    """What a person says about it: find it out (`auto`), nothing (`none`), or the number of a source."""

    word: str = "auto"
    number: int = 0

    @classmethod
    def decided(cls, number: int) -> Replaces:
        """What was decided earlier: a source, or none (0)."""
        return cls("", number) if number else cls("none")

    @classmethod
    def parse(cls, text: str) -> Replaces:
        """From a command line. Raises `UsageError`."""
        word = text.strip().lower()
        if word in _WORDS:
            return cls(word)
        if word.isascii() and word.isdigit() and 0 < int(word) < 1 << 31:
            return cls("", int(word))
        raise UsageError(
            f'--replaces: "{text[:60]}" cannot be used',
            "expected: auto, none, or the number of a source as `asyncdl status` shows it",
        )


@dataclass(frozen=True, slots=True)
class Living:
    """A source that was read to its end and that no other took the place of."""

    number: int
    name: str
    folder: Path
    about: About


@dataclass(frozen=True, slots=True)
class Replaced:
    """The source that is replaced. `share`: of its records or lines, those that come again."""

    number: int
    name: str
    share: float


def living_sources(
    collection: Collection, states: Sequence[SourceState], *, all_needed: bool,
    or_else: str = "add with --replaces none, which marks nothing as gone",
) -> list[Living]:  # fmt: skip
    """The living sources of a collection, oldest first.

    With `all_needed` it raises `CollectionError` for one whose parts are missing: what it names would pass for gone; `or_else` is what can be done
    but for restoring them. Otherwise that one is left out.
    """
    found = []
    for state in states:
        if not state.living:
            continue
        rows = SourceRows(collection.source_folder(state.id))
        if rows.whole:
            found.append(Living(state.id, state.name, rows.folder, rows.about))
        elif all_needed:
            raise CollectionError(
                f"{rows.folder} is missing: what source {state.id} ({state.name}) says is not known",
                f"restore a copy of the folder; or {or_else}",
            )
    return found


def unfinished_addition(collection: Collection, states: Sequence[SourceState]) -> SourceState | None:
    """The source whose addition was stopped after it was read; one that was stopped before has left nothing."""
    waiting = [state for state in states if not state.loaded and SourceRows(collection.source_folder(state.id)).whole]
    return waiting[0] if waiting else None


def earlier_lists(sources: Path) -> list[Living]:
    """The lists without ids among the sources of an earlier state of a collection, the newest first: for whoever numbers their lines again.

    `sources` is the folder of them; those that cannot be read are left out. Blocks, for as long as reading all of them takes.
    """
    found = []
    for folder in reversed(folders(sources)):
        rows = SourceRows(folder)
        with suppress(CollectionError):  # it may be damaged; what is made anew does without it
            if rows.about.line_prefix is not None:
                rows.read_through()
                found.append(Living(0, rows.about.name, folder, rows.about))
    return found


def chosen(replaces: Replaces, living: Sequence[Living]) -> Living | None:
    """The source that a person named; None when none was. Raises `UsageError` when it is none of the living ones."""
    if not replaces.number:
        return None
    for source in living:
        if source.number == replaces.number:
            return source
    known = ", ".join(f"{source.number} ({source.name})" for source in living)
    raise UsageError(
        f"--replaces: there is no living source {replaces.number}", f"there are: {known}" if known else "there is none"
    )


def replaced_by_records(new: Path, living: Sequence[Living], replaces: Replaces) -> Replaced | None:
    """The source that a new one of records with ids replaces: the one that was named, else the newest whose records come again.

    `new` is the folder of its parts. Blocks. Raises `UsageError` for a source that cannot be meant, `CollectionError` for parts that cannot be read.
    """
    if named := chosen(replaces, living):
        if named.about.line_prefix is not None:
            raise UsageError(
                f"--replaces: source {named.number} ({named.name}) has no column of ids, and the new source has one",
                "they have no record in common: --replaces none",
            )
    elif replaces.word == "none":
        return None
    with Comparison(new, []) as comparison:
        for source in [named] if named else sorted(living, key=lambda source: -source.number):
            if source.about.line_prefix is not None:
                continue
            share = comparison.share_again(source.folder, common_ranges(SourceRows(source.folder).ranges(), []))
            if named or share >= ALIKE_SHARE:
                return Replaced(source.number, source.name, share)
    return None

"""What can be wrong between rows and files: the table of damages, one finding, and a bounded collection of them."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from asyncdl.store import Discrepancies, StoredFile

MAX_EXAMPLES: Final = 1000
"""Findings kept for the report; all are counted."""


class Damage(StrEnum):
    """A kind of finding. The names are part of the JSON report."""

    MISSING = "missing"
    WRONG_SIZE = "wrong_size"
    WRONG_DIGEST = "wrong_digest"
    NOT_A_FILE = "not_a_file"
    BAD_PATH = "bad_path"
    UNREADABLE = "unreadable"
    ORPHAN = "orphan"
    UNSETTLED = "unsettled"
    STALE_PART = "stale_part"
    NOT_WHOLE = "not_whole"
    NO_DIGEST = "no_digest"


MEANINGS: Final[dict[Damage, str]] = {
    Damage.MISSING: "a row says saved, but the file is not there",
    Damage.WRONG_SIZE: "the file has another size than its row says",
    Damage.WRONG_DIGEST: "the file has another SHA-256 than its row says",
    Damage.NOT_A_FILE: "where the file should be is something else (a link, a folder)",
    Damage.BAD_PATH: "the path in the row leads out of the folder of files",
    Damage.UNREADABLE: "the file could not be read: look at its owner and at the disk",
    Damage.ORPHAN: "a file that no row knows",
    Damage.UNSETTLED: "placed by a run that was killed before it could note it; the next run settles it",
    Damage.STALE_PART: "an unfinished body of a run that was killed; the next run clears it",
    Damage.NOT_WHOLE: "adopted from an earlier tool without reading it, and not whole by its structure",
    Damage.NO_DIGEST: "adopted without reading it, so its SHA-256 is not in its row yet; --hash --fix notes it",
}

LEFT_BY_A_KILL: Final = frozenset({Damage.UNSETTLED, Damage.STALE_PART})
"""Settled by the next run."""

HARMLESS: Final = LEFT_BY_A_KILL | {Damage.NO_DIGEST}
"""Nothing is damaged."""

OF_ROWS: Final = frozenset({
    Damage.MISSING, Damage.WRONG_SIZE, Damage.WRONG_DIGEST, Damage.NOT_A_FILE, Damage.BAD_PATH, Damage.NOT_WHOLE,
})  # fmt: skip
"""Findings that are put right by fetching the image again. An unreadable file is not: its bytes may be well."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong. `path` is relative to the collection, `file` its row if it has one. Escape both texts.

    `sha256` is what a file without a digest in its row turned out to have.
    """

    damage: Damage
    path: str
    detail: str = ""
    file: StoredFile | None = None
    sha256: bytes = b""


class Findings:
    """Counts of all findings, and the first of them."""

    def __init__(self) -> None:
        self.counts: Counter[Damage] = Counter()
        self.examples: list[Finding] = []

    def add(self, finding: Finding) -> None:
        """Count a finding."""
        self.counts[finding.damage] += 1
        # There may be millions without a digest: they would leave no room for what is wrong.
        if finding.damage is not Damage.NO_DIGEST and len(self.examples) < MAX_EXAMPLES:
            self.examples.append(finding)


def count_discrepancies(found: Discrepancies | None) -> int:
    """How many differences a recount of the rows found."""
    return 0 if found is None else len(found.counters) + len(found.records) + len(found.stranded) + sum(found.by_table.values())

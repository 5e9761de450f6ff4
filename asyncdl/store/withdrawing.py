"""Records whose source was replaced: which of their images are gone, and an end for those that were still to be asked.

An image is gone when the living sources together would not make it today. Its file, if it has one, stays with its row; without one, and still
open, it ends as `withdrawn`. So does a manifest that is not read yet; who waits for it goes on with another link or ends too.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from typing import Final, NamedTuple

from asyncdl.errors import error_type_of_code
from asyncdl.model import JudgedRecord, ManifestTransition
from asyncdl.status import ImageStatus
from asyncdl.store import gone
from asyncdl.store.expansion import Expansion
from asyncdl.store.gone import Names
from asyncdl.store.interning import id_list
from asyncdl.store.ledger import FAILED, Ledger
from asyncdl.store.records import known_text_rows, text_id
from asyncdl.store.tally import WITHDRAWN
from asyncdl.store.unkeyed import look_up_keys
from asyncdl.store.waiting import Waiting

_OPEN: Final = (int(ImageStatus.PENDING), int(ImageStatus.RETRY))
_WITHDRAWN_NAME: Final = error_type_of_code(WITHDRAWN).name

_THERE: Final = "SELECT r.id FROM json_each(?) AS wanted CROSS JOIN records AS r ON r.id = wanted.value"
_OPEN_MANIFESTS: Final = """
SELECT m.id, m.record, m.url, m.key_hash, m.attempts FROM json_each(?) AS wanted CROSS JOIN manifests AS m ON m.record = wanted.value
WHERE m.status IN (0, 1) ORDER BY m.id
"""


class Withdrawal(NamedTuple):
    """What was marked and ended. `records_lost` have images that are newly gone; of `records_gone` no image is named any more."""

    images_gone: int = 0
    images_withdrawn: int = 0
    manifests_withdrawn: int = 0
    records_lost: frozenset[int] = frozenset()
    records_gone: frozenset[int] = frozenset()


def withdraw(connection: sqlite3.Connection, judged: Mapping[int, JudgedRecord], source: int, at_ms: int) -> Withdrawal:
    """Judge records (by row, see `rows_there`) after what the new `source` says of them was loaded."""
    if not judged:
        return Withdrawal()
    look_up_keys(connection, judged)
    names = {row: gone.names_of(record.living) for row, record in judged.items()}
    ledger = Ledger(connection, at_ms)
    manifests = _withdraw_manifests(ledger, names)
    named, unnamed = gone.split(connection, names)
    images = {image for found in unnamed.values() for image in found}
    new = images - gone.marked(connection, images)
    gone.mark(connection, sorted(new), source)
    ledger.read(sorted(new))
    for image in sorted(new):
        row = ledger.row(image)
        if row.status in _OPEN:
            ledger.move(row, FAILED, due=None, attempts=row.attempts, error=WITHDRAWN, place=(row.candidate, row.host))
    ledger.flush()
    ledger.tally.write(connection, at_ms)
    withdrawn = sum(ledger.row(image).status == FAILED and ledger.row(image).error == WITHDRAWN for image in new)
    lost = frozenset(row for row, found in unnamed.items() if found & new)
    return Withdrawal(len(new), withdrawn, manifests, lost, frozenset(row for row in lost if not named.get(row)))


def rows_there(connection: sqlite3.Connection, judged: Sequence[JudgedRecord]) -> dict[int, JudgedRecord]:
    """The records that the collection has, by row: of one whose links were all unusable there is nothing to judge."""
    texts = {text: record for record in judged if (text := text_id(record.external_id)) is not None}
    rows = {int(record.external_id): record for record in judged if text_id(record.external_id) is None}
    rows |= {row: texts[text] for text, row in known_text_rows(connection, texts).items()} if texts else {}
    there = connection.execute(_THERE, (id_list(rows),))
    return {row: rows[row] for (row,) in there}


def _withdraw_manifests(ledger: Ledger, names: Mapping[int, Names]) -> int:
    """End the manifests that are neither read nor named; returns how many."""
    expansion = Expansion(ledger, Waiting(ledger))
    open_ones: Iterable[tuple[int, int, str, int, int]] = ledger.connection.execute(_OPEN_MANIFESTS, (id_list(names),)).fetchall()
    ended = 0
    for manifest, record, url, key_hash, attempts in open_ones:
        if not names[record].has_manifest(url, key_hash):
            expansion.move(ManifestTransition(manifest, ImageStatus.FAILED, None, attempts, _WITHDRAWN_NAME))
            ended += 1
    ledger.flush()
    return ended

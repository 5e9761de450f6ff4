"""Fewer records, chosen by lot: at most N for each value of a column, or N in all.

The lot of a record is the MD5 of seed and id, so the choice depends on nothing else: not on the order of rows, the number of cores or
the version of anything. Both choices draw lots of their own, so a sample of what `--max-per` left is uniform too. The unit is the
record, since one cannot know before folding how many images its rows will come to.
"""

from __future__ import annotations

from typing import Final

from asyncdl.ingest.matching import delete_records
from asyncdl.ingest.rowtable import RowTable

RECORDS_PER_PASS: Final = 4_000_000
"""How many records are ranked at a time: bounds memory."""


def draw_sample(rows: RowTable, records: int, seed: int) -> None:
    """Leave so many records, each as likely as any other; all of them where there are no more."""
    rows.execute(
        f"CREATE TEMP TABLE drawn AS SELECT record, name FROM (SELECT DISTINCT record, name FROM rows)"
        f" ORDER BY {_lot('sample', seed)}, record, name LIMIT {records:d}"
    )
    _keep_drawn(rows)


def draw_per_value(rows: RowTable, values: str, records: int, seed: int) -> None:
    """Leave at most so many records for each value. `values`: a table of ours with record, name and value (at most one row per record).

    Records without a value count as having one and the same.
    """
    rows.execute(
        "CREATE TEMP TABLE valued AS SELECT rows.record, rows.name, lower(trim(coalesce(v.value, ''))) AS value"
        f" FROM (SELECT DISTINCT record, name FROM rows) AS rows LEFT JOIN {values} AS v"
        " ON rows.record = v.record WHERE rows.record IS NOT NULL"
        " UNION ALL SELECT rows.record, rows.name, lower(trim(coalesce(v.value, '')))"
        f" FROM (SELECT DISTINCT record, name FROM rows) AS rows LEFT JOIN {values} AS v"
        " ON rows.name = v.name WHERE rows.record IS NULL"
    )
    count = int(rows.execute("SELECT count(*) FROM valued").fetchall()[0][0])
    passes = 1 + count // RECORDS_PER_PASS
    rows.execute("CREATE TEMP TABLE drawn(record BIGINT, name VARCHAR)")
    for number in range(passes):
        rows.execute(
            f"INSERT INTO drawn SELECT record, name FROM valued WHERE hash(value) % {passes:d} = {number:d}"
            f" QUALIFY row_number() OVER (PARTITION BY value ORDER BY {_lot('max-per', seed)}, record, name) <= {records:d}"
        )
    rows.execute("DROP TABLE valued")
    _keep_drawn(rows)


def _keep_drawn(rows: RowTable) -> None:
    delete_records(rows, "drawn", listed=False)
    rows.execute("DROP TABLE drawn")


def _lot(purpose: str, seed: int) -> str:
    """A number for each record, evenly spread, as SQL. `purpose` is a word of ours."""
    return f"md5_number('{purpose}:{seed:d}:' || coalesce(CAST(record AS VARCHAR), 'name:' || name))"

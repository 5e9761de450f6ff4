"""A whole ingest into a database of its own, and what came of it: for tables of sources and what they should come to."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from asyncdl.collection import Collection
from asyncdl.ingest import IngestOptions, RejectReason, SourceFormat, SourceReport, detect, ingest
from asyncdl.sourcerows import SaidRow, SourceRows
from asyncdl.store import Store

OPTIONS = IngestOptions(memory_limit_bytes=200_000_000, fold_processes=1)


@dataclass(frozen=True)
class Ingested:
    """`images` are the candidates of each image of the records asked for; `rejects` member, line and reason, sorted."""

    source: SourceReport
    images: Mapping[int | str, list[list[str]]]
    rejects: list[tuple[str, int, str]]
    said: Mapping[int | str, tuple[SaidRow, ...]]


async def ingested(
    path: str | Path,
    folder: Path,
    records: Iterable[int | str] = (),
    options: IngestOptions = OPTIONS,
    format_hint: SourceFormat | None = None,
    **columns: str,
) -> Ingested:
    """Ingest a source; the accounts must balance, and nothing may be left in the scratch. Raises what ingest raises."""
    collection = Collection.create(folder)
    spec = detect(path, format_hint, **columns)
    try:
        async with await Store.create(collection.db, {}) as store:
            (source,) = (await ingest(store, collection, [spec], options)).sources
            images = {record: await _images(store, record) for record in records}
    finally:
        assert not any(collection.scratch.iterdir())
    assert source.counts.balanced, source.counts
    of_row = sum(number for reason, number in source.rejects.items() if reason.of_row and reason is not RejectReason.TOO_MANY_ROWS)
    assert of_row == source.counts.rows_rejected
    assert source.rejects.get(RejectReason.UNUSABLE_LINK, 0) == source.counts.links_rejected
    rejects = [line.split("\t") for line in source.rejects_path.read_text().splitlines()[1:]] if source.rejects_path else []
    rows = SourceRows(collection.source_folder(1))
    return Ingested(
        source,
        images,
        sorted((member, int(line), reason) for member, line, reason, _ in rejects),
        {record: rows.of_record(record) for record in images},
    )


async def _images(store: Store, record: int | str) -> list[list[str]]:
    found = await store.find_records(record)
    if not found:
        return []
    story = await store.record_story(found[0].id)
    assert story is not None
    return [[candidate.url for candidate in image.candidates] for image in story.images]

"""The story of one record, URL or host: what a person who asks "why?" is told, as a frozen value.

Finds out what was meant and gathers it; how it looks is in `explain_view`, its JSON in `explain_json`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path
from typing import Final

from asyncdl.collection import Holder
from asyncdl.errors import CollectionError
from asyncdl.lane_records import LaneRecord
from asyncdl.sourcerows import SaidRow, SourceRows, folders
from asyncdl.store import HostStory, ImageStory, RecordRow, RecordStory, SourceState
from asyncdl.store.reader import Reader
from asyncdl.urls import host_of, resolve

MAX_RECORDS: Final = 20
"""Records told when a URL belongs to several."""


class Subject(StrEnum):
    """What the question turned out to be about."""

    RECORD = "record"
    URL = "url"
    HOST = "host"


@dataclass(frozen=True, slots=True)
class RecordSaid:
    """What the sources say of one record: its media rows, and the columns of the occurrence that were kept.

    `earlier` are the rows of sources that others took the place of.
    """

    rows: tuple[SaidRow, ...] = ()
    kept: Mapping[str, str] = field(default_factory=dict)
    earlier: tuple[SaidRow, ...] = ()

    def of_image(self, image: ImageStory) -> tuple[SaidRow, ...]:
        """The rows that name a link of the image: those of living sources, else those of the sources that had named it, newest first."""
        links = {candidate.url for candidate in image.candidates}
        of_rows = (
            [row for row in rows if any(url in links or resolve(url).url in links for url in row.urls)]
            for rows in (self.rows, self.earlier)
        )
        return tuple(next(filter(None, of_rows), ()))


@dataclass(frozen=True, slots=True)
class Explanation:
    """All that is known of what was asked for. `asked_key` is the key of a URL; `lanes` are what is known of the lanes of all hosts named, by host."""

    asked: str
    at_ms: int
    subject: Subject
    records: tuple[RecordStory, ...] = ()
    host: HostStory | None = None
    lanes: Mapping[str, LaneRecord] = field(default_factory=dict)
    asked_key: str = ""
    running: Holder | None = None
    said: Mapping[int, RecordSaid] = field(default_factory=dict)
    """What the sources say of each record, by its row; a source that cannot be read says nothing."""
    sources: Mapping[int, SourceState] = field(default_factory=dict)
    """All sources, by number."""


async def explain(
    store: Reader, asked: str, now_ms: int, *, running: Holder | None = None, sources: Path | None = None
) -> Explanation | None:
    """Look for a record of that id, else a host of that name, else a URL; None when nothing is known of it.

    `sources` is the collection's folder of what its sources say.
    """
    found = await _explain(store, asked, now_ms, running=running)
    if found is None or not found.records:
        return found
    states = {state.id: state for state in await store.sources()}
    said = {}
    if sources is not None:
        dead = {number for number, state in states.items() if not state.living}
        said = {story.record.id: await asyncio.to_thread(_said, sources, story.record.external_id, dead) for story in found.records}
    return replace(found, said=said, sources=states)


def _said(sources: Path, record: int | str, dead: Collection[int]) -> RecordSaid:
    rows: list[SaidRow] = []
    earlier: list[SaidRow] = []
    kept: dict[str, str] = {}
    for folder in sorted(
        folders(sources), key=lambda folder: (int(folder.name) not in dead, int(folder.name))
    ):  # the living speak last
        number = int(folder.name)
        # `verify` is the place to be told of damage; a story without its source is one all the same.
        with suppress(CollectionError):
            found = [replace(row, source=number) for row in SourceRows(folder).of_record(record)]
            if number in dead:
                earlier[:0] = found
            else:
                rows += found
            kept |= SourceRows(folder).kept(record)
    return RecordSaid(tuple(rows), kept, tuple(earlier))


async def _explain(store: Reader, asked: str, now_ms: int, *, running: Holder | None) -> Explanation | None:
    asked = asked.strip()
    if not asked:
        return None
    if "://" not in asked:
        if rows := await store.find_records(asked):
            return await _of_records(store, rows, asked=asked, now_ms=now_ms, subject=Subject.RECORD, running=running)
        if story := await store.host_story(asked.lower().rstrip("/")):
            return Explanation(asked, now_ms, Subject.HOST, host=story, running=running)
    if rows := await store.find_by_url(asked, MAX_RECORDS):
        return await _of_records(store, rows, asked=asked, now_ms=now_ms, subject=Subject.URL, running=running)
    host = host_of(asked)
    story = await store.host_story(host) if host and _names_a_host_only(asked) else None
    return None if story is None else Explanation(asked, now_ms, Subject.HOST, host=story, running=running)


def key_of(image: ImageStory) -> str:
    """The canonical key of an image, recomputed from its first candidate; "" when no link is usable."""
    return next((key for candidate in image.candidates if (key := resolve(candidate.url).key)), "")


async def _of_records(
    store: Reader, rows: Iterable[RecordRow], *, asked: str, now_ms: int, subject: Subject, running: Holder | None
) -> Explanation:
    stories = [story for row in rows if (story := await store.record_story(row.id)) is not None]
    hosts = {image.state.host for story in stories for image in story.images}
    hosts |= {manifest.host for story in stories for manifest in story.manifests}
    lanes = await store.lanes_of_hosts(sorted(host for host in hosts if host))
    key = resolve(asked).key if subject is Subject.URL else ""
    return Explanation(asked, now_ms, subject, tuple(stories), lanes=lanes, asked_key=key, running=running)


def _names_a_host_only(asked: str) -> bool:
    """Whether a URL goes no further than its host: `https://herbarium.example/`."""
    return not asked.partition("://")[2].partition("/")[2].strip("/")

"""A small real collection with an image in every state, made through the store as ingest and a run would."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from asyncdl.collection import Collection
from asyncdl.ingest.rows import Identified, MediaRow
from asyncdl.ingest.rowtable import RowTable
from asyncdl.ingest.texts import SaidTexts
from asyncdl.lane_records import LaneRecord
from asyncdl.model import (
    Batch,
    CandidateKind,
    Evidence,
    Failure,
    FileRole,
    ManifestTransition,
    NewCandidate,
    NewFile,
    NewImage,
    NewManifest,
    NewRecord,
    Transition,
    WorkKind,
)
from asyncdl.sourceabout import About
from asyncdl.status import ImageStatus
from asyncdl.store import RunInfo, Store
from asyncdl.urls import host_of, key_hash, resolve

NOW_MS = 1_780_000_000_000
FAR_MS = 4_000_000_000_000
HOSTILE_URL = "https://evil.example.org/a\x1b[31m\u202egpj.exe?x=[red]"
HOSTILE_PAGE = "\x1b]0;owned\x07<b>Not [bold]found[/bold]\u202e here\nsecond line"
HOSTILE_ID = "SPEC [red]\x1b[2J/7"
SAVED_URL = "https://good.example.org/img/1.jpg"
MANIFEST_URL = "https://iiif.example.org/1/manifest.json"
NOT_FOUND_PAGE_URL = "https://good.example.org/img/missing.jpg"


@dataclass(frozen=True, slots=True)
class Sample:
    """The images of the sample by what became of them, as row ids."""

    root: Path
    saved: int
    raw: int
    not_found: int
    retrying: int
    waiting: int
    exhausted: int
    untouched: int
    no_url: int

    @property
    def collection(self) -> Collection:
        return Collection(self.root)


def new_image(*urls: str, kind: CandidateKind = CandidateKind.IMAGE) -> NewImage:
    """An image of these URLs, keyed by the first; ranks as they stand."""
    key = resolve(urls[0]).key or urls[0]
    hosts = [host_of(url) or ("evil.example.org" if "evil" in url else "") for url in urls]
    candidates = tuple(NewCandidate(url, place + 1, kind, hosts[place]) for place, url in enumerate(urls) if hosts[place])
    return NewImage(key, key_hash(key), candidates)


def stored_file(root: Path, external_id: int | str, number: int, content: bytes, extension: str = "jpg") -> NewFile:
    """Write a file where the collection keeps it; its row is for the caller to apply."""
    path = Collection(root).record_path(external_id, number, extension)
    target = root / path
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(content)
    digest = hashlib.sha256(content).digest()
    return NewFile(FileRole.ORIGINAL, path, len(content), digest, "image/jpeg", 40, 30)


def records() -> list[NewRecord]:
    manifest = NewManifest(MANIFEST_URL, "manifest", key_hash("manifest"), host_of(MANIFEST_URL))
    return [
        NewRecord(1000001, (new_image(SAVED_URL), new_image("https://good.example.org/img/2.dng"))),
        NewRecord(1000002, (new_image(NOT_FOUND_PAGE_URL, HOSTILE_URL), new_image("https://slow.example.org/3.jpg"))),
        NewRecord(1000003, (new_image(MANIFEST_URL, kind=CandidateKind.MANIFEST),), (manifest,)),
        NewRecord(HOSTILE_ID, (new_image("https://broken.example.org/4.jpg"),)),
        NewRecord(1000004, (new_image("https://busy.example.org/5.jpg"), NewImage("", 12345, ()))),
    ]


def say(collection: Collection, source: int) -> None:
    """What the source says of the first record."""
    row = MediaRow(
        0,
        7,
        ((SAVED_URL,),),
        "CC BY 4.0",
        "The [i]Museum[/i]",
        "A. Botanist\x1b[0m",
        "image/jpeg",
        "https://good.example.org/1",
        "A leaf",
    )
    folder = collection.source_folder(source)
    folder.mkdir(parents=True)
    with RowTable(collection.scratch / "rows", 200_000_000, 1) as rows:
        rows.insert([Identified(1000001, row)])
        SaidTexts(rows, folder).settle(everything=True)
        for _ in rows.write(folder):
            pass
    About("archive [x].zip", ("multimedia.txt",)).save(folder)


async def build(root: Path) -> Sample:
    """Make the collection in `root`."""
    collection = Collection.create(root)
    async with await Store.create(collection.db, {"image": "original"}) as store:
        source = await store.add_source("archive [x].zip", "dwca", "fingerprint")
        await store.load(records(), source=source.id)
        say(collection, source.id)
        await store.finish_source(source.id, 9, 1)
        sample = await _sample(store, root)
        await store.apply(_batch(sample), NOW_MS)
        run = await store.start_run(RunInfo(NOW_MS, "node1", 42, "1.0"))
        await store.finish_run(run, NOW_MS + 5000, 7, '{"saved": 2}')
    return sample


async def _sample(store: Store, root: Path) -> Sample:
    ids: dict[tuple[int | str, int], int] = {}
    for record in records():
        for row in await store.find_records(record.external_id):
            story = await store.record_story(row.id)
            assert story is not None
            ids |= {(record.external_id, image.state.number): image.state.id for image in story.images}
    return Sample(
        root,
        saved=ids[1000001, 0],
        raw=ids[1000001, 1],
        not_found=ids[1000002, 0],
        retrying=ids[1000002, 1],
        waiting=ids[1000003, 0],
        exhausted=ids[HOSTILE_ID, 0],
        untouched=ids[1000004, 0],
        no_url=ids[1000004, 1],
    )


def _batch(sample: Sample) -> Batch:
    root = sample.root
    page = Evidence("the page says no\x1b[1m", 404, "text/html", HOSTILE_PAGE, "https://good.example.org/sorry")
    return Batch(
        transitions=(
            Transition(sample.saved, ImageStatus.SUCCESS, None, 1, file=stored_file(root, 1000001, 0, b"jpeg one" * 100)),
            Transition(
                sample.raw, ImageStatus.SUCCESS, None, 1, "raw_unprocessed", file=stored_file(root, 1000001, 1, b"raw" * 500, "dng")
            ),
            Transition(
                sample.not_found, ImageStatus.FAILED, None, 1, "http_404", spent=((0, "http_404"), (1, "invalid_content_type"))
            ),
            Transition(sample.retrying, ImageStatus.RETRY, FAR_MS, 2, "timeout"),
            Transition(sample.exhausted, ImageStatus.EXHAUSTED, None, 4, "server_error"),
        ),
        failures=(
            Failure(WorkKind.IMAGE, sample.not_found, NOW_MS, "http_404", NOT_FOUND_PAGE_URL, "good.example.org", 1, page),
            Failure(WorkKind.IMAGE, sample.not_found, NOW_MS, "invalid_content_type", HOSTILE_URL, "evil.example.org", 1, page),
            Failure(WorkKind.IMAGE, sample.retrying, NOW_MS, "timeout", "https://slow.example.org/3.jpg", "slow.example.org", 2),
            Failure(
                WorkKind.IMAGE,
                sample.exhausted,
                NOW_MS + 9000,
                "server_error",
                "https://broken.example.org/4.jpg",
                "broken.example.org",
                4,
            ),
        ),
        lanes=(LaneRecord("busy.example.org", FAR_MS, "429: slow [b]down[/b]\x1b[5m", 3, NOW_MS),),
    )


async def fail_manifest(sample: Sample, error: str = "manifest_error") -> None:
    """The manifest of the sample ends, and the image that waits for it with it."""
    async with await Store.open(sample.collection.db) as store:
        (row,) = await store.find_records(1000003)
        story = await store.record_story(row.id)
        assert story is not None
        move = ManifestTransition(story.manifests[0].id, ImageStatus.FAILED, None, 1, error)
        await store.apply(Batch(manifests=(move,)), NOW_MS)


async def add_many(sample: Sample, images: int, to: ImageStatus = ImageStatus.FAILED, error: str = "http_410") -> list[int]:
    """One record more with so many images at one host, all in one state."""
    urls = [f"https://many.example.org/{number}.jpg" for number in range(images)]
    async with await Store.open(sample.collection.db) as store:
        await store.load([NewRecord(2000000, tuple(new_image(url) for url in urls))])
        (row,) = await store.find_records(2000000)
        story = await store.record_story(row.id)
        assert story is not None
        ids = [image.state.id for image in story.images]
        await store.apply(Batch(tuple(Transition(one, to, None, 1, error) for one in ids)), NOW_MS)
    return ids


def terminal_safe(text: str) -> bool:
    """Whether a terminal would show this output as it stands: nothing that moves, colours or reverses."""
    return all(character.isprintable() or character == "\n" for character in text)

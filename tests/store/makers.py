"""Short ways to say what a test puts into a store."""

from pathlib import Path
from typing import Any

from asyncdl.lane_records import LaneRecord
from asyncdl.model import (
    Batch,
    CandidateKind,
    Canvas,
    Failure,
    FileRole,
    ManifestTransition,
    NewCandidate,
    NewFile,
    NewImage,
    NewManifest,
    NewRecord,
    Transition,
    Work,
    WorkKind,
)
from asyncdl.status import ImageStatus
from asyncdl.store import QUEUE_START, Applied, Store
from asyncdl.urls import host_of

LATER = 1_800_000_000_000
NOW = 1_700_000_000_000


def candidate(url: str, rank: int = 1, kind: CandidateKind = CandidateKind.IMAGE) -> NewCandidate:
    return NewCandidate(url, rank, kind, host_of(url))


def image(key: int, *urls: str) -> NewImage:
    """An image whose candidates rank as they stand; a URL that ends in `manifest.json` is a manifest."""
    candidates = []
    for place, url in enumerate(urls):
        kind = CandidateKind.MANIFEST if url.endswith("manifest.json") else CandidateKind.IMAGE
        candidates.append(candidate(url, place + 1, kind))
    return NewImage(f"key-{key}", key, tuple(candidates))


def record(external_id: int | str, *images: NewImage, manifests: tuple[NewManifest, ...] = ()) -> NewRecord:
    return NewRecord(external_id, images, manifests)


def manifest(url: str, key: int) -> NewManifest:
    return NewManifest(url, f"key-{key}", key, host_of(url))


def canvas(key: int, *urls: str) -> Canvas:
    return Canvas(f"key-{key}", key, tuple(candidate(url, place + 1) for place, url in enumerate(urls)))


def file(name: str = "a.jpg", size_bytes: int = 100, role: FileRole = FileRole.ORIGINAL) -> NewFile:
    return NewFile(role, f"files/{name}", size_bytes, bytes(32), "image/jpeg", 40, 30)


def saved(image_id: int, size_bytes: int = 100) -> Transition:
    return Transition(image_id, ImageStatus.SUCCESS, None, 1, file=file(f"{image_id}.jpg", size_bytes))


def failed(image_id: int, error: str = "http_404") -> Transition:
    return Transition(image_id, ImageStatus.FAILED, None, 1, error=error)


def reopened(image_id: int) -> Transition:
    return Transition(image_id, ImageStatus.PENDING, 0, 0, candidate=0, reset_spent=True)


def failure(image_id: int, error: str = "server_error", at_ms: int = NOW, url: str = "https://a.org/1.jpg") -> Failure:
    return Failure(WorkKind.IMAGE, image_id, at_ms, error, url, host_of(url), 1)


async def new_store(path: Path, *records: NewRecord) -> Store:
    store = await Store.create(path / "collection.sqlite", {"image": "original"})
    if records:
        await store.load(records, source=1)
    return store


async def apply(
    store: Store,
    *moves: Transition,
    manifests: tuple[ManifestTransition, ...] = (),
    failures: tuple[Failure, ...] = (),
    lanes: tuple[LaneRecord, ...] = (),
) -> Applied:
    return await store.apply(Batch(moves, manifests, failures, lanes), NOW)


async def all_due(store: Store, kind: WorkKind = WorkKind.IMAGE, before_ms: int = LATER) -> list[Work]:
    """Everything that is due, host by host."""
    found: list[Work] = []
    for host in await store.hosts_due(0, 1000):
        after = QUEUE_START
        while page := await store.due_work(host.host_id, kind, after, before_ms, 2):
            found.extend(page)
            after = (await due_time(store, page[-1]), page[-1].id)
    return found


async def due_time(store: Store, work: Work) -> int:
    table = "images" if work.kind is WorkKind.IMAGE else "manifests"
    rows = await store._db.read(lambda raw: raw.execute(f"SELECT due FROM {table} WHERE id = ?", (work.id,)).fetchall())
    return int(rows[0][0])


async def query(store: Store, statement: str, *parameters: object) -> list[tuple[Any, ...]]:
    return await store._db.read(lambda raw: raw.execute(statement, parameters).fetchall())


async def consistent(store: Store) -> None:
    """Counters, roll-ups and the queue agree with the rows."""
    found = await store.discrepancies()
    assert found.counters == ()
    assert found.records == ()
    assert found.stranded == ()
    assert found.by_table == {}

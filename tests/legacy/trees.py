"""A small collection and the folder of an earlier tool beside it."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from asyncdl.clock import SystemClock
from asyncdl.collection import Collection
from asyncdl.legacy.account import Account, Reason
from asyncdl.legacy.adopt import Adoption, LegacyOptions, LegacyProgress
from asyncdl.legacy.claims import Claims, ListClaims, OldTree, TreeClaims
from asyncdl.model import NewRecord
from asyncdl.store import Discrepancies, Store, StoredFile
from tests.e2e.sources import photo
from tests.report.samples import new_image

PAGE = b"<!DOCTYPE html><html><body>" + b"not found " * 200
LINKED = LegacyOptions()
RECORDS = {
    1000001: ("https://a.example.org/1.jpg",),
    1000002: ("https://a.example.org/2a.jpg", "https://a.example.org/2b.jpg"),
    1000003: ("https://b.example.org/3.jpg",),
    77: ("https://b.example.org/77.jpg",),
}


@dataclass(frozen=True, slots=True)
class World:
    """The collection, the old folder, and what is asked of them."""

    collection: Collection
    old: Path

    def put(self, path: str, content: bytes) -> Path:
        """A file of the old tool."""
        target = self.old / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
        return target

    def listed(self, *lines: str) -> ListClaims:
        """A list of processed ids."""
        path = self.old.parent / "processed_ids.txt"
        path.write_bytes("".join(lines).encode())
        return ListClaims(path)

    async def adopt(
        self, claims: Claims | None = None, options: LegacyOptions = LINKED, *, dry_run: bool = False,
        rejects: Path | None = None, progress: list[LegacyProgress] | None = None,
    ) -> Account:  # fmt: skip
        """One import; the database is sound after it."""
        tree = OldTree(self.old)
        watch = None if progress is None else progress.append
        with Account(rejects) as account:
            async with await Store.open(self.collection.db, read_only=dry_run) as store:
                await Adoption(
                    self.collection, store, None if dry_run else store, tree, claims or TreeClaims(tree.root), options, account,
                    SystemClock(), watch,
                ).run()  # fmt: skip
                assert await store.discrepancies() == Discrepancies()
        return account

    async def files(self) -> dict[str, StoredFile]:
        """The rows of files by path."""
        async with await Store.open(self.collection.db, read_only=True) as store:
            return {file.path: file for file in await store.files_page(0, 1000)}

    async def flags(self) -> dict[tuple[int | str, int], tuple[str, str | None]]:
        """Status and error of every image by record and number."""
        async with await Store.open(self.collection.db, read_only=True) as store:
            states = await store.image_states(range(1, 20))
        return {(state.external_id, state.number): (state.status.label, state.error) for state in states.values()}

    def on_disk(self) -> set[str]:
        """What lies in the collection's folder of files, by path relative to the collection."""
        found = self.collection.files.rglob("*")
        return {path.relative_to(self.collection.root).as_posix() for path in found if path.is_file()}


async def build(place: Path) -> World:
    collection = Collection.create(place / "collection")
    async with await Store.create(collection.db, {}) as store:
        await store.load([NewRecord(record, tuple(new_image(url) for url in urls)) for record, urls in RECORDS.items()])
    (place / "old").mkdir()
    return World(collection, place / "old")


def snapshot(folder: Path) -> dict[str, tuple[int, int, int, bytes]]:
    """All that a dry run must not touch: inode, links, times and content of everything in a folder, but for SQLite's own log."""
    found = {}
    for path in sorted(folder.rglob("*")):
        state = path.lstat()
        content = path.read_bytes() if path.is_file() and not path.is_symlink() else os.fsencode(path.name)
        if not path.name.endswith(("-wal", "-shm")):
            found[str(path)] = (state.st_ino, state.st_nlink, 0 if path.is_dir() else state.st_mtime_ns, content)
    return found


def refused(account: Account) -> dict[Reason, int]:
    return dict(account.refused)


def status_database(path: Path, rows: Iterable[tuple[object, ...]], *, flags: bool = True) -> Path:
    """The status database of the later tool: `(gbif_id, image_no, urls, status, file_path, error_type)`."""
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(
            "CREATE TABLE images(gbif_id INTEGER NOT NULL, image_no INTEGER NOT NULL, image_key TEXT, urls TEXT, host TEXT, "
            f"status TEXT, file_path TEXT{', error_type TEXT' if flags else ''}, PRIMARY KEY(gbif_id, image_no))"
        )
        columns = "gbif_id, image_no, urls, status, file_path" + (", error_type" if flags else "")
        for row in rows:
            connection.execute(f"INSERT INTO images({columns}) VALUES ({', '.join('?' * len(row))})", row)
        connection.commit()
    return path


def jpeg(mark: str) -> bytes:
    return photo(mark)

"""`init --reset`, wired: the earlier state set aside, and its files adopted by the new database. Where it was stopped, any `init` goes on with it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Final

from asyncdl import setaside
from asyncdl.blobs import IntentJournal
from asyncdl.clock import Clock, SystemClock
from asyncdl.collection import Collection
from asyncdl.download.recover import recover
from asyncdl.errors import CollectionError, UsageError, WrittenByNewer
from asyncdl.ingest import IngestCounts, IngestProgress, Living, Stage, earlier_lists
from asyncdl.setaside import Phase, SetAside
from asyncdl.store import Store
from asyncdl.units import approximate_size
from asyncdl.upkeep.readopting import Readoption, ReadoptionProgress
from asyncdl.upkeep.readoption_account import ReadoptionAccount
from asyncdl.urls import KEYS_VERSION

_FILES: Final = "files"
_LOST: Final = "there was no database any more"


def _silent(_: object) -> None:
    """Nobody watches."""


class Reset:
    """One reset. `asked`: this call may begin it; without, it only goes on with one that was begun. `sources`: as they were typed.

    `tell` is called with what is worth a sentence. Afterwards `account` says what became of the files (None: nothing was reset), and `kept`
    where the earlier state lies.
    """

    def __init__(
        self, root: Path, sources: Sequence[str] = (), *, asked: bool = False, tell: Callable[[str], None] = _silent,
        clock: Clock | None = None,
    ) -> None:  # fmt: skip
        self.asked = asked
        self.account: ReadoptionAccount | None = None
        self.finished = False
        """Whether an earlier call had done everything but say so."""
        self._root = root
        self._sources = tuple(sources)
        self._tell = tell
        self._clock = clock or SystemClock()
        self._mark: SetAside | None = None

    @property
    def kept(self) -> Path | None:
        """The folder of the earlier state, while there is one to speak of."""
        return None if self._mark is None else self._root / self._mark.kept

    @property
    def under_way(self) -> bool:
        """Whether the collection is, or is to be, made anew: one that is whole is no obstacle then."""
        return self.asked or setaside.mark_of(self._root) is not None

    def claim(self) -> Collection:
        """The collection's folder, new or as it is. Raises `UsageError` when it holds something else, `EnvironmentStops`."""
        collection = Collection(self._root)
        if setaside.mark_of(self._root) is not None or (self.asked and collection.control.is_dir() and collection.intents.is_dir()):
            return Collection.claim(self._root)
        return Collection.open(self._root) if collection.db.exists() else Collection.create(self._root)

    async def begin(self) -> None:
        """Set the earlier state aside, or end what a killed call began. The caller holds the lock."""
        await asyncio.to_thread(self._end_what_was_begun)
        collection = Collection(self._root)
        if self.finished or (self._mark is not None and self._mark.phase is Phase.BUILDING):
            return
        if self._mark is None:
            if not self.asked or not (
                collection.db.exists() or any(entry != collection.part for entry in collection.files.iterdir())
            ):
                return
            await self._settle(collection)
            size = approximate_size(await asyncio.to_thread(setaside.kept_bytes, self._root))
            self._mark = await asyncio.to_thread(setaside.begin, self._root, self._clock.now().utc_ms, self._sources)
            self._tell(
                f"kept in {self._root / self._mark.kept}: the database as it is and the rows of its sources ({size}); the files stay where they are"
            )
        self._mark = await asyncio.to_thread(setaside.move, self._root, self._mark)

    def _end_what_was_begun(self) -> None:
        self._mark = mark = setaside.mark_of(self._root)
        if mark is None:
            return
        if mark.phase in (Phase.CLEARING, Phase.RESTORING):
            setaside.restore(self._root, mark)
            self._mark = None
        elif mark.phase is Phase.BUILDING and Collection(self._root).db.exists():
            setaside.forget(self._root)
            self.finished = True
        else:
            self._tell(f"going on with making it anew; what it was is kept in {self._root / mark.kept}")

    async def _settle(self, collection: Collection) -> None:
        """Put in order what a crashed run left, while there are rows that its journal is about."""
        if not collection.db.exists():
            return
        try:
            async with await Store.open(collection.db) as store:
                await recover(collection, store, IntentJournal(collection.intents / "journal"), self._clock.now())
        except WrittenByNewer:
            raise
        except CollectionError as error:
            self._tell(f"the database cannot be read: {error.what}")

    async def lists(self) -> Sequence[Living]:
        """The lists of the earlier state, whose lines keep their numbers; none, where there is no such state."""
        return [] if self.kept is None else await asyncio.to_thread(earlier_lists, Collection(self.kept).sources)

    async def start_over(self) -> None:
        """Forget what was built so far of other sources."""
        self._tell("what was built so far of other sources is forgotten")
        await asyncio.to_thread(setaside.drop_building, self._root)

    async def adopt(self, store: Store, progress: Callable[[IngestProgress], None]) -> None:
        """Adopt the files of the earlier state; nothing, where there is none. Raises `EnvironmentStops`."""

        def watch(now: ReadoptionProgress) -> None:
            progress(IngestProgress(_FILES, Stage.ADOPT, now.size_bytes, now.total_bytes, IngestCounts(images=now.files)))

        if self._mark is None or self.kept is None:
            return
        path = self._root / "rejects" / f"reset-{self.kept.name}.tsv"
        account = self.account = await ReadoptionAccount.go_on(store, path)
        database = Collection(self.kept).db
        if database.exists():
            async with _opened(database, account) as old:
                if old is not None:
                    same_rules = await _keys_version(old) == str(KEYS_VERSION)
                    await Readoption(self._root, old, store, account, self._clock, watch, same_rules=same_rules).run()
        else:
            account.unreadable = _LOST
        await store.add_event(self._clock.now().utc_ms, "reset", self._mark.kept, json.dumps(account.counts()))

    def finish(self) -> None:
        """The new database has its name."""
        if self._mark is not None:
            setaside.forget(self._root)

    def undone(self, error: UsageError) -> UsageError:
        """Put the earlier state back, because a source turned out not to be usable; returns the error to raise."""
        if self._mark is None:
            return error
        setaside.restore(self._root, self._mark)
        self._mark = None
        return type(error)(error.what, f"{error.todo}\nthe collection is as it was before".lstrip())


@asynccontextmanager
async def _opened(database: Path, account: ReadoptionAccount) -> AsyncIterator[Store | None]:
    """The earlier database; None when it cannot be opened, and the account says why."""
    try:
        store = await Store.open(database)
    except WrittenByNewer:
        raise
    except CollectionError as error:
        account.unreadable = error.what
        yield None
        return
    try:
        yield store
    finally:
        with suppress(CollectionError):  # damage is no news by now
            await store.close()


async def _keys_version(store: Store) -> str | None:
    try:
        return await store.get_meta("keys_version")
    except CollectionError:
        return None  # the first page will say what is wrong

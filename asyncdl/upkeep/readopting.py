"""The files of an earlier database of a collection adopted by the new one, on the proof of their digests; numbers and pauses carried over.

A page of records is one transaction with the cursor: numbers as they were, files that were read and found to be the same, counts. Killed at any instant
it goes on behind the last committed page. No file is moved, renamed or removed; what is not adopted is counted by reason and listed.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, NamedTuple, TypeVar

from asyncdl.clock import Clock
from asyncdl.errors import CollectionError
from asyncdl.model import Batch, FileRole, NewFile, NewRecord, Transition
from asyncdl.status import ImageStatus
from asyncdl.store import HeldImage, HeldRecord, Reader, Store, StoredFile
from asyncdl.upkeep.counterparts import Counterparts, counterparts, renumbered
from asyncdl.upkeep.filecheck import check_file
from asyncdl.upkeep.findings import Damage, Finding
from asyncdl.upkeep.readoption_account import ReadoptionAccount, Refusal, Refused
from asyncdl.urls import host_of

T = TypeVar("T")

PAGE_RECORDS: Final = 20_000
PAGE_FILES: Final = 2_000
"""Records, and files to read, of one commit: with files of a megabyte one comes every ten seconds or so."""

MAX_THREADS: Final = 4
_LANES: Final = 1_000
_STRIDE_FILES: Final = 64
_REFUSALS: Final = {
    Damage.MISSING: Refusal.MISSING, Damage.WRONG_SIZE: Refusal.WRONG_SIZE, Damage.WRONG_DIGEST: Refusal.WRONG_DIGEST,
    Damage.NOT_A_FILE: Refusal.NOT_A_FILE, Damage.BAD_PATH: Refusal.BAD_PATH, Damage.UNREADABLE: Refusal.UNREADABLE,
    Damage.NOT_WHOLE: Refusal.NOT_WHOLE,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class ReadoptionProgress:
    """How far it is: files dealt with and their bytes, of those that the earlier database has."""

    files: int = 0
    size_bytes: int = 0
    total_bytes: int = 0


class _Pair(NamedTuple):
    """A record of both databases, and what the images of the one are in the other."""

    old: HeldRecord
    new: HeldRecord
    matched: Counterparts


class _Matched(NamedTuple):
    """The same when everything is there: by earlier image the new one."""

    old: HeldRecord
    new: HeldRecord
    images: Mapping[int, int]


class _Proven(NamedTuple):
    """A file that was read and is what its row says, with the digest it has, and the earlier image whose it is."""

    image: HeldImage
    file: StoredFile
    sha256: bytes


@dataclass(slots=True)
class _Page:
    """What became of the files of one page."""

    pairs: list[_Pair] = field(default_factory=list)
    proven: list[_Proven] = field(default_factory=list)
    refused: list[Refused] = field(default_factory=list)
    lost: set[int] = field(default_factory=set)
    """Earlier images whose original is refused."""
    files: int = 0
    size_bytes: int = 0


class Readoption:
    """One re-adoption. `old` is the earlier database, `new` the one that is being made; `same_rules`: the same key rules made both."""

    def __init__(
        self, root: Path, old: Reader, new: Store, account: ReadoptionAccount, clock: Clock,
        watch: Callable[[ReadoptionProgress], None], *, same_rules: bool,
    ) -> None:  # fmt: skip
        self._root = root
        self._old = old
        self._new = new
        self._account = account
        self._clock = clock
        self._watch = watch
        self._same_rules = same_rules
        self._total_bytes = 0

    async def run(self) -> None:
        """Deal with every record of the earlier database. What it came to is in the account.

        An earlier database that turns out to be damaged ends it: the account says so, and what was adopted until there stays.
        """
        try:
            self._total_bytes = await self._of_old(self._old.saved_bytes())
            self._tell(0, 0)
            if self._account.after_row is None:
                await self._carry_lanes()
            with ThreadPoolExecutor(min(MAX_THREADS, (os.cpu_count() or 1) + 1), "readopt") as pool:
                try:
                    while held := await self._of_old(self._old.held_page(self._last_row(), PAGE_RECORDS, PAGE_FILES)):
                        await self._commit(held[-1].row, await self._look(held, pool))
                finally:
                    pool.shutdown(wait=True, cancel_futures=True)
        except _DamagedError as error:
            self._account.unreadable = str(error)
            await self._account.save(self._new)

    def _last_row(self) -> int:
        return -1 if self._account.after_row is None else self._account.after_row

    async def _of_old(self, question: Awaitable[T]) -> T:
        """What the earlier database answers; damage there is no reason to fail."""
        try:
            return await question
        except CollectionError as error:
            raise _DamagedError(error.what) from error

    async def _carry_lanes(self) -> None:
        """What was learnt and ordered of hosts, pauses first of all: whoever asked to be left alone is left alone."""
        after = ""
        while lanes := await self._of_old(self._old.lanes_page(after, _LANES)):
            after = lanes[-1].lane
            await self._new.apply(Batch(lanes=tuple(lanes)), self._clock.now().utc_ms)
            for order in (lane.order for lane in lanes if lane.order is not None):
                await self._new.order(order)
            self._account.lanes += len(lanes)

    # ---- looking

    async def _look(self, held: Sequence[HeldRecord], pool: ThreadPoolExecutor) -> _Page:
        """Match the records of a page, and read the files whose images have a counterpart."""
        rows = await self._new.record_rows([old.external_id for old in held])
        records = await self._new.held_records(list(rows.values()))
        saved = [image.id for old in held for image in old.images if image.status is ImageStatus.SUCCESS]
        files: dict[int, list[StoredFile]] = {}
        for file in await self._of_old(self._old.files_of(saved)) if saved else ():
            files.setdefault(file.image, []).append(file)
        page = _Page(
            files=sum(map(len, files.values())), size_bytes=sum(file.size_bytes for several in files.values() for file in several)
        )
        wanted: list[tuple[HeldImage, StoredFile]] = []
        for old in held:
            new = records.get(rows.get(old.external_id, -1))
            matched = Counterparts() if new is None else counterparts(old, new, same_rules=self._same_rules)
            if new is not None:
                page.pairs.append(_Pair(old, new, matched))
            for image in old.images:
                if image.id in matched.images or image.id in matched.brought:
                    wanted += ((image, file) for file in files.get(image.id, ()))
                else:
                    why = Refusal.NO_RECORD if new is None else Refusal.SAME_PHOTO if image.id in matched.same else Refusal.NO_IMAGE
                    page.refused += (Refused(file.path, why) for file in files.get(image.id, ()))
        await self._read(wanted, page, pool)
        return page

    async def _read(self, wanted: Sequence[tuple[HeldImage, StoredFile]], page: _Page, pool: ThreadPoolExecutor) -> None:
        """Read files, several at once, and judge each by its row."""
        loop = asyncio.get_running_loop()
        files, size_bytes = page.files - len(wanted), page.size_bytes - sum(file.size_bytes for _, file in wanted)
        for start in range(0, len(wanted), _STRIDE_FILES):
            stride = wanted[start : start + _STRIDE_FILES]
            checks = (loop.run_in_executor(pool, _check, self._root, file) for _, file in stride)
            for (image, file), finding in zip(stride, await asyncio.gather(*checks), strict=True):
                size_bytes += file.size_bytes
                if finding is None or finding.damage is Damage.NO_DIGEST:
                    page.proven.append(_Proven(image, file, file.sha256 if finding is None else finding.sha256))
                else:
                    page.refused.append(Refused(file.path, _REFUSALS[finding.damage], finding.detail))
                    if file.role is FileRole.ORIGINAL:
                        page.lost.add(image.id)
            self._tell(files + start + len(stride), size_bytes)

    def _tell(self, files: int, size_bytes: int) -> None:
        account = self._account
        self._watch(ReadoptionProgress(account.files + files, account.size_bytes + size_bytes, self._total_bytes))

    # ---- committing

    async def _commit(self, last_row: int, page: _Page) -> None:
        """Numbers, files, counts and cursor of a page, in one transaction."""
        proven = _whole_images(page)
        account = self._account
        account.list_refused(page.refused)
        async with self._new.transaction():
            pairs = await self._with_brought(page.pairs, {one.image.id for one in proven})
            numbers = [found for old, new, images in pairs if (found := renumbered(old, new, images)) is not None]
            if numbers:
                await self._new.renumber(numbers)
            targets = {image: found for _, new, images in pairs for image, found in _found(new, images)}
            moves = [_move(one, targets[one.image.id]) for one in proven]
            if moves:
                await self._new.apply(Batch(tuple(moves)), self._clock.now().utc_ms)
            account.renumbered += sum(len(found.numbers) for found in numbers)
            account.files += page.files
            account.size_bytes += page.size_bytes
            account.adopted += len(proven)
            account.adopted_bytes += sum(one.file.size_bytes for one in proven)
            account.digests_noted += sum(not one.file.sha256 for one in proven)
            account.after_row = last_row
            await account.save(self._new)

    async def _with_brought(self, pairs: Sequence[_Pair], proven: AbstractSet[int]) -> list[_Matched]:
        """Earlier and new record with what the images of the one are in the other; those that a manifest brought are made, where their file is good."""
        brought = {
            pair.new.row: {image: new for image, new in pair.matched.brought.items() if image in proven}
            for pair in pairs
            if pair.matched.brought
        }
        brought = {row: images for row, images in brought.items() if images}
        records: Mapping[int, HeldRecord] = {}
        if brought:
            ids = {pair.new.row: pair.new.external_id for pair in pairs}
            await self._new.load([NewRecord(ids[row], tuple(images.values())) for row, images in brought.items()])
            records = await self._new.held_records(list(brought))
        found = []
        for old, new, matched in pairs:
            images = {image: counterpart.id for image, counterpart in matched.images.items()}
            record = records.get(new.row, new)
            by_key = {image.key_hash: image.id for image in record.images}
            images |= {image: by_key[made.key_hash] for image, made in brought.get(new.row, {}).items()}
            found.append(_Matched(old, record, images))
        return found


class _DamagedError(Exception):
    """The earlier database cannot be read any further."""


def _check(root: Path, file: StoredFile) -> Finding | None:
    return check_file(root, file, read=True)


def _whole_images(page: _Page) -> list[_Proven]:
    """The proven files without what was made from an original that is lost, which is refused; originals first."""
    page.refused += (Refused(one.file.path, Refusal.NO_ORIGINAL) for one in page.proven if one.image.id in page.lost)
    kept = [one for one in page.proven if one.image.id not in page.lost]
    return sorted(kept, key=lambda one: one.file.role is not FileRole.ORIGINAL)


def _found(new: HeldRecord, images: Mapping[int, int]) -> Iterator[tuple[int, HeldImage]]:
    by_id = {image.id: image for image in new.images}
    yield from ((image, by_id[found]) for image, found in images.items())


def _move(one: _Proven, target: HeldImage) -> Transition:
    """The move that gives an image the file it had, with the mark, the attempts and the link it had it with."""
    image, file = one.image, one.file
    new_file = NewFile(
        file.role, file.path, file.size_bytes, one.sha256, file.media_type, file.width, file.height, file.recipe, file.created_ms
    )
    link = image.stands_with
    position = next((found.position for found in target.candidates if link is not None and found.url == link.url), None)
    host = None if link is None or position is None else host_of(link.url)
    return Transition(target.id, ImageStatus.SUCCESS, None, image.attempts, image.error, position, host, new_file)

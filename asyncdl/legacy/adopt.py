"""The import itself: claims become rows, batch by batch; a file lies in its place before its row says so.

A batch that a kill interrupts leaves files without rows, which the next import finds to be the same bytes and takes; rows
without files it never leaves. What is saved already stays as it is. Without a store that writes it is a dry run.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Final, NamedTuple, TypeVar

from asyncdl.clock import Clock
from asyncdl.collection import Collection
from asyncdl.errors import UsageError
from asyncdl.imaging.verdict import RAW_UNPROCESSED
from asyncdl.legacy.account import Account, Reason, Refused
from asyncdl.legacy.claims import Claim, Claims, OldTree, preference
from asyncdl.legacy.giving import Giver, Mode, remove, same_bytes
from asyncdl.legacy.looking import Seen, look
from asyncdl.legacy.matching import Match, match
from asyncdl.model import Batch, FileRole, NewFile, Transition
from asyncdl.status import ImageStatus
from asyncdl.store import Reader, Store
from asyncdl.terminal import printable

BATCH_CLAIMS: Final = 50_000
BATCH_CLAIMS_READ: Final = 2_000
"""Claims of one commit; fewer where every byte is read, so that a commit comes every minute or so."""

MAX_THREADS: Final = 4
UNVERIFIED: Final = "legacy_unverified_index"
ADOPTED_FROM: Final = "adopted from "
_SLICE_IMAGES: Final = 64
_MAX_PATH_CHARS: Final = 1000
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class LegacyOptions:
    """What becomes of the old files, and whether each is read as a whole (a copy always is)."""

    mode: Mode = Mode.LINK
    hash_files: bool = False

    @property
    def reads(self) -> bool:
        """Whether every byte is read: then the digest is known and the structure is checked."""
        return self.hash_files or self.mode is Mode.COPY


@dataclass(frozen=True, slots=True)
class LegacyProgress:
    """How far it is. `fraction` of the source, 0 to 1, or None where nobody knows the whole."""

    looked_at: int
    adopted: int
    bytes_read: int
    fraction: float | None
    seconds: float


class _Adopted(NamedTuple):
    match: Match
    seen: Seen
    path: str


@dataclass(slots=True)
class _Settled:
    """What became of the claims on one image. `old` are files that may go once the row is committed."""

    adopted: _Adopted | None = None
    already_there: int = 0
    refused: list[Refused] = field(default_factory=list)
    old: list[tuple[Path, Path]] = field(default_factory=list)


Watch = Callable[[LegacyProgress], None]


class Adoption:
    """One import. `store` answers; `writer`, the same store when it may write, is None for a dry run."""

    def __init__(
        self, collection: Collection, store: Reader, writer: Store | None, tree: OldTree, claims: Claims, options: LegacyOptions,
        account: Account, clock: Clock, watch: Watch | None = None,
    ) -> None:  # fmt: skip
        self._collection = collection
        self._root = collection.root.resolve()
        self._store = store
        self._writer = writer
        self._tree = tree
        self._claims = claims
        self._options = options
        self._account = account
        self._clock = clock
        self._began = clock.now()
        self._watch = watch
        self._taken = _Bits()
        self._done: float | None = None
        same_device = tree.root.stat().st_dev == collection.files.stat().st_dev
        if options.mode is Mode.LINK and not same_device:
            raise UsageError(
                f"{tree.root} and {collection.files} are on different file systems: a file cannot have a name on both",
                "--copy makes copies and leaves the old files; --move removes each old file once its copy is committed",
            )
        self._giver = Giver(self._root, collection.part, options.mode, same_device=same_device)

    async def run(self) -> None:
        """Take claim after claim; the figures are in the account.

        Raises `UsageError` when files cannot be linked, `EnvironmentStops` and OSError when the collection's disk does not let us.
        """
        size = BATCH_CLAIMS_READ if self._options.reads else BATCH_CLAIMS
        found = iter(self._claims)
        with ThreadPoolExecutor(min(MAX_THREADS, (os.cpu_count() or 1) + 1), "adopt") as pool:
            try:
                while batch := await asyncio.to_thread(_take, found, size):
                    await self._settle_batch(batch, pool)
            finally:
                pool.shutdown(wait=True, cancel_futures=True)

    async def _settle_batch(self, batch: Sequence[Claim | Refused], pool: ThreadPoolExecutor) -> None:
        self._account.refuse(one for one in batch if isinstance(one, Refused))
        self._account.tally.looked_at += sum(isinstance(one, Refused) for one in batch)
        claims = [one for one in batch if isinstance(one, Claim)]
        unique = list(dict.fromkeys(claims))
        repeated = len(claims) - len(unique)
        matches, refused = await match(self._store, unique)
        self._account.refuse(refused)
        self._account.tally.looked_at += len(refused) + repeated
        if repeated:
            self._account.refuse(_repeats(claims))
        groups: dict[int, list[Match]] = {}
        for one in matches:
            groups.setdefault(one.image.id, []).append(one)
        settled: list[_Settled] = []
        adopted = 0
        work = list(groups.values())
        stride = _SLICE_IMAGES * MAX_THREADS
        for start in range(0, len(work), stride):
            new = await self._settle_stride(work[start : start + stride], pool)
            settled += new
            adopted += sum(one.adopted is not None for one in new)
            self._tell(adopted, len(settled) / len(work))
        self._done = self._claims.fraction()
        await self._commit(settled)

    async def _settle_stride(self, groups: Sequence[list[Match]], pool: ThreadPoolExecutor) -> list[_Settled]:
        """Settle some images in threads."""
        loop = asyncio.get_running_loop()
        slices = [groups[start : start + _SLICE_IMAGES] for start in range(0, len(groups), _SLICE_IMAGES)]
        parts = await asyncio.gather(*(loop.run_in_executor(pool, self._settle_slice, part) for part in slices))
        settled = [one for part in parts for one in part]
        tally = self._account.tally
        tally.looked_at += sum(len(group) for group in groups)
        if self._options.reads:
            tally.bytes_read += sum(one.adopted.seen.size_bytes for one in settled if one.adopted is not None)
        return settled

    def _tell(self, adopted: int, share: float) -> None:
        """Tell how far it is, `share` of the present batch being settled and `adopted` of it good."""
        if self._watch is None:
            return
        tally = self._account.tally
        ahead = self._claims.fraction()  # of what was read, the whole batch: it is as far as its claims are settled
        behind = self._done or 0.0
        fraction = None if ahead is None else behind + share * (ahead - behind)
        seconds = self._clock.now().monotonic - self._began.monotonic
        self._watch(LegacyProgress(tally.looked_at, tally.adopted + adopted, tally.bytes_read, fraction, seconds))

    def _settle_slice(self, groups: Sequence[list[Match]]) -> list[_Settled]:
        return [self._settle(sorted(group, key=lambda one: preference(one.claim))) for group in groups]

    def _settle(self, group: Sequence[Match]) -> _Settled:
        """The claims on one image, the one to prefer first: the first good file is adopted, unless the image is saved."""
        settled = _Settled()
        for one in group:
            image = one.image
            if image.status is ImageStatus.SUCCESS or image.id in self._taken:
                self._compare(one, settled)
            elif settled.adopted is not None:
                settled.refused.append(Refused(one.claim.said, Reason.IMAGE_SAVED, "another file of this import"))
            elif isinstance(found := self._adopt(one), Refused):
                settled.refused.append(found)
            else:
                settled.adopted = found
                settled.old.append((self._tree.root / found.seen.path, self._root / found.path))
        return settled

    def _adopt(self, one: Match) -> _Adopted | Refused:
        claim, image = one.claim, one.image
        old = self._tree.find(claim)
        if old is None:
            return Refused(claim.said, Reason.MISSING)
        if not self._tree.holds(old):
            return Refused(old, Reason.OUTSIDE)
        seen = look(self._tree.root, old, read=self._options.reads)
        if isinstance(seen, Refused):
            return seen
        path = self._collection.record_path(image.record, image.number, seen.extension)
        source = self._tree.root / old
        if self._writer is None:
            taken = os.path.lexists(self._root / path) and not same_bytes(source, self._root / path)
            refused = Refused(path, Reason.NAME_TAKEN) if taken else None
        else:
            refused = self._giver.give(source, path, image.id)
        return _Adopted(one, seen, path) if refused is None else Refused(old, refused.reason, refused.said)

    def _compare(self, one: Match, settled: _Settled) -> None:
        """Judge a claim on an image that has a file: it may be the very file of the claim."""
        claim, image = one.claim, one.image
        old = self._tree.find(claim)
        if image.status is not ImageStatus.SUCCESS:  # a dry run, which has only counted it
            ours = not claim.path
        elif old is None or not self._tree.holds(old):
            ours = image.recipe.startswith(ADOPTED_FROM)
        else:
            ours = image.recipe == origin(old) or _one_file(self._tree.root / old, self._root / image.path)
            if ours:
                settled.old.append((self._tree.root / old, self._root / image.path))
        if ours:
            settled.already_there += 1
        else:
            settled.refused.append(Refused(claim.said, Reason.IMAGE_SAVED))

    async def _commit(self, settled: Sequence[_Settled]) -> None:
        """Have the new names on the disk, then commit their rows, then let go of old files where that was asked for."""
        adopted = [one.adopted for one in settled if one.adopted is not None]
        if self._writer is not None and adopted:
            await asyncio.to_thread(self._giver.sync)
            await self._writer.apply(Batch(tuple(_move(one) for one in adopted)), self._clock.now().utc_ms)
        else:
            self._taken.add(one.match.image.id for one in adopted)
        tally = self._account.tally
        tally.adopted += len(adopted)
        tally.adopted_bytes += sum(one.seen.size_bytes for one in adopted)
        tally.unverified += sum(not one.match.exact for one in adopted)
        tally.already_there += sum(one.already_there for one in settled)
        self._account.refuse(refused for one in settled for refused in one.refused)
        if self._writer is not None and self._options.mode is Mode.MOVE:
            old = [pair for one in settled for pair in one.old]
            tally.old_files_removed += await asyncio.to_thread(remove, old)


def origin(path: str) -> str:
    """What the row of an adopted file says of where it comes from: its path in the old tree."""
    return ADOPTED_FROM + printable(path, _MAX_PATH_CHARS)


class _Bits:
    """A set of row numbers in one bit each: what a dry run has counted already."""

    def __init__(self) -> None:
        self._bits = bytearray()

    def __contains__(self, number: int) -> bool:
        place = number >> 3
        return place < len(self._bits) and bool(self._bits[place] >> (number & 7) & 1)

    def add(self, numbers: Iterator[int]) -> None:
        """Add row numbers."""
        for number in numbers:
            place = number >> 3
            if place >= len(self._bits):
                self._bits.extend(bytes(place + 1 - len(self._bits)))
            self._bits[place] |= 1 << (number & 7)


def _move(one: _Adopted) -> Transition:
    image, seen = one.match.image, one.seen
    file = NewFile(
        FileRole.ORIGINAL, one.path, seen.size_bytes, seen.sha256, seen.media_type, seen.width, seen.height, origin(seen.path)
    )
    flag = UNVERIFIED if not one.match.exact else RAW_UNPROCESSED if seen.raw else None
    return Transition(image.id, ImageStatus.SUCCESS, None, image.attempts, error=flag, file=file)


def _one_file(old: Path, kept: Path) -> bool:
    try:
        return os.path.samestat(old.lstat(), kept.lstat())
    except OSError:
        return False


def _take(found: Iterator[T], size: int) -> list[T]:
    return list(islice(found, size))


def _repeats(claims: Sequence[Claim]) -> Iterator[Refused]:
    seen: set[Claim] = set()
    for claim in claims:
        if claim in seen:
            yield Refused(claim.said, Reason.REPEATED)
        seen.add(claim)

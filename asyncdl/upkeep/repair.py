"""Putting right what `verify` found: damaged and strange files move to quarantine, their rows become due again.

Nothing is ever deleted. Only the holder of the collection's lock may use it. A file moves before its row, so
a kill in between leaves a missing file, which the next `verify` finds.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Final

from asyncdl.clock import iso_utc
from asyncdl.model import Batch, Transition
from asyncdl.status import ImageStatus
from asyncdl.store import ImageState, Store, StoredFile
from asyncdl.upkeep.filecheck import is_inside
from asyncdl.upkeep.findings import Finding, count_discrepancies

QUARANTINE: Final = "quarantine"
_MAX_SAME_NAMES: Final = 1000
_MAX_ROUNDS: Final = 20


class Repair:
    """The repairs of one `verify --fix`.

    `images_reopened`, `files_moved` and `digests_noted` count what was put right, `unfixed` what is still wrong, in files and rows;
    `problems` says of the first of them why.
    """

    def __init__(self, root: Path, store: Store, at_ms: int) -> None:
        self._root = root
        self._store = store
        self._at_ms = at_ms
        self.folder: Path | None = None
        self.images_reopened = 0
        self.files_moved = 0
        self.digests_noted = 0
        self.unfixed = 0
        self.problems: list[str] = []

    async def rows(self, findings: Sequence[Finding]) -> None:
        """Re-open the images of these findings; all files they have, damaged or not, go to quarantine."""
        by_image: dict[int, list[Finding]] = {}
        for finding in findings:
            if finding.file is not None:
                by_image.setdefault(finding.file.image, []).append(finding)
        files = await self._store.files_of(list(by_image))
        failed = await asyncio.to_thread(self._move_files, files)
        moves = tuple(Transition(image, ImageStatus.PENDING, 0, 0, reset_spent=True) for image in by_image if image not in failed)
        await self._store.apply(Batch(transitions=moves), self._at_ms)
        states = await self._store.image_states(list(by_image))
        for image, found in by_image.items():
            state = states.get(image)
            if state is not None and state.status is ImageStatus.SUCCESS:
                self.unfixed += len(found)
                if image not in failed:
                    self._note(f"{found[0].path}: no usable link to fetch it again")
            else:
                self.images_reopened += 1

    async def digests(self, findings: Sequence[Finding]) -> None:
        """Note the digests of files that were read for the first time."""
        known = [(finding.file.id, finding.sha256) for finding in findings if finding.file is not None]
        await self._store.note_digests(known)
        self.digests_noted += len(known)

    async def strays(self, findings: Sequence[Finding]) -> None:
        """Move files that belong to no row."""
        for path in await asyncio.to_thread(self._move_all, [finding.path for finding in findings]):
            self._note(path)
            self.unfixed += 1

    async def counters(self, tell: Callable[[int], None] | None = None) -> None:
        """Recompute counters and roll-ups, and put rows that nothing would ever wake back into the queue."""
        for _ in range(_MAX_ROUNDS):
            states = await self._store.image_states((await self._store.discrepancies()).stranded)
            moves = tuple(_woken(state) for state in states.values())
            if not (await self._store.apply(Batch(transitions=moves), self._at_ms)).images_moved:
                break
        await self._store.rebuild_counters(tell)
        self.unfixed += count_discrepancies(await self._store.discrepancies())

    def _move_files(self, files: Iterable[StoredFile]) -> set[int]:
        """Move the files of rows; returns the images of which one could not be moved."""
        failed = set()
        for file in files:
            if is_inside(file.path) and (problem := self._move(file.path)):
                self._note(problem)
                failed.add(file.image)
        return failed

    def _move_all(self, paths: Iterable[str]) -> list[str]:
        return [problem for path in paths if (problem := self._move(path))]

    def _move(self, path: str) -> str | None:
        """Move one file to quarantine under the same relative path; returns what went wrong. A missing file is no problem."""
        source = self._root / path
        if not os.path.lexists(source):
            return None
        try:
            target = self._quarantine() / path
            target.parent.mkdir(parents=True, exist_ok=True)
            if os.path.lexists(target):  # rename would replace it
                return f"{path}: {target} exists"
            source.rename(target)
        except OSError as error:
            return f"{path}: {error.strerror or error}"
        self.files_moved += 1
        return None

    def _quarantine(self) -> Path:
        """The folder of this repair, made when the first file goes there: one that nobody used before."""
        if self.folder is None:
            name = iso_utc(self._at_ms).replace(":", "")
            for number in range(_MAX_SAME_NAMES):
                folder = self._root / QUARANTINE / (f"{name}-{number}" if number else name)
                folder.parent.mkdir(exist_ok=True)
                try:
                    folder.mkdir()
                except FileExistsError:
                    continue
                self.folder = folder
                break
            else:
                raise FileExistsError(f"{name} and {_MAX_SAME_NAMES} more")
        return self.folder

    def _note(self, problem: str) -> None:
        if len(self.problems) < _MAX_SAME_NAMES:
            self.problems.append(problem)


def _woken(state: ImageState) -> Transition:
    """The move that gives a stranded image what its status needs: a due time when open, none when saved."""
    if state.status is ImageStatus.SUCCESS:
        return Transition(state.id, ImageStatus.SUCCESS, None, state.attempts, state.error)
    return Transition(state.id, ImageStatus.PENDING, 0, state.attempts, reset_spent=True)

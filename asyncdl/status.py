"""Statuses, what they mean, and the legal moves between them, as tables.

The numbers are what the database stores; they are never reused. `store.apply` refuses every move that
`LEGAL_MOVES` does not list, whoever asks for it.
"""

from __future__ import annotations

from enum import IntEnum


class ImageStatus(IntEnum):
    """Where an image (or a manifest) stands. There is no in-progress status: what a crash interrupts is still due."""

    PENDING = 0
    RETRY = 1
    SUCCESS = 2
    EXHAUSTED = 3
    FAILED = 4

    @property
    def label(self) -> str:
        """The name people and JSON see."""
        return self.name.lower()

    @property
    def terminal(self) -> bool:
        """Whether nothing more happens to it by itself."""
        return self in (ImageStatus.SUCCESS, ImageStatus.EXHAUSTED, ImageStatus.FAILED)


class RecordStatus(IntEnum):
    """The roll-up of a record's images."""

    PENDING = 0
    PARTIAL = 1
    DONE = 2
    FAILED = 3

    @property
    def label(self) -> str:
        """The name people and JSON see."""
        return self.name.lower()


MEANING: dict[ImageStatus, str] = {
    ImageStatus.PENDING: "not obtained yet and due (or waiting for its IIIF manifest); nothing has been paid",
    ImageStatus.RETRY: "failed for a passing cause; due again at a known time",
    ImageStatus.SUCCESS: "the whole file is on disk, with its digest (a file adopted unread gets its own by `asyncdl verify --hash --fix`)",
    ImageStatus.EXHAUSTED: "a passing cause, but its attempts are spent or its host was given up",
    ImageStatus.FAILED: "a lasting cause: asking again would not help",
}

_P, _R, _S, _E, _F = ImageStatus
LEGAL_MOVES: frozenset[tuple[ImageStatus, ImageStatus]] = frozenset(
    {
        # the run: an outcome
        (_P, _P), (_P, _R), (_P, _S), (_P, _E), (_P, _F),
        (_R, _R), (_R, _S), (_R, _E), (_R, _F),
        # `retry` re-opens; a manifest brings new candidates to an image that had none left
        (_E, _P), (_F, _P), (_R, _P),
        # `verify --fix` finds a file missing or damaged; import adopts what is on disk
        (_S, _P), (_E, _S), (_F, _S), (_S, _S),
    }
)  # fmt: skip


def record_status(images: int, successes: int, open_images: int) -> RecordStatus:
    """The status of a record from how many images it has, how many succeeded, how many may still change.

    Images that were withdrawn do not count: a record is done when every image that is asked for has its file. One without any has failed.
    """
    if images and successes == images:
        return RecordStatus.DONE
    if open_images == 0:
        return RecordStatus.FAILED
    return RecordStatus.PENDING if open_images == images else RecordStatus.PARTIAL

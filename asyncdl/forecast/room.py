"""Whether a job fits on its disk: bytes and files needed, free, and kept free. Pure; who looks at the disk is `asyncdl.freespace`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from asyncdl.forecast.sizes import Spread
from asyncdl.units import approximate_size

ROW_BYTES: Final = 120
"""What an image adds to the database when it has an outcome (measured: 117)."""

AUTO_RESERVE_SHARE: Final = 0.02
AUTO_RESERVE_FILES: Final = 10_000
AUTO_RESERVE_BYTES: Final = 2_000_000_000
"""`--keep-free auto`: so much of the file system, and no more than so many bytes."""


@dataclass(frozen=True, slots=True)
class Space:
    """A file system as it is now. `free_files` is None where it does not count them."""

    total_bytes: int
    free_bytes: int
    free_files: int | None = None
    block_bytes: int = 4096
    total_files: int | None = None


@dataclass(frozen=True, slots=True)
class Needs:
    """What is still to come: images, and the bytes of their files."""

    images: int
    size: Spread


@dataclass(frozen=True, slots=True)
class Room:
    """Needs beside what there is. `free_bytes` and `free_files` are what may be used, the reserve taken off."""

    needed: Spread
    free_bytes: int
    needed_files: int
    free_files: int | None
    reserve_bytes: int

    @property
    def binds(self) -> Literal["disk", "inodes", ""]:
        """What is too small for what is expected; "" when all of it fits."""
        if self.free_files is not None and self.needed_files > self.free_files:
            return "inodes"
        return "disk" if self.needed.expected > self.free_bytes else ""


def reserve_bytes(keep_free: int | Literal["auto"], space: Space) -> int:
    """The bytes that a run leaves free."""
    if keep_free != "auto":
        return keep_free
    return min(AUTO_RESERVE_BYTES, int(space.total_bytes * AUTO_RESERVE_SHARE))


def reserve_files(keep_free: int | Literal["auto"], space: Space) -> int:
    """The inodes that a run leaves free: a fiftieth, and never more than ten thousand; none when nothing is to be kept."""
    if keep_free == 0 or space.total_files is None:
        return 0
    return min(AUTO_RESERVE_FILES, int(space.total_files * AUTO_RESERVE_SHARE))


def room_for(needs: Needs, space: Space, keep_free: int | Literal["auto"]) -> Room:
    """How the needs of a job compare with the disk. A file takes whole blocks, and its row a little."""
    per_file = space.block_bytes / 2 + ROW_BYTES
    needed = Spread(*(size + needs.images * per_file for size in needs.size)) if needs.images else needs.size
    reserve = reserve_bytes(keep_free, space)
    free_files = None if space.free_files is None else max(0, space.free_files - reserve_files(keep_free, space))
    return Room(needed, max(0, space.free_bytes - reserve), needs.images, free_files, reserve)


def shortage(room: Room, *, certain: bool) -> str:
    """What is missing, in words; "" when nothing is. `certain`: only when even the low end of the estimate does not fit."""
    if room.free_files is not None and room.needed_files > room.free_files:
        return f"needs {room.needed_files:,} files, and the file system has room for {room.free_files:,} (inodes)"
    least = room.needed.low if certain else room.needed.expected
    if least <= room.free_bytes:
        return ""
    kept = f" beside the {approximate_size(room.reserve_bytes)} that are kept free" if room.reserve_bytes else ""
    low, high = approximate_size(room.needed.low), approximate_size(room.needed.high)
    return (
        f"needs about {approximate_size(room.needed.expected)} ({low} to {high}), "
        f"and {approximate_size(room.free_bytes)} are free{kept}"
    )

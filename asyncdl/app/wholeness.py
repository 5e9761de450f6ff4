"""What has to be true of a collection before its rows are worked on: read to its end, and keyed by the rules of this version."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from asyncdl.errors import CollectionError, WrittenByNewer
from asyncdl.store import Reader
from asyncdl.urls import KEYS_VERSION

WHOLE: Final = "ingested_at"
"""The key of `meta` that says when the sources were read to their end."""


async def require_whole(store: Reader, root: Path) -> None:
    """Raise `CollectionError` when an `init` was stopped in the middle: a run would end well with half of the images."""
    if await store.get_meta(WHOLE) is None:
        raise CollectionError(
            f"{root} is not whole: its source was not read to the end", "type the `asyncdl init` that made it again"
        )


async def keys_version_of(store: Reader, root: Path) -> int:
    """The version of the key rules that a collection was made with; 0 when it does not say.

    Raises `WrittenByNewer` for one that is newer than ours: what those rules said cannot be told from here.
    """
    text = await store.get_meta("keys_version") or ""
    version = int(text) if text.isascii() and text.isdigit() else 0
    if version > KEYS_VERSION:
        raise WrittenByNewer(
            f"{root} was made with version {version} of the key rules; this asyncdl has version {KEYS_VERSION}",
            "use the asyncdl that made it, or a newer one",
        )
    return version


async def unfinished_addition(store: Reader, root: Path) -> str:
    """That an addition was stopped in the middle, and what to type; empty when none was. What is there is consistent all the same."""
    for source in await store.sources():
        if not source.loaded and source.cursor is not None:
            return f"the addition of {source.name} is unfinished; afterwards: asyncdl add {root}"
    return ""


async def require_keys(store: Reader, root: Path) -> None:
    """Raise `CollectionError` when other rules made the keys: canvases of manifests would not find their images."""
    made_with = await keys_version_of(store, root)
    if made_with != KEYS_VERSION:
        raise CollectionError(
            f"{root} was made with version {made_with} of the key rules; this asyncdl has version {KEYS_VERSION}",
            f"`asyncdl rekey {root}` brings it up to date and keeps all files",
        )

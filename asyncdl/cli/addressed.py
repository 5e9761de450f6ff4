"""Sources that are addresses, fetched with a display before they are read."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from asyncdl.app.archives import is_address, local_sources, refuse_whole
from asyncdl.cli.fetch_display import fetch_shown
from asyncdl.resumable import FetchedFile
from asyncdl.settings import FETCH_SETTINGS, RunSettings
from asyncdl.terminal import printable, stderr_console
from asyncdl.units import approximate_size

ADDRESS_SETTINGS: Final = tuple(row for row in FETCH_SETTINGS if row.key not in {"contact", "progress"})
"""The options for sources at an address, of a command that has options of its own for the other two."""


async def fetched_sources(root: Path, sources: Sequence[str], settings: RunSettings, *, go_on: bool) -> list[str]:
    """The sources as files: those at an address are fetched into the collection, once. See `local_sources`.

    Without `go_on` a collection that is whole already is refused first.
    """
    if not any(is_address(source) for source in sources):
        return list(sources)
    if not go_on:
        await refuse_whole(root)
    console = stderr_console()

    def arrived(fetched: FetchedFile) -> None:
        how = "fetched" if fetched.fetched_bytes else "there already"
        text = f"{fetched.path}: {how}, {approximate_size(fetched.size_bytes)}"
        console.print(printable(text, 1_000), markup=False, soft_wrap=True)

    with fetch_shown(console, time.monotonic, progress=settings.progress) as shown:
        return await local_sources(root, sources, settings, shown.fetch, arrived)

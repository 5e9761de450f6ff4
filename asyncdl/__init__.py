"""One verified file per distinct image of a table of media links: the small public API.

    import asyncio
    import asyncdl

    async def main() -> None:
        await asyncdl.ingest_sources("herbarium", "0012345-2026.zip")
        report = await asyncdl.run(asyncdl.open_collection("herbarium"), contact="you@institute.edu", wait="0s")
        print(report.line())

    asyncio.run(main())

These functions are what `asyncdl init` and `asyncdl run` do, without display, signals and exit status. Everything that is raised on
purpose is an `AsyncdlError`, which says what is wrong and what to do. Whatever else the package holds may change between releases.

The real parts are imported when they are first needed: a decode worker or `asyncdl --version` has no use for them.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from asyncdl.version import __version__

if TYPE_CHECKING:
    from asyncdl.collection import Collection
    from asyncdl.download.ending import RunReport
    from asyncdl.errors import AsyncdlError
    from asyncdl.events import Event
    from asyncdl.ingest import IngestReport, SourceSpec
    from asyncdl.settings import IngestSettings

__all__ = [
    "AsyncdlError",
    "Collection",
    "Event",
    "IngestReport",
    "RunReport",
    "__version__",
    "ingest_sources",
    "open_collection",
    "run",
]

_TYPES = {
    "AsyncdlError": "asyncdl.errors",
    "Collection": "asyncdl.collection",
    "Event": "asyncdl.events",
    "IngestReport": "asyncdl.ingest",
    "RunReport": "asyncdl.download.ending",
}


def open_collection(root: str | os.PathLike[str]) -> Collection:
    """Return the collection in the folder `root`.

    Raises `CollectionError` when the folder is missing or no collection, `EnvironmentStops` when it cannot be written.
    """
    from asyncdl.collection import Collection  # noqa: PLC0415

    return Collection.open(Path(root))


async def ingest_sources(root: str | os.PathLike[str], *sources: str | os.PathLike[str], **settings: object) -> IngestReport | None:
    """Make a collection in the folder `root` out of sources: archives, tables, lists of links, `-` for standard input.

    Settings are named as in `asyncdl.toml` (`format="csv"`, `url_column="link"`, `memory_limit="2GB"`) and go before what the
    environment and the folder's own `asyncdl.toml` say. A call that was killed is made again with the same arguments: what is loaded
    already is not loaded twice. Returns what became of each source, or None when the collection is whole already.

    Raises `SourceError` for a source that cannot be read, `UsageError` for settings, `CollectionError` when `root` holds something
    else, `CollectionLocked` when another process holds it, `EnvironmentStops` when the machine does not let it be written.
    """
    from asyncdl.app.collections import initialise  # noqa: PLC0415

    folder = Path(root)
    chosen, specs = _ingest_plan(folder, sources, settings)
    return await initialise(folder, specs, chosen, lambda _: None, go_on=True)


def _ingest_plan(
    folder: Path, sources: Sequence[str | os.PathLike[str]], settings: Mapping[str, object]
) -> tuple[IngestSettings, list[SourceSpec]]:
    """What the settings are and what each source turns out to be: both look at the disk."""
    from asyncdl.ingest import SourceFormat, detect  # noqa: PLC0415
    from asyncdl.settings import load_ingest_settings  # noqa: PLC0415

    chosen = load_ingest_settings(folder if folder.is_dir() else None, settings)
    hint = None if chosen.format == "auto" else SourceFormat(chosen.format)
    id_column, url_column = chosen.id_column or None, chosen.url_column or None
    return chosen, [detect(os.fspath(source), hint, id_column=id_column, url_column=url_column) for source in sources]


async def run(collection: Collection, *, watch: Callable[[Event], None] | None = None, **settings: object) -> RunReport:
    """Download what is due and return how it ended.

    Settings are named as in `asyncdl.toml` (`contact="you@institute.edu"`, `max_time="11h"`, `host_rate="1/s"`) and go before what
    the environment and the collection's `asyncdl.toml` say. `watch` is called on the event loop with every event and must not block;
    texts in events are as servers sent them. Cancelling the call is safe: rows in flight are due again.

    Raises `UsageError` for settings, `CollectionLocked` when another run holds the collection, `CollectionError` when it is damaged,
    `EnvironmentStops` when disk, network or a missing contact address stop the run.
    """
    from asyncdl.app.jobs import open_job  # noqa: PLC0415
    from asyncdl.settings import load_run_settings  # noqa: PLC0415

    async with open_job(collection, load_run_settings(collection.root, settings)) as job:
        if watch is not None:
            job.hub.watch(watch)
        return await job.work()


def __getattr__(name: str) -> Any:
    """Give the types of the API, which are imported on first use."""
    if name in _TYPES:
        return getattr(import_module(_TYPES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

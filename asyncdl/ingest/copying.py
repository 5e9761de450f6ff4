"""A copy of what cannot be read where it is: a zip or a Parquet file that comes by standard input, or that is packed once more.

It lies in the folder of the reading and goes with it. Standard input is copied as it comes, but for what is packed around it.
"""

from __future__ import annotations

import shutil
from collections.abc import Generator
from dataclasses import replace
from pathlib import Path
from typing import Final

from asyncdl.errors import EnvironmentStops
from asyncdl.ingest.archive import file_chunks
from asyncdl.ingest.options import Bounds
from asyncdl.ingest.sources import SourceSpec
from asyncdl.units import approximate_size

MIN_FREE_BYTES: Final = 500_000_000
"""So much of the disk a copy leaves free."""
_STEP_BYTES: Final = 50_000_000
_NAME: Final = "source"


def copied(spec: SourceSpec, folder: Path, bounds: Bounds) -> Generator[int, None, SourceSpec]:
    """Copy a source into `folder`; yields the bytes copied so far and returns the source as it can be read.

    Raises `SourceError` when it cannot be read, `EnvironmentStops` when the disk is too small for it.
    """
    path = folder / _NAME
    done = step = 0
    yield done
    with path.open("xb") as file:
        for chunk in file_chunks(spec.path, bounds, head=spec.head):
            if not step and shutil.disk_usage(folder).free < MIN_FREE_BYTES:
                raise EnvironmentStops(
                    f"{spec.name} has to be copied into {folder.parent} before it can be read, and after {approximate_size(done)} the disk is nearly full",
                    "free some space, make the collection on a larger disk, or unpack it yourself and name the file",
                )
            file.write(chunk)
            done += len(chunk)
            step += len(chunk)
            if step >= _STEP_BYTES:
                step = 0
                yield done
    yield done
    return replace(spec, path=str(path), head=b"", needs_copy=False)

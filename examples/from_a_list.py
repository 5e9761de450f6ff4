"""Use asyncdl as a library: download a list of links, and print what was saved while it happens.

    python examples/from_a_list.py links.txt pictures --contact you@institute.edu

Stop it with Ctrl-C and start it again: it goes on. `asyncdl status pictures`, `explain` and `retry` work on the same folder.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from pathlib import Path

import asyncdl
from asyncdl.events import ImageClosed, ImageSaved


def tell(event: asyncdl.Event) -> None:
    """Print what became of each image. Hosts are said by repr: what a server or a list says may hold anything."""
    match event:
        case ImageSaved():
            print(f"saved  {event.external_id}-{event.number:02d}  {event.size_bytes:>10,} bytes  {event.host!r}")
        case ImageClosed():
            print(f"lost   {event.external_id}-{event.number:02d}  {event.error}  {event.host!r}")
        case _:
            pass


async def download(links: Path, folder: Path, contact: str) -> int:
    """Make the collection (or go on with it), download what is due now, and return the exit status that `asyncdl run` would."""
    await asyncdl.ingest_sources(folder, links, format="urls")
    report = await asyncdl.run(asyncdl.open_collection(folder), watch=tell, contact=contact or None, wait="1m")
    print(report.line())
    return report.exit_status


def main() -> int:
    """Read the command line."""
    parser = argparse.ArgumentParser(description="Download a list of links into a folder.")
    parser.add_argument("links", type=Path, help="a text file with one link per line")
    parser.add_argument("folder", type=Path, help="the collection's folder, made when it is missing")
    parser.add_argument("--contact", default="", help="who a web master can write to")
    arguments = parser.parse_args()
    try:
        return asyncio.run(download(arguments.links, arguments.folder, arguments.contact))
    except asyncdl.AsyncdlError as error:
        print(error, file=sys.stderr)
        return error.exit_status
    except KeyboardInterrupt:
        return 3


if __name__ == "__main__":
    sys.exit(main())

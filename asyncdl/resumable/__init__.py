"""One large file, fetched over as many connections and calls as it takes: whole under its name, or a part that the next call continues.

`values` says what is wanted, `ranges` decides what an answer means for a part (pure), `part` keeps it on the disk, `fetch` asks.
"""

from asyncdl.resumable.fetch import fetch_file, shown_url
from asyncdl.resumable.part import note_path, whole_file
from asyncdl.resumable.values import FetchedFile, FetchStep, FetchTools, FirstAnswer, WantedFile

__all__ = [
    "FetchStep",
    "FetchTools",
    "FetchedFile",
    "FirstAnswer",
    "WantedFile",
    "fetch_file",
    "note_path",
    "shown_url",
    "whole_file",
]

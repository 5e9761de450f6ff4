"""Bodies on their way to the disk: the spool they stream into, and how a batch of them becomes final files.

Order of durability: bytes, their digest and their sync (`sync_parts`), the intent journal, the rename
(`rename_all`), the folders (`sync_folders`); the row is the caller's and comes last. Nothing here knows
images, rows or the layout of the collection; paths are given.
"""

from asyncdl.blobs.faults import LocalFault
from asyncdl.blobs.intents import Intent, IntentJournal
from asyncdl.blobs.placing import Placed, Placement, Renamed, Synced, place_batch, rename_all, sync_folders, sync_parts
from asyncdl.blobs.spool import Spool, SpoolBudget, part_path

__all__ = [
    "Intent",
    "IntentJournal",
    "LocalFault",
    "Placed",
    "Placement",
    "Renamed",
    "Spool",
    "SpoolBudget",
    "Synced",
    "part_path",
    "place_batch",
    "rename_all",
    "sync_folders",
    "sync_parts",
]

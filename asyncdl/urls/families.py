"""The table of families, gathered: what `resolve` looks up and what documentation is made from."""

from __future__ import annotations

from asyncdl.urls.families_collections import COLLECTIONS
from asyncdl.urls.families_platforms import PLATFORMS
from asyncdl.urls.families_software import SOFTWARE
from asyncdl.urls.family import Family, FamilyTable

TABLE = FamilyTable((*PLATFORMS, *COLLECTIONS, *SOFTWARE))
FAMILIES: tuple[Family, ...] = TABLE.families

"""The table of families, gathered: what `resolve` looks up and what documentation is made from."""

from __future__ import annotations

from asyncdl.urls.families_aggregators import AGGREGATORS
from asyncdl.urls.families_collections import COLLECTIONS
from asyncdl.urls.families_herbaria import HERBARIA
from asyncdl.urls.families_libraries import LIBRARIES
from asyncdl.urls.families_museums import MUSEUMS
from asyncdl.urls.families_observations import OBSERVATIONS
from asyncdl.urls.families_web import WEB
from asyncdl.urls.family import Family, FamilyTable

GROUPS: tuple[tuple[str, tuple[Family, ...]], ...] = (
    ("Herbaria and botanic gardens", HERBARIA),
    ("Museums and libraries", MUSEUMS),
    ("Observation platforms", OBSERVATIONS),
    ("Aggregators and data platforms", AGGREGATORS),
    ("The web at large", WEB),
    ("Collection software, on any host", COLLECTIONS),
    ("Library and web software, on any host", LIBRARIES),
)
"""The families by what they are of, in the order in which those of any host are asked."""

TABLE = FamilyTable(family for _, families in GROUPS for family in families)
FAMILIES: tuple[Family, ...] = TABLE.families

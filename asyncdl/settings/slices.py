"""Which slices of settings there are, and the rows that a command obeys which has no slice of its own."""

from __future__ import annotations

from asyncdl.settings.ingest import IngestSettings
from asyncdl.settings.run import RunSettings
from asyncdl.settings.table import Setting, Slice

SLICES: tuple[type[Slice], ...] = (RunSettings, IngestSettings)

_FETCH_KEYS = frozenset(
    {"contact", "bandwidth", "stall_timeout", "max_redirects", "allow_private", "insecure_host", "progress", "proxy"}
)
FETCH_SETTINGS: tuple[Setting, ...] = tuple(row for row in RunSettings.settings() if row.key in _FETCH_KEYS)
"""What a command obeys that fetches one file: the options it shows. The other settings of requests hold for it as well."""

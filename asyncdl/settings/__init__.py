"""Settings: one frozen class per slice, read once at the edge, each value with a known origin.

`run` and `ingest` hold the classes, `slices` lists them, `table` what follows from their fields, `kinds`, `addresses` the kinds of
value, `reading` the sources and their order, `account` the GBIF account, `proxy` the login at a proxy, `reference` the texts derived for
people. Only `reading`, `account` and `proxy` touch the environment.
"""

from asyncdl.settings.account import GbifAccount, load_gbif_account
from asyncdl.settings.ingest import IngestSettings
from asyncdl.settings.proxy import ProxyLogin, load_proxy_login, proxy_variables
from asyncdl.settings.reading import (
    Explained,
    debug_asked,
    explain_settings,
    load_ingest_settings,
    load_run_settings,
    load_settings,
)
from asyncdl.settings.run import RunSettings
from asyncdl.settings.slices import FETCH_SETTINGS, SLICES
from asyncdl.settings.table import Panel, Setting, Slice

__all__ = [
    "FETCH_SETTINGS",
    "SLICES",
    "Explained",
    "GbifAccount",
    "IngestSettings",
    "Panel",
    "ProxyLogin",
    "RunSettings",
    "Setting",
    "Slice",
    "debug_asked",
    "explain_settings",
    "load_gbif_account",
    "load_ingest_settings",
    "load_proxy_login",
    "load_run_settings",
    "load_settings",
    "proxy_variables",
]

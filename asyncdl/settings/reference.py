"""The settings as texts for people: `.env.example` and the README's table, both derived from the fields.

Tests hold the files equal to what is made here; `python docs/make_tables.py` writes both.
"""

from __future__ import annotations

from itertools import groupby

from asyncdl.settings.account import ACCOUNT_HELP, ACCOUNT_VARIABLES
from asyncdl.settings.proxy import PROXY_LOGIN_HELP, PROXY_LOGIN_VARIABLES
from asyncdl.settings.reading import DEBUG_VARIABLE
from asyncdl.settings.slices import SLICES
from asyncdl.settings.table import Setting

_DEBUG_HELP = "show where an internal error came from (also --debug before the command)"

_ENV_HEAD = """\
# Settings of asyncdl. Copy to `.env`, in the directory you work in or in a collection; take the # off what you change.
# Order: command-line flag > environment > .env (the collection's before the current directory's) > asyncdl.toml > default.
# The key in COLLECTION/asyncdl.toml is the name without ASYNCDL_, in small letters. An empty value says nothing.
"""


def env_example() -> str:
    """The text of `.env.example`: every variable with its meaning, what may be written, and its default."""
    lines = [_ENV_HEAD]
    for panel, rows in groupby(_rows(), key=lambda row: row.panel):
        lines.append(f"# --- {panel} ---\n")
        lines += [f"# {row.help}\n#   {row.kind.expects}\n# {row.env}={row.default_text}\n" for row in rows]
    lines.append(f"# --- GBIF ---\n\n# {ACCOUNT_HELP}\n" + "".join(f"# {name}=\n" for name in ACCOUNT_VARIABLES))
    lines.append(f"# --- A proxy ---\n\n# {PROXY_LOGIN_HELP}\n" + "".join(f"# {name}=\n" for name in PROXY_LOGIN_VARIABLES))
    lines.append(f"# --- Trouble ---\n\n# {_DEBUG_HELP}\n# {DEBUG_VARIABLE}=1\n")
    return "\n".join(lines)


def readme_table() -> str:
    """The README's table in Markdown, one row per setting."""
    lines = ["| option | variable | default | what it does |", "|---|---|---|---|"]
    lines += [f"| {_option(row)} | `{row.env}` | {_default(row)} | {_cell(row.help)} |" for row in _rows()]
    for variables, help_ in ((ACCOUNT_VARIABLES, ACCOUNT_HELP), (PROXY_LOGIN_VARIABLES, PROXY_LOGIN_HELP)):
        names = ", ".join(f"`{name}`" for name in variables)
        lines.append(f"| | {names} | none | {_cell(help_)} |")
    lines.append(f"| `--debug` | `{DEBUG_VARIABLE}` | | {_cell(_DEBUG_HELP)} |")
    return "\n".join(lines) + "\n"


def _rows() -> list[Setting]:
    return [row for one in SLICES for row in one.settings()]


def _option(row: Setting) -> str:
    return _cell(f"`{row.flag} {row.kind.metavar}`" if row.kind.metavar else f"`{row.flag}`")


def _default(row: Setting) -> str:
    return f"`{row.default_text}`" if row.default_text else "none"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")

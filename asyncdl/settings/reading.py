"""Where settings are read, and, with `account` and `proxy`, the only place that reads the environment.

Order, the first that says something wins: flag, environment, `.env` of the collection, `.env` of the
current directory, `asyncdl.toml` of the collection, default. A name nobody knows and a value that cannot
be used are refused with the place where they stand; nothing is skipped silently.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from tomllib import TOMLDecodeError
from typing import Any, NamedTuple, TypeVar

from dotenv import dotenv_values
from pydantic import ValidationError
from pydantic_settings import DotEnvSettingsSource, EnvSettingsSource, TomlConfigSettingsSource

from asyncdl.errors import UsageError
from asyncdl.settings.ingest import IngestSettings
from asyncdl.settings.run import RunSettings
from asyncdl.settings.slices import SLICES
from asyncdl.settings.table import ENV_PREFIX, Setting, Slice, nearest
from asyncdl.terminal import printable

TOML_NAME = "asyncdl.toml"
DOTENV_NAME = ".env"
DEBUG_VARIABLE = "ASYNCDL_DEBUG"
MAX_FILE_BYTES = 1_000_000
MAX_VALUE_CHARS = 80
_PASSWORD = re.compile(r"//[^/@\s]*@")

S = TypeVar("S", bound=Slice)


@dataclass(frozen=True, slots=True)
class Written:
    """A value as somebody wrote it. `origin` names the place for a list, `name` names it inside a sentence."""

    value: object
    origin: str
    name: str


class Explained(NamedTuple):
    """A setting as it is in force: its value as text, and where that comes from."""

    key: str
    value: str
    origin: str
    env: str
    flag: str
    help: str


def load_run_settings(collection_root: Path | None, flags: Mapping[str, object]) -> RunSettings:
    """What a run obeys. `flags` is keyed as TOML is (`host_rate`); None means not given. Raises UsageError."""
    return load_settings(RunSettings, collection_root, flags)


def load_ingest_settings(collection_root: Path | None, flags: Mapping[str, object]) -> IngestSettings:
    """What reading a source obeys; see `load_run_settings`."""
    return load_settings(IngestSettings, collection_root, flags)


def load_settings(wanted: type[S], collection_root: Path | None, flags: Mapping[str, object]) -> S:
    """One slice, read from everywhere. Flags and keys of other slices are known, and left to them."""
    return _validated(wanted, _written(collection_root, flags))


def explain_settings(collection_root: Path | None, flags: Mapping[str, object]) -> list[Explained]:
    """Every setting of every slice with its value and origin, in the order of the table. Raises UsageError."""
    written = _written(collection_root, flags)
    rows: list[Explained] = []
    for one in SLICES:
        values = _validated(one, written)
        for row in one.settings():
            origin = written[row.key].origin if row.key in written else "default"
            rows.append(Explained(row.key, values.text_of(row), origin, row.env, row.flag, row.help))
    return rows


def debug_asked() -> bool:
    """Whether ASYNCDL_DEBUG asks for the traceback of an internal error. Not a setting: it must work when those do not."""
    return os.environ.get(DEBUG_VARIABLE, "").strip().lower() not in {"", "0", "false", "no", "off"}


def _written(collection_root: Path | None, flags: Mapping[str, object]) -> dict[str, Written]:
    """What was written for each key, by the source that wins."""
    written: dict[str, Written] = {}
    if collection_root is not None:
        written |= _from_toml(collection_root / TOML_NAME)
    for folder in _folders_of_dotenv(collection_root):
        written |= _from_variables(dotenv_variables(folder), str(folder / DOTENV_NAME))
    written |= _from_variables(EnvSettingsSource(Slice).env_vars, "")
    return written | _from_flags(flags)


def _folders_of_dotenv(collection_root: Path | None) -> list[Path]:
    """The current directory and the collection, the stronger last; once when they are the same."""
    here = Path.cwd()
    if collection_root is None or collection_root.resolve() == here.resolve():
        return [here]
    return [here, collection_root]


def _from_flags(flags: Mapping[str, object]) -> dict[str, Written]:
    table = _table()
    for key in flags:
        if key not in table:
            _refuse_unknown(f"the option {printable(key, MAX_VALUE_CHARS)}", nearest(key, table))
    given = {key: value for key, value in flags.items() if value is not None and value != []}
    return {key: Written(value, table[key].flag, table[key].flag) for key, value in given.items()}


def _from_variables(variables: Mapping[str, str | None], file: str) -> dict[str, Written]:
    """ASYNCDL_* variables of the environment, or of a `.env` file; an empty one says nothing. Case does not matter."""
    by_name = {row.env: row for row in _table().values()}
    found: dict[str, Written] = {}
    for name in (given.upper() for given in variables if given.upper().startswith(ENV_PREFIX)):
        place = f" in {printable(file)}" if file else ""
        if name == DEBUG_VARIABLE:
            continue
        if name not in by_name:
            meant = nearest(name.removeprefix(ENV_PREFIX), [row.key.upper() for row in by_name.values()])
            _refuse_unknown(f"the variable {printable(name, MAX_VALUE_CHARS)}{place}", meant and ENV_PREFIX + meant)
        if value := next(value for given, value in variables.items() if given.upper() == name):
            found[by_name[name].key] = Written(value, file or name, name + place)
    return found


def dotenv_variables(folder: Path) -> Mapping[str, str | None]:
    """The variables of the `.env` in a folder, ours and others'. Raises UsageError for a file that cannot be read."""
    path = folder / DOTENV_NAME
    return _read(path, lambda: DotEnvSettingsSource(Slice, env_file=path, env_file_encoding="utf-8").env_vars)


def literal_dotenv_variables(folder: Path) -> Mapping[str, str | None]:
    """The same, each as it is written: a `${` in a password is a part of it."""
    path = folder / DOTENV_NAME
    return _read(path, lambda: dotenv_values(path, encoding="utf-8", interpolate=False))


def _from_toml(path: Path) -> dict[str, Written]:
    table = _table()
    data = _read(path, lambda: TomlConfigSettingsSource(Slice, toml_file=path).toml_data)
    for key in data:
        if key not in table:
            _refuse_unknown(f"the key {printable(key, MAX_VALUE_CHARS)} in {path}", nearest(key.replace("-", "_"), table))
    return {key: Written(value, str(path), f"{key} in {path}") for key, value in data.items()}


def _read(path: Path, read: Callable[[], Mapping[str, Any]]) -> Mapping[str, Any]:
    """A small file's contents; nothing when it is not there. Whatever is wrong with it becomes one sentence."""
    try:
        if not path.exists():
            return {}
        if not path.is_file() or path.stat().st_size > MAX_FILE_BYTES:
            raise UsageError(f"{path} is no file of settings", f"expected: a text file of at most {MAX_FILE_BYTES} bytes")
        return read()
    except TOMLDecodeError as error:
        raise UsageError(f"{path} cannot be read as TOML: {error}", "expected: lines such as  host_rate = 3") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"{path} is not UTF-8 text", "save it as UTF-8") from error
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}", "make it readable, or remove it") from error


def _table() -> dict[str, Setting]:
    return {row.key: row for one in SLICES for row in one.settings()}


def _refuse_unknown(what: str, meant: str | None) -> None:
    todo = f"did you mean {meant}?" if meant else "`asyncdl config` lists what is known"
    raise UsageError(f"{what} is unknown", todo)


def _validated(wanted: type[S], written: Mapping[str, Written]) -> S:
    rows = {row.field: row for row in wanted.settings()}
    try:
        return wanted(**{row.field: written[row.key].value for row in rows.values() if row.key in written})
    except ValidationError as error:
        problems = error.errors(include_url=False)
        first = min(problems, key=lambda problem: list(rows).index(str(problem["loc"][0])) if problem["loc"] else len(rows))
        reason = _reason(first)
        if not first["loc"]:
            raise UsageError(reason, "`asyncdl config` shows where each value comes from") from error
        row = rows[str(first["loc"][0])]
        value = printable(_PASSWORD.sub("//…@", _as_text(written[row.key].value)), MAX_VALUE_CHARS)
        raise UsageError(
            f'{written[row.key].name}: "{value}" cannot be used{reason and f": {reason}"}', f"expected: {row.kind.expects}"
        ) from error


def _as_text(value: object) -> str:
    return ",".join(str(part) for part in value) if isinstance(value, list | tuple) else str(value)


def _reason(problem: Mapping[str, Any]) -> str:
    """Why a value was refused, in our words; empty where "expected" already says it."""
    limits: Mapping[str, Any] = problem.get("ctx", {})
    match problem["type"]:
        case "value_error":
            return str(limits["error"])
        case "greater_than":
            return f"not above {limits['gt']:g}"
        case "greater_than_equal":
            return f"below {limits['ge']:,}"
        case "less_than_equal":
            return f"above {limits['le']:,}"
        case "too_short":
            return "an empty list"
        case "too_long":
            return f"more than {limits['max_length']} parts"
    return ""

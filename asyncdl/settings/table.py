"""The table of settings: one row per field of a slice, derived from the field itself.

A field says its public name, its help and its panel in an `Option`, its kind of value in a `Kind`. Flag,
variable, TOML key, `.env.example`, the README's table and `asyncdl config` all follow from that row, so
none can be forgotten. Nothing here reads anything.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, ClassVar

from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from asyncdl.settings.kinds import Kind

ENV_PREFIX = "ASYNCDL_"


class Panel(StrEnum):
    """The headings under which `--help`, `.env.example` and the README group the settings."""

    IDENTITY = "Who asks"
    PROCESS = "The whole process"
    HOST = "One host"
    BOUNDS = "Bounds"
    DEADLINES = "Deadlines of one request"
    CONTENT = "Content"
    SAFETY = "Safety"
    SOURCE = "The source"
    CHOICE = "What is taken of it"
    SHOW = "What is shown"


@dataclass(frozen=True, slots=True)
class Option:
    """What a field adds to its type: `key` is its public name (flag, variable and TOML key), `help` one line."""

    key: str
    help: str
    panel: Panel


@dataclass(frozen=True, slots=True)
class Setting:
    """One row of the table. `default` is the value, `default_text` how a person would write it."""

    field: str
    key: str
    kind: Kind
    help: str
    panel: Panel
    default: Any
    default_text: str

    @property
    def flag(self) -> str:
        """The command-line flag; a switch that is on by default is switched off by its `--no-` form."""
        return f"--{'no-' if self.kind.switch and self.default else ''}{self.key.replace('_', '-')}"

    @property
    def env(self) -> str:
        """The environment variable."""
        return ENV_PREFIX + self.key.upper()


class Slice(BaseSettings):
    """A frozen group of settings. Made directly it takes only its arguments: reading is the business of `reading`."""

    model_config: ClassVar[SettingsConfigDict] = SettingsConfigDict(frozen=True, extra="forbid", validate_default=False)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Nothing but the arguments: a test, or a caller of the API, gets what it asks for and nothing else."""
        return (init_settings,)

    @classmethod
    def settings(cls) -> tuple[Setting, ...]:
        """The rows of this slice, in the order of its fields. Fields without an `Option` are derived, not set."""
        return tuple(row for name, field in cls.model_fields.items() if (row := _row(name, field)) is not None)

    def text_of(self, setting: Setting) -> str:
        """The value of a setting as a person would write it."""
        return setting.kind.show(getattr(self, setting.field))


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name that `name` was most likely meant to be, or None. Only the first 100 characters are compared."""
    return next(iter(difflib.get_close_matches(name[:100], list(known), n=1, cutoff=0.6)), None)


def _row(name: str, field: FieldInfo) -> Setting | None:
    option = next((entry for entry in field.metadata if isinstance(entry, Option)), None)
    if option is None:
        return None
    kind = next(entry for entry in field.metadata if isinstance(entry, Kind))
    return Setting(name, option.key, kind, option.help, option.panel, field.default, kind.show(field.default))

import asyncio
from collections.abc import Mapping
from pathlib import Path

import pytest

from asyncdl.cli.command import HERE, CollectionArgument, Command, Flags, Group, JsonOption, run_coroutine, with_settings
from asyncdl.cli.program import build_app, execute
from asyncdl.settings import IngestSettings, RunSettings, load_run_settings

SEEN: list[tuple[Path, bool, Mapping[str, object]]] = []


@with_settings(RunSettings, IngestSettings)
def sample(collection: CollectionArgument = HERE, *, as_json: JsonOption = False, flags: Flags) -> int:
    """Do nothing, for a test."""
    SEEN.append((collection, as_json, flags))
    return 7


APP = build_app([Command("sample", sample, Group.CARE, "asyncdl sample x"), Command("other", sample, Group.CARE, "asyncdl other")])


def seen(*arguments: str) -> tuple[Path, bool, Mapping[str, object]]:
    SEEN.clear()
    assert execute(APP, ["sample", *arguments]) == 7
    return SEEN.pop()


def test_a_command_gets_its_own_arguments_and_only_the_settings_that_were_typed() -> None:
    assert seen() == (Path(), False, {})
    assert seen("c", "--json", "--host-rate", "0", "--format", "csv") == (Path("c"), True, {"host_rate": "0", "format": "csv"})


def test_lists_repeat_and_switches_have_two_names() -> None:
    flags = seen("--insecure-host", "a.org", "--no-progress", "--insecure-host", "b.org")[2]
    assert flags == {"insecure_host": ["a.org", "b.org"], "progress": False}
    assert seen("--progress")[2] == {"progress": True}


def test_flags_are_what_the_settings_are_loaded_from(tmp_path: Path) -> None:
    settings = load_run_settings(tmp_path, seen("--max-time", "11h30m", "--robots", "ignore:a.org", "--concurrency", "auto")[2])
    assert (settings.max_time_seconds, settings.robots_ignore_hosts, settings.concurrency_limit) == (
        41_400.0,
        frozenset({"a.org"}),
        256,
    )


def test_help_shows_every_setting_with_its_default(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERMINAL_WIDTH", "200")
    monkeypatch.setenv("COLUMNS", "200")
    assert execute(APP, ["sample", "--help"]) == 0
    text = capsys.readouterr().out
    for row in (*RunSettings.settings(), *IngestSettings.settings()):
        assert row.flag in text
        assert str(row.panel) in text
        if row.default_text and not row.kind.switch:
            assert f"Default: {row.default_text}." in text


def test_an_unknown_flag_is_refused_with_the_nearest(capsys: pytest.CaptureFixture[str]) -> None:
    assert execute(APP, ["sample", "--host-rte", "3"]) == 2
    error = capsys.readouterr().err
    assert error.startswith("asyncdl: ")
    assert "--host-rate" in error
    assert "`asyncdl sample --help`" in error


def test_a_coroutine_runs_to_its_end_and_gives_its_result() -> None:
    async def work() -> str:
        await asyncio.sleep(0)
        return "done"

    assert run_coroutine(work()) == "done"

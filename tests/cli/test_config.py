import json
import subprocess
from collections.abc import Callable
from pathlib import Path

Ran = subprocess.CompletedProcess[bytes]
RunProgram = Callable[..., Ran]


def test_json_names_every_setting_with_value_and_origin(program: RunProgram, tmp_path: Path) -> None:
    toml = tmp_path / "asyncdl.toml"
    toml.write_text('max_bytes = "1GiB"\n')
    ran = program("config", str(tmp_path), "--json", environment={"ASYNCDL_HOST_RATE": "20/min"})
    assert (ran.returncode, ran.stderr) == (0, b"")
    rows = {row["key"]: row for row in json.loads(ran.stdout)}
    assert rows["max_bytes"] == {
        "key": "max_bytes",
        "value": "1GiB",
        "origin": str(toml),
        "env": "ASYNCDL_MAX_BYTES",
        "flag": "--max-bytes",
        "help": "the largest file that is accepted",
    }
    assert (rows["host_rate"]["value"], rows["host_rate"]["origin"]) == ("20/min", "ASYNCDL_HOST_RATE")
    assert rows["max_attempts"]["origin"] == "default"
    assert "format" in rows


def test_people_get_a_table(program: RunProgram, tmp_path: Path) -> None:
    ran = program("config", str(tmp_path), environment={"ASYNCDL_ID_COLUMN": "[red]id\x1b[1m"})
    assert ran.returncode == 0
    lines = ran.stdout.decode().splitlines()
    assert lines[0].split()[:3] == ["setting", "value", "from"]
    assert any(line.split()[:3] == ["max_bytes", "200MB", "default"] for line in lines)
    assert any(line.split()[:3] == ["id_column", r"[red]id\x1b[1m", "ASYNCDL_ID_COLUMN"] for line in lines)


def test_a_bad_setting_is_one_sentence_and_status_2(program: RunProgram, tmp_path: Path) -> None:
    (tmp_path / "asyncdl.toml").write_text('wait = "soon\\u001b"\n')
    ran = program("config", str(tmp_path))
    assert ran.returncode == 2
    assert ran.stdout == b""
    assert ran.stderr.decode() == (
        f'asyncdl: wait in {tmp_path}/asyncdl.toml: "soon\\x1b" cannot be used: not a duration\n'
        "  expected: a duration such as 90s, 15m, 11h30m or 2d\n"
    )


def test_a_folder_that_is_not_there_is_status_5(program: RunProgram, tmp_path: Path) -> None:
    ran = program("config", str(tmp_path / "nowhere"))
    assert ran.returncode == 5
    assert ran.stderr.decode().startswith(f"asyncdl: {tmp_path}/nowhere is no folder\n  ")

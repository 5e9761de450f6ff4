import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
Ran = subprocess.CompletedProcess[bytes]
RunProgram = Callable[..., Ran]


@pytest.fixture
def clean_environment() -> dict[str, str]:
    """This process's environment without settings of ours, and with the package under test first."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("ASYNCDL_")}
    return kept | {"PYTHONPATH": str(ROOT), "COLUMNS": "80"}


@pytest.fixture
def program(tmp_path: Path, clean_environment: dict[str, str]) -> RunProgram:
    """The real program in a process of its own, started in an empty directory."""
    here = tmp_path / "here"
    here.mkdir()

    def run(*arguments: str, stdin: bytes = b"", environment: Mapping[str, str] | None = None, timeout_seconds: float = 60) -> Ran:
        return subprocess.run(
            [sys.executable, "-m", "asyncdl", *arguments],
            input=stdin,
            capture_output=True,
            cwd=here,
            env=clean_environment | dict(environment or {}),
            timeout=timeout_seconds,
            check=False,
        )

    return run

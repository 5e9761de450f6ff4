from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

from asyncdl.demo.museum import Museum

ROOT = Path(__file__).parents[2]


async def python(*arguments: object, stdin: bytes = b"", **variables: str) -> tuple[int, str]:
    """Run a program as its docstring says, in a process of its own, while the museum answers in this one."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("ASYNCDL_")}
    process = await asyncio.create_subprocess_exec(
        sys.executable, *map(str, arguments), env=clean | {"PYTHONPATH": str(ROOT)} | variables,
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    async with asyncio.timeout(60):
        out, _ = await process.communicate(stdin)
    assert process.returncode is not None
    return process.returncode, out.decode()


async def test_both_examples_on_one_collection(tmp_path: Path) -> None:
    async with Museum(scale=0.05, delay_factor=0.0, enforce_limits=False) as museum:
        wanted = [museum.url_of(each.place) for each in museum.exhibits if each.place.host in ("gallery", "portal")]
        links, folder = tmp_path / "links.txt", tmp_path / "pictures"
        links.write_text("\n".join(wanted))
        status, out = await python(
            ROOT / "examples/from_a_list.py", links, folder, ASYNCDL_ALLOW_PRIVATE="127.0.0.0/8", ASYNCDL_HOST_RATE="0"
        )
    assert status == 0, out
    saved = [line for line in out.splitlines() if line.startswith("saved")]
    lost = [line for line in out.splitlines() if line.startswith("lost")]
    assert saved
    assert lost
    assert f"{len(saved)} of {len(saved) + len(lost)} images done" in out.splitlines()[-1]

    _, as_json = await python("-m", "asyncdl", "status", folder, "--json")
    status, table = await python(ROOT / "examples/missing_report.py", stdin=as_json.encode())
    assert status == 0, table
    assert table.startswith(f"{len(saved)} of {len(saved) + len(lost)} images are there, {len(lost)} are not.")
    assert "| invalid_content_type | failed | image | a web page, JSON or XML came instead of an image |" in table


async def test_the_library_example_says_what_is_wrong(tmp_path: Path) -> None:
    status, out = await python(ROOT / "examples/from_a_list.py", tmp_path / "none.txt", tmp_path / "pictures")
    assert status == 2
    assert "none.txt" in out
    assert "Traceback" not in out

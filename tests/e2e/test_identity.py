"""Who asks: a contact is asked for at a terminal, and exceptions from the checks are on record."""

from __future__ import annotations

import asyncio
import os
import pty
import sys
from pathlib import Path

from tests.e2e.holdings import ask
from tests.e2e.program import END_SECONDS, REPOSITORY, RUN, status_of, type_in
from tests.e2e.sources import hang, list_of
from tests.scripted import ScriptedServer


async def at_a_terminal(answers: bytes, *words: object) -> tuple[int, str]:
    """Run a command on a terminal of its own on which a person has typed ahead; its status, and what the screen shows."""
    master, slave = pty.openpty()
    environment = {name: value for name, value in os.environ.items() if not name.startswith("ASYNCDL_")}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "asyncdl", *(str(word) for word in words), stdin=slave, stdout=slave, stderr=slave, cwd="/",
        env=environment | {"PYTHONPATH": str(REPOSITORY), "TERM": "dumb"},
    )  # fmt: skip
    os.close(slave)
    os.write(master, answers)
    shown = bytearray()

    def read() -> None:
        try:
            while chunk := os.read(master, 65_536):
                shown.extend(chunk)
        except OSError:
            return  # the other end is closed

    try:
        async with asyncio.timeout(END_SECONDS):
            await asyncio.gather(asyncio.to_thread(read), process.wait())
    finally:
        os.close(master)
    return process.returncode or 0, shown.decode(errors="replace")


async def test_at_a_terminal_the_contact_is_asked_for_and_kept(collection: Path, tmp_path: Path) -> None:
    links = list_of(tmp_path / "links.txt", ["https://images.museum-of-plants.org/1.jpg"])
    status, screen = await at_a_terminal(b"me@example.org\ncurator@museum-of-plants.org\n", "init", collection, links)
    assert status == 0, screen
    assert "images.museum-of-plants.org and other public hosts are going to be asked" in screen
    assert "nobody reads mail" in screen
    assert 'contact = "curator@museum-of-plants.org"' in (collection / "asyncdl.toml").read_text()


async def test_nobody_is_asked_where_none_is_needed_or_nobody_is_there(collection: Path, tmp_path: Path) -> None:
    local = list_of(tmp_path / "local.txt", ["http://127.0.0.1:9/1.jpg"])
    status, screen = await at_a_terminal(b"", "init", collection, local)
    assert (status, "public hosts" in screen) == (0, False)
    links = list_of(tmp_path / "links.txt", ["https://images.museum-of-plants.org/1.jpg"])
    ended = await type_in("init", tmp_path / "other", links)
    assert (ended.status, "public hosts" in ended.err) == (0, False)


async def test_exceptions_from_the_checks_are_on_record(origin: ScriptedServer, collection: Path) -> None:
    host = f"127.0.0.1:{origin.port}"
    links = list_of(collection.parent / "links.txt", hang(origin, "one"))
    ended = await type_in("get", links, collection, *RUN, "--insecure-host", "old.museum.org", "--robots", f"ignore:{host}")
    assert ended.status == 0, ended.err
    assert (await status_of(collection))["exceptions"] == {"insecure_host": ["old.museum.org"], "robots_ignored": [host]}
    events = ask(collection, "SELECT subject, detail FROM events WHERE kind = 'exception' ORDER BY id")
    assert events == [("insecure_host", "old.museum.org"), ("robots_ignored", host)]
    shown = (await type_in("status", collection)).out
    assert "certificates were not checked: old.museum.org" in shown
    assert f"not obeyed at {host}, and nobody said by whose leave" in shown
    assert shown.count("obeyed") == 1, "said once"

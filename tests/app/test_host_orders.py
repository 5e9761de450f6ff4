from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from asyncdl.app.host_orders import ask_first_notices
from asyncdl.store import Store
from tests.cli.runner import type_in

Capsys = pytest.CaptureFixture[str]
LINKS = "https://iiif.rbge.org.uk/herb/iiif/E00001237/full/full/0/default.jpg\nhttps://ia800001.us.archive.org/1/a.jpg\nhttps://museum.example.org/1.jpg\n"


async def notices(root: Path) -> list[str]:
    async with await Store.open(root / "asyncdl.sqlite") as store:
        return await ask_first_notices(store)


@pytest.fixture
def herbarium(tmp_path: Path, capsys: Capsys) -> Path:
    links = tmp_path / "links.txt"
    links.write_text(LINKS)
    assert type_in(capsys.readouterr, "init", tmp_path / "herbarium", links).status == 0
    return tmp_path / "herbarium"


def test_presets_are_listed_with_their_source_and_settings_can_only_tighten_them(herbarium: Path, capsys: Capsys) -> None:
    (herbarium / "asyncdl.toml").write_text('host_rate = "0"\nhost_connections = 1\n')
    lanes = {
        lane["host"]: lane for lane in json.loads(type_in(capsys.readouterr, "hosts", "list", herbarium, "--json").out)["hosts"]
    }
    archive = lanes["archive.org"]
    assert archive["hosts"] == ["ia800001.us.archive.org"]
    assert (archive["limits"]["rate_per_second"], archive["whose"]["rate_per_second"]) == (1.0, "preset")
    assert (archive["limits"]["connections"], archive["whose"]["connections"]) == (1, "settings")
    assert archive["preset"]["source"].startswith("https://archive.org")
    assert lanes["museum.example.org"]["limits"]["rate_per_second"] == 0
    words = ("hosts", "limit", herbarium, "ia800001.us.archive.org", "--rate", "5/s", "--note", "they agreed")
    assert "archive.org: at most 5/s" in type_in(capsys.readouterr, *words).out
    listed = type_in(capsys.readouterr, "hosts", "list", herbarium).out
    assert "they agreed" in listed
    assert "write to them first" in listed


def test_a_run_says_which_hosts_want_to_be_asked_first_until_something_was_ordered(herbarium: Path, capsys: Capsys) -> None:
    first = asyncio.run(notices(herbarium))
    assert [notice.partition(" ")[0] for notice in first] == ["archive.org", "iiif.rbge.org.uk"]
    assert "https://github.com/gbif/portal-feedback/issues/6567" in first[1]
    assert type_in(capsys.readouterr, "hosts", "pause", herbarium, "iiif.rbge.org.uk", "--note", "mail sent").status == 0
    assert [notice.partition(" ")[0] for notice in asyncio.run(notices(herbarium))] == ["archive.org"]

"""`asyncdl gbif` as the real program, against a GBIF on this machine: to a collection, through kills, without telling the password."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from tests.e2e.program import RUN, started, status_of, type_in
from tests.e2e.sources import hang
from tests.gbif.fakegbif import PASSWORD, USER, FakeGbif, archive_of
from tests.scripted import ScriptedServer

STOPPED, ENVIRONMENT, USAGE = 3, 6, 2
ACCOUNT = {"GBIF_USER": USER, "GBIF_PWD": PASSWORD, "GBIF_EMAIL": "me@museum.org"}
FERNS = ("--taxon-key", "7228684", "--country", "DE", "--basis-of-record", "preserved-specimen", "--licence", "open")
KEY = "0000001-260101000000000"


@pytest_asyncio.fixture
async def gbif(origin: ScriptedServer) -> AsyncIterator[FakeGbif]:
    async with FakeGbif() as server:
        server.content = archive_of(hang(origin, "one", "two", "three"), 4_000_000)
        yield server


def at(gbif: FakeGbif) -> tuple[str, ...]:
    return ("--api", gbif.base, "--allow-private", "127.0.0.0/8")


def request(gbif: FakeGbif, *words: object) -> tuple[object, ...]:
    return ("gbif", "request", *FERNS, *at(gbif), "--poll", "50ms", *words)


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


async def test_from_a_question_to_the_pictures(gbif: FakeGbif, collection: Path, tmp_path: Path) -> None:
    gbif.cuts = [2_500_000]
    requested = await type_in(*request(gbif, "--to", tmp_path / "archives"), environment=ACCOUNT)
    assert requested.status == 0, requested.err
    archive = tmp_path / "archives" / f"{KEY}.zip"
    assert archive.read_bytes() == gbif.content
    assert f"file     {archive} (4.00 MB)" in requested.out
    assert "cite     GBIF.org (" in requested.out
    assert "GBIF Occurrence Download https://doi.org/10.15468/dl.0000001" in requested.out
    assert requested.last_line == f"next: asyncdl init NAME {archive} --contact me@museum.org"
    assert "broke off" in requested.err
    assert all(word not in requested.out + requested.err for word in (PASSWORD, "Basic "))
    (posted,) = gbif.posted
    assert posted["notificationAddresses"] == ["me@museum.org"]
    assert [one["key"] for one in posted["predicate"]["predicates"]] == [
        "TAXON_KEY", "COUNTRY", "BASIS_OF_RECORD", "LICENSE", "MEDIA_TYPE",
    ]  # fmt: skip
    assert all("(+https://github.com/asyncdl/asyncdl; me@museum.org)" in one.agent for one in gbif.seen)

    words = requested.last_line.removeprefix("next: asyncdl ").replace("NAME", str(collection)).split()
    assert (await type_in(*words)).status == 0
    assert (await type_in("run", collection, *RUN)).status == 0
    assert (await status_of(collection))["images"]["success"] == 3


async def test_killed_anywhere_it_goes_on(gbif: FakeGbif, tmp_path: Path) -> None:
    gbif.states = ["PREPARING"]
    gbif.holds = [3_000_000]
    words = request(gbif, "--to", tmp_path, "--json")
    async with started(*words, environment=ACCOUNT) as program:
        await program.until(lambda: list(tmp_path.glob("gbif-*.json")), "has a key on the disk")
        assert await program.kill()
    gbif.entries[KEY].states[:] = ["RUNNING", "SUCCEEDED"]
    async with started(*words, environment=ACCOUNT) as program:
        part = tmp_path / f"{KEY}.zip.part"
        await program.until(lambda: part.exists() and part.stat().st_size >= 1_000_000, "has fetched a part")
        assert await program.kill()
    ended = await type_in(*words, environment=ACCOUNT)
    assert ended.status == 0, ended.err
    assert (tmp_path / f"{KEY}.zip").read_bytes() == gbif.content
    assert len(gbif.posted) == 1
    starts = [one.range for one in gbif.seen if one.path.startswith("/request/")]
    assert starts[0] == ""
    assert int(starts[-1].removeprefix("bytes=").rstrip("-")) >= 1_000_000
    asked = len(gbif.seen)
    assert (await type_in(*words, environment=ACCOUNT)).json == ended.json
    assert len(gbif.seen) == asked
    assert [name.partition("-")[0] for name in names_in(tmp_path)] == ["0000001", "gbif"]


async def test_not_waiting_and_going_on_by_the_key(gbif: FakeGbif, tmp_path: Path) -> None:
    ended = await type_in(*request(gbif, "--to", tmp_path, "--no-wait"), environment=ACCOUNT)
    assert (ended.status, ended.out) == (0, f"{KEY}\nnext: asyncdl gbif fetch {KEY}\n")
    waiting = await type_in("gbif", "fetch", KEY, *at(gbif), "--to", tmp_path, "--max-wait", "1ms")
    assert waiting.status == STOPPED
    assert "is not ready" in waiting.err
    gbif.entries[KEY].states[:] = ["SUCCEEDED"]
    fetched = await type_in("gbif", "fetch", f"https://www.gbif.org/occurrence/download/{KEY}", *at(gbif), "--to", tmp_path)
    assert fetched.status == 0, fetched.err
    assert (tmp_path / f"{KEY}.zip").read_bytes() == gbif.content
    assert not any(one.login for one in gbif.seen if one.method == "GET" and "user" not in one.path)


async def test_what_is_under_way(gbif: FakeGbif) -> None:
    gbif.add({"format": "DWCA"}, ["RUNNING"])
    gbif.add({"format": "DWCA"}, ["SUCCEEDED"])
    shown = await type_in("gbif", "status", *at(gbif), environment=ACCOUNT)
    assert shown.status == 0, shown.err
    assert shown.last_line == "1 under way; GBIF makes 3 of a user at a time"
    listed: list[dict[str, Any]] = (await type_in("gbif", "status", *at(gbif), "--json", environment=ACCOUNT)).json
    assert {one["state"] for one in listed} == {"RUNNING", "SUCCEEDED"}
    assert (await type_in("gbif", "status", KEY, *at(gbif))).last_line == "GBIF is putting it together"


async def test_without_an_account_or_a_right_one_nothing_is_requested(gbif: FakeGbif, tmp_path: Path) -> None:
    nobody = await type_in(*request(gbif, "--to", tmp_path), environment={"GBIF_USER": USER, "GBIF_PWD": ""}, cwd=tmp_path)
    assert nobody.status == ENVIRONMENT
    assert "GBIF_PWD must be set" in nobody.err
    assert gbif.seen == []
    (tmp_path / ".env").write_text(f"GBIF_USER={USER}\nGBIF_PWD='wrong-{PASSWORD}'\n")
    wrong = await type_in(*request(gbif, "--to", tmp_path), environment={"GBIF_USER": "", "GBIF_PWD": ""}, cwd=tmp_path)
    assert wrong.status == ENVIRONMENT
    assert "does not accept the user name and password" in wrong.err
    assert PASSWORD not in wrong.err
    assert gbif.posted == []
    shown = await type_in("config", tmp_path, "--json", cwd=tmp_path)
    assert shown.status == 0
    assert PASSWORD not in shown.out


async def test_what_would_be_asked_is_shown_and_not_asked(gbif: FakeGbif, tmp_path: Path) -> None:
    more = tmp_path / "germany.json"
    more.write_text(json.dumps({"type": "within", "geometry": "POLYGON((5 47, 16 47, 16 55, 5 55, 5 47))"}))
    shown = await type_in(
        *request(gbif, "--year", "1900..1950", "--where", "stateProvince!=Bayern", "--predicate", more, "--dry-run"),
        "--verbatim-extension", "audubon", "--notification", "none",
    )  # fmt: skip
    assert shown.status == 0, shown.err
    assert shown.json["verbatimExtensions"] == ["http://rs.tdwg.org/ac/terms/Multimedia"]
    assert shown.json["sendNotification"] is False
    types = [one["type"] for one in shown.json["predicate"]["predicates"]]
    assert types == ["equals", "equals", "equals", "greaterThanOrEquals", "lessThanOrEquals", "in", "or", "within", "equals"]
    assert gbif.seen == []


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("request", "--media-type", "any"), "nothing was chosen"),
        (("request", "--country", "Germany"), "two letters"),
        (("request", "--where", "kountry=DE"), "did you mean COUNTRY"),
        (("request", "--taxon-key", "59R5F"), "--checklist-key col"),
        (("request", "--taxon-key", "1", "--poll", "1s", "--dry-run", "--api", "x"), None),
        (("request", "--taxon-key", "1", "--poll", "1s"), "at most every 10 s"),
        (("request", "--taxon-key", "1", "--api", "ftp://x"), "--api"),
        (("request", "--taxon-key", "1", "--max-wait", "soon"), "--max-wait"),
        (("request", "--taxon-key", "1", "--notification", "me"), "--notification"),
        (("fetch", "herbarium.zip"), "is no download of GBIF"),
        (("status", "mine"), "is no download of GBIF"),
    ],
)
async def test_what_cannot_be_meant_is_one_sentence(words: tuple[str, ...], says: str | None) -> None:
    ended = await type_in("gbif", *words, environment=ACCOUNT)
    assert ended.status == (0 if says is None else USAGE), ended.err
    assert says is None or says in ended.err


async def test_gbif_itself_is_not_asked_by_nobody() -> None:
    ended = await type_in("gbif", "fetch", KEY)
    assert ended.status == ENVIRONMENT
    assert "api.gbif.org is a public host" in ended.err

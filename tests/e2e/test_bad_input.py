"""Bad input: one clear sentence on standard error with what to do, the designed status, nothing lost, no traceback."""

from __future__ import annotations

import asyncio
import sqlite3
import zipfile
from collections.abc import AsyncIterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from shutil import copytree

import pytest
import pytest_asyncio

from tests.e2e.holdings import DATABASE, ask, check_order, final_files
from tests.e2e.program import RUN, Ended, type_in
from tests.e2e.sources import hang, list_of
from tests.scripted import ScriptedServer

pytestmark = pytest.mark.asyncio(loop_scope="module")

USAGE, MISSING, ENVIRONMENT = 2, 5, 6
META = """<archive xmlns="http://rs.tdwg.org/dwc/text/">
<core encoding="UTF-8" fieldsTerminatedBy="\\t" linesTerminatedBy="\\n" fieldsEnclosedBy="" ignoreHeaderLines="1"
 rowType="http://rs.tdwg.org/dwc/terms/Occurrence"><files><location>occurrence.txt</location></files><id index="0"/>
<field index="1" term="http://rs.tdwg.org/dwc/terms/scientificName"/></core></archive>"""
OCCURRENCES = "gbifID\tscientificName\n1\tBellis perennis\n"


def zipped(path: Path, **members: str) -> bytes:
    """A zip file with `meta.xml` and `occurrence.txt` as given."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in members.items():
            archive.writestr({"meta": "meta.xml", "occurrence": "occurrence.txt", "other": "word/document.xml"}[name], text)
    return path.read_bytes()


def other_database(path: Path) -> None:
    """The database of some other program."""
    path.unlink()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE notes(text)")
        connection.commit()


def overwrite(path: Path, start: int, length: int) -> None:
    content = bytearray(path.read_bytes())
    content[start : start + length] = b"\xa5" * len(content[start : start + length])
    path.write_bytes(content)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def place(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Path]:
    """A folder with sources and collections that something is wrong with, and `good`, which nothing is wrong with."""
    place = tmp_path_factory.mktemp("bad")
    (place / "paper.pdf").write_bytes(b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj\n")
    (place / "cut.zip").write_bytes(zipped(place / "none.zip", meta=META, occurrence=OCCURRENCES)[:200])
    zipped(place / "broken.zip", meta="<archive><core></archive>", occurrence=OCCURRENCES)
    zipped(place / "office.zip", other="<document/>")
    (place / "empty.txt").write_text("")
    (place / "table.tsv").write_text("name\tcolour\nBellis\twhite\n")
    list_of(place / "public.txt", ["https://images.museum-of-plants.org/1.jpg"])
    async with ScriptedServer() as origin:
        list_of(place / "links.txt", hang(origin, "one", "two"))
        assert (await type_in("get", place / "links.txt", place / "good", *RUN)).status == 0
    for name in ("garbage", "holes", "cut", "other", "unset", "toml"):
        copytree(place / "good", place / name)
    overwrite(place / "garbage" / DATABASE, 0, 64)
    overwrite(place / "holes" / DATABASE, 8_192, 120_000)
    (place / "cut" / DATABASE).write_bytes((place / "good" / DATABASE).read_bytes()[:20_000])
    other_database(place / "other" / DATABASE)
    (place / "unset" / "asyncdl.toml").write_text("hots_rate = 3\n")
    (place / "toml" / "asyncdl.toml").write_text("host_rate = \n")
    (place / "mine").mkdir()
    (place / "mine" / "thesis.txt").write_text("three years of work")
    yield place
    assert (place / "mine" / "thesis.txt").read_text() == "three years of work"
    assert [path.name for path in (place / "mine").iterdir()] == ["thesis.txt"]
    assert len(final_files(place / "good")) == check_order(place / "good") == 2


@dataclass(frozen=True, slots=True)
class Case:
    """A command line (`@name` is a path in the place), how it has to end, and words of what it has to say."""

    line: str
    status: int
    words: tuple[str, ...]
    variables: tuple[tuple[str, str], ...] = ()

    def __str__(self) -> str:
        return " ".join((*(f"{name}={value}" for name, value in self.variables), self.line)).replace("@", "")


CASES = (
    # sources
    Case("init @new1 @nowhere.zip", USAGE, ("does not exist", "nowhere.zip")),
    Case("init @new2 @paper.pdf", USAGE, ("is a PDF", "Darwin Core Archive")),
    Case("init @new3 @cut.zip", USAGE, ("breaks off in the middle", "fetch it again")),
    Case("init @new4 @none.zip", USAGE, ("holds no media", "take a download that has media")),
    Case("init @new5 @broken.zip", USAGE, ("meta.xml",)),
    Case("init @new6 @office.zip", USAGE, ("office.zip is an archive without any table",)),
    Case("init @new7 @empty.txt", USAGE, ("is empty",)),
    Case("init @new8 -", USAGE, ("standard input is empty",)),
    Case("init @new9 @table.tsv", USAGE, ("no column holds links to media", "--url-column")),
    # folders
    Case("init @good @links.txt", USAGE, ("is a collection already", "asyncdl run")),
    Case("init @good @public.txt", USAGE, ("made from something else",)),
    Case("init @mine/thesis.txt @links.txt", USAGE, ("is a file", "name a folder")),
    Case("run @nowhere", MISSING, ("does not exist", "asyncdl init")),
    Case("run @mine", MISSING, ("is no collection", "asyncdl init")),
    Case("status @mine/thesis.txt", MISSING, ("is no folder",)),
    # settings
    Case("run @good --host-rate fast", USAGE, ("--host-rate", '"fast" cannot be used', "a rate such as 3")),
    Case("run @good --allow-private 0.0.0.0/0", USAGE, ("--allow-private", "every address there is")),
    Case("run @good --contact me@example.org", USAGE, ("--contact", "nobody reads mail")),
    Case("run @good --hostrate 3", USAGE, ("No such option", "--host-rate")),
    Case("run @good", USAGE, ("ASYNCDL_HOSTRATE is unknown", "ASYNCDL_HOST_RATE"), (("ASYNCDL_HOSTRATE", "3"),)),
    Case("run @good", USAGE, ("ASYNCDL_WAIT", "soon"), (("ASYNCDL_WAIT", "soon"),)),
    Case("run @unset", USAGE, ("hots_rate", "asyncdl.toml", "did you mean host_rate")),
    Case("run @toml", USAGE, ("asyncdl.toml cannot be read as TOML",)),
    Case("explain @good 99", USAGE, ("nothing is known of '99'",)),
    # databases
    Case("run @garbage", MISSING, ("is not a database",)),
    Case("verify @holes --db", MISSING, ("is damaged", "the image files are untouched")),
    Case("run @cut", MISSING, ("is damaged",)),
    Case("run @other", MISSING, ("belongs to another program",)),
    Case("init @other @links.txt", MISSING, ("belongs to another program",)),
)


def check_refusal(ended: Ended, status: int, words: tuple[str, ...]) -> None:
    """One sentence and what to do about it, on standard error, and nothing else."""
    assert ended.status == status, ended.err
    assert ended.out == ""
    lines = [line for line in ended.err.splitlines() if ": read: " not in line]
    assert lines[0].startswith("asyncdl: ")
    assert 2 <= len(lines) <= 3, ended.err
    assert all(line.startswith("  ") for line in lines[1:])
    for word in words:
        assert word in ended.err


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def refusals(place: Path) -> dict[Case, Ended]:
    """How each command line ended. Two at a time: they only read, and a process takes most of a second to start."""
    room = asyncio.Semaphore(2)

    async def typed(case: Case) -> Ended:
        words = [str(place / word[1:]) if word.startswith("@") else word for word in case.line.split()]
        async with room:
            return await type_in(*words, environment=dict(case.variables), typed="")

    return dict(zip(CASES, await asyncio.gather(*map(typed, CASES)), strict=True))


@pytest.mark.parametrize("case", CASES, ids=str)
async def test_it_is_refused_in_one_sentence(refusals: dict[Case, Ended], case: Case) -> None:
    check_refusal(refusals[case], case.status, case.words)


async def test_after_a_refused_source_the_right_one_is_taken(place: Path, tmp_path: Path) -> None:
    assert (await type_in("init", tmp_path / "new", place / "none.zip")).status == USAGE
    refused = await type_in("run", tmp_path / "new")
    if (tmp_path / "new" / DATABASE).exists():
        check_refusal(refused, MISSING, ("is not whole", "asyncdl init"))
    assert (await type_in("init", tmp_path / "new", place / "links.txt")).status == 0
    assert ask(tmp_path / "new", "SELECT count(*) FROM images") == [(2,)]


async def test_a_damaged_collection_keeps_its_files_for_who_restores_the_database(place: Path, tmp_path: Path) -> None:
    harmed = tmp_path / "harmed"
    copytree(place / "good", harmed)
    overwrite(harmed / DATABASE, 8_192, 120_000)
    assert (await type_in("run", harmed)).status == MISSING
    (harmed / DATABASE).write_bytes((place / "good" / DATABASE).read_bytes())
    assert (await type_in("run", harmed)).status == 0
    assert check_order(harmed) == 2

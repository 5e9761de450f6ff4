"""One large file over broken connections, changed versions and unwilling servers; the server is scripted byte by byte."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import NamedTuple

import pytest
import pytest_asyncio

from asyncdl.errors import EnvironmentStops, SourceError
from asyncdl.resumable import FetchedFile, FirstAnswer, WantedFile, fetch_file
from asyncdl.resumable import part as parts
from asyncdl.resumable.part import Part
from asyncdl.retrying import RetryPolicy
from asyncdl.web import Web
from tests.asking import SETTINGS
from tests.resumable.conftest import Room
from tests.scripted import Act, ScriptedServer, Step, answer, head

BODY = bytes(range(256)) * 40
SIZE = len(BODY)
FIRST = {"ETag": '"v1"', "Last-Modified": "Tue, 04 Aug 2026 10:00:00 GMT"}


@pytest_asyncio.fixture
async def web() -> AsyncIterator[Web]:
    async with Web(SETTINGS) as opened:
        yield opened


def rest(start: int, headers: dict[str, str] = FIRST, end: int = SIZE) -> bytes:
    return answer(206, BODY[start:end], headers | {"Content-Range": f"bytes {start}-{end - 1}/{SIZE}"})


class Setting(NamedTuple):
    """What a test needs to fetch `url` into its folder."""

    web: Web
    room: Room
    folder: Path

    async def fetch(self, url: str, policy: RetryPolicy | None = None, **more: object) -> FetchedFile:
        wanted = WantedFile(url, self.folder, "slot", **({"name": lambda _: "file.zip"} | more))  # type: ignore[arg-type]
        return await fetch_file(wanted, self.room.tools(self.web, policy=policy), self.room.watch)

    def cut(self, have: int, headers: dict[str, str] = FIRST, start: int = 0) -> tuple[Step, ...]:
        """Everything from `start` is announced, and the connection ends when `have` bytes are there."""
        status, more = (206, {"Content-Range": f"bytes {start}-{SIZE - 1}/{SIZE}"}) if start else (200, {})
        return answer(status, BODY[start:have], headers | more, length=SIZE - start), self.room.arrival(have), Act.CLOSE

    @property
    def names(self) -> list[str]:
        return sorted(path.name for path in self.folder.iterdir())


@pytest.fixture
def here(web: Web, room: Room, tmp_path: Path) -> Setting:
    return Setting(web, room, tmp_path)


async def test_a_whole_answer_is_a_whole_file(origin: ScriptedServer, here: Setting) -> None:
    fetched = await here.fetch(origin.script("/f", answer(200, BODY, FIRST)), expected_bytes=SIZE)
    assert fetched == FetchedFile(here.folder / "file.zip", SIZE, SIZE)
    assert fetched.path.read_bytes() == BODY
    assert here.names == ["file.zip", "slot.json"]
    assert here.room.pauses == []


async def test_what_broke_off_goes_on_where_it_broke(origin: ScriptedServer, here: Setting) -> None:
    url = origin.script("/f", *here.cut(3_000))
    origin.script("/f", *here.cut(5_000, start=3_000))
    origin.script("/f", rest(5_000))
    fetched = await here.fetch(url)
    assert fetched.path.read_bytes() == BODY
    assert [request.headers.get("range") for request in origin.requests] == [None, "bytes=3000-", "bytes=5000-"]
    assert [request.headers.get("if-range") for request in origin.requests] == [None, '"v1"', '"v1"']
    assert fetched.fetched_bytes == SIZE
    assert len(here.room.pauses) == 2
    assert all(1.0 <= pause <= 1.25 for pause in here.room.pauses)  # each brought something: the back-off begins anew


async def test_a_call_goes_on_with_what_an_earlier_one_left(origin: ScriptedServer, here: Setting) -> None:
    url = origin.script("/f", *here.cut(4_000))
    origin.script("/f", Act.CLOSE)
    origin.script("/f", rest(4_000))
    with pytest.raises(EnvironmentStops, match="disconnected") as stopped:
        await here.fetch(url, RetryPolicy(max_attempts=1))
    assert "type the same command again" in stopped.value.todo
    assert here.names == ["slot.json", "slot.part"]
    fetched = await here.fetch(url)
    assert fetched.path.read_bytes() == BODY
    assert fetched.fetched_bytes == SIZE - 4_000


async def test_what_is_whole_is_not_asked_for_again(origin: ScriptedServer, here: Setting) -> None:
    url = origin.script("/f", answer(200, BODY))
    await here.fetch(url)
    assert await here.fetch(url) == FetchedFile(here.folder / "file.zip", SIZE, 0)
    assert len(origin.requests) == 1
    (here.folder / "file.zip").unlink()
    assert (await here.fetch(url)).fetched_bytes == SIZE


async def test_killed_between_the_last_byte_and_the_name_nothing_is_fetched(origin: ScriptedServer, here: Setting) -> None:
    url = origin.script("/f", answer(200, BODY, FIRST))
    await here.fetch(url)
    note = (here.folder / "slot.json").read_text()
    (here.folder / "slot.json").write_text(note.replace('"whole": true', '"whole": false'))
    assert (await here.fetch(url)).fetched_bytes == 0  # renamed, and not noted any more
    (here.folder / "file.zip").rename(here.folder / "slot.part")
    fetched = await here.fetch(url)  # written, and not renamed any more
    assert fetched.path.read_bytes() == BODY
    assert len(origin.requests) == 1


async def test_after_a_reboot_only_what_was_synced_is_believed(
    origin: ScriptedServer, here: Setting, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = origin.script("/f", *here.cut(4_000))
    origin.script("/f", Act.CLOSE)
    origin.script("/f", answer(200, BODY, FIRST))
    with pytest.raises(EnvironmentStops):
        await here.fetch(url, RetryPolicy(max_attempts=1))
    monkeypatch.setattr(parts, "boot_id", lambda: "another boot")
    fetched = await here.fetch(url)
    assert origin.requests[-1].headers.get("range") is None
    assert fetched.path.read_bytes() == BODY


@pytest.mark.parametrize(
    "second",
    [
        answer(200, BODY[::-1], {"ETag": '"v2"'}),  # what If-Range brings
        answer(206, BODY[3_000:], {"ETag": '"v2"', "Content-Range": f"bytes 3000-{SIZE - 1}/{SIZE}"}),
        answer(206, BODY[3_001:], FIRST | {"Content-Range": f"bytes 3001-{SIZE - 1}/{SIZE}"}),
        answer(416, b"", {"Content-Range": "bytes */10"}),
    ],
    ids=["whole", "another tag", "another part", "shorter"],
)
async def test_a_changed_file_starts_over(origin: ScriptedServer, here: Setting, second: bytes) -> None:
    url = origin.script("/f", *here.cut(3_000))
    origin.script("/f", second)
    origin.script("/f", answer(200, BODY[::-1], {"ETag": '"v2"'}))
    fetched = await here.fetch(url)
    assert fetched.path.read_bytes() == BODY[::-1]
    assert any("starting over" in words for words in here.room.words)


async def test_a_server_without_ranges_or_tags_is_asked_for_the_whole_again(origin: ScriptedServer, here: Setting) -> None:
    url = origin.script("/f", *here.cut(3_000, {}))
    origin.script("/f", answer(200, BODY))
    assert (await here.fetch(url)).path.read_bytes() == BODY
    assert all("range" not in request.headers for request in origin.requests)


async def test_a_file_that_never_changes_is_continued_without_a_tag(origin: ScriptedServer, here: Setting) -> None:
    url = origin.script("/f", *here.cut(3_000, {}))
    origin.script("/f", rest(3_000, {}))
    assert (await here.fetch(url, immutable=True)).path.read_bytes() == BODY
    assert origin.requests[-1].headers["range"] == "bytes=3000-"


async def test_a_part_that_is_smaller_than_asked_for_is_a_beginning(origin: ScriptedServer, here: Setting) -> None:
    url = origin.script("/f", *here.cut(3_000))
    origin.script("/f", rest(3_000, end=6_000))
    origin.script("/f", rest(6_000))
    assert (await here.fetch(url)).path.read_bytes() == BODY


async def test_a_server_that_breaks_and_begins_for_ever_is_given_up(origin: ScriptedServer, here: Setting) -> None:
    url = origin.script("/f", *here.cut(3_000, {}))
    with pytest.raises(EnvironmentStops, match="announced"):
        await here.fetch(url)
    assert len(origin.requests) == 5  # the first brought something, four in a row did not


async def test_a_file_that_changes_all_the_time_is_given_up(origin: ScriptedServer, here: Setting) -> None:
    for number in range(20):
        origin.script("/f", *here.cut(3_000 + number * 100, {"ETag": f'"{number}"'}))
    with pytest.raises(SourceError, match="again and again"):
        await here.fetch(origin.url("/f"))


async def test_a_server_that_asks_for_time_gets_it(origin: ScriptedServer, here: Setting) -> None:
    url = origin.script("/f", answer(429, headers={"Retry-After": "120"}))
    origin.script("/f", answer(503))
    origin.script("/f", answer(500))
    origin.script("/f", answer(200, BODY))
    assert (await here.fetch(url, RetryPolicy(max_attempts=9))).size_bytes == SIZE
    first, second, third = here.room.pauses
    assert 120 <= first <= 150
    assert 2 <= second <= 2.5
    assert 4 <= third <= 5
    assert "status 429" in here.room.words[0]


async def test_a_server_that_asks_for_a_day_is_left_to_the_person(origin: ScriptedServer, here: Setting) -> None:
    url = origin.script("/f", answer(503, headers={"Retry-After": "86400"}))
    with pytest.raises(EnvironmentStops, match="left alone for 1d00h"):
        await here.fetch(url)
    assert here.room.pauses == []


async def test_redirects_are_followed_each_time_from_the_start(origin: ScriptedServer, here: Setting) -> None:
    async with ScriptedServer() as mirror:
        url = origin.script("/f", answer(302, headers={"Location": mirror.script("/real?token=1", *here.cut(3_000))}))
        mirror.script("/real", *here.cut(3_000))
        mirror.script("/real", rest(3_000))
        assert (await here.fetch(url)).path.read_bytes() == BODY
        assert [request.headers.get("range") for request in mirror.requests] == [None, "bytes=3000-"]
    assert len(origin.requests) == 2


async def test_a_ring_of_redirects_ends(origin: ScriptedServer, here: Setting) -> None:
    url = origin.script("/f", answer(301, headers={"Location": "/f"}))
    with pytest.raises(SourceError, match="redirected more than 5 times"):
        await here.fetch(url)
    assert len(origin.requests) == 6
    assert here.names == []


async def test_a_redirect_into_a_private_network_is_refused(origin: ScriptedServer, here: Setting) -> None:
    url = origin.script("/f", answer(302, headers={"Location": "http://169.254.169.254/latest/meta-data"}))
    with pytest.raises(EnvironmentStops, match="link-local"):
        await here.fetch(url)


async def test_a_refusal_says_what_the_server_said_and_nothing_a_terminal_acts_on(origin: ScriptedServer, here: Setting) -> None:
    url = origin.script("/f", answer(410, b'"erased \x1b[31m"', {"Content-Type": "text/plain"}))
    with pytest.raises(SourceError) as refused:
        await here.fetch(f"{url}?secret=1")
    assert refused.value.what.endswith(r"status 410: erased \x1b[31m")
    assert "secret" not in str(refused.value)


async def test_the_wrong_length_is_refused_before_it_is_fetched(origin: ScriptedServer, here: Setting) -> None:
    with pytest.raises(SourceError, match="offers 10,240 bytes where 10,241 were promised"):
        await here.fetch(origin.script("/f", answer(200, BODY)), expected_bytes=SIZE + 1)
    assert here.names == []


async def test_without_a_length_what_was_promised_decides(origin: ScriptedServer, here: Setting) -> None:
    url = origin.script("/f", head(200, FIRST), BODY[:3_000], here.room.arrival(3_000), Act.CLOSE)
    origin.script("/f", rest(3_000))
    assert (await here.fetch(url, expected_bytes=SIZE)).path.read_bytes() == BODY


async def test_without_any_length_the_check_decides(origin: ScriptedServer, here: Setting) -> None:
    def check(path: Path) -> None:
        if path.read_bytes() != BODY:
            raise SourceError("cut", "again")

    url = origin.script("/f", head(200), BODY[:3_000], Act.CLOSE)
    origin.script("/f", head(200), BODY, Act.CLOSE)
    with pytest.raises(SourceError, match="cut"):
        await here.fetch(url, check=check)
    assert here.names == []
    assert (await here.fetch(url, check=check)).size_bytes == SIZE


async def test_the_first_bytes_may_be_refused(origin: ScriptedServer, here: Setting) -> None:
    def refuse(begin: bytes, first: FirstAnswer) -> str | None:
        return f"is {first.media_type}" if begin.startswith(b"<") else None

    url = origin.script("/f", answer(200, b"<html>" + BODY, {"Content-Type": "text/html; charset=x"}))
    with pytest.raises(SourceError, match="is text/html"):
        await here.fetch(url, refuse=refuse)
    assert here.names == []


async def test_an_empty_answer_and_a_packed_one_are_refused(origin: ScriptedServer, here: Setting) -> None:
    with pytest.raises(SourceError, match="is empty"):
        await here.fetch(origin.script("/empty", answer(200)))
    with pytest.raises(SourceError, match="packs what it sends"):
        await here.fetch(origin.script("/packed", answer(200, BODY, {"Content-Encoding": "gzip"})))


async def test_without_room_nothing_is_fetched(origin: ScriptedServer, here: Setting) -> None:
    free = shutil.disk_usage(here.folder).free
    url = origin.script("/f", answer(200, BODY[:1_000], length=free * 2), Act.HOLD)
    with pytest.raises(EnvironmentStops, match="has no room"):
        await here.fetch(url)


async def test_a_name_that_is_taken_is_left_alone(origin: ScriptedServer, here: Setting) -> None:
    (here.folder / "file.zip").write_text("mine")
    url = origin.script("/f", answer(200, BODY, FIRST))
    with pytest.raises(EnvironmentStops, match="is there already"):
        await here.fetch(url)
    assert (here.folder / "file.zip").read_text() == "mine"
    (here.folder / "file.zip").rename(here.folder / "mine")
    assert (await here.fetch(url)).path.read_bytes() == BODY
    assert len(origin.requests) == 1


async def test_two_processes_do_not_fetch_one_file(here: Setting, origin: ScriptedServer) -> None:
    other = Part(here.folder, "slot")
    other.take()
    try:
        with pytest.raises(EnvironmentStops, match="another process is fetching"):
            await here.fetch(origin.script("/f", answer(200, BODY)))
    finally:
        other.close()
    assert origin.requests == []


@pytest.mark.parametrize("note", ["", "{", "[]", '{"url": 1}', '{"version": {"etag":"","last_modified":"","total_bytes":"x"}}'])
async def test_a_note_that_cannot_be_read_says_nothing(origin: ScriptedServer, here: Setting, note: str) -> None:
    (here.folder / "slot.json").write_text(note)
    (here.folder / "slot.part").write_bytes(b"something else")
    assert (await here.fetch(origin.script("/f", answer(200, BODY)))).path.read_bytes() == BODY


async def test_a_note_cannot_lead_out_of_the_folder(origin: ScriptedServer, here: Setting) -> None:
    url = origin.script("/f", answer(200, BODY, FIRST))
    await here.fetch(url)
    note = (here.folder / "slot.json").read_text()
    victim = here.folder.parent / "victim"
    victim.write_bytes(BODY)
    (here.folder / "slot.json").write_text(note.replace('"file.zip"', '"../victim"'))
    (here.folder / "file.zip").unlink()
    assert (await here.fetch(url)).path == here.folder / "file.zip"

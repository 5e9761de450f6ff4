"""What other commands do while a run holds the collection."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

from tests.e2e.holdings import ask, check_order, images
from tests.e2e.program import RUN, started, status_of, type_in
from tests.e2e.sources import hang, list_of, served
from tests.scripted import ScriptedServer, answer

SLOW = (*RUN, "--host-rate", "4", "--host-connections", "1")


async def with_a_failure(origin: ScriptedServer, elsewhere: ScriptedServer, collection: Path) -> str:
    """A collection with a link that is 404 the first time only, and another host that keeps a run busy for a while."""
    origin.script("/gone.jpg", answer(404, b"not yet"))
    gone = origin.script("/gone.jpg", served("here again"))
    busy = hang(elsewhere, *(f"busy{n}" for n in range(20)))
    assert (await type_in("init", collection, list_of(collection.parent / "links.txt", [gone, *busy]))).status == 0
    return gone


def failed(collection: Path) -> int:
    return sum(image.status == "failed" for image in images(collection))


async def test_retry_is_carried_out_by_the_run(origin: ScriptedServer, elsewhere: ScriptedServer, collection: Path) -> None:
    gone = await with_a_failure(origin, elsewhere, collection)
    async with started("run", collection, *SLOW) as program:
        await program.until(lambda: failed(collection), "the failure is committed")
        asked = await type_in("retry", collection, "--error-type", "http_404")
        assert asked.status == 0, asked.err
        assert "1 image re-opened by the run" in asked.out
        await program.until(lambda: len(origin.requests_of("/gone.jpg")) == 2, "it is asked for again")
        assert len(elsewhere.requests) < 20, "only when the run had nothing else to do"
        ended = await program.end()
    assert ended.status == 0
    assert ended.last_line.startswith("21 of 21 images done")
    assert "command retry: images 1" in ended.err
    assert check_order(collection) == 21
    assert [image.attempts for image in images(collection) if image.won == gone] == [1]


async def test_what_is_no_command_is_refused_and_does_no_harm(
    origin: ScriptedServer, elsewhere: ScriptedServer, collection: Path
) -> None:
    await with_a_failure(origin, elsewhere, collection)
    inbox, done = collection / "control" / "inbox", collection / "control" / "done"
    async with started("run", collection, *SLOW) as program:
        await program.until(lambda: failed(collection), "the failure is committed")
        bodies: tuple[dict[str, object], ...] = (
            {"command": "dance"},
            {"command": "retry", "statuses": ["success"]},
            {"command": "retry", "statuses": 7},
            {},
        )
        names = [f"{n:015d}-{n:012x}.json" for n in range(1, len(bodies) + 1)]
        for name, body in zip(names, bodies, strict=True):
            (inbox / name).write_text(json.dumps(body))
        (inbox / "000000000000009-000000000009.json").write_text("{no json")
        (inbox / "readme.txt").write_text("mine")
        await program.until(lambda: all((done / name).exists() for name in names), "answers")
        assert all("error" in json.loads((done / name).read_text()) for name in names)
        ended = await program.end()
    assert ended.status == 0
    assert sorted(path.name for path in inbox.iterdir()) == ["000000000000009-000000000009.json", "readme.txt"]
    assert failed(collection) == 1
    assert check_order(collection) == 20


async def test_a_command_that_a_run_left_behind_is_carried_out_by_the_next(
    origin: ScriptedServer, elsewhere: ScriptedServer, collection: Path
) -> None:
    await with_a_failure(origin, elsewhere, collection)
    assert (await type_in("run", collection, *RUN)).status == 0
    assert failed(collection) == 1
    body = {"command": "retry", "error_types": ["http_404"], "hosts": [], "statuses": ["failed"], "since_ms": None}
    (collection / "control" / "inbox" / "000000000000001-000000000001.json").write_text(json.dumps(body))
    ended = await type_in("run", collection, *RUN)  # nothing is due: the command is what there is to do
    assert ended.last_line.startswith("21 of 21 images done")


async def test_status_and_explain_answer_while_it_runs(origin: ScriptedServer, collection: Path) -> None:
    urls = hang(origin, *(f"busy{n}" for n in range(40)))
    assert (await type_in("init", collection, list_of(collection.parent / "links.txt", urls))).status == 0
    async with started("run", collection, *SLOW) as program:
        await program.until(lambda: ask(collection, "SELECT count(*) FROM files")[0][0] > 1, "two files")
        first = await status_of(collection)
        assert first["running"]["pid"] == program.pid
        assert first["images"]["total"] == 40
        assert 1 < first["images"]["success"] < 40
        assert first["images"]["success"] + first["images"]["pending"] == 40
        saved = first["images"]["success"]
        await program.until(lambda: ask(collection, "SELECT count(*) FROM files")[0][0] > saved, "one file more")
        words = (("explain", collection, urls[0]), ("verify", collection, "--hash"))
        told, verified = await asyncio.gather(*(type_in(*line) for line in words))
        assert told.status == 0, told.err
        assert verified.status == 0, verified.out
        assert program.running
        await program.kill()
    assert (await status_of(collection))["running"] is None

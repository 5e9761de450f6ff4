"""Files that were adopted without reading them: `verify --hash` reads them first, `--fix` notes what it found."""

import hashlib
from pathlib import Path

import pytest

from asyncdl.clock import SystemClock
from asyncdl.store import Store
from asyncdl.upkeep.findings import Damage
from asyncdl.upkeep.repair import Repair
from asyncdl.upkeep.verify import Verification, VerifyOptions, VerifyReport
from tests.legacy.trees import World, build, jpeg

ONE = "files/100/000/1000001-00.jpg"


@pytest.fixture
async def world(tmp_path: Path) -> World:
    world = await build(tmp_path)
    world.put("1000001.jpg", jpeg("1"))
    world.put("77.jpg", jpeg("77")[:-300])
    assert (await world.adopt()).tally.adopted == 2
    return world


async def look(world: World, one_in: int, *, fix: bool = False) -> tuple[VerifyReport, Repair]:
    async with await Store.open(world.collection.db) as store:
        repair = Repair(world.collection.root, store, 1)
        report = await Verification(
            world.collection, store, VerifyOptions(one_in), SystemClock(), beside_a_run=False, repair=repair if fix else None
        ).run()
    return report, repair


async def test_without_reading_nothing_is_said_of_digests(world: World) -> None:
    report, _ = await look(world, 0)
    assert not report.findings.counts


async def test_reading_tells_what_has_no_digest_and_what_is_not_whole(world: World) -> None:
    report, _ = await look(world, 1)
    assert report.findings.counts == {Damage.NO_DIGEST: 1, Damage.NOT_WHOLE: 1}
    assert [finding.damage for finding in report.findings.examples] == [Damage.NOT_WHOLE]
    assert report.harmful == 1
    assert (await world.files())[ONE].sha256 == b""


async def test_a_repair_notes_digests_and_reopens_what_is_not_whole(world: World) -> None:
    _, repair = await look(world, 1, fix=True)
    assert (repair.digests_noted, repair.images_reopened, repair.unfixed) == (1, 1, 0)
    assert (await world.files())[ONE].sha256 == hashlib.sha256(jpeg("1")).digest()
    assert (await world.flags())[77, 0] == ("pending", None)
    assert (world.old / "77.jpg").read_bytes() == jpeg("77")[:-300]
    report, _ = await look(world, 1)
    assert not report.findings.counts
    (world.collection.root / ONE).write_bytes(jpeg("1")[::-1])
    report, _ = await look(world, 1)
    assert report.findings.counts == {Damage.WRONG_DIGEST: 1}

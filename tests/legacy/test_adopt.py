import hashlib
from pathlib import Path

import pytest

from asyncdl.legacy import adopt
from asyncdl.legacy.account import Reason
from asyncdl.legacy.adopt import LegacyOptions, LegacyProgress
from asyncdl.legacy.claims import DatabaseClaims
from asyncdl.legacy.giving import Giver, Mode
from asyncdl.store import LegacyDatabase, Store
from tests.legacy.trees import PAGE, RECORDS, World, jpeg, refused, snapshot, status_database

ONE, TWO_A, TWO_B = "files/100/000/1000001-00.jpg", "files/100/000/1000002-00.jpg", "files/100/000/1000002-01.jpg"
LEGACY = ("success", "legacy_unverified_index")


async def test_files_get_their_names_and_rows_and_the_old_tree_stays(world: World) -> None:
    world.put("100/000/1000001.jpg", jpeg("1"))
    world.put("1000002-00.jpg", jpeg("2"))
    before = {path: content for path, (_, _, _, content) in snapshot(world.old).items()}
    account = await world.adopt()
    assert (account.tally.adopted, account.tally.looked_at, account.tally.unverified, refused(account)) == (2, 2, 2, {})
    assert world.on_disk() == {ONE, TWO_A}
    files = await world.files()
    assert (files[ONE].sha256, files[ONE].recipe, files[ONE].width) == (b"", "adopted from 100/000/1000001.jpg", 160)
    assert (world.collection.root / ONE).samefile(world.old / "100/000/1000001.jpg")
    flags = await world.flags()
    assert flags[1000001, 0] == flags[1000002, 0] == LEGACY
    assert flags[1000002, 1] == flags[77, 0] == ("pending", None)
    assert before == {path: content for path, (_, _, _, content) in snapshot(world.old).items()}


@pytest.mark.parametrize("mode", list(Mode))
async def test_a_second_time_finds_everything_there(world: World, mode: Mode) -> None:
    world.put("1000001.jpg", jpeg("1"))
    world.put("000/077/77-00.jpg", jpeg("77"))
    lines = ("1000001\n", "77\n")
    assert (await world.adopt(world.listed(*lines), LegacyOptions(mode))).tally.adopted == 2
    held = snapshot(world.collection.files)
    account = await world.adopt(world.listed(*lines), LegacyOptions(mode))
    assert (account.tally.adopted, account.tally.already_there, refused(account)) == (0, 2, {})
    assert snapshot(world.collection.files) == held
    assert (world.old / "1000001.jpg").exists() is (mode is not Mode.MOVE)


async def test_hash_reads_checks_and_notes_the_digest(world: World) -> None:
    world.put("1000001.jpg", jpeg("1"))
    world.put("77.jpg", jpeg("77")[:-300])
    account = await world.adopt(options=LegacyOptions(hash_files=True))
    assert refused(account) == {Reason.TRUNCATED: 1}
    assert account.tally.bytes_read == len(jpeg("1"))
    assert (await world.files())[ONE].sha256 == hashlib.sha256(jpeg("1")).digest()


async def test_what_is_no_photo_of_the_collection_is_refused_by_reason_and_listed(world: World) -> None:
    world.put("1000001.jpg", PAGE)
    world.put("1000002-00.jpg", b"")
    world.put("1000002-05.jpg", jpeg("5"))
    world.put("1000003.jpg", jpeg("3")[:500])
    world.put("77.jpg", b"\x00\x01\x02" * 1000)
    world.put("4242.jpg", jpeg("4242"))
    world.put("read me\x1b[31m.txt", b"")
    rejects = world.collection.rejects / "legacy.tsv"
    account = await world.adopt(rejects=rejects)
    assert refused(account) == {
        Reason.PAGE: 1, Reason.EMPTY: 1, Reason.NO_IMAGE_LEFT: 1, Reason.TOO_SMALL: 1, Reason.NOT_AN_IMAGE: 1,
        Reason.NO_SUCH_RECORD: 1, Reason.NOT_A_NAME: 1,
    }  # fmt: skip
    assert account.tally.adopted == 0
    assert account.tally.looked_at == 7
    lines = rejects.read_text().splitlines()
    assert lines[0] == "what\treason\tdetail"
    assert len(lines) == 8
    assert "1000001.jpg\tpage\ttext/html" in lines
    assert r"read me\x1b[31m.txt" in rejects.read_text()
    assert world.on_disk() == set()


async def test_of_several_files_of_an_image_the_best_name_with_a_photo_wins(world: World) -> None:
    world.put("100/000/1000001-00.jpg", PAGE)
    world.put("1000001-00.jpg", jpeg("good"))
    world.put("1000001.jpg", jpeg("other"))
    account = await world.adopt()
    assert (account.tally.adopted, refused(account)) == (1, {Reason.PAGE: 1, Reason.IMAGE_SAVED: 1})
    assert (world.collection.root / ONE).read_bytes() == jpeg("good")


async def test_a_list_names_what_is_missing_and_repeated(world: World) -> None:
    world.put("1000001.jpg", jpeg("1"))
    account = await world.adopt(world.listed("1000001\n", "1000001\n", "77\n", "4242\n", "x\n"))
    assert (account.tally.adopted, account.tally.looked_at) == (1, 5)
    assert refused(account) == {Reason.MISSING: 1, Reason.NO_SUCH_RECORD: 1, Reason.NOT_AN_ID: 1, Reason.REPEATED: 1}


async def test_what_a_run_has_saved_stays(world: World) -> None:
    world.put("1000001.jpg", jpeg("1"))
    await world.adopt()
    world.put("100/000/1000001-00.jpg", jpeg("newer"))
    account = await world.adopt()
    assert (account.tally.already_there, refused(account)) == (1, {Reason.IMAGE_SAVED: 1})
    assert (world.collection.root / ONE).read_bytes() == jpeg("1")


async def test_nothing_in_the_way_is_overwritten(world: World) -> None:
    world.put("1000001.jpg", jpeg("1"))
    (world.collection.root / ONE).parent.mkdir(parents=True)
    (world.collection.root / ONE).write_bytes(b"somebody else's")
    for dry_run in (True, False):
        assert refused(await world.adopt(dry_run=dry_run)) == {Reason.NAME_TAKEN: 1}
    assert (world.collection.root / ONE).read_bytes() == b"somebody else's"


async def test_files_that_a_kill_left_without_rows_are_taken(world: World) -> None:
    old = world.put("1000001.jpg", jpeg("1"))
    other = world.put("77.jpg", jpeg("77"))
    giver = Giver(world.collection.root, world.collection.part, Mode.LINK, same_device=True)
    giver.give(old, ONE, 1)
    copier = Giver(world.collection.root, world.collection.part, Mode.COPY, same_device=True)
    copier.give(other, "files/000/077/77-00.jpg", 5)
    account = await world.adopt()
    assert (account.tally.adopted, refused(account)) == (2, {})


async def test_a_move_that_was_killed_before_its_end_is_ended(world: World) -> None:
    world.put("1000001.jpg", jpeg("1"))
    await world.adopt()
    account = await world.adopt(options=LegacyOptions(Mode.MOVE))
    assert (account.tally.already_there, account.tally.old_files_removed) == (1, 1)
    assert not (world.old / "1000001.jpg").exists()
    assert (world.collection.root / ONE).read_bytes() == jpeg("1")


async def test_a_dry_run_counts_the_same_and_touches_nothing(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(adopt, "BATCH_CLAIMS", 2)  # so that one image comes in several batches
    world.put("100/000/1000001-00.jpg", jpeg("1"))
    world.put("1000002-00.jpg", jpeg("2"))
    world.put("1000003.jpg", PAGE)
    lines = ("1000001\n", "1000002\n", "1000003\n", "1000001\n", "9\n", "77\n")
    claims = world.listed(*lines)
    before = snapshot(world.old.parent)
    dry = await world.adopt(claims, dry_run=True)
    assert snapshot(world.old.parent) == before
    real = await world.adopt(world.listed(*lines))
    assert (dry.tally, refused(dry)) == (real.tally, refused(real))
    assert real.tally.adopted == 2


async def test_links_outside_of_the_root_are_not_followed(world: World, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere/000"
    elsewhere.mkdir(parents=True)
    (elsewhere / "1000001-00.jpg").write_bytes(jpeg("secret"))
    (world.old / "100").symlink_to(tmp_path / "elsewhere")
    (world.old / "77.jpg").symlink_to(elsewhere / "1000001-00.jpg")
    account = await world.adopt(world.listed("1000001\n", "77\n"))
    assert refused(account) == {Reason.OUTSIDE: 1, Reason.NOT_A_FILE: 1}
    assert refused(await world.adopt()) == {Reason.NOT_A_FILE: 2}
    assert world.on_disk() == set()


async def test_the_links_of_the_database_tell_which_photo_it_is(world: World) -> None:
    first, second = RECORDS[1000002]
    world.put("100/000/1000002-00.jpg", jpeg("b"))
    world.put("100/000/1000002-01.jpg", jpeg("a"))
    world.put("1000001.jpg", jpeg("1"))
    world.put("1000003-00.jpg", jpeg("3"))
    path = status_database(
        world.old.parent / "download.sqlite",
        [
            (1000001, 0, RECORDS[1000001][0], "success", None, "legacy_unverified_index"),
            (1000002, 0, second.replace("https:", "http:"), "success", str(world.old / "100/000/1000002-00.jpg"), None),
            (1000002, 1, f"https://gone.example.org/x\n{first}", "success", "100/000/1000002-01.jpg", None),
            (1000003, 0, "https://b.example.org/another.jpg", "success", "1000003-00.jpg", None),
            (77, 0, RECORDS[77][0], "failed_permanent", None, "http_404"),
        ],
    )
    with LegacyDatabase(path) as database:
        account = await world.adopt(DatabaseClaims(database, world.old))
    assert (account.tally.adopted, account.tally.unverified, refused(account)) == (3, 1, {Reason.LINKS_UNKNOWN: 1})
    assert (world.collection.root / TWO_A).read_bytes() == jpeg("a")
    assert (world.collection.root / TWO_B).read_bytes() == jpeg("b")
    flags = await world.flags()
    assert flags[1000002, 0] == flags[1000002, 1] == ("success", None)
    assert flags[1000001, 0] == LEGACY
    assert flags[1000003, 0] == flags[77, 0] == ("pending", None)


async def test_keys_that_were_never_looked_up_are_found_from_the_links(world: World) -> None:
    async with await Store.open(world.collection.db) as store:
        await store._db.write(lambda raw: raw.execute("UPDATE images SET key_hash = 0"))
    world.put("77.jpg", jpeg("77"))
    path = status_database(world.old.parent / "download.sqlite", [(77, 0, RECORDS[77][0], "success", None, None)])
    with LegacyDatabase(path) as database:
        account = await world.adopt(DatabaseClaims(database, world.old))
    assert (account.tally.adopted, account.tally.unverified) == (1, 0)


async def test_progress_is_told(world: World) -> None:
    world.put("1000001.jpg", jpeg("1"))
    told: list[LegacyProgress] = []
    await world.adopt(world.listed("1000001\n"), progress=told)
    assert [(step.looked_at, step.adopted, step.fraction) for step in told] == [(1, 1, 1.0)]

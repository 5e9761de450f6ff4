import asyncio
import json
import re
from pathlib import Path

import pytest

from tests.cli.runner import type_in
from tests.report.samples import Sample, build, terminal_safe

Capsys = pytest.CaptureFixture[str]
FIRST = "files/100/000/1000001-00.jpg"


@pytest.fixture
def sample(tmp_path: Path) -> Sample:
    return asyncio.run(build(tmp_path / "herbarium"))


def damage(sample: Sample) -> None:
    path = sample.root / FIRST
    path.write_bytes(path.read_bytes()[::-1].replace(b"o", b"0"))
    (sample.root / "files/stray\x1b[31m[red].jpg").write_bytes(b"stray")


def test_a_sound_collection_is_status_0(sample: Sample, capsys: Capsys) -> None:
    ended = type_in(capsys.readouterr, "verify", sample.root, "--hash", "--db")
    assert (ended.status, ended.err) == (0, "")
    assert "rows and files compared: 2, of these read: 2 (2.30 kB), in" in ended.out
    assert ended.out.splitlines()[-1] == "rows and files agree"


def test_damage_is_status_5_with_what_and_what_to_do_disarmed(sample: Sample, capsys: Capsys) -> None:
    damage(sample)
    ended = type_in(capsys.readouterr, "verify", sample.root, "--hash")
    assert ended.status == 5
    assert terminal_safe(ended.out)
    assert f"wrong digest: {FIRST} (sha256 " in ended.out
    assert r"orphan: files/stray\x1b[31m[red].jpg" in ended.out
    assert f"wrong: 2; `asyncdl verify {sample.root} --fix`" in ended.out
    assert (sample.root / FIRST).is_file()


def test_json_counts_and_names_what_is_wrong(sample: Sample, capsys: Capsys) -> None:
    damage(sample)
    ended = type_in(capsys.readouterr, "verify", sample.root, "--hash", "--db", "--json")
    assert ended.status == 5
    found = json.loads(ended.out)
    assert (found["clean"], found["wrong"], found["files_read"]) == (False, 2, 2)
    assert (found["found"]["wrong_digest"], found["found"]["orphan"], found["found"]["missing"]) == (1, 1, 0)
    assert found["examples"][0]["image"] == {"record": 1000001, "number": 0}
    assert found["database"] == {"integrity": [], "counters": [], "records": [], "stranded": [], "by_table": {}}
    assert found["repair"] is None


def test_fix_moves_reopens_and_leaves_a_clean_collection(sample: Sample, capsys: Capsys) -> None:
    damage(sample)
    content = (sample.root / FIRST).read_bytes()
    ended = type_in(capsys.readouterr, "verify", sample.root, "--hash", "--fix", "--json")
    assert (ended.status, ended.err) == (0, "")
    repair = json.loads(ended.out)["repair"]
    assert (repair["images_reopened"], repair["files_moved"], repair["unfixed"], repair["problems"]) == (1, 2, 0, [])
    assert re.fullmatch(r"quarantine/\d{4}-\d\d-\d\dT\d{6}Z", repair["quarantine"])
    assert (sample.root / repair["quarantine"] / FIRST).read_bytes() == content
    ended = type_in(capsys.readouterr, "verify", sample.root, "--hash", "--db")
    assert ended.status == 0
    status = json.loads(type_in(capsys.readouterr, "status", sample.root, "--json").out)
    assert (status["images"]["success"], status["images"]["pending"], status["bytes"]) == (1, 3, 1500)


def test_fix_says_what_it_did_and_what_to_type(sample: Sample, capsys: Capsys) -> None:
    damage(sample)
    ended = type_in(capsys.readouterr, "verify", sample.root, "--hash", "--fix")
    assert "repaired: images re-opened: 1; files moved to " in ended.out
    assert ended.out.splitlines()[-1] == f"rows and files agree again; `asyncdl run {sample.root}` fetches what was re-opened"


def test_beside_a_run_looking_is_allowed_and_repairing_is_not(sample: Sample, capsys: Capsys) -> None:
    damage(sample)
    with sample.collection.lock():
        looked = type_in(capsys.readouterr, "verify", sample.root, "--hash")
        repaired = type_in(capsys.readouterr, "verify", sample.root, "--hash", "--fix")
    assert looked.status == 5
    assert "files without a row, too young to judge while a run may be at work: 1" in looked.out
    assert repaired.status == 4
    assert "another run holds the collection" in repaired.err
    assert (sample.root / FIRST).is_file()


@pytest.mark.parametrize(("share", "read"), [("1/1", 2), ("1 / 1000000000", 0)])
def test_a_sample_reads_its_share(sample: Sample, capsys: Capsys, share: str, read: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("asyncdl.cli.verify.Random.randrange", lambda _random, stop: stop - 1)
    ended = type_in(capsys.readouterr, "verify", sample.root, "--sample", share, "--json")
    assert (ended.status, json.loads(ended.out)["files_read"]) == (0, read)


@pytest.mark.parametrize("share", ["1/0", "2/3", "half", "", "1/99999999999"])
def test_a_share_that_is_none_is_status_2(sample: Sample, capsys: Capsys, share: str) -> None:
    ended = type_in(capsys.readouterr, "verify", sample.root, "--sample", share)
    assert ended.status == 2
    assert "write 1/100" in ended.err


def test_a_database_cut_in_the_middle_is_status_5_without_a_traceback(sample: Sample, capsys: Capsys) -> None:
    with sample.collection.db.open("rb+") as file:
        file.truncate(8192 * 6)
    ended = type_in(capsys.readouterr, "verify", sample.root, "--db")
    assert ended.status == 5
    assert "Traceback" not in ended.err

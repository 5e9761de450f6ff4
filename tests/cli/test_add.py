"""`asyncdl add` as it is typed: its report, its JSON, its refusals."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from asyncdl.app.additions import AddOptions, add_sources
from asyncdl.collection import Collection
from asyncdl.ingest import IngestProgress, Stage
from asyncdl.settings import load_ingest_settings
from tests.cli.conftest import RunProgram
from tests.cli.runner import Ended, type_in
from tests.report.samples import terminal_safe

Capsys = pytest.CaptureFixture[str]
URL = "https://example.org/{}.jpg"


def table(path: Path, *rows: tuple[object, ...], header: str = "gbifID\tidentifier\tcountryCode") -> Path:
    path.write_text("\n".join([header, *("\t".join(map(str, row)) for row in rows)]) + "\n")
    return path


def row(record: int, name: str, country: str = "DE") -> tuple[object, ...]:
    return record, URL.format(name), country


OLD = (row(1, "a"), row(2, "b"), row(3, "c", "FR"))
NEW = (row(1, "a"), row(2, "x"), row(4, "d"), row(5, "e", "FR"))


def typed(capsys: Capsys, *words: object) -> Ended:
    return type_in(capsys.readouterr, *words)


def in_json(capsys: Capsys, *words: object) -> Any:
    ended = typed(capsys, *words, "--json")
    assert (ended.status, "Traceback" in ended.err) == (0, False), ended.err
    return json.loads(ended.out)


@pytest.fixture
def root(tmp_path: Path, capsys: Capsys) -> Path:
    made = typed(capsys, "init", tmp_path / "herbarium", table(tmp_path / "old.txt", *OLD))
    assert made.status == 0, made.err
    return tmp_path / "herbarium"


def test_the_report_says_what_is_new_known_changed_and_gone(root: Path, tmp_path: Path, capsys: Capsys) -> None:
    new = table(tmp_path / "new\x1b[31m.txt", *NEW, (9, "http://654355.jpg", "DE"))
    tried = typed(capsys, "add", root, new, "--dry-run")
    assert tried.status == 0
    assert "a dry run: nothing was changed" in tried.out
    assert typed(capsys, "status", root, "--json").out.count('"name"') == 1
    ended = typed(capsys, "add", root, new)
    assert (ended.status, terminal_safe(ended.out)) == (0, True)
    for words in (
        "replaces  source 1: old.txt, of which 66.7 % come again",
        "records   2 new, 1 changed, 1 known, 1 gone, 1 without a usable link",
        "images    3 new, 0 with new links, 1 as they were, 2 gone",
        "of the gone ones 0 keep their file or cause, 2 are no longer asked",
        "set aside 1 time: the link is not a usable http(s) address",
        f"next: asyncdl run {root}",
    ):
        assert words in ended.out
    assert "compare: " in ended.err
    same = [line for line in tried.out.splitlines()[1:] if not line.startswith(("ready", "  all of them"))]
    assert same == [line for line in ended.out.splitlines() if not line.startswith(("ready", "  all of them"))]
    assert "as source 2" in typed(capsys, "add", root, new).out


def test_json_has_what_is_promised(root: Path, tmp_path: Path, capsys: Capsys) -> None:
    new = table(tmp_path / "new.txt", *NEW)
    tried, done = in_json(capsys, "add", root, new, "--dry-run"), in_json(capsys, "add", root, new)
    assert (tried.pop("dry_run"), done.pop("dry_run")) == (True, False)
    assert tried.pop("seconds") + done.pop("seconds") > 0
    assert tried == done
    (source,) = done["sources"]
    assert source["replaces"] == {"number": 1, "name": "old.txt", "share_again": pytest.approx(2 / 3)}
    assert source["records"] == {"new": 2, "changed": 1, "known": 1, "gone": 1, "unusable": 0}
    assert source["images"] == {"new": 3, "changed": 0, "known": 1, "gone": 2, "withdrawn": 2, "named_again": 0, "reopened": 0}
    assert source["links"] == {"new": 3, "gained": 0}
    assert (source["number"], source["already_there"], source["counts"]["rows_read"]) == (2, False, 4)


def test_status_and_explain_say_what_is_gone_and_retry_asks_it_again(root: Path, tmp_path: Path, capsys: Capsys) -> None:
    typed(capsys, "add", root, table(tmp_path / "new.txt", *NEW))
    status = in_json(capsys, "status", root)
    assert status["gone"] == {"images": 2, "withdrawn": 2}
    assert [(one["living"], one["replaced_by"], one["images_gone"]) for one in status["sources"]] == [
        (False, 2, 0),
        (True, None, 2),
    ]
    assert status["sources"][1]["added_at"].endswith("Z")
    shown = typed(capsys, "status", root).out
    assert "2 images that no source names any more: 0 keep their file or cause, 2 are not asked" in shown
    assert "source 2 took its place" in shown
    told = typed(capsys, "explain", root, "2").out
    assert "no longer in new.txt (source 2), since 20" in told
    assert "source 1 row 3" in told  # only the earlier source says anything of that image
    assert "source 2 row 3" in told
    gone = [image["gone"] for image in in_json(capsys, "explain", root, "2")["records"][0]["images"]]
    assert gone[0]["source"] == 2
    assert gone[1] is None
    assert "0 images re-opened" in typed(capsys, "retry", root).out
    assert "2 images re-opened" in typed(capsys, "retry", root, "--error-type", "withdrawn").out
    assert in_json(capsys, "status", root)["images"]["failed"] == 0


def test_an_addition_that_was_stopped_is_said_and_finished(root: Path, tmp_path: Path, capsys: Capsys) -> None:
    def stop(step: IngestProgress) -> None:
        if step.stage is Stage.COMPARE and step.done:
            raise KeyboardInterrupt

    new = table(tmp_path / "new.txt", *NEW)
    with pytest.raises(KeyboardInterrupt):
        asyncio.run(add_sources(root, [str(new)], load_ingest_settings(root, {}), AddOptions(), stop))
    shown = typed(capsys, "status", root).out
    assert "its addition is unfinished" in shown
    assert f"the addition of new.txt is unfinished: `asyncdl add {root}` finishes it" in shown
    refused = typed(capsys, "add", root, table(tmp_path / "other.txt", *OLD[:1]))
    assert (refused.status, "the addition of new.txt is unfinished" in refused.err) == (2, True)
    finished = in_json(capsys, "add", root)
    assert [source["name"] for source in finished["sources"]] == ["new.txt"]
    assert finished["sources"][0]["images"]["new"] == 3
    assert "unfinished" not in typed(capsys, "status", root).out
    assert "no addition is unfinished" in typed(capsys, "add", root).err


def test_a_selection_is_not_left_unasked(tmp_path: Path, capsys: Capsys) -> None:
    root, new = tmp_path / "german", table(tmp_path / "new.txt", *NEW)
    assert typed(capsys, "init", root, table(tmp_path / "old.txt", *OLD), "--where", "countryCode=DE", "--seed", 7).status == 0
    refused = typed(capsys, "add", root, new)
    assert refused.status == 2
    assert "source 1 was read with --where countryCode=DE --seed 7; without a choice everything" in refused.err
    assert "--same-choices" in refused.err
    tried = in_json(capsys, "add", root, new, "--dry-run")
    assert tried["notices"] == ["source 1 was read with --where countryCode=DE --seed 7; this takes everything"]
    assert tried["sources"][0]["records"]["new"] == 2
    same = in_json(capsys, "add", root, new, "--same-choices", "--dry-run")
    assert (same["notices"], same["sources"][0]["counts"]["rows_filtered"], same["sources"][0]["records"]["new"]) == ([], 1, 1)
    both = typed(capsys, "add", root, new, "--same-choices", "--where", "countryCode=FR")
    assert (both.status, "no other choice" in both.err) == (2, True)
    other = in_json(capsys, "add", root, new, "--where", "countryCode=FR", "--dry-run")
    assert other["sources"][0]["records"] == {"new": 1, "changed": 0, "known": 0, "gone": 0, "unusable": 0}
    done = in_json(capsys, "add", root, new, "--no-same-choices")
    assert (done["sources"][0]["records"]["new"], done["notices"]) == (
        2,
        ["source 1 was read with --where countryCode=DE --seed 7"],
    )


def test_a_table_is_read_as_the_earlier_one_was(tmp_path: Path, capsys: Capsys) -> None:
    header = "barcode\timage\tother"
    old = table(tmp_path / "old.tsv", ("B 1", URL.format("a"), ""), ("B 2", URL.format("b"), ""), header=header)
    new = table(
        tmp_path / "new.tsv",
        ("B 0", URL.format("z"), ""),
        ("B 1", URL.format("a"), ""),
        ("B 2", URL.format("c"), ""),
        header=header,
    )
    root = tmp_path / "plates"
    assert typed(capsys, "init", root, old, "--id-column", "barcode", "--url-column", "image").status == 0
    added = in_json(capsys, "add", root, new)
    assert added["notices"] == ["new.tsv is read as source 1 was: --id-column barcode --url-column image"]
    assert added["sources"][0]["records"] == {"new": 1, "changed": 1, "known": 1, "gone": 0, "unusable": 0}
    assert in_json(capsys, "add", root, new)["sources"][0]["already_there"] is True
    links = tmp_path / "links.txt"
    links.write_text(URL.format("q") + "\n")
    assert in_json(capsys, "add", root, links)["notices"] == []


def test_standard_input_is_read_each_time(tmp_path: Path, program: RunProgram) -> None:
    root = tmp_path / "pictures"
    lines = [URL.format(name) for name in "abc"]
    assert program("init", str(root), "-", stdin="\n".join(lines).encode()).returncode == 0
    for more, new in (([], 0), (["d"], 1)):
        lines = [*(URL.format(name) for name in more), *lines]
        ended = program("add", str(root), "-", "--json", stdin="\n".join(lines).encode())
        assert ended.returncode == 0, ended.stderr
        (source,) = json.loads(ended.stdout)["sources"]
        assert (source["records"]["new"], source["images"]["gone"], source["replaces"] is not None) == (new, 0, True)


def test_refusals_say_what_to_do(root: Path, tmp_path: Path, capsys: Capsys) -> None:
    for words, status, says in (
        (("add", root, tmp_path / "missing.zip"), 2, "does not exist"),
        (("add", tmp_path / "nowhere", tmp_path / "old.txt"), 5, "asyncdl init"),
        (("add", root, tmp_path / "old.txt", "--replaces", "newest"), 2, "auto, none, or the number"),
    ):
        ended = typed(capsys, *words)
        assert (ended.status, says in ended.err) == (status, True), ended.err
    with Collection(root).lock():
        ended = typed(capsys, "add", root, tmp_path / "old.txt", "--dry-run")
    assert (ended.status, "holds the collection" in ended.err) == (4, True)

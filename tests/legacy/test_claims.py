import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asyncdl.errors import UsageError
from asyncdl.legacy.account import Reason, Refused
from asyncdl.legacy.claims import Claim, DatabaseClaims, ListClaims, OldTree, TreeClaims, claim_of, places, preference
from asyncdl.store import LegacyDatabase
from tests.legacy.trees import status_database


@pytest.mark.parametrize(
    ("path", "record", "number"),
    [
        ("123/456/1234567890-00.jpg", 1234567890, 0), ("1234567890.jpg", 1234567890, 0), ("123/456/1234567-03.dng", 1234567, 3),
        ("7.JPG", 7, 0), ("12/9-12.CR2", 9, 12), ("5-00.raw", 5, 0), ("0.tif", 0, 0),
    ],
)  # fmt: skip
def test_names_of_the_earlier_tools_are_claims(path: str, record: int, number: int) -> None:
    assert claim_of(path) == Claim(record, number, path, path)


@pytest.mark.parametrize(
    "path", ["", "a.jpg", "12", "12.tmp", "12-00.part", "-1.jpg", "12-0.jpg", "007.jpg", "12.jpg.jpg", "12-00-1.jpg", "1" * 19 + ".jpg",
             "١٢.jpg", "12.jp\n", "12.extension"]
)  # fmt: skip
def test_other_names_are_none(path: str) -> None:
    assert claim_of(path) == Refused(path, Reason.NOT_A_NAME)


def test_a_list_may_be_untidy(tmp_path: Path) -> None:
    path = tmp_path / "processed.txt"
    path.write_bytes(
        b"\xef\xbb\xbf1234567\r\n\r\n 1234568.jpg \n'1234569'\n123/456/1234570-01.jpg\n1234567\ngbifID\n\xff\xfe\n"
        + b"9" * 10_000 + b"\n12\x00\n1234571"
    )  # fmt: skip
    claims = list(ListClaims(path))
    assert [claim[:2] for claim in claims if isinstance(claim, Claim)] == [
        (1234567, 0), (1234568, 0), (1234569, 0), (1234570, 1), (1234567, 0), (1234571, 0),
    ]  # fmt: skip
    refused = [claim for claim in claims if isinstance(claim, Refused)]
    assert [(one.said, one.reason) for one in refused] == [(f"line {line}", Reason.NOT_AN_ID) for line in (7, 8, 9, 10)]


def test_a_list_tells_how_far_it_is(tmp_path: Path) -> None:
    path = tmp_path / "processed.txt"
    path.write_text("1\n2\n")
    claims = ListClaims(path)
    assert claims.fraction() == 0
    assert len(list(claims)) == 2
    assert claims.fraction() == 1


def test_a_list_that_is_not_there_is_refused_at_once(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be read"):
        ListClaims(tmp_path / "nowhere.txt")


def test_a_tree_is_walked_without_following_links(tmp_path: Path) -> None:
    root = tmp_path / "old"
    (root / "123/456").mkdir(parents=True)
    for name in ("123/456/1234567-00.jpg", "8.jpg", "notes.txt"):
        (root / name).write_bytes(b"")
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "9.jpg").write_bytes(b"")
    (root / "link").symlink_to(outside)
    (root / "10.jpg").symlink_to(outside / "9.jpg")
    (root / "loop").symlink_to(root)
    os.mkfifo(root / "11.jpg")
    (root / "/".join("d" * 12)).mkdir(parents=True)
    found = list(TreeClaims(root))
    assert sorted(one.path for one in found if isinstance(one, Claim)) == ["123/456/1234567-00.jpg", "8.jpg"]
    reasons = {one.said: one.reason for one in found if isinstance(one, Refused)}
    assert reasons.pop("/".join("d" * 9)) is Reason.NOT_A_NAME  # too deep
    assert reasons == {
        "notes.txt": Reason.NOT_A_NAME, "link": Reason.NOT_A_FILE, "loop": Reason.NOT_A_FILE, "10.jpg": Reason.NOT_A_FILE,
        "11.jpg": Reason.NOT_A_FILE,
    }  # fmt: skip


def test_what_the_tree_holds_is_found_by_id_in_all_its_forms(tmp_path: Path) -> None:
    tree = OldTree(tmp_path)
    for record, path in ((1234567, "123/456/1234567-00.jpg"), (12, "12/000/12.jpg"), (13, "000/013/13.dng"), (14, "14-00.raw")):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_bytes(b"")
        assert tree.find(Claim(record, 0, "", "")) == path
    assert tree.find(Claim(15, 0, "", "")) is None
    assert tree.find(Claim(14, 1, "", "")) is None


def test_a_folder_that_is_a_link_leads_outside(tmp_path: Path) -> None:
    (tmp_path / "old").mkdir()
    (tmp_path / "else/456").mkdir(parents=True)
    (tmp_path / "old/123").symlink_to(tmp_path / "else")
    (tmp_path / "old/124/456").mkdir(parents=True)
    tree = OldTree(tmp_path / "old")
    assert not tree.holds("123/456/1234567.jpg")
    assert tree.holds("124/456/1244567.jpg")
    assert tree.holds("1.jpg")


@given(st.integers(0, 10**18 - 1), st.integers(0, 99))
def test_a_file_where_it_can_lie_claims_its_image(record: int, number: int) -> None:
    found = list(places(record, number))
    assert len(found) == len(set(found))
    for path in found:
        claim = claim_of(path)
        assert isinstance(claim, Claim)
        assert claim[:2] == (record, number)


def test_the_numbered_name_in_folders_is_preferred() -> None:
    paths = ["7.jpg", "7-00.jpg", "000/007/7.jpg", "000/007/7-00.jpg"]
    ordered = sorted((Claim(7, 0, path, path) for path in paths), key=preference)
    assert [claim.path for claim in ordered] == ["000/007/7-00.jpg", "7-00.jpg", "000/007/7.jpg", "7.jpg"]


def test_the_database_names_files_and_links(tmp_path: Path) -> None:
    url = "https://a.example.org/1.jpg"
    path = status_database(
        tmp_path / "download.sqlite",
        [
            (1, 0, f"{url}\n{url}?x", "success", f"{tmp_path}/000/001/1-00.jpg", None),
            (1, 1, url, "failed_transient", None, "timeout"),
            (2, 0, url, "success", "/elsewhere/2.jpg", "raw_unprocessed"),
            (3, 0, url, "success", "../../3.jpg", "legacy_unverified_index"),
            (-4, 0, url, "success", "4.jpg", None),
        ],
    )
    with LegacyDatabase(path) as database:
        claims = DatabaseClaims(database, tmp_path)
        assert list(claims) == [
            Claim(1, 0, "000/001/1-00.jpg", "1-00", (url, f"{url}?x")),
            Claim(2, 0, "", "2-00", (url,)),
            Claim(3, 0, "", "3-00", ()),
        ]
        assert claims.fraction() is not None

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from asyncdl.upkeep import strays
from asyncdl.upkeep.strays import KnownPaths

NAMES = st.builds("{}/{}/{}".format, *(st.text("ab0", min_size=1, max_size=2) for _ in range(3)))


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(on_disk=st.sets(NAMES), in_rows=st.sets(NAMES))
def test_strays_are_what_is_on_the_disk_and_in_no_row(
    tmp_path_factory: pytest.TempPathFactory, on_disk: set[str], in_rows: set[str]
) -> None:
    root = tmp_path_factory.mktemp("strays")
    (root / "files").mkdir()
    for name in on_disk:
        (root / "files" / name).parent.mkdir(parents=True, exist_ok=True)
        (root / "files" / name).write_bytes(b"")
    with KnownPaths(None) as known:
        known.add([f"files/{name}" for name in in_rows])
        found = [entry.path for batch in known.strays(root, frozenset()) for entry in batch]
    assert sorted(found) == sorted(f"files/{name}" for name in on_disk - in_rows)


def test_buckets_that_outgrow_memory_go_to_disk_and_say_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(strays, "_BUCKET_MEMORY_BYTES", 16)
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    for number in range(100):
        path = tmp_path / f"files/{number % 3}/x/{number}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")
    with KnownPaths(scratch) as known:
        known.add([f"files/{number % 3}/x/{number}.jpg" for number in range(100) if number != 41])
        found = [entry.path for batch in known.strays(tmp_path, frozenset({"nothing"})) for entry in batch]
    assert found == ["files/2/x/41.jpg"]
    assert list(scratch.iterdir()) == []


def test_names_in_no_known_encoding_are_found(tmp_path: Path) -> None:
    (tmp_path / "files").mkdir()
    (tmp_path / "files" / "bad\udcff.jpg").write_bytes(b"")
    with KnownPaths(None) as known:
        known.add(["files/other.jpg"])
        found = [entry.path for batch in known.strays(tmp_path, frozenset()) for entry in batch]
    assert found == ["files/bad\udcff.jpg"]

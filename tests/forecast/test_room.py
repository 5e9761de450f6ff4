from asyncdl.forecast import Needs, Space, Spread, reserve_bytes, reserve_files, room_for, shortage

GB = 1_000_000_000
DISK = Space(1_000 * GB, 210 * GB, 10_000_000, 4096)
MUCH = Needs(2_800_000, Spread(1_000 * GB, 1_400 * GB, 3_000 * GB))


def test_auto_keeps_a_fiftieth_and_never_more_than_two_gigabytes_free() -> None:
    assert reserve_bytes("auto", DISK) == 2 * GB
    assert reserve_bytes("auto", Space(2_000_000, 1_000_000)) == 40_000
    assert reserve_bytes(0, DISK) == 0


def test_what_is_missing_is_said_with_its_range() -> None:
    room = room_for(MUCH, DISK, 0)
    assert room.binds == "disk"
    assert shortage(room, certain=False) == "needs about 1.41 TB (1.01 TB to 3.01 TB), and 210 GB are free"
    assert "208 GB are free beside the 2.00 GB that are kept free" in shortage(room_for(MUCH, DISK, "auto"), certain=True)


def test_a_guess_stops_nobody_before_its_low_end_does() -> None:
    maybe = room_for(Needs(1_000, Spread(1 * GB, 400 * GB, 900 * GB)), DISK, 0)
    assert maybe.binds == "disk"
    assert shortage(maybe, certain=True) == ""
    assert shortage(maybe, certain=False) != ""


def test_files_are_counted_where_the_file_system_counts_them() -> None:
    small = Needs(10_000_001, Spread(1, 2, 3))
    assert room_for(small, DISK, 0).binds == "inodes"
    assert "10,000,001 files" in shortage(room_for(small, DISK, 0), certain=True)
    assert room_for(small, Space(1_000 * GB, 210 * GB, None), 0).binds == ""


def test_some_inodes_are_kept_too_unless_nothing_is() -> None:
    space = Space(1_000 * GB, 210 * GB, 500, 4096, 10_000)
    assert reserve_files("auto", space) == 200
    assert reserve_files(0, space) == 0
    assert reserve_files(5 * GB, Space(1_000 * GB, 210 * GB, 500, 4096, 10**9)) == 10_000
    assert room_for(Needs(301, Spread(1, 2, 3)), space, "auto").binds == "inodes"
    assert room_for(Needs(300, Spread(1, 2, 3)), space, "auto").binds == ""


def test_nothing_to_do_fits_everywhere() -> None:
    assert shortage(room_for(Needs(0, Spread(0, 0, 0)), Space(0, 0, 0), "auto"), certain=False) == ""

from pathlib import Path

import pytest

from asyncdl.store.filesystem import classify, file_system_of, kind_in_mountinfo

# Columns as in proc(5): id, parent, device, root, mount point, options, optional fields, "-", type, source, options.
MOUNTS = """\
22 1 254:1 / / rw,relatime shared:1 - ext4 /dev/vda1 rw
30 22 0:25 / /scratch rw - lustre 10.0.0.1@tcp:/s rw
31 22 0:26 / /scratch/fast rw shared:9 master:2 - tmpfs tmpfs rw
32 22 0:27 / /home\\040dirs rw - nfs4 server:/home rw
33 22 0:28 / /over rw - ext4 /dev/vdb rw
34 22 0:29 / /over rw - fuse.sshfs me@there rw
"""


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/etc", "ext4"),
        ("/", "ext4"),
        ("/scratch/x", "lustre"),
        ("/scratchy", "ext4"),
        ("/scratch/fast/a/b", "tmpfs"),
        ("/home dirs/me", "nfs4"),
        ("/over/c", "fuse.sshfs"),
    ],
)
def test_the_longest_and_last_mount_holds_a_path(path: str, kind: str) -> None:
    assert kind_in_mountinfo(MOUNTS, path) == kind


def test_lines_that_make_no_sense_are_passed_over() -> None:
    assert kind_in_mountinfo("\nnonsense\n1 2 3 - \n" + MOUNTS, "/etc") == "ext4"
    assert kind_in_mountinfo("", "/etc") is None


@pytest.mark.parametrize("kind", ["nfs", "nfs4", "lustre", "gpfs", "cifs", "smb3", "fuse", "fuse.sshfs", "9p", "ceph"])
def test_network_kinds_are_held_exclusively(kind: str) -> None:
    assert classify(kind).network
    assert not classify(kind).refused


@pytest.mark.parametrize("kind", ["ext4", "xfs", "btrfs", "tmpfs", "overlay", "zfs", "unknown", "fuseblk"])
def test_local_kinds_are_not(kind: str) -> None:
    assert not classify(kind).network


def test_afs_is_refused() -> None:
    assert classify("afs").refused


def test_a_file_that_is_not_there_yet_lies_where_its_folder_does(tmp_path: Path) -> None:
    assert file_system_of(tmp_path / "a" / "b.sqlite") == file_system_of(tmp_path)

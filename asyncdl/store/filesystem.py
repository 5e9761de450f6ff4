"""What kind of file system a database lies on, because SQLite trusts some of them less.

Linux says it in `/proc/self/mountinfo` (proc(5)); elsewhere every file system counts as local.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_NETWORK: Final = frozenset(
    {
        "nfs",
        "nfs4",
        "lustre",
        "gpfs",
        "cifs",
        "smb3",
        "smbfs",
        "9p",
        "ceph",
        "beegfs",
        "glusterfs",
        "pvfs2",
        "orangefs",
        "ocfs2",
        "gfs2",
        "panfs",
    }
)
_REFUSED: Final = frozenset({"afs", "openafs"})
_OCTAL: Final = re.compile(r"\\([0-7]{3})")


@dataclass(frozen=True, slots=True)
class FileSystem:
    """A file system by the kernel's name of its type.

    `network`: other machines may see it and locks or shared memory may not reach them, so the database is held
    exclusively. `refused`: known to lose or cut what SQLite writes.
    """

    kind: str
    network: bool
    refused: bool


def classify(kind: str) -> FileSystem:
    """What a type name of mountinfo means. Every FUSE type counts as network: what is behind it is unknown."""
    refused = kind in _REFUSED
    return FileSystem(kind, refused or kind in _NETWORK or kind == "fuse" or kind.startswith("fuse."), refused)


def kind_in_mountinfo(mountinfo: str, path: str) -> str | None:
    """The file system type of the mount that holds an absolute, resolved path; the last of equals hides the others."""
    best_length, best_kind = -1, None
    for line in mountinfo.splitlines():
        fields, _, after = line.partition(" - ")
        columns, kind = fields.split(" "), after.split(" ")[0]
        if len(columns) < 5 or not kind:
            continue
        mount = _OCTAL.sub(lambda match: chr(int(match[1], 8)), columns[4])
        inside = path == mount or path.startswith(mount.rstrip("/") + "/")
        if inside and len(mount) >= best_length:
            best_length, best_kind = len(mount), kind
    return best_kind


def file_system_of(path: Path) -> FileSystem:
    """The file system that a file or folder lies on (or, not there yet, would lie on)."""
    try:
        mountinfo = Path("/proc/self/mountinfo").read_text("utf-8", "surrogateescape")
    except OSError:
        return classify("unknown")
    return classify(kind_in_mountinfo(mountinfo, str(path.resolve())) or "unknown")

"""What has been requested, on the disk: written the moment GBIF has given a key, so that no request is made twice.

One small file per request beside its archive, `gbif-<digest>.json`; when the archive is whole, it also says how to cite it. Blocks on the disk.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

from asyncdl.errors import UsageError
from asyncdl.gbif.downloads import KEY
from asyncdl.gbif.request import DownloadRequest
from asyncdl.wholefile import write_whole

_MAX_BYTES: Final = 32_000_000


@dataclass(frozen=True, slots=True)
class Receipt:
    """That `asks` (the body of the request, without addresses of people) became the download `key` at `api`.

    `requested_at` is ISO 8601. `file` and `result` are empty until the archive is whole.
    """

    api: str
    key: str
    requested_at: str
    asks: Mapping[str, Any]
    file: str = ""
    result: Mapping[str, Any] = field(default_factory=dict)


def receipt_path(folder: Path, request: DownloadRequest) -> Path:
    """Where the receipt of a request lies."""
    return folder / f"gbif-{request.digest}.json"


def read_receipt(path: Path, api: str) -> Receipt | None:
    """The receipt of an earlier call, None when there is none from this API. Raises `UsageError` for a file that is no receipt."""
    try:
        with path.open("rb") as file:
            found: Any = json.loads(file.read(_MAX_BYTES))
        receipt = Receipt(
            str(found["api"]),
            str(found["key"]),
            str(found["requested_at"]),
            dict(found["asks"]),
            str(found["file"]),
            dict(found["result"]),
        )
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError) as error:
        raise UsageError(
            f"{path} is no receipt of a request to GBIF", "move it away; then an equal request is looked for at GBIF"
        ) from error
    if receipt.api != api or not KEY.fullmatch(receipt.key):
        return None
    return receipt


def write_receipt(path: Path, receipt: Receipt) -> None:
    """Keep a receipt; the folder is made when it is missing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, json.dumps(asdict(receipt), indent=2, ensure_ascii=False).encode() + b"\n")

"""The demo as a newcomer types it: to its end; and killed in the middle, then typed again."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

import pytest

from tests.e2e.holdings import check_order, check_successes, final_files, identities, images
from tests.e2e.program import Ended, started, status_of, type_in

DEMO_SECONDS = 180.0


async def check_report(ended: Ended, folder: Path) -> None:
    """Every image came out as planned, and the report's figures are those of the collection."""
    assert ended.status == 0, ended.err
    assert "not as planned" not in ended.out
    counts = (await status_of(folder / "collection"))["images"]
    figures = re.search(
        r"([\d,]+) images of ([\d,]+) are accounted for: ([\d,]+) verified files, ([\d,]+) with a cause; ([\d,]+) came out",
        ended.out,
    )
    assert figures, ended.out
    seen, planned, verified, with_a_cause, right = (int(figure.replace(",", "")) for figure in figures.groups())
    assert seen == planned == right == counts["total"]
    assert verified == counts["success"]
    assert with_a_cause == counts["total"] - counts["success"]
    rows = [int(found) for found in re.findall(r"(\d+)\s+as planned", ended.out)]
    assert sum(rows) == counts["total"]
    assert f"{counts['success']:,} of {counts['total']:,} images done" in ended.last_line
    assert check_order(folder / "collection") == counts["success"]
    assert counts["total"] == json.loads((folder / "museum.json").read_text())["summary"]["images_expected"]


async def test_the_demo_accounts_for_every_image(tmp_path: Path) -> None:
    folder = tmp_path / "demo"
    ended = await type_in("demo", folder, within=DEMO_SECONDS)
    await check_report(ended, folder)
    assert "$ asyncdl status " in ended.out


@pytest.mark.slow
async def test_the_demo_goes_on_where_it_was_killed(tmp_path: Path) -> None:
    folder = tmp_path / "demo"
    for files in (40, 150):
        async with started("demo", folder) as program:
            await program.until(lambda files=files: len(final_files(folder / "collection")) > files, "files", within=DEMO_SECONDS)  # type: ignore[misc]
            await program.kill()
        check_successes(folder / "collection")
    ended = await type_in("demo", folder, within=DEMO_SECONDS)
    await check_report(ended, folder)
    assert "put in order" in ended.err
    identities(images(folder / "collection"))


async def test_the_demo_does_not_touch_a_folder_of_somebody_else(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("three years")
    ended = await type_in("demo", tmp_path)
    assert ended.status == 2
    assert "holds something else" in ended.err
    assert os.listdir(tmp_path) == ["thesis.txt"]  # noqa: PTH208  a look at a folder in a coroutine

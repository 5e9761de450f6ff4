from pathlib import Path

import pytest

from tests.report.samples import Sample, build


@pytest.fixture
async def sample(tmp_path: Path) -> Sample:
    return await build(tmp_path / "herbarium")

import asyncio
import json
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

import pytest

from asyncdl.cli import posting
from asyncdl.status import ImageStatus
from asyncdl.store import Discrepancies, Store
from asyncdl.upkeep.retry_filter import filter_of
from tests.cli.runner import type_in
from tests.report.samples import Sample, build

Capsys = pytest.CaptureFixture[str]


@pytest.fixture
def sample(tmp_path: Path) -> Sample:
    return asyncio.run(build(tmp_path / "herbarium"))


def statuses(sample: Sample) -> dict[int, ImageStatus]:
    async def read() -> dict[int, ImageStatus]:
        async with await Store.open(sample.collection.db, read_only=True) as store:
            assert await store.discrepancies() == Discrepancies()
            return {row: state.status for row, state in (await store.image_states(range(1, 9))).items()}

    return asyncio.run(read())


def test_exactly_what_is_asked_for_is_reopened(sample: Sample, capsys: Capsys) -> None:
    before = statuses(sample)
    ended = type_in(capsys.readouterr, "retry", sample.root, "--error-type", "http_404", "--host", "good.example.org")
    assert (ended.status, ended.err) == (0, "")
    assert "1 image re-opened (exhausted or failed with http_404 at good.example.org)" in ended.out
    assert f"next: asyncdl run {sample.root}" in ended.out
    assert statuses(sample) == before | {sample.not_found: ImageStatus.PENDING}


def test_all_takes_what_waits_too_and_json_reports(sample: Sample, capsys: Capsys) -> None:
    ended = type_in(capsys.readouterr, "retry", sample.root, "--all", "--json")
    found = json.loads(ended.out)
    assert (found["images"], found["without_link"]) == (3, 1)
    assert found["by_error_type"] == {"http_404": 1, "timeout": 1, "server_error": 1}
    assert statuses(sample)[sample.retrying] is ImageStatus.PENDING


def test_a_dry_run_says_the_same_and_changes_nothing(sample: Sample, capsys: Capsys) -> None:
    before = statuses(sample)
    ended = type_in(capsys.readouterr, "retry", sample.root, "--dry-run")
    assert "2 images would be re-opened (exhausted or failed)" in ended.out
    assert "1 image left as before: no usable link is known" in ended.out
    assert statuses(sample) == before


def test_what_was_done_is_kept_as_an_event(sample: Sample, capsys: Capsys) -> None:
    type_in(capsys.readouterr, "retry", sample.root, "--status", "exhausted")

    async def events() -> list[tuple[str, str]]:
        async with await Store.open(sample.collection.db, read_only=True) as store:
            return [(event.kind, event.subject) for event in await store.events(5)]

    assert asyncio.run(events()) == [("retry", "exhausted")]


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("--error-type", "timeot"), "did you mean timeout"),
        (("--status", "success"), "--status takes"),
        (("--since", "soon"), "is no time"),
        (("--host", "a/b"), "is no host"),
    ],
)
def test_a_wrong_value_is_status_2_and_changes_nothing(
    sample: Sample, capsys: Capsys, arguments: tuple[str, ...], complaint: str
) -> None:
    before = statuses(sample)
    ended = type_in(capsys.readouterr, "retry", sample.root, *arguments)
    assert (ended.status, ended.out) == (2, "")
    assert complaint in ended.err
    assert statuses(sample) == before


def test_a_missing_collection_is_status_5(tmp_path: Path, capsys: Capsys) -> None:
    assert type_in(capsys.readouterr, "retry", tmp_path / "none").status == 5


class _Run(threading.Thread):
    """A run as far as `retry` can see one: it holds the lock, takes a command and says what came of it."""

    def __init__(self, sample: Sample, result: Mapping[str, Any]) -> None:
        super().__init__()
        self._sample = sample
        self._result = result
        self.bodies: list[Mapping[str, Any]] = []
        self.holds, self.stop = threading.Event(), threading.Event()

    def run(self) -> None:
        inbox = self._sample.collection.inbox
        with self._sample.collection.lock():
            self.holds.set()
            while not self.stop.wait(0.01):
                for command in inbox.take():
                    self.bodies.append(command.body)
                    inbox.acknowledge(command.id, self._result)

    def __enter__(self) -> Self:
        self.start()
        assert self.holds.wait(10)
        return self

    def __exit__(self, *_: object) -> None:
        self.stop.set()
        self.join(10)


def test_a_run_that_holds_the_collection_is_asked_to_do_it(sample: Sample, capsys: Capsys) -> None:
    before = statuses(sample)
    with _Run(sample, {"images": 2, "manifests": 1, "by_error_type": {"http_404": 2}}) as run:
        ended = type_in(capsys.readouterr, "retry", sample.root, "--status", "failed", "--error-type", "http_404")
    assert (ended.status, ended.err) == (0, "")
    assert "2 images and 1 manifest re-opened by the run (failed with http_404)" in ended.out
    (body,) = run.bodies
    assert filter_of(body).error_types == {"http_404"}
    assert filter_of(body).statuses == {ImageStatus.FAILED}
    assert statuses(sample) == before


def test_a_run_that_refuses_is_heard(sample: Sample, capsys: Capsys) -> None:
    with _Run(sample, {"error": "unknown\x1b[1m command"}):
        ended = type_in(capsys.readouterr, "retry", sample.root)
    assert ended.status == 1
    assert r"the run refused: unknown\x1b[1m command" in ended.err


def test_without_an_answer_the_command_stays_posted(sample: Sample, capsys: Capsys, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(posting, "ANSWER_SECONDS", 0.0)
    with sample.collection.lock():
        ended = type_in(capsys.readouterr, "retry", sample.root)
        assert ended.status == 0
        assert "asked the run that holds the collection" in ended.out
        (command,) = sample.collection.inbox.take()
    assert filter_of(command.body).statuses == {ImageStatus.FAILED, ImageStatus.EXHAUSTED}

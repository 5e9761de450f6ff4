from __future__ import annotations

from asyncdl.download.probe import NOT_ASKED
from asyncdl.download.probe_view import probe_lines
from asyncdl.download.probed import ProbedHost, ProbedImage


def test_a_pause_is_said_once_and_other_trouble_with_it() -> None:
    errors = ("rate_limited", "http_404", NOT_ASKED)
    host = ProbedHost("a.org", paused_seconds=40, pause_reason="rate_limited")
    host.images.extend(ProbedImage(f"http://a.org/{number}.jpg", error=error) for number, error in enumerate(errors))
    assert probe_lines([host])[0].endswith("trouble: left alone for 40s: rate_limited, http_404")

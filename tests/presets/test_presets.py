from __future__ import annotations

from datetime import date

import pytest

from asyncdl.limits import LaneLimits
from asyncdl.presets import read_presets, shipped_presets
from asyncdl.urls import host_of, lane_of

MINIMAL = '[[host]]\nhosts = ["a.test"]\nsource = "https://a.test/"\nread = 2026-01-02\n'


def test_the_shipped_presets_name_lanes_and_pages() -> None:
    presets = shipped_presets()
    names = [host for preset in presets.all for host in preset.hosts]
    assert len(names) == len(set(names))
    for preset in presets.all:
        assert host_of(preset.source)
        assert date(2026, 1, 1) <= preset.read
        assert preset.note
        assert preset.limits.any
        assert [lane_of(host) for host in preset.hosts] == list(preset.hosts), (
            "a preset of a host that is not its own lane is never found"
        )


def test_what_is_known_of_the_large_hosts_is_there() -> None:
    presets = shipped_presets()
    assert presets.limits("static.inaturalist.org") == LaneLimits(bytes_per_hour=5_000_000_000, bytes_per_day=24_000_000_000)
    assert presets.limits(lane_of("ia801234.us.archive.org")).connections == 1
    assert presets.limits(lane_of("thumb.wikimedia.org")) == LaneLimits(connections=2, bandwidth_bits_per_second=25e6)
    assert {"api.gbif.org", "iiif.rbge.org.uk", "archive.org"} <= set(presets.asked_first)
    assert presets.of("nobody.test") is None
    assert not presets.limits("nobody.test").any


def test_a_pattern_covers_what_is_below_it_and_a_name_goes_before_it() -> None:
    text = (
        MINIMAL.replace('"a.test"', '"*.a.test"') + 'rate = "1/s"\n' + MINIMAL.replace("a.test", "b.a.test", 1) + 'rate = "2/s"\n'
    )
    presets = read_presets(text)
    rates = [presets.limits(name).rate_per_second for name in ("x.a.test", "y.x.a.test:81", "b.a.test", "a.test", "xa.test")]
    assert rates == [1.0, 1.0, 2.0, None, None]


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        (MINIMAL + "pace = 1\n", "pace is unknown"),
        (MINIMAL.replace("source", "note"), "source and read are needed"),
        (MINIMAL + 'per_day = "much"\n', "not a size"),
        (MINIMAL.replace('"a.test"', '"*.a.test"') + "ask_first = true\n", "named one by one"),
    ],
)
def test_what_is_no_preset_is_refused(text: str, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        read_presets(text)

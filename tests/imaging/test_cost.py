from asyncdl.imaging.cost import decode_seconds_per_byte


def test_a_megabyte_takes_milliseconds_and_no_minute() -> None:
    assert 1e-10 < decode_seconds_per_byte() < 1e-6

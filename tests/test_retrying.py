from random import Random

from asyncdl.retrying import Attempts, RetryPolicy, may_pass

POLICY = RetryPolicy(max_attempts=4, first_pause_seconds=1, max_pause_seconds=3, max_retry_after_seconds=60, jitter=0)


def test_pauses_double_up_to_the_longest_and_end() -> None:
    attempts = Attempts(POLICY, Random(0))
    assert [attempts.next_pause_seconds() for _ in range(4)] == [1, 2, 3, None]


def test_what_brings_something_begins_anew() -> None:
    attempts = Attempts(POLICY, Random(0))
    pauses = [attempts.next_pause_seconds(brought=brought) for brought in (False, False, True, False, False, False, False)]
    assert pauses == [1, 2, 1, 1, 2, 3, None]


def test_a_server_is_never_asked_before_it_says() -> None:
    attempts = Attempts(RetryPolicy(max_retry_after_seconds=60), Random(0))
    assert all((attempts.next_pause_seconds(30.0) or 0) >= 30 for _ in range(5))
    assert attempts.next_pause_seconds(61.0) is None


def test_what_does_not_pass_while_somebody_waits() -> None:
    assert all(
        may_pass(error) for error in ("connection_broken", "truncated", "timeout", "connect_failed", "dns_error", "local_network")
    )
    assert not any(may_pass(error) for error in ("tls_error", "forbidden_address", "invalid_url", "protocol_error"))

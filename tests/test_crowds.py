from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from asyncdl.crowds import MAX_KNOWN_ADDRESSES, Crowds


def test_a_name_with_an_address_for_itself_is_not_bounded() -> None:
    crowds = Crowds(2)
    assert all(crowds.enter("192.0.2.1", "a.org") for _ in range(5))


def test_names_that_share_an_address_share_its_places() -> None:
    crowds = Crowds(2)
    assert crowds.enter("192.0.2.1", "a.org")
    assert crowds.enter("192.0.2.1", "b.org")
    assert not crowds.enter("192.0.2.1", "b.org")
    assert crowds.enter("192.0.2.2", "b.org")
    crowds.leave("192.0.2.1")
    assert crowds.enter("192.0.2.1", "c.org")
    assert crowds.crowded("192.0.2.1")
    assert not crowds.crowded("192.0.2.2")


def test_no_ceiling() -> None:
    crowds = Crowds(0)
    assert all(crowds.enter("192.0.2.1", f"{n}.org") for n in range(9))
    assert not crowds.crowded("192.0.2.1")


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 5), st.booleans())), st.integers(1, 3))
def test_a_shared_address_never_has_more_than_its_places(steps: list[tuple[int, int, bool]], most: int) -> None:
    crowds = Crowds(most)
    busy: list[tuple[int, int]] = []
    names: dict[int, set[int]] = {}
    for address, host, enters in steps:
        if enters:
            names.setdefault(address, set()).add(host)
            before = sum(place == address for place, _ in busy)
            if crowds.enter(str(address), str(host)):
                busy.append((address, host))
                assert before < most or len(names[address]) == 1
            else:
                assert before >= most
        elif busy:
            crowds.leave(str(busy.pop(0)[0]))
    for address, _ in busy:
        crowds.leave(str(address))
    assert not crowds._busy


def test_what_is_known_of_addresses_is_bounded() -> None:
    crowds = Crowds(1)
    for number in range(MAX_KNOWN_ADDRESSES + 5):
        crowds.enter(str(number), "a.org")
        crowds.leave(str(number))
    assert len(crowds._names) == MAX_KNOWN_ADDRESSES

"""Hosts that share an address: at most so many requests at once to all of them together. Pure.

A hoster with a hundred museums on one server has a hundred lanes here, each with limits of its own and none that knows of the others. Only an address at which
more than one name was asked for counts; a name that has its address for itself is its lane's affair.
"""

from __future__ import annotations

from collections import Counter, OrderedDict
from typing import Final

MAX_KNOWN_ADDRESSES: Final = 4_096
MAX_NAMES_PER_ADDRESS: Final = 64
"""More names of an address are not remembered: it is shared anyway."""


class Crowds:
    """Counts requests by address. `most` is the ceiling of an address, 0 for none."""

    def __init__(self, most: int) -> None:
        self.most = most
        self._busy: Counter[str] = Counter()
        self._names: OrderedDict[str, set[str]] = OrderedDict()

    def enter(self, address: str, host: str) -> bool:
        """Whether a request to `host` may begin at `address` now; then it counts until `leave`."""
        names = self._names.setdefault(address, set())
        self._names.move_to_end(address)
        if len(names) < MAX_NAMES_PER_ADDRESS:
            names.add(host)
        while len(self._names) > MAX_KNOWN_ADDRESSES:
            self._names.popitem(last=False)
        if self.most and self._busy[address] >= self.most and len(names) > 1:
            return False
        self._busy[address] += 1
        return True

    def leave(self, address: str) -> None:
        """A request that was let in is over."""
        self._busy[address] -= 1
        if self._busy[address] <= 0:
            del self._busy[address]

    def crowded(self, address: str) -> bool:
        """Whether more names than connections share an address: connections there are not kept, or idle ones would fill it."""
        return bool(self.most) and len(self._names.get(address, ())) > self.most

"""How many bytes an image has before it is here: a prior, corrected by what has been saved, host by host.

The prior is one number with a range, because no host says beforehand what its pictures weigh, and hosts that publish the same kind of
picture differ more than kinds do. Its sources: 105 GB for 211,250 herbarium sheets of one portal (bio-guoda/preston-dbg-2022, 0.50 MB each),
92 TB for 214 million pictures of specimens and sightings (TreeOfLife-200M, 0.43 MB), 30 GB for 100,000 pictures of EOL (TreeOfLife-10M, 0.30 MB).
The ends of the range are a rendering of 300 pixels and an uncropped scan at 600 dpi.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, NamedTuple

PRIOR_IMAGES: Final = 20
"""The prior weighs as much as so many saved images of a host."""


class Spread(NamedTuple):
    """An estimate with its range; of bytes."""

    low: float
    expected: float
    high: float

    def __add__(self, other: object) -> Spread:
        if not isinstance(other, Spread):
            return NotImplemented
        return Spread(self.low + other.low, self.expected + other.expected, self.high + other.high)

    def times(self, factor: float) -> Spread:
        """The same for so many images."""
        return Spread(self.low * factor, self.expected * factor, self.high * factor)


NOTHING: Final = Spread(0.0, 0.0, 0.0)

PRIOR: Final = Spread(20_000.0, 500_000.0, 4_000_000.0)
"""Bytes of an image of which nothing is known."""


@dataclass(frozen=True, slots=True)
class SizeEstimate:
    """Bytes per image of any host, given what the whole collection has saved so far."""

    saved: int
    size_bytes: int

    def per_image(self, saved: int, size_bytes: int) -> Spread:
        """Bytes of one more image of a host that has given `saved` images with `size_bytes`.

        What is expected leans on the mean of all hosts until the host has shown its own; the range is what it would be if the next
        `PRIOR_IMAGES` images were all as small, or all as large, as images get.
        """
        pooled = (self.size_bytes + PRIOR_IMAGES * PRIOR.expected) / (self.saved + PRIOR_IMAGES)
        low, expected, high = (
            (size_bytes + PRIOR_IMAGES * value) / (saved + PRIOR_IMAGES) for value in (PRIOR.low, pooled, PRIOR.high)
        )
        return Spread(min(low, expected), expected, max(high, expected))

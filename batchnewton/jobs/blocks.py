"""How a batch of any shape is cut into chunks: boxes that follow each other in memory."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

Block = tuple[slice, ...]


@dataclass(frozen=True)
class Grid:
    """The problems of a job, ``shape``, in boxes of ``chunk`` problems an axis.

    Flattened in C order each box is one contiguous range, and the boxes follow each other: the last axes are whole, the
    first are cut into single layers, one between them into pieces.

    Examples
    --------
    >>> grid = Grid.of((3, 4, 10), 25)
    >>> grid.chunk, len(grid), grid.block(1)
    ((1, 2, 10), 6, (slice(0, 1, None), slice(2, 4, None), slice(0, 10, None)))
    """

    shape: tuple[int, ...]
    chunk: tuple[int, ...]

    @classmethod
    def of(cls, shape: tuple[int, ...], target: int, stored: tuple[int, ...] = ()) -> Grid:
        """Chunks of at most ``target`` problems, as large as that allows.

        Where the input lies in pieces of its own, ``stored`` problems an axis, the cuts are between those, so that none
        is read twice, as long as that makes no chunk more than twice as large.
        """
        chunk, inner = [], 1
        for extent, unit in zip(reversed(shape), reversed(stored or (1,) * len(shape)), strict=True):
            piece = max(1, min(extent, target // inner))
            whole = max(1, round(piece / unit)) * unit
            cut = inner <= target and piece < extent  # else whole, or single layers
            piece = min(extent, whole) if cut and whole <= 2 * piece else piece
            chunk.append(piece)
            inner = inner * piece if piece == extent else target + 1  # further out: single layers
        return cls(shape, tuple(reversed(chunk)))

    @property
    def size(self) -> int:
        """Number of problems."""
        return math.prod(self.shape)

    @property
    def counts(self) -> tuple[int, ...]:
        """Chunks along each axis."""
        return tuple(-(-extent // piece) for extent, piece in zip(self.shape, self.chunk, strict=True))

    def __len__(self) -> int:
        return math.prod(self.counts)

    def coordinates(self, number: int) -> tuple[int, ...]:
        """Place of a chunk among the chunks, along each axis."""
        at = []
        for count in reversed(self.counts):
            number, one = divmod(number, count)
            at.append(one)
        return tuple(reversed(at))

    def block(self, number: int) -> Block:
        """The problems of a chunk."""
        where = zip(self.coordinates(number), self.chunk, self.shape, strict=True)
        return tuple(slice(i * piece, min((i + 1) * piece, extent)) for i, piece, extent in where)

    def blocks(self) -> Iterator[Block]:
        return (self.block(number) for number in range(len(self)))


def shape_of(block: Block) -> tuple[int, ...]:
    """Extents of a box."""
    return tuple(one.stop - one.start for one in block)

"""Pinned memory of the host, kept from one batch to the next: to get it takes longer than to fill it often."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any

import numpy as np

KEPT = 1 << 28  # bytes that are kept
ALIGNED = 256  # bytes

Block = tuple[Any, np.ndarray]  # the context of the GPU that knows it, its bytes
FREE: list[Block] = []
LOCK = threading.Lock()


class Arrays:
    """Arrays of these sizes and types in one block of pinned memory; their contents are whatever was there."""

    def __init__(self, cuda: Any, kinds: Sequence[tuple[int, Any]]) -> None:
        lengths = [size * np.dtype(dtype).itemsize for size, dtype in kinds]
        places = np.cumsum([0, *(-(-length // ALIGNED) * ALIGNED for length in lengths)])
        self.block = _taken(cuda, int(places[-1]))
        parts = zip(places, lengths, kinds, strict=False)
        self.arrays = [self.block[1][at : at + length].view(dtype) for at, length, (_, dtype) in parts]

    def give_back(self) -> None:
        """The next who asks may have the memory: no copy to or from it may be on its way."""
        self.arrays = []
        with LOCK:
            FREE.append(self.block)
            while sum(block.size for _, block in FREE) > KEPT:
                del FREE[0]


def _taken(cuda: Any, size: int) -> Block:
    """A block of at least so many bytes, not of many more."""
    context = cuda.current_context()
    with LOCK:
        fitting = [at for at, (of, block) in enumerate(FREE) if of is context and size <= block.size <= 2 * size + 4096]
        if fitting:
            return FREE.pop(min(fitting, key=lambda at: FREE[at][1].size))
    return context, cuda.pinned_array(size, np.uint8)

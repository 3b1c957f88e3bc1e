"""Lanes of a warp that work on one problem together: who they are, and how they take the next problem.

What they exchange during a trip is ``cuda.total_text``; the instruction is `cuda_lower.swapped`.  The simulator has no
shuffles: there (`Simulated`) a block is one group, and values go through shared memory.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numba import cuda, int32, int64

WARP = 32


def group(lanes: int) -> Any:
    """``thread -> members``: a bit for each lane of the warp that works on the thread's problem."""
    every = (1 << lanes) - 1

    @cuda.jit(device=True, inline="always")
    def members(thread):
        return int64(every) << int64(thread % WARP // lanes * lanes)

    return members


@cuda.jit(device=True, inline="always")
def take(queue, lane, members):
    """The next problem, for one thread."""
    return int64(cuda.atomic.add(queue, 0, int32(1)))


def take_together(lanes: int) -> Any:
    """``(queue, lane, members) -> b``: the next problem, for all lanes of a group."""

    @cuda.jit(device=True, inline="always")
    def taken(queue, lane, members):
        drawn = int32(0)
        if lane == 0:
            drawn = cuda.atomic.add(queue, 0, int32(1))
        return int64(cuda.shfl_sync(members, drawn, cuda.laneid - lane))

    return taken


class Simulated:
    """The same in the simulator.  ``device`` gives the ``cuda`` of the module whose kernel runs: the simulator
    exchanges it during a launch."""

    def __init__(self, device: Callable[[], Any], lanes: int) -> None:
        self.device, self.lanes = device, lanes

    def group(self, thread: Any) -> int:
        return 0

    def sync(self, members: int) -> None:
        """All lanes wait for each other."""
        self.device().syncthreads()

    def swap(self, value: Any, distance: int, members: int) -> Any:
        """What the lane at ``lane ^ distance`` has."""
        device = self.device()
        exchange = device.shared.array(WARP, np.float64)
        lane = device.threadIdx.x
        exchange[lane] = value
        device.syncthreads()
        other = type(value)(exchange[lane ^ distance])
        device.syncthreads()
        return other

    def plus(self, value: Any, other: Any) -> Any:
        return value + other

    def take(self, queue: Any, lane: int, members: int) -> int:
        drawn = int(self.device().atomic.add(queue, 0, 1)) if lane == 0 else 0
        distance = self.lanes // 2
        while distance:
            drawn += self.swap(drawn, distance, members)
            distance //= 2
        return drawn

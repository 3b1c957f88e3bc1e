"""Lanes of a warp that work on one problem together: who they are, and how they take the next problem.

What they exchange during a trip is ``cuda.total_text``; the instruction is `cuda_lower.swapped`.  The simulator has no
warps: there the threads of a group wait for each other by themselves (`Simulated`).
"""

from collections.abc import Callable
from threading import Barrier
from typing import Any

from numba import cuda, int32, int64

WARP = 32
PATIENCE = 60.0  # seconds that lanes of the simulator wait for one that does not come


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
    """The same in the simulator, where ``members`` is the number of the group in its block.  ``device`` gives the
    ``cuda`` of the module whose kernel runs: the simulator exchanges it during a launch."""

    def __init__(self, device: Callable[[], Any], lanes: int) -> None:
        self.device, self.lanes = device, lanes
        self.groups: list[tuple[Barrier, list[Any]]] = [
            (Barrier(lanes, timeout=PATIENCE), [None] * lanes) for _ in range(WARP // lanes)
        ]

    def group(self, thread: Any) -> int:
        return int(thread) // self.lanes

    def sync(self, members: int) -> None:
        """All lanes wait for each other."""
        self.groups[members][0].wait()

    def swap(self, value: Any, distance: int, members: int) -> Any:
        """What the lane at ``lane ^ distance`` has."""
        barrier, exchange = self.groups[members]
        lane = self.device().threadIdx.x % self.lanes
        exchange[lane] = value
        barrier.wait()
        other = exchange[lane ^ distance]
        barrier.wait()
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

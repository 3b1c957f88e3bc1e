"""How fast the host feeds a GPU, without one: a batch of the host streams to a device that does nothing.

    python asv_benchmarks/feeding.py [--size 4000000] [--threads 2] [--slots 8] [--rounds 5]

What is left is the host's own work: copies to and from pinned buffers, statuses, Python.  It bounds the fits a second
of arrays on the host (W1_5 in float32: 153 bytes a fit), whatever the GPU.
"""

from __future__ import annotations

import argparse
import contextlib
import sys
import time
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))  # the tests hold the workloads

import workloads

from batchnewton import device, schedule
from batchnewton.curve import from_curve
from batchnewton.kernels.converge import CONVERGED
from batchnewton.options import Options
from batchnewton.solution import Solution


class Memory(np.ndarray):
    """Of the device; copies to and from it are the device's work."""

    def copy_to_device(self, source: Any, stream: Any = None) -> None: ...

    def copy_to_host(self, target: Any, stream: Any = None) -> None: ...


class Cuda:
    """What a slot asks of `numba.cuda`."""

    stream = mock.Mock

    def current_context(self) -> type:
        return Cuda

    def pinned_array(self, size: int, dtype: Any) -> np.ndarray:
        return np.ones(size, dtype)

    def device_array(self, size: int, dtype: Any) -> Memory:
        return np.zeros(size, dtype).view(Memory)


class Engine:
    """Every problem converges at once."""

    history = mixed = renewed = judged = certified = False
    width = 0

    def __init__(self, problem: Any, sequences: Any, options: Options) -> None:
        self.cuda, self.dtype, self.steps = Cuda(), options.dtype, (1, 2)

    def room(self, size: int) -> list[Any]:
        return []

    def launch(self, stream: Any, on: Any) -> None: ...


class Slot(device.Slot):
    """With the ends that a device would have written."""

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self.host_out[1].fill(int(CONVERGED))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=int, default=4_000_000, help="problems of the batch")
    parser.add_argument("--threads", type=int, default=2, help="threads of the host")
    parser.add_argument("--slots", type=int, default=device.SLOTS, help="chunks at a time, each with a thread, at most")
    parser.add_argument("--rounds", type=int, default=5, help="of which the best is shown")
    chosen = parser.parse_args()
    data = workloads.make("W1_5", 1000)
    times = -(-chosen.size // 1000)
    y, p0 = (np.tile(data[name].astype(np.float32), (times, 1))[: chosen.size] for name in ("y", "p0"))
    problem = from_curve(workloads.FORMULAS["W1_5"], data["x"].astype(np.float32), y, p0, None)
    options = Options(1e-3, 1e-3, 0.0, 500, np.dtype(np.float32), chosen.threads, gpus=(0,))
    gpus = mock.patch("numba.cuda.gpus", [contextlib.nullcontext()])
    memory = mock.patch.object(device, "free_memory", lambda cuda: 80 << 30)
    slots = mock.patch.object(device, "SLOTS", chosen.slots)
    best = np.inf
    with gpus, memory, slots, mock.patch.object(device, "Engine", Engine), mock.patch.object(device, "Slot", Slot):
        for _ in range(chosen.rounds):
            answer = Solution.empty(problem, options.dtype)
            begun = time.perf_counter()
            schedule.on_gpus(problem, options, (0,), answer, np.zeros(1, np.int8), False)
            best = min(best, time.perf_counter() - begun)
            assert (answer.status == 0).all()
    speed = chosen.size / best / 1e6
    print(f"{1e3 / speed:.1f} ns a fit: at most {speed:.0f} M fits/s of arrays on the host")


if __name__ == "__main__":
    main()

"""What the benchmarks share: workloads of any size, what is not there, fits a second."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from statistics import median

import numpy as np
import workloads
from peers_runners.ours import front_door
from peers_runners.registry import WORKLOADS as WORKLOADS
from peers_runners.worker import available_cores

DTYPES = ("float64", "float32")
DEVICES = ("cpu", "cuda")
ORIGINAL = 100_000  # problems of a workload that are made; larger batches repeat them
ROUND, ROUNDS = 0.1, 5  # seconds of a round of calls, at least; rounds, whose median counts
PATIENCE = 5.0  # seconds after which no further round begins

Solve = Callable[[], object]


def arrays(workload: str, dtype: str, size: int) -> workloads.Data:
    """The arrays of a workload that a solve takes, with ``size`` problems.

    Raises
    ------
    NotImplementedError
        Which asv shows as n/a, where they and a solve's copies do not fit into the memory that is free.
    """
    made = workloads.make(workload, min(size, ORIGINAL if workload != "W4" else 5_000))
    kind = "float64" if dtype == "mixed" else dtype
    each = sum(array[0].size for name, array in made.items() if name not in ("x", "truth"))
    need_memory(3 * each * size * np.dtype(kind).itemsize)
    times = -(-size // len(made["p0"]))
    return {
        name: array.astype(kind) if name == "x" or times == 1 else repeated(array, kind, times)[:size]
        for name, array in made.items()
        if name != "truth"
    }


def repeated(array: np.ndarray, dtype: str, times: int) -> np.ndarray:
    """The rows of an array several times, without an intermediate copy."""
    whole = np.empty((times, *array.shape), dtype)
    whole[:] = array
    return whole.reshape(-1, *array.shape[1:])


def solver(workload: str, dtype: str, size: int, device: str = "cpu", **options: object) -> Solve:
    """A solve of a workload, warmed up; its end is the end of all work of the device.

    What is rare compiles, too, when it is first met: so as many problems warm up as are all different.
    """
    need_device(device)
    data = arrays(workload, dtype, size)
    options |= dict(dtype=dtype, device=device)

    def solve(problems: int = size) -> object:
        result = front_door("ours", workload, first(data, problems), options)
        if device == "cuda":
            from numba import cuda

            cuda.synchronize()
        return result

    solve(min(size, ORIGINAL))
    return solve


def first(data: workloads.Data, problems: int) -> workloads.Data:
    """The arrays of the first problems; x is all problems'."""
    return {name: array if name == "x" else array[:problems] for name, array in data.items()}


def fits_per_second(solve: Solve, size: int) -> float:
    """Median of several rounds of as many calls as take long enough to be timed; calls of seconds have fewer rounds."""
    first = timed(solve, 1)
    calls = max(1, round(ROUND / max(first, 1e-7)))
    rounds = [first] if calls == 1 else []
    while len(rounds) < ROUNDS and sum(rounds) < PATIENCE:
        rounds.append(timed(solve, calls))
    return size * calls / median(rounds)


def timed(solve: Solve, calls: int) -> float:
    """Seconds that the calls take."""
    start = time.perf_counter()
    for _ in range(calls):
        solve()
    return time.perf_counter() - start


def need_device(device: str) -> None:
    """Raises NotImplementedError (asv: n/a) where the device is not there."""
    if device == "cuda":
        from batchnewton import gpus

        if reason := gpus.obstacle():
            raise NotImplementedError(reason)


def need_cores(count: int) -> None:
    """Raises NotImplementedError (asv: n/a) where there are fewer cores."""
    if count > len(available_cores()):
        raise NotImplementedError(f"{count} cores are not there")


def need_memory(size: int) -> None:
    """Raises NotImplementedError (asv: n/a) where not as many bytes are free."""
    if size > free_memory():
        raise NotImplementedError(f"{size / 2**30:.1f} GiB of memory are not free")


def free_memory() -> float:
    """Bytes that are free, as far as the system says."""
    if "SC_AVPHYS_PAGES" not in getattr(os, "sysconf_names", {}):
        return float("inf")
    try:
        with open("/proc/meminfo") as lines:
            return 1024 * next(float(line.split()[1]) for line in lines if line.startswith("MemAvailable"))
    except (OSError, StopIteration):
        return float(os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))

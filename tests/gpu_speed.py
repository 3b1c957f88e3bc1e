"""Throughput on a GPU, beside JAX and CuPy (`gpu_peers`): the second part of `gpu_check`.

The workloads, and N32: 32 unknowns, 64 rows of 32 values, residuals sinh(row x / 10) - y.
"""

from __future__ import annotations

import functools
import gc
import os
import subprocess
import time
from collections.abc import Callable
from typing import Any

import gpu_peers
import numpy as np
import ptx
import ptx_table
import workloads
from doors import workload

import batchnewton as bn
from batchnewton import engine

SIZES = (1_000_000, 100_000, 10_000_000, 10_000, 1_000, 100_000_000)  # what matters most first: the time may run out
NAMES = ("W2", "W3", "W1_5", "W5", "W4", "W1_15", "N32")
UNKNOWNS, ROWS = 32, 64  # of N32
SECONDS = 0.3  # a figure is the median of at least 3 runs and this long
MOST = 8 << 30  # bytes of a batch
PEERS = 1_000_000  # problems of the batch with which peers are compared: their compilation takes long for every size
PEERS_N32 = 100_000  # of N32, which has no larger batches: its Jacobians are arrays of 1.6 GB
Row = dict[str, Any]


def libraries() -> dict[str, Callable[[np.ndarray], Any]]:
    """How to put an array on the GPU, by library."""
    found: dict[str, Callable[[np.ndarray], Any]] = {}
    for name in ("cupy", "torch", "jax"):
        try:
            module = __import__(name)
        except Exception as error:  # not there, or broken
            print(f"{name}: {error}", flush=True)
            continue
        if name == "cupy":
            found[name] = module.asarray
        elif name == "torch" and module.cuda.is_available():
            found[name] = lambda a, torch=module: torch.from_numpy(np.ascontiguousarray(a)).cuda()
        elif name == "jax" and jax_has_gpu(module):
            found[name] = module.numpy.asarray
    return found


def jax_has_gpu(jax: Any) -> bool:
    """Whether JAX sees the GPU."""
    try:
        return jax.default_backend() == "gpu"
    except Exception:  # a JAX for another CUDA
        return False


def run_host(
    name: str, data: dict[str, Any], dtype: str, where: str, precision: str | None = None, **more: Any
) -> bn.Result:
    """A workload through its front door."""
    if where == "cpu" or isinstance(data["p0"], np.ndarray):
        data = {key: value.astype(dtype, copy=False) for key, value in data.items()}
    options: dict[str, Any] = dict(dtype=precision or dtype, device=where) | more
    if name == "N32":
        return bn.least_squares(many_unknowns, data["p0"], data=(data["X"], data["y"]), **options)
    return workload(name, data, **options)


def many_unknowns(p: Any, row: Any, y: Any) -> Any:
    """A residual of N32."""
    return np.sinh(0.1 * sum(p[i] * row[i] for i in range(UNKNOWNS))) - y


def make(name: str, size: int) -> dict[str, np.ndarray]:
    """A workload's problems, or those of N32."""
    if name != "N32":
        return workloads.make(name, size)
    rng = np.random.default_rng(32)
    X, truth = rng.normal(size=(size, ROWS, UNKNOWNS)), rng.normal(size=(size, UNKNOWNS))
    y = np.sinh(0.1 * np.einsum("bmk,bk->bm", X, truth)) + 0.01 * rng.normal(size=(size, ROWS))
    p0 = truth + 0.1 * rng.normal(size=truth.shape)
    return {key: value.astype(np.float32) for key, value in dict(X=X, y=y, p0=p0, truth=truth).items()}


def repeated(call: Callable[[], Any]) -> float:
    """Median seconds of a call that ends when the GPU is done; the first run, which compiles, does not count."""
    call()
    times: list[float] = []
    while len(times) < 3 or sum(times) < SECONDS:
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return float(np.median(times))


def tiled(name: str, size: int, dtype: str) -> dict[str, np.ndarray]:
    """``size`` problems, the first 100,000 over and over: making 1e8 different ones would take hours."""
    data = first_problems(name, min(size, 5_000 if name in ("W4", "N32") else 100_000))
    count = len(data["p0"])
    pick = np.arange(size) % count
    return {key: np.ascontiguousarray(value if key == "x" else value[pick], dtype) for key, value in data.items()}


@functools.lru_cache(maxsize=2)
def first_problems(name: str, size: int) -> dict[str, np.ndarray]:
    """A workload's problems, made once."""
    return make(name, size)


def bytes_of(data: dict[str, np.ndarray]) -> int:
    return sum(value.nbytes for key, value in data.items() if key != "truth")


def measured(name: str, dtype: str, size: int, peers: bool) -> list[Row]:
    """Rates of one workload at one size; whatever fails is a row too."""
    data = tiled(name, size, dtype)
    rows: list[Row] = []

    def row(who: str, memory: str, prepare: Callable[[], Callable[[], Any]], more: Callable[[], Row] = dict) -> None:
        found: Row = dict(workload=name, dtype=dtype, size=size, who=who, data=memory, rate=None)
        try:
            call = prepare()
            start = time.perf_counter()
            call()
            found["first"] = time.perf_counter() - start
            found["rate"] = size / repeated(call)
            found |= more()
            most = [found[limit] for limit in ("issue_limit", "memory_limit") if limit in found]
            found |= dict(share=found["rate"] / min(most)) if most else {}
        except Exception as error:
            found["note"] = f"{type(error).__name__}: {error}"[:300]
        rows.append(found)
        print(*found.values(), sep=" | ", flush=True)
        free_pools()

    there = libraries()
    resident: dict[str, Any] = {}
    trips: list[float] = []

    def on_device() -> Callable[[], Any]:
        import cupy

        resident.update({key: cupy.asarray(value) for key, value in data.items() if key != "truth"})

        def call() -> None:
            trips[:] = [float(run_host(name, resident, dtype, "auto").nfev.mean())]
            cupy.cuda.Device().synchronize()

        return call

    row("ours", "host", lambda: lambda: run_host(name, data, dtype, "cuda"))
    if "cupy" in there:
        row("ours", "device", on_device, lambda: limits(name, dtype, size, trips[0], bytes_of(data) / size))
        if peers:
            row("ours, with cov", "device", lambda: lambda: with_covariance(name, resident, dtype, "auto"))
    resident.clear()
    free_pools()
    if peers:
        row("ours, with cov", "host", lambda: lambda: with_covariance(name, data, dtype, "cuda"))
    if peers and "jax" in there and name != "N32":
        row("jax vmap, unrolled Cholesky", "device", lambda: gpu_peers.jax_peer(name, data, dtype))
    if peers and "cupy" in there and name in gpu_peers.MODELS:
        row("cupy, batched LM", "device", lambda: gpu_peers.cupy_peer(name, data))
    if name == "W2" and dtype == "float64":
        row("ours, mixed", "host", lambda: lambda: run_host(name, data, dtype, "cuda", precision="mixed"))
        box = (np.zeros(3), np.full(3, np.inf))
        row("ours, bounds", "host", lambda: lambda: run_host(name, data, dtype, "cuda", bounds=box))
    return rows


def with_covariance(name: str, data: dict[str, Any], dtype: str, where: str) -> None:
    """A workload and the covariances of its answers, until they are there."""
    cov = run_host(name, data, dtype, where).cov
    if not isinstance(cov, np.ndarray):
        cov.device.synchronize()


def free_pools() -> None:
    """Memory that CuPy and Numba keep for later would be missing elsewhere."""
    gc.collect()
    try:
        import cupy

        cupy.get_default_memory_pool().free_all_blocks()
        cupy.get_default_pinned_memory_pool().free_all_blocks()
    except Exception:  # not there
        pass


def limits(name: str, dtype: str, size: int, trips: float, number: float) -> Row:
    """Most problems a second that issue slots and memory would allow (compare with the rate)."""
    from numba import cuda

    found: Row = dict(trips=trips)
    unit = cuda.get_current_device()
    try:
        processor, memory = clocks(unit)
        found["memory_limit"] = 2 * memory * unit.GLOBAL_MEMORY_BUS_WIDTH / 8 / number
        if name == "N32":
            return found
        problem = ptx_table.workload(name, dtype)
        lanes = found["lanes"] = engine.lanes(problem.n, problem.m, size, np.dtype(dtype).itemsize)
        count = issue_slots(name, dtype, lanes)
        if count:
            found["issue_limit"] = unit.MULTIPROCESSOR_COUNT * 128 * processor / (count * lanes * trips)
    except Exception as error:
        found["note"] = f"limits: {error}"[:200]
    return found


def clocks(unit: Any) -> tuple[float, float]:
    """Largest clock of the multiprocessors and of the memory, in Hz; by nvidia-smi where the driver does not tell."""
    try:
        return 1e3 * unit.CLOCK_RATE, 1e3 * unit.MEMORY_CLOCK_RATE
    except AttributeError:
        command = ["nvidia-smi", "--query-gpu=clocks.max.sm,clocks.max.memory", "--format=csv,noheader,nounits"]
        said = subprocess.run(command, capture_output=True, text=True, check=True, timeout=30).stdout
        processor, memory = (1e6 * float(one) for one in said.splitlines()[0].split(","))
        return processor, memory


@functools.cache
def issue_slots(name: str, dtype: str, lanes: int) -> float | None:
    """Instructions of a lane in one trip, where ptxas and nvdisasm are there."""
    if ptx.missing() or not ptx.tool("nvdisasm"):
        return None
    return ptx_table.trip_instructions(ptx_table.workload(name, dtype), dtype, lanes)


def speed(sizes: list[int], names: list[str], until: float, keep: Callable[[list[Row]], None]) -> list[Row]:
    """All figures for which there is time and memory; ``keep`` is told of them after each workload."""
    rows: list[Row] = []
    for size in sizes:
        for name in names:
            compared = PEERS_N32 if name == "N32" else PEERS
            for dtype in ("float32", "float64"):
                number = bytes_of(make(name, 10)) / 10 * (2 if dtype == "float64" else 1)
                where = f"{name} {dtype} {size}"
                if time.perf_counter() > until:
                    print(f"{where}: left out, the time is over", flush=True)
                elif size * number > MOST or size * number * 5 > memory_there() or size > compared == PEERS_N32:
                    print(f"{where}: left out, too large", flush=True)
                else:
                    try:
                        rows += measured(name, dtype, size, size == compared or size == max(sizes) < compared)
                    except Exception as error:  # no memory for the data, say
                        rows.append(dict(workload=name, dtype=dtype, size=size, note=str(error)[:300]))
                        print(f"{where}: {error}", flush=True)
                    keep(rows)
    return rows


def memory_there() -> int:
    from numba import cuda

    host = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_AVPHYS_PAGES") if hasattr(os, "sysconf") else 1 << 34
    return min(host, cuda.current_context().get_memory_info().free)


def markdown(rows: list[Row]) -> str:
    head = (
        "workload",
        "dtype",
        "size",
        "who",
        "data",
        "rate",
        "first",
        "trips",
        "lanes",
        "issue_limit",
        "memory_limit",
        "share",
        "note",
    )
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    for row in rows:
        cells = [row.get(name, "") for name in head]
        lines.append("| " + " | ".join(f"{one:.3g}" if isinstance(one, float) else str(one) for one in cells) + " |")
    return "\n".join(lines)

"""Throughput on a GPU, beside JAX and CuPy: the second part of `gpu_check`."""

from __future__ import annotations

import functools
import gc
import os
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import ptx
import ptx_table
import workloads

import batchnewton as bn
from batchnewton import engine

SIZES = (1_000_000, 100_000, 10_000_000, 10_000, 1_000)  # what matters most first: the time may run out
NAMES = ("W2", "W3", "W1_5", "W5", "W4", "W1_15")
SECONDS = 0.3  # a figure is the median of at least 3 runs and this long
MOST = 8 << 30  # bytes of a batch
PEERS = 1_000_000  # problems of the batch with which peers are compared: their compilation takes long for every size
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
    if name == "W4":
        return bn.minimize(workloads.logistic_term, data["p0"], data=(data["X"], data["y"]), **options)
    if name == "W5":
        return bn.minimize(workloads.valley, data["p0"], (data["a"], data["b"]), **options)
    return bn.curve_fit(workloads.FORMULAS[name], data["x"], data["y"], data["p0"], **options)


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
    data = first_problems(name, min(size, 100_000 if name != "W4" else 5_000))
    count = len(data["p0"])
    pick = np.arange(size) % count
    return {key: np.ascontiguousarray(value if key == "x" else value[pick], dtype) for key, value in data.items()}


@functools.lru_cache(maxsize=2)
def first_problems(name: str, size: int) -> dict[str, np.ndarray]:
    """A workload's problems, made once."""
    return workloads.make(name, size)


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
    if peers and "jax" in there:
        row("jax vmap, unrolled Cholesky", "device", lambda: jax_peer(name, data, dtype))
    if peers and "cupy" in there and name in workloads.FORMULAS:
        row("cupy, batched LM", "device", lambda: cupy_peer(name, data))
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
    problem = ptx_table.workload(name, dtype)
    lanes = engine.lanes(problem.n, problem.m, size, np.dtype(dtype).itemsize)
    found["lanes"] = lanes
    try:  # newer drivers may not tell clocks
        found["memory_limit"] = 2e3 * unit.MEMORY_CLOCK_RATE * unit.GLOBAL_MEMORY_BUS_WIDTH / 8 / number
        count = issue_slots(name, dtype, lanes)
        if count:
            found["issue_limit"] = unit.MULTIPROCESSOR_COUNT * 128 * unit.CLOCK_RATE * 1e3 / (count * lanes * trips)
    except Exception as error:
        found["note"] = f"limits: {error}"[:200]
    return found


@functools.cache
def issue_slots(name: str, dtype: str, lanes: int) -> float | None:
    """Instructions of a lane in one trip, where ptxas and nvdisasm are there."""
    if ptx.missing() or not ptx.tool("nvdisasm"):
        return None
    return ptx_table.trip_instructions(ptx_table.workload(name, dtype), dtype, lanes)


def jax_peer(name: str, data: dict[str, np.ndarray], dtype: str) -> Callable[[], Any]:
    """The strongest peer: `asv_benchmarks`' hand-written solver, mapped over the whole batch on the GPU."""
    import jax
    from peers_runners import jax_peer as peer

    jax.config.update("jax_enable_x64", dtype == "float64")
    solve, arrays = peer.problem(name, data, dtype, peer.unrolled, False)
    arrays = [jax.numpy.asarray(one) for one in arrays]
    call = jax.jit(jax.vmap(solve))
    return lambda: jax.block_until_ready(call(*arrays))


def cupy_peer(name: str, data: dict[str, np.ndarray]) -> Callable[[], Any]:
    """Levenberg-Marquardt on whole arrays with `cupy.linalg`: stops when no cost changes by 1e-6 of itself."""
    import cupy as cp

    x, y, p0 = (cp.asarray(data[key]) for key in ("x", "y", "p0"))
    tolerance = 1e-6 if y.dtype == np.float64 else 1e-5

    def model(p: Any) -> tuple[Any, Any]:
        c = [p[:, i : i + 1] for i in range(p.shape[1])]
        one = cp.ones_like(y)
        if name == "W2":
            e = cp.exp(-x / c[1])
            return c[0] * e + c[2], cp.stack([e, c[0] * e * x / c[1] ** 2, one], 2)
        if name == "W3":
            z = cp.exp(c[1] * (cp.log(x) - cp.log(c[2])))
            s = 1 / (1 + z)
            w = (c[0] - c[3]) * z * s * s
            columns = [s, -w * (cp.log(x) - cp.log(c[2])), w * c[1] / c[2], 1 - s]
            return c[3] + (c[0] - c[3]) * s, cp.stack(columns, 2)
        u, v = x[0] - c[1], x[1] - c[2]
        e = cp.exp(-(u * u + v * v) / (2 * c[3] ** 2))
        a = c[0] * e / c[3] ** 2
        return c[0] * e + c[4], cp.stack([e, a * u, a * v, a * (u * u + v * v) / c[3], one], 2)

    def solve() -> Any:
        p, lam = p0.copy(), cp.full(len(p0), 1e-3, y.dtype)
        f, J = model(p)
        r = f - y
        cost = (r * r).sum(1)
        done = cp.zeros(len(p0), bool)
        for _ in range(50):
            H, g = cp.einsum("bki,bkj->bij", J, J), cp.einsum("bki,bk->bi", J, r)
            damped = H + lam[:, None, None] * (H * cp.eye(p.shape[1], dtype=y.dtype))
            trial = p - cp.linalg.solve(damped, g[..., None])[..., 0]
            f_new, J_new = model(trial)
            r_new = f_new - y
            new = (r_new * r_new).sum(1)
            better = (new < cost) & ~done
            done |= abs(cost - new) <= tolerance * cost
            p, J, r = (
                cp.where(better.reshape(-1, *[1] * (a.ndim - 1)), a, b) for a, b in ((trial, p), (J_new, J), (r_new, r))
            )
            cost, lam = cp.where(better, new, cost), cp.where(better, lam * 0.1, lam * 10)
            if bool(done.all()):
                break
        cp.cuda.Device().synchronize()
        return p

    return solve


def speed(sizes: list[int], names: list[str], until: float, keep: Callable[[list[Row]], None]) -> list[Row]:
    """All figures for which there is time and memory; ``keep`` is told of them after each workload."""
    rows: list[Row] = []
    for size in sizes:
        for name in names:
            for dtype in ("float32", "float64"):
                number = bytes_of(workloads.make(name, 10)) / 10 * (2 if dtype == "float64" else 1)
                where = f"{name} {dtype} {size}"
                if time.perf_counter() > until:
                    print(f"{where}: left out, the time is over", flush=True)
                elif size * number > MOST or size * number * 5 > memory_there():
                    print(f"{where}: left out, too large", flush=True)
                else:
                    try:
                        rows += measured(name, dtype, size, size == PEERS or size == max(sizes) < PEERS)
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
        "note",
    )
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    for row in rows:
        cells = [row.get(name, "") for name in head]
        lines.append("| " + " | ".join(f"{one:.3g}" if isinstance(one, float) else str(one) for one in cells) + " |")
    return "\n".join(lines)

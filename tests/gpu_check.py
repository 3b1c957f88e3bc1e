"""Everything that only a GPU can show: ``python -m tests.gpu_check`` on a machine that has one.

First correctness: all problems of the table and of `cuda_cases` on CUDA against the CPU, the same bits in every run and
for every chunk size, bad data, little memory.  Then throughput (``--no-speed`` leaves it out): the workloads from
device and from host memory, beside JAX and CuPy on the same GPU, with the share of what the machine could do.
``--small`` is quick enough for compute-sanitizer: ``compute-sanitizer python -m tests.gpu_check --small``.

Needs numpy, numba and numba-cuda; CuPy, JAX and ptxas are used where they are there.
"""

import argparse
import json
import os
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parents[0]), str(HERE.parent / "asv_benchmarks")]

import cuda_cases
import numpy as np
import problems
import ptx
import ptx_table
import workloads

import batchnewton as bn
from batchnewton import device, engine, gpus, phases

SIZES = (1_000, 10_000, 100_000, 1_000_000, 10_000_000, 100_000_000)
NAMES = ("W1_5", "W1_15", "W2", "W3", "W4", "W5")
SECONDS = 0.3  # a figure is the median of at least 3 runs and this long
Row = dict[str, Any]


# ---------------------------------------------------------------- correctness


def through_door(problem: problems.Problem, where: str, dtype: str) -> bn.Result:
    options = dict(device=where, dtype=dtype)
    if problem.kind == "curve_fit":
        return bn.curve_fit(problem.fun, *problem.data, problem.x0, **options)
    if problem.kind == "root":
        return bn.root(problem.fun, problem.x0, problem.args, **options)
    return getattr(bn, problem.kind)(problem.fun, problem.x0, problem.args, data=problem.data, **options)


def table_agrees(small: bool) -> str:
    """Every problem of the table: same status as the CPU, and where that is a success the same x.

    The chain of trips of an ill-conditioned problem may differ by a rounding; such a problem may end the other way,
    but never with a success that is none.
    """
    different, count = [], 0
    for problem in problems.PROBLEMS[:: 9 if small else 1]:
        cpu, cuda = through_door(problem, "cpu", "float64"), through_door(problem, "cuda", "float64")
        count += 1
        if int(cpu.status) != int(cuda.status):
            different.append(f"{problem.name}: {int(cpu.status)} on the CPU, {int(cuda.status)} on CUDA")
        if bool(cuda.success):
            limit = (
                1e-3 if problem.name in ("x^4", "powell singular") else 1e-4 if problem.kind == "curve_fit" else 1e-6
            )
            assert problem.error(cuda.x) < limit, f"{problem.name}: false success at {cuda.x}"
    assert len(different) <= count // 50, "; ".join(different)
    return f"{count} problems; other status: {different or 'none'}"


def cases_agree(small: bool) -> str:
    """The cases of the simulator's tests, now on a GPU."""
    for case in cuda_cases.CASES[:: 4 if small else 1]:
        cpu, cuda = cuda_cases.answers(case, "cpu"), cuda_cases.answers(case, "cuda")
        np.testing.assert_array_equal(cuda["status"], cpu["status"], err_msg=case.name)
        eps = np.finfo(case.dtype).eps
        # where the gradient is flat, or the functions of libdevice differ by an ulp, x does by more
        good = cpu["status"] == 0
        np.testing.assert_allclose(cuda["x"][good], cpu["x"][good], rtol=eps**0.5, atol=eps**0.5, err_msg=case.name)
    os.environ.pop("BATCHNEWTON_CUDA_LANES", None)
    return f"{len(cuda_cases.CASES)} cases"


def workloads_solved(small: bool) -> str:
    """Same solutions as the CPU, for as many problems."""
    said = []
    for name in NAMES[:2] if small else NAMES:
        for dtype in ("float64", "float32"):
            data = workloads.make(name, 64 if small else 5_000)
            cpu, cuda = run_host(name, data, dtype, "cpu"), run_host(name, data, dtype, "cuda")
            share = float((cpu.status == cuda.status).mean())
            best = np.fmin(workloads.cost(name, data, cpu.x), workloads.cost(name, data, cuda.x))
            right = workloads.solved(name, data, cuda.x, best, dtype == "float32").mean()
            said.append(f"{name} {dtype}: same status {share:.4f}, solved {right:.4f}")
            assert share > 0.995, said[-1]
            assert right > 0.999 or (name, dtype) == ("W5", "float32"), said[-1]
    return "; ".join(said)


def same_bits(small: bool) -> str:
    """Three runs, short chunks and reversed order give the same bits."""
    size = 200 if small else 50_000
    data = workloads.make("W2", size)
    first = run_host("W2", data, "float32", "cuda")
    runs = [run_host("W2", data, "float32", "cuda") for _ in range(2)]
    before = device.LONGEST
    try:
        device.LONGEST = max(1, size // 7)
        runs.append(run_host("W2", data, "float32", "cuda"))
    finally:
        device.LONGEST = before
    turned = {key: value if key == "x" else value[::-1] for key, value in data.items()}
    back = run_host("W2", turned, "float32", "cuda")
    for name in cuda_cases.FIELDS:
        for one in runs:
            np.testing.assert_array_equal(getattr(one, name), getattr(first, name), err_msg=name)
        np.testing.assert_array_equal(getattr(back, name)[::-1], getattr(first, name), err_msg=f"{name}, reversed")
    return f"{size} problems, {len(runs)} more runs and one reversed"


def bad_neighbours(small: bool) -> str:
    """Infinite numbers in some problems' data: a status for them, not a bit of difference for the others."""
    size = 100 if small else 20_000
    data = workloads.make("W2", size)
    clean = run_host("W2", data, "float64", "cuda")
    data["y"][::7, 3] = np.inf
    flawed = run_host("W2", data, "float64", "cuda")
    good = np.arange(size) % 7 != 0
    np.testing.assert_array_equal(flawed.x[good], clean.x[good])
    assert (flawed.status[~good] == bn.Status.NOT_FINITE_AT_START).all()
    return f"{(~good).sum()} of {size} problems"


def little_memory(small: bool) -> str:
    """More memory asked for than there is: shorter chunks, the same answers."""
    size = 3_000 if small else 300_000
    data = workloads.make("W2", size)
    plain = run_host("W2", data, "float32", "cuda")
    lengths = []

    class Greedy(device.Slot):
        def __init__(self, engine: Any, problem: Any, length: int) -> None:
            lengths.append(length)
            if length > size // 10:
                engine.cuda.device_array(1 << 46, np.int8)  # 64 TiB
            super().__init__(engine, problem, length)

    before = device.Slot, device.SHORTEST
    try:
        device.Slot, device.SHORTEST = Greedy, 1
        short = run_host("W2", data, "float32", "cuda")
    finally:
        device.Slot, device.SHORTEST = before
    np.testing.assert_array_equal(short.x, plain.x)
    return f"chunks tried: {lengths}"


def many_elements(small: bool) -> str:
    """More than 2^31 numbers of data in one array: the last problem finds its own."""
    if small:
        return "not in --small"
    import cupy

    m = 65_536
    size = (1 << 31) // m + 1_000
    free = cupy.cuda.Device().mem_info[0]
    if free < 3 * size * m * 4:
        return f"NOT RUN: needs {3 * size * m * 4 / 2**30:.0f} GiB, {free / 2**30:.0f} are free"
    y = cupy.zeros((size, m), np.float32)
    y += cupy.arange(size, dtype=np.float32)[:, None] / size
    result = bn.curve_fit(lambda t, a, b: a + b * t, cupy.linspace(0, 1, m, dtype=np.float32), y,
                          cupy.full((size, 2), 0.5, np.float32), dtype="float32")  # fmt: skip
    error = float(abs(result.x[:, 0] - cupy.arange(size, dtype=np.float32) / size).max())
    assert error < 1e-4, f"largest error {error}"
    return f"{size} x {m} = {size * m:.3g} numbers, largest error {error:.1e}"


def arrays_stay(small: bool) -> str:
    """CuPy, PyTorch and JAX arrays come back as such, with the bits that NumPy arrays give."""
    data = workloads.make("W2", 500)
    plain = run_host("W2", data, "float32", "cuda")
    said = []
    for name, there in libraries().items():
        found = run_host("W2", {key: there(value) for key, value in data.items()}, "float32", "auto")
        x = found.x.get() if name == "cupy" else found.x.cpu().numpy() if name == "torch" else np.asarray(found.x)
        np.testing.assert_array_equal(x, plain.x, err_msg=name)
        assert type(found.x).__module__.partition(".")[0] in (name, "jaxlib"), type(found.x)
        said.append(name)
    return f"{', '.join(said) or 'NOT RUN: neither CuPy nor PyTorch nor JAX is here'}"


def libraries() -> dict[str, Callable[[np.ndarray], Any]]:
    """How to put an array on the GPU, by library."""
    found: dict[str, Callable[[np.ndarray], Any]] = {}
    for name in ("cupy", "torch", "jax"):
        try:
            module = __import__(name)
        except ImportError:
            continue
        if name == "cupy":
            found[name] = module.asarray
        elif name == "torch" and module.cuda.is_available():
            found[name] = lambda a, torch=module: torch.from_numpy(np.ascontiguousarray(a)).cuda()
        elif name == "jax" and module.default_backend() == "gpu":
            found[name] = module.numpy.asarray
    return found


CHECKS = (
    table_agrees,
    cases_agree,
    workloads_solved,
    same_bits,
    bad_neighbours,
    little_memory,
    arrays_stay,
    many_elements,
)


# ---------------------------------------------------------------- throughput


def run_host(name: str, data: dict[str, Any], dtype: str, where: str) -> bn.Result:
    """A workload through its front door."""
    if where == "cpu" or isinstance(data["p0"], np.ndarray):
        data = {key: value.astype(dtype, copy=False) for key, value in data.items()}
    options = dict(dtype=dtype, device=where)
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
    data = workloads.make(name, min(size, 100_000 if name != "W4" else 5_000))
    count = len(data["p0"])
    pick = np.arange(size) % count
    return {key: np.ascontiguousarray(value if key == "x" else value[pick], dtype) for key, value in data.items()}


def bytes_of(data: dict[str, np.ndarray]) -> int:
    return sum(value.nbytes for key, value in data.items() if key != "truth")


def measured(name: str, dtype: str, size: int, peers: bool) -> list[Row]:
    """Rates of one workload at one size."""
    data = tiled(name, size, dtype)
    rows = []

    def row(who: str, memory: str, call: Callable[[], Any], **more: Any) -> None:
        try:
            seconds = repeated(call)
            rows.append(dict(workload=name, dtype=dtype, size=size, who=who, data=memory, rate=size / seconds, **more))
        except Exception as error:  # a peer that fails, or finds no memory, is a row too
            rows.append(
                dict(workload=name, dtype=dtype, size=size, who=who, data=memory, rate=None, note=str(error)[:200])
            )
        print(*rows[-1].values(), sep=" | ", flush=True)

    row("ours", "host", lambda: run_host(name, data, dtype, "cuda"))
    there = libraries()
    if "cupy" in there:
        import cupy

        resident = {key: cupy.asarray(value) for key, value in data.items()}

        def ours() -> None:
            run_host(name, resident, dtype, "auto")
            cupy.cuda.Device().synchronize()

        result = run_host(name, resident, dtype, "auto")
        trips = float(result.nfev.mean())
        row("ours", "device", ours, trips=trips, **limits(name, dtype, size, trips, bytes_of(data) / size))
        del result, resident
    if peers and "jax" in there:
        row("jax vmap, unrolled Cholesky", "device", jax_peer(name, data, dtype))
    if peers and "cupy" in there and name in workloads.FORMULAS:
        row("cupy, batched LM", "device", cupy_peer(name, data))
    return rows


def limits(name: str, dtype: str, size: int, trips: float, number: float) -> Row:
    """Most problems a second that issue slots and memory would allow (compare with the rate)."""
    from numba import cuda

    unit = cuda.get_current_device()
    problem = ptx_table.workload(name, dtype)
    lanes = engine.lanes(problem.n, problem.m, size, np.dtype(dtype).itemsize)
    memory = 2e3 * unit.MEMORY_CLOCK_RATE * unit.GLOBAL_MEMORY_BUS_WIDTH / 8 / number
    found: Row = dict(lanes=lanes, memory_limit=memory)
    if ptx.missing() is None and ptx.tool("nvdisasm"):
        count = ptx_table.trip_instructions(problem, dtype, lanes)
        if count:
            found["issue_limit"] = unit.MULTIPROCESSOR_COUNT * 128 * unit.CLOCK_RATE * 1e3 / (count * lanes * trips)
    return found


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


def speed(sizes: list[int], names: list[str]) -> list[Row]:
    rows: list[Row] = []
    for name in names:
        for dtype in ("float32", "float64"):
            number = bytes_of(workloads.make(name, 10)) / 10 * (2 if dtype == "float64" else 1)
            for size in sizes:
                if size * number * 5 > memory_there():
                    print(f"{name} {dtype} {size}: left out, too large for the memory", flush=True)
                    continue
                rows += measured(name, dtype, size, size <= 1_000_000)
    return rows


def memory_there() -> int:
    from numba import cuda

    host = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_AVPHYS_PAGES") if hasattr(os, "sysconf") else 1 << 34
    return min(host, cuda.current_context().get_memory_info().free)


def markdown(rows: list[Row]) -> str:
    head = ("workload", "dtype", "size", "who", "data", "rate", "trips", "lanes", "issue_limit", "memory_limit", "note")
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    for row in rows:
        cells = [row.get(name, "") for name in head]
        lines.append("| " + " | ".join(f"{one:.3g}" if isinstance(one, float) else str(one) for one in cells) + " |")
    return "\n".join(lines)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--small", action="store_true", help="a few small problems, no throughput: for a sanitizer")
    parser.add_argument("--no-speed", action="store_true")
    parser.add_argument("--no-checks", action="store_true")
    parser.add_argument("--sizes", default=",".join(map(str, SIZES)))
    parser.add_argument("--workloads", default=",".join(NAMES))
    parser.add_argument("--json", default="gpu_check.json")
    chosen = parser.parse_args()
    print(bn.info())
    if gpus.obstacle() or (gpus.simulated() and not chosen.small):
        print(f"no GPU: {gpus.obstacle() or 'this is the simulator; only --small makes sense'}", file=sys.stderr)
        return 2
    outcomes: dict[str, str] = {}
    failed = 0
    for check in () if chosen.no_checks else CHECKS:
        try:
            outcomes[check.__name__] = f"ok: {check(chosen.small)}"
        except Exception:
            failed += 1
            outcomes[check.__name__] = f"FAILED: {traceback.format_exc(limit=-3)}"
        print(f"{check.__name__}: {outcomes[check.__name__]}", flush=True)
    quick = chosen.small or chosen.no_speed
    rows = [] if quick else speed(list(map(int, chosen.sizes.split(","))), chosen.workloads.split(","))
    if rows:
        print(markdown(rows))
    found = dict(info=dict(bn.info()), checks=outcomes, rates=rows, phases=str(phases.PHASES))
    Path(chosen.json).write_text(json.dumps(found, indent=1))
    print(f"{len(outcomes) - failed} checks passed, {failed} failed; {len(rows)} figures; {chosen.json}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())

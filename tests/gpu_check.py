"""Everything that only a GPU can show: ``python -m tests.gpu_check`` on a machine that has one.

``--part correctness``: all problems of the table and of `cuda_cases` on CUDA against the CPU, every option of the front
doors, the same bits in every run and for every chunk size, bad data, little memory.  ``--part throughput``
(`gpu_speed`): the workloads from device and from host memory, beside JAX and CuPy on the same GPU, with the share of
what the machine could do.  Each part ends within ``--minutes`` (8), time to compile included, and says what it left
out; each check and workload has a process of its own, so that none that fails or hangs stops another; the JSON file is
written after each.  ``--small`` is quick enough for compute-sanitizer and for the
simulator: ``NUMBA_ENABLE_CUDASIM=1 python -m tests.gpu_check --small``.

Needs numpy, numba and numba-cuda; CuPy, JAX and ptxas are used where they are there.
"""

import argparse
import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time
import traceback
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from unittest import mock

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parents[0]), str(HERE.parent / "asv_benchmarks")]
os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")  # else JAX takes three quarters of the memory

import cuda_at_answers
import cuda_cases
import cuda_methods
import cuda_patient
import gpu_groups
import gpu_speed
import numpy as np
import problems
import workloads
from gpu_speed import NAMES, SIZES, libraries, run_host

import batchnewton as bn
from batchnewton import device, gpus, methods, patient

UNTIL = [float("inf")]  # when to stop
GRACE = 30  # seconds beyond its time after which a process is ended
Found = dict[str, Any]
Check = Callable[[bool], str]
Keep = Callable[[], None]


def late() -> bool:
    """Whether the time of a check is over."""
    return time.perf_counter() > UNTIL[0]


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
    chosen = problems.PROBLEMS[::23] if small else problems.PROBLEMS
    for problem in chosen:
        if late():
            break
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
    return f"{count} of {len(chosen)} problems; other status: {different or 'none'}"


@contextlib.contextmanager
def lanes_as_before() -> Iterator[None]:
    """Cases set how many threads have a problem; other checks leave it to the engine."""
    before = os.environ.get("BATCHNEWTON_CUDA_LANES")
    try:
        yield
    finally:
        os.environ.pop("BATCHNEWTON_CUDA_LANES", None)
        if before is not None:
            os.environ["BATCHNEWTON_CUDA_LANES"] = before


def cases_agree(small: bool) -> str:
    """The cases of the simulator's tests, now on a GPU."""
    wrong, count = [], 0
    every = cuda_cases.CASES + cuda_methods.CASES + cuda_patient.CASES
    chosen = every[::8] if small else every
    with lanes_as_before():
        for case in chosen:
            if late():
                break
            count += 1
            try:
                cpu, cuda = cuda_cases.answers(case, "cpu"), cuda_cases.answers(case, "cuda")
                agree(cpu, cuda, "float32" if case.dtype == "float32" else "float64")
            except Exception as error:
                wrong.append(f"{case.name}: {type(error).__name__}: {error}"[:500])
    assert not wrong, "\n".join(wrong)
    return f"{count} of {len(chosen)} cases"


def agree(cpu: dict[str, np.ndarray], cuda: dict[str, np.ndarray], dtype: str) -> None:
    """The same statuses; where they are a success the same x, as far as a flat gradient and an ulp in libdevice's
    functions let it be."""
    np.testing.assert_array_equal(cuda["status"], cpu["status"])
    eps = np.finfo(dtype).eps
    good = cpu["status"] <= 1
    np.testing.assert_allclose(cuda["x"][good], cpu["x"][good], rtol=eps**0.5, atol=eps**0.5)
    if "history" in cpu and cuda["history"].shape == cpu["history"].shape:
        first = cpu["history"][good, :2], cuda["history"][good, :2]  # later ones are of points that differ
        np.testing.assert_allclose(first[1], first[0], rtol=eps**0.25, atol=eps**0.25)


def options_agree(small: bool) -> str:
    """Bounds, fixed unknowns, mixed precision, history, masks, losses: statuses and answers as on the CPU."""
    size = 60 if small else 20_000
    data = {key: value.astype(float) for key, value in workloads.make("W2", size).items()}
    mask = np.random.default_rng(1).random(data["y"].shape) > 0.1
    kinds: dict[str, dict[str, Any]] = {
        "bounds": dict(bounds=([0.6, 0.7, 0.05], [1.8, 1.5, 0.4])),
        "a box a problem": dict(bounds=(data["truth"] * 0.9, data["truth"] * 1.05)),
        "fixed": dict(fixed=[False, False, True]),
        "mixed": dict(dtype="mixed"),
        "mixed, bounds": dict(dtype="mixed", bounds=(0.0, [1.5, 1.5, 0.3])),
        "history": dict(history=True),
        "mask": dict(mask=mask),
        "loss": dict(loss="soft_l1", f_scale=0.05),
        "starts": dict(starts=data["p0"][:3]),
    }
    said, wrong = [], []
    for name, more in list(kinds.items())[:: 3 if small else 1]:
        if late():
            said += ["the rest LEFT OUT: the time is over"]
            break
        try:
            call = data["x"], data["y"], np.clip(data["p0"], 0.1, 3.0)
            cpu, cuda = (bn.curve_fit(workloads.decay, *call, device=where, **more) for where in ("cpu", "cuda"))
            share = float((cpu.status == cuda.status).mean())
            both = cpu.success & cuda.success
            # one minimum in a thousand may be another one: the first step from a far start differs by a rounding
            near = np.isclose(cuda.x[both], cpu.x[both], rtol=1e-5, atol=1e-6).all(1).mean()
            said.append(f"{name}: same status {share:.4f}, same x {near:.4f}, success {cuda.success.mean():.4f}")
            assert share > 0.995, said[-1]
            assert near > 0.999, said[-1]
            if cpu.history is not None:
                np.testing.assert_allclose(cuda.history.fun[:, 0], cpu.history.fun[:, 0], rtol=1e-10)
        except Exception as error:
            wrong.append(f"{name}: {type(error).__name__}: {error}"[:500])
    assert not wrong, "\n".join(wrong)
    return "; ".join(said)


def methods_agree(small: bool) -> str:
    """Every method by name that runs on CUDA, and brackets, on large batches: statuses, certified answers, the method's
    own number of steps, beside the CPU's."""
    size = 20 if small else 20_000
    x0 = np.random.default_rng(4).uniform(-5, 5, (size, 2))
    data = {key: value.astype(float) for key, value in workloads.make("W2", size).items()}
    calls: dict[str, Any] = {"bracket": lambda **o: bn.root(problems.kepler, None, (1.0, np.linspace(0, 0.99, size)),
                                                            bracket=(0.0, 3.0), **o)}  # fmt: skip
    for name in ("newton-pure", "bfgs", "lbfgs", "gradient-descent"):
        calls[f"minima, {name}"] = lambda name=name, **o: bn.minimize(problems.himmelblau, x0, method=name, **o)
        calls[f"fits, {name}"] = lambda name=name, **o: bn.curve_fit(
            workloads.decay, data["x"], data["y"], data["p0"], method=name, max_iter=200, **o
        )
    said, wrong = [], []
    for name, call in list(calls.items())[:: 3 if small else 1]:
        if late():
            break
        try:
            cpu, cuda = (call(device=where) for where in ("cpu", "cuda"))
            share = float((cpu.status == cuda.status).mean())
            both = cpu.success & cuda.success
            # of several minima a rounding may choose, after steps that overshoot
            near = (
                float(np.isclose(cuda.x[both], cpu.x[both], rtol=1e-6, atol=1e-6).all(1).mean()) if both.any() else 1.0
            )
            said.append(f"{name}: same status {share:.4f}, same x {near:.4f}, success {cuda.success.mean():.4f}, "
                        f"steps {cpu.nit.mean():.2f} and {cuda.nit.mean():.2f}")  # fmt: skip
            assert share > 0.98, said[-1]
            assert near > 0.98, said[-1]
        except Exception as error:
            wrong.append(f"{name}: {type(error).__name__}: {error}"[:500])
    assert not wrong, "\n".join(wrong)
    return "; ".join(said)


def statistics_agree(small: bool) -> str:
    """Gradients, Hessians, covariances and standard errors worked out on the GPU, of the same answers."""
    wrong, count = [], 0
    with lanes_as_before():
        for case in cuda_at_answers.CASES[:: 5 if small else 1]:
            try:
                cpu, cuda = cuda_at_answers.answers(case)
                count += 1
                eps = float(np.finfo(case.dtype).eps)
                for name in cuda_at_answers.FIELDS:
                    size = np.max(np.abs(cpu["hess"][np.isfinite(cpu["hess"])]), initial=1.0)
                    np.testing.assert_array_equal(np.isfinite(cuda[name]), np.isfinite(cpu[name]), err_msg=name)
                    np.testing.assert_allclose(cuda[name], cpu[name], 1e5 * eps, 1e3 * size * eps, err_msg=name)
            except Exception as error:
                wrong.append(f"{case.name}: {type(error).__name__}: {error}"[:500])
    assert not wrong, "\n".join(wrong)
    try:
        cpu, cuda = cuda_at_answers.resident()
    except ImportError as error:
        return f"{count} cases; NOT RUN: arrays on the GPU ({error})"
    finally:
        if gpus.simulated():
            sys.modules.pop("cupy", None)  # the stand-in is no library that `arrays_stay` could ask
    for name, found in cuda.items():
        np.testing.assert_allclose(found, cpu[name], rtol=1e-5, atol=1e-6, err_msg=name)
    return f"{count} cases, and arrays on the GPU"


def many_unknowns(small: bool) -> str:
    """Groups of lanes that share a matrix: n = 12 to 32, both precisions, against the CPU."""
    said = []
    rng = np.random.default_rng(3)
    for n in (12,) if small else (11, 12, 16, 20, 24, 32):
        size = 2 if small else 2_000
        rows = rng.normal(size=(size, 2 * n, n))
        x = rng.normal(size=(size, n))
        y = np.sinh(0.1 * np.einsum("bmk,bk->bm", rows, x)) + 0.01 * rng.normal(size=(size, 2 * n))

        def residual(p: Any, row: Any, y: Any, n: int = n) -> Any:
            return np.sinh(0.1 * sum(p[i] * row[i] for i in range(n))) - y

        for dtype in ("float64",) if small else ("float64", "float32"):
            if late():
                return "; ".join([*said, "the rest LEFT OUT: the time is over"])
            cpu, cuda = (
                bn.least_squares(residual, x * 1.05, data=(rows, y), dtype=dtype, device=where)
                for where in ("cpu", "cuda")
            )
            share = float((cpu.status == cuda.status).mean())
            both = cpu.success & cuda.success
            limit = 1e-6 if dtype == "float64" else 2e-2
            far = float(np.abs(cuda.x[both] - cpu.x[both]).max()) if both.any() else 0.0
            said.append(f"n = {n} {dtype}: same status {share:.4f}, largest difference {far:.1e}")
            assert share > 0.99, said[-1]
            assert far < limit, said[-1]
    return "; ".join(said)


def hard_starts(small: bool) -> str:
    """The patient path on the GPU: decays from starts that are off by up to a factor of 5, steps within a radius and in
    a box alone; statuses and costs as on the CPU, and the time of both."""
    size = 40 if small else 200_000
    data = {key: values.astype(float) for key, values in workloads.make("W2", size).items()}
    p0 = data["p0"] * 5.0 ** np.random.default_rng(2).uniform(-1, 1, data["p0"].shape)
    calls: dict[str, dict[str, Any]] = {
        "left by the fast path": {},
        "by itself": dict(method="trust-region", bounds=(-100.0, 100.0)),
        "by itself, few": dict(method="trust-region", bounds=(-100.0, 100.0), max_iter=3),
    }
    said, wrong = [], []
    for name, more in calls.items():
        if late():
            return "; ".join([*said, "the rest LEFT OUT: the time is over"])
        with mock.patch.object(patient, "MUCH", 0.0):
            seconds, found = [], []
            for where in ("cpu", "cuda", "cuda"):  # the first one compiles
                start = time.perf_counter()
                found.append(bn.curve_fit(workloads.decay, data["x"], data["y"], p0, device=where, **more))
                seconds.append(time.perf_counter() - start)
        cpu, cuda, again = found
        share = float((cpu.status == cuda.status).mean())
        both = cpu.success & cuda.success
        near = float(np.isclose(cuda.fun[both], cpu.fun[both], rtol=1e-6).mean()) if both.any() else 1.0
        said += [f"{name}: same status {share:.4f}, same cost {near:.4f}, {seconds[0]:.2f} and {seconds[2]:.2f} s"]
        for field in cuda_cases.FIELDS:
            np.testing.assert_array_equal(getattr(again, field), getattr(cuda, field), err_msg=field)
        if share < 0.98 or near < 0.98:
            wrong.append(said[-1])
    assert not wrong, "\n".join(wrong)
    return "; ".join(said)


def groups_of_lanes(small: bool) -> str:
    """Groups of lanes for roots, for the methods by name, with a history, against the CPU."""
    said, wrong = [], []
    with lanes_as_before():
        if gpus.simulated():
            os.environ["BATCHNEWTON_CUDA_LANES"] = "2"  # one thread a problem would be no group
        for name, call in list(gpu_groups.calls(small).items())[:: 2 if small else 1]:
            if late():
                said += ["the rest LEFT OUT: the time is over"]
                break
            try:
                said.append(f"{name}: {gpu_groups.compared(call)}")
            except Exception as error:
                wrong.append(f"{name}: {type(error).__name__}: {error}"[:500])
    assert not wrong, "\n".join(wrong)
    return "; ".join(said)


def workloads_solved(small: bool) -> str:
    """Same solutions as the CPU, for as many problems."""
    said = []
    for name in NAMES[:1] if small else NAMES:
        for dtype in ("float64", "float32"):
            if late():
                return "; ".join([*said, "the rest LEFT OUT: the time is over"])
            data = workloads.make(name, 24 if small else 5_000)
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
    size = 24 if small else 50_000
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
    size = 24 if small else 20_000
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
    size = 30 if small else 300_000
    data = workloads.make("W2", size)
    plain = run_host("W2", data, "float32", "cuda")
    lengths = []

    class Greedy(device.Slot):
        def __init__(self, engine: Any, problem: Any, length: int) -> None:
            lengths.append(length)
            if length > size // 10:
                if gpus.simulated():
                    raise MemoryError("the simulator would give it")
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
    del result, y
    gpu_speed.free_pools()
    assert error < 1e-3, f"largest error {error}"
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


CHECKS = (
    same_bits,
    options_agree,
    methods_agree,
    workloads_solved,
    statistics_agree,
    many_unknowns,
    hard_starts,
    groups_of_lanes,
    bad_neighbours,
    little_memory,
    arrays_stay,
    many_elements,
    cases_agree,
    table_agrees,  # the longest: a kernel for each formula
)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--small", action="store_true", help="a few small problems, no throughput: for a sanitizer")
    parser.add_argument("--part", choices=("all", "correctness", "throughput"), default="all")
    parser.add_argument("--minutes", type=float, default=8.0, help="of each part, about")
    parser.add_argument("--checks", default=",".join(check.__name__ for check in CHECKS))
    parser.add_argument("--sizes", default=",".join(map(str, SIZES)))
    parser.add_argument("--workloads", default=",".join(NAMES))
    parser.add_argument("--json", default="gpu_check.json")
    parser.add_argument("--together", action="store_true", help="all in this process, as with --small")
    chosen = parser.parse_args()
    print(bn.info())
    if gpus.obstacle() or (gpus.simulated() and not chosen.small):
        print(f"no GPU: {gpus.obstacle() or 'this is the simulator; only --small makes sense'}", file=sys.stderr)
        return 2
    if gpus.simulated():  # a thread of Python's for every lane takes long
        os.environ.setdefault("BATCHNEWTON_CUDA_LANES", "1")
        warnings.simplefilter("ignore", RuntimeWarning)  # NumPy's, where a kernel divides by zero and selects
    found: Found = dict(info=dict(bn.info()), phases=str(methods.PHASES), checks={}, rates=[])
    path = Path(chosen.json)

    def keep() -> None:
        path.write_text(json.dumps(found, indent=1, default=str))

    together = chosen.together or chosen.small
    if chosen.part != "throughput":
        names = chosen.checks.split(",")
        correctness([one for one in CHECKS if one.__name__ in names], chosen, together, found, keep)
    if chosen.part != "correctness" and not chosen.small:
        throughput(chosen, together, found, keep)
        print(gpu_speed.markdown(found["rates"]))
    keep()
    failed = sum(said.startswith("FAILED") for said in found["checks"].values())
    print(f"{len(found['checks']) - failed} checks passed, {failed} failed; {len(found['rates'])} figures; {path}")
    return 1 if failed else 0


def correctness(checks: list[Check], chosen: argparse.Namespace, together: bool, found: Found, keep: Keep) -> None:
    """Every check, none longer than three times its share of the time that is left."""
    end = time.perf_counter() + 60 * chosen.minutes
    for at, check in enumerate(checks):
        start = time.perf_counter()
        seconds = min(end - start, 3 * (end - start) / (len(checks) - at))
        name = check.__name__
        if seconds <= 0:
            said = "LEFT OUT: the time is over"
        elif together:
            said = outcome(check, chosen.small, start + seconds)
        else:
            child, how = apart(["--part", "correctness", "--checks", name], seconds)
            said = child.get("checks", {}).get(name) or f"FAILED: its process {how}"
        found["checks"][name] = said
        if together or not said.startswith("ok"):
            print(f"{name} ({time.perf_counter() - start:.0f} s): {said}", flush=True)
        keep()


def outcome(check: Check, small: bool, until: float) -> str:
    """What a check says."""
    UNTIL[0] = until
    try:
        return f"ok: {check(small)}"
    except Exception:
        return f"FAILED: {traceback.format_exc(limit=-3)}"
    finally:
        gpu_speed.free_pools()


def throughput(chosen: argparse.Namespace, together: bool, found: Found, keep: Keep) -> None:
    """Every workload, none longer than twice its share of the time that is left."""
    sizes, names = list(map(int, chosen.sizes.split(","))), chosen.workloads.split(",")
    end = time.perf_counter() + 60 * chosen.minutes
    if together:
        gpu_speed.speed(sizes, names, end, lambda rows: (found.update(rates=rows), keep()))
        return
    for at, name in enumerate(names):
        left = end - time.perf_counter()
        seconds = min(left, 2 * left / (len(names) - at))
        if seconds <= 0:
            print(f"{name}: left out, the time is over", flush=True)
            continue
        child, how = apart(["--part", "throughput", "--sizes", chosen.sizes, "--workloads", name], seconds)
        found["rates"] += child.get("rates", [])
        if how != "ended":
            found["rates"] += [dict(workload=name, note=f"its process {how}")]
        keep()


def apart(arguments: list[str], seconds: float) -> tuple[Found, str]:
    """Some of the work in a process of its own, and how that ended: an illegal address or a kernel that does not end
    would take everything after it along."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "found.json")
        command = [sys.executable, "-m", "tests.gpu_check", "--together", "--minutes", str(seconds / 60)]
        child = subprocess.Popen([*command, "--json", str(path), *arguments], cwd=HERE.parent)
        try:
            code = child.wait(seconds + GRACE)
            how = "ended" if code in (0, 1) else f"ended with {code}"
        except subprocess.TimeoutExpired:
            child.kill()
            how = f"did not end within {seconds + GRACE:.0f} s"
        try:
            return json.loads(path.read_text()), how
        except (OSError, ValueError):
            return {}, how


if __name__ == "__main__":
    sys.exit(main())

"""Chunks, threads, progress: the only place that knows there is more than one chunk.

Each chunk goes through the phases of its kind (``PHASES``): the fast damped Newton kernels, each of which hands
problems on, and at the end trust-region Newton in float64 for what the fast path did not settle.  What happens to
a problem does not depend on its chunk, its thread or its lane.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from . import compile as compiler
from . import gpus
from .arrays import on_host
from .kernels import converge, status
from .options import Options
from .problem import Problem


@dataclass(frozen=True)
class Phase:
    """One kernel of the fast path: what is derived, what is done with it, how many trips it may take."""

    derive: str
    step: str
    trips: int


PHASES = {
    "least-squares": (Phase("gauss-newton", "gauss-newton", 20), Phase("least-squares", "exact", 10)),
    "minimize": (Phase("minimize", "exact", 50),),
    "root": (Phase("root", "root", 50),),
}
HYBRID = {"least-squares": "hybrid", "minimize": "minimize", "root": "root"}
CHUNK = 16_384  # problems


@dataclass
class Solution:
    """Arrays of the answers, in the order of the problems."""

    x: np.ndarray
    fun: np.ndarray
    status: np.ndarray
    nit: np.ndarray
    nfev: np.ndarray

    @classmethod
    def empty(cls, problem: Problem, dtype: np.dtype) -> Solution:
        size = problem.size
        counts = np.zeros(size, np.int32), np.zeros(size, np.int32)
        return cls(np.empty((size, problem.n), dtype), np.empty(size, dtype), np.empty(size, np.int8), *counts)


@dataclass(frozen=True)
class Chunk:
    """Arrays of some problems in one precision, as the kernels take them."""

    x0: np.ndarray
    args: tuple[np.ndarray, ...]
    data: tuple[np.ndarray, ...]
    X: np.ndarray
    A: np.ndarray
    m: int

    @property
    def shared(self) -> tuple[Any, ...]:
        return addresses(self.args), addresses(self.data), self.X, self.A, self.m


def addresses(arrays: tuple[np.ndarray, ...]) -> np.ndarray:
    """For each array where it lies and how long its last axis is."""
    return np.array([(one.ctypes.data, one.shape[-1]) for one in arrays], np.int64).reshape(-1, 2)


def solve(problem: Problem, options: Options, progress: Any = False) -> Solution:
    """Solve every problem of the batch."""
    program = first_kernel(problem, options.dtype).program  # what cannot be derived says so before anything runs
    answer = Solution.empty(problem, options.dtype)
    if problem.kind == "least-squares" and program.residuals * problem.m < problem.n:
        answer.x[:], answer.fun[:], answer.status[:] = on_host(problem.x0), np.nan, status.TOO_FEW_POINTS
        return answer
    if problem.gpu is not None:
        return in_place(problem, options, progress)
    stop = np.zeros(1, np.int8)
    X, A = shared_data(problem, options.dtype)
    which = chosen_gpus(options, problem.size)
    if which:
        on_gpus(problem, options, which, (X, A), answer, stop, progress)
        return answer

    def work(rows: slice) -> int:
        solve_chunk(problem, rows, X, A, options, answer, stop)
        return rows.stop - rows.start

    for_each_chunk(work, problem.size, options.threads, stop, progress)
    return answer


def chosen_gpus(options: Options, size: int) -> tuple[int, ...]:
    """The GPUs to use; where that is left open, all there are for a batch that is worth a launch."""
    if options.gpus is not None:
        return options.gpus
    return tuple(range(gpus.count())) if size >= gpus.WORTHWHILE else ()


def on_gpus(
    problem: Problem,
    options: Options,
    which: tuple[int, ...],
    shared: tuple[np.ndarray, np.ndarray],
    answer: Solution,
    stop: np.ndarray,
    progress: Any,
) -> None:
    """The fast path on GPUs, what it leaves on the CPU."""
    from . import device

    def leftover(rows: slice, left: np.ndarray) -> None:
        patiently(problem, rows.start + left, options, answer, stop)

    with reporter(progress, problem.size) as report:
        device.solve(problem, PHASES[problem.kind], options, shared, which, answer, leftover, stop, report)


def in_place(problem: Problem, options: Options, progress: Any) -> Solution:
    """Solve where the arrays lie; the answers stay there."""
    from . import device

    which = problem.gpu
    if options.gpus is not None and options.gpus != (which,) and which not in options.gpus:
        raise ValueError(f"the arrays lie on cuda:{which}; expected device='cuda:{which}', 'cuda' or 'auto'")
    if gpus.obstacle():
        raise ValueError(f"the arrays lie on a GPU, but {gpus.obstacle()}")
    stop = np.zeros(1, np.int8)
    shared = shared_data(problem, options.dtype)
    with reporter(progress, problem.size) as report:
        found, left = device.solve_in_place(problem, PHASES[problem.kind], options, shared)
        answer = Solution(*found)
        if left.size:
            rest = replace_batch(problem, left)
            small = Solution.empty(rest, options.dtype)
            small.nit[:], small.nfev[:] = on_host(answer.nit[left]), on_host(answer.nfev[left])
            patiently(rest, np.arange(left.size), options, small, stop)
            for name in ("x", "fun", "status", "nit", "nfev"):
                getattr(answer, name)[left] = device.like(getattr(answer, name), getattr(small, name))
        report(problem.size)
    return answer


def replace_batch(problem: Problem, which: Any) -> Problem:
    """Some problems of a batch, on the host."""
    args, data = ([on_host(array[which]) for array in arrays] for arrays in (problem.args, problem.data))
    return replace(problem, x0=on_host(problem.x0[which]), args=args, data=data)


def first_kernel(problem: Problem, dtype: np.dtype) -> compiler.Kernel:
    """The kernel of the first phase."""
    phase = PHASES[problem.kind][0]
    return compiler.kernel(problem.formula, problem.inputs, phase.derive, phase.step, dtype)


def derivatives(problem: Problem, x: np.ndarray, kind: str, threads: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """f, g and H (or, of kind "gauss-newton", B = JᵀJ) of every problem at x."""
    size, n, dtype = problem.size, problem.n, x.dtype
    f, g, h = np.zeros(size, dtype), np.zeros((size, n), dtype), np.zeros((size, n, n), dtype)
    kernel = compiler.kernel(problem.formula, problem.inputs, kind, None, dtype)
    X, A = shared_data(problem, dtype)

    def work(rows: slice) -> int:
        part = chunk(problem, rows, X, A, dtype, x)
        kernel.derivatives(part.x0, f[rows], g[rows], h[rows], *part.shared)
        return rows.stop - rows.start

    for_each_chunk(work, size, threads, np.zeros(1, np.int8), False)
    return f, g, h


def solve_chunk(
    problem: Problem, rows: slice, X: np.ndarray, A: np.ndarray, options: Options, answer: Solution, stop: np.ndarray
) -> None:
    """The phases of one chunk."""
    part = chunk(problem, rows, X, A, options.dtype)
    fun, nit, nfev = answer.fun[rows], answer.nit[rows], answer.nfev[rows]
    x = answer.x[rows]
    x[:] = part.x0
    state = answer.status[rows]
    state[:] = status.NOT_RUN
    tolerances = [part.x0.dtype.type(value) for value in (options.ftol, options.xtol, options.gtol)]
    todo = np.arange(len(x))
    left = np.zeros(0, np.int64)
    top = np.full(len(x), -np.inf, x.dtype)
    before, spent = None, 0
    phases = PHASES[problem.kind]
    for at, phase in enumerate(phases):
        kernel = compiler.kernel(problem.formula, problem.inputs, phase.derive, phase.step, options.dtype)
        code = np.zeros(len(x), np.int8)
        limit = part.x0.dtype.type(max(1, min(phase.trips, options.max_iter - spent)))
        spent += phase.trips
        kernel.solve(todo, x, fun, top, code, nit, nfev, *part.shared, stop, limit, *tolerances)
        if stop[0]:
            return
        ended = code[todo]
        done, failed, onward = todo[ended == 1], todo[ended >= 3], todo[ended == 2]
        if at == 0:
            bad_start, failed = todo[ended == 4], todo[ended == 3]
            state[bad_start], x[bad_start], fun[bad_start] = status.NOT_FINITE_AT_START, part.x0[bad_start], np.nan
        if before is not None:
            worse = converge.worse(fun[done], before[done], top[done], np.finfo(fun.dtype).eps, np.sqrt)
            done, failed = done[~worse], np.concatenate([failed, done[worse]])
        state[done] = status.CONVERGED
        left = np.concatenate([left, failed])
        before, todo = fun.copy(), onward
        if not todo.size:
            break
    if left.size:
        patiently(problem, rows.start + np.sort(left), options, answer, stop)


def patiently(problem: Problem, at: np.ndarray, options: Options, answer: Solution, stop: np.ndarray) -> None:
    """Trust-region Newton in float64, from the start, for the problems ``at``."""
    double = np.dtype(np.float64)
    kernel = compiler.kernel(problem.formula, problem.inputs, HYBRID[problem.kind], None, double)
    part = chunk(problem, at, *shared_data(problem, double), double)
    size = len(at)
    x, fun, state = part.x0.copy(), np.full(size, np.nan), np.full(size, status.NOT_RUN, np.int8)
    nit, nfev = answer.nit[at], answer.nfev[at]
    kind = ("minimize", "least-squares", "root").index(problem.kind)
    kernel.solve_trust(
        np.arange(size), part.x0, x, fun, state, nit, nfev, *part.shared, stop, float(options.max_iter), kind, False
    )
    answer.x[at], answer.fun[at], answer.status[at] = x, fun, state
    answer.nit[at], answer.nfev[at] = nit, nfev


def chunk(
    problem: Problem, rows: Any, X: np.ndarray, A: np.ndarray, dtype: np.dtype, x: np.ndarray | None = None
) -> Chunk:
    """Arrays of some rows, converted where the precision differs (not copied where it does not)."""

    def part(array: np.ndarray) -> np.ndarray:
        return np.ascontiguousarray(on_host(array[rows]), dtype)

    start = part(problem.x0 if x is None else x)
    return Chunk(start, tuple(map(part, problem.args)), tuple(map(part, problem.data)), X, A, problem.m)


def shared_data(problem: Problem, dtype: np.dtype) -> tuple[np.ndarray, np.ndarray]:
    """Shared columns, one after the other, each of m values; and the scalars of the call."""
    columns = [column for array in problem.rows for column in np.asarray(on_host(array), dtype).T]
    X = np.concatenate(columns) if columns else np.zeros(0, dtype)
    A = np.concatenate([on_host(one) for one in problem.call]).astype(dtype) if problem.call else np.zeros(0, dtype)
    return np.ascontiguousarray(X), A


def chunks(size: int, threads: int) -> Iterator[slice]:
    """Slices of the batch: enough for every thread to have several, none larger than CHUNK."""
    length = min(CHUNK, max(256, math.ceil(size / (4 * threads))))
    return (slice(first, min(first + length, size)) for first in range(0, size, length))


def for_each_chunk(work: Callable[[slice], int], size: int, threads: int, stop: np.ndarray, progress: Any) -> None:
    """Run the work of every chunk, on threads where there are several of both; Ctrl-C ends all of them."""
    parts = list(chunks(size, threads))
    with reporter(progress, size) as report:
        try:
            if threads == 1 or len(parts) == 1:
                for part in parts:
                    report(work(part))
                return
            run_threads(work, parts, threads, report)
        except BaseException:
            stop[0] = 1
            raise


def run_threads(work: Callable[[slice], int], parts: list[slice], threads: int, report: Callable[[int], None]) -> None:
    """All chunks side by side."""
    with ThreadPoolExecutor(min(threads, len(parts)), "batchnewton") as pool:
        left = {pool.submit(work, part) for part in parts}
        try:
            while left:
                done, left = wait(left, timeout=0.2, return_when=FIRST_COMPLETED)
                for one in done:
                    report(one.result())
        except BaseException:
            for one in left:
                one.cancel()
            raise


class reporter:
    """Progress as the user wants it: nothing, a bar (tqdm), or a call of their own ``progress(done, total)``."""

    def __init__(self, progress: Any, total: int) -> None:
        self.progress, self.total, self.done, self.bar = progress, total, 0, None

    def __enter__(self) -> Callable[[int], None]:
        if self.progress is True:
            from tqdm import tqdm

            self.bar = tqdm(total=self.total, unit=" fits", unit_scale=True)
        return self.report

    def report(self, count: int) -> None:
        self.done += count
        if self.bar is not None:
            self.bar.update(count)
        elif self.progress:
            self.progress(self.done, self.total)

    def __exit__(self, *_: object) -> None:
        if self.bar is not None:
            self.bar.close()

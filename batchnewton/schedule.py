"""Chunks and phases: the only place that knows there is more than one chunk.

Each chunk goes through the phases of its kind (``PHASES``): the fast damped Newton kernels, each of which hands
problems on, and at the end trust-region Newton in float64 for what the fast path did not settle.  What happens to
a problem does not depend on its chunk, its thread or its lane.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from . import compile as compiler
from .kernels import status
from .options import Options
from .problem import Problem
from .threads import for_each


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
BRIEF = 50_000_000  # evaluations of the formula at one data row: half a second, or a few where they are slow


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
        state = np.full(size, status.NOT_RUN, np.int8)
        return cls(np.empty((size, problem.n), dtype), np.empty(size, dtype), state, *counts)

    def put(self, rows: np.ndarray, other: Solution) -> None:
        """The answers of some problems."""
        for name in ("x", "fun", "status", "nit", "nfev"):
            getattr(self, name)[rows] = getattr(other, name)

    def forget_unfinished(self, problem: Problem) -> None:
        """What has not come to its end keeps its start."""
        rows = self.status == status.NOT_RUN
        self.x[rows], self.fun[rows] = problem.x0[rows], np.nan
        self.nit[rows] = self.nfev[rows] = 0


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


def solve(problem: Problem, options: Options, answer: Solution, progress: Any = False) -> None:
    """Solve every problem of the batch.

    Raises
    ------
    KeyboardInterrupt
        At Ctrl-C.  ``answer`` then holds what was finished; the rest has the status NOT_RUN and its start.
    """
    try:
        solve_all(problem, options, answer, progress)
    except KeyboardInterrupt:
        answer.forget_unfinished(problem)
        raise


def solve_all(problem: Problem, options: Options, answer: Solution, progress: Any) -> None:
    """Every chunk of the batch."""
    first_kernel(problem, options.dtype)  # what cannot be derived says so before anything runs
    stop = np.zeros(1, np.int8)
    X, A = shared_data(problem, options.dtype)

    def work(rows: slice) -> int:
        if not stop[0]:
            solve_chunk(problem, rows, X, A, options, answer, stop)
        return rows.stop - rows.start

    parts = chunks(problem.size, options.threads)
    brief = problem.size * problem.m * options.max_iter <= BRIEF
    for_each(work, parts, problem.size, options.threads, stop, progress, brief)


def first_kernel(problem: Problem, dtype: np.dtype) -> compiler.Kernel:
    """The kernel of the first phase."""
    phase = PHASES[problem.kind][0]
    return kernel(problem, phase.derive, phase.step, dtype)


def kernel(problem: Problem, derive: str, step: str | None, dtype: np.dtype) -> compiler.Kernel:
    """A kernel of the problem's formula, for data of which rows may be missing or not."""
    return compiler.kernel(problem.formula, problem.inputs, derive, step, dtype, problem.missing)


def derivatives(problem: Problem, x: np.ndarray, kind: str, threads: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """f, g and H (or, of kind "gauss-newton", B = JᵀJ) of every problem at x."""
    size, n, dtype = problem.size, problem.n, x.dtype
    f, g, h = np.zeros(size, dtype), np.zeros((size, n), dtype), np.zeros((size, n, n), dtype)
    X, A = shared_data(problem, dtype)

    def work(rows: slice) -> int:
        part = chunk(problem, rows, X, A, dtype, x)
        kernel(problem, kind, None, dtype).derivatives(part.x0, f[rows], g[rows], h[rows], *part.shared)
        at = rows.start + with_nan(problem, rows, np.flatnonzero(~np.isfinite(f[rows])))
        if at.size:
            f[at], g[at], h[at] = derivatives(problem.without_nan(at), x[at], kind, 1)
        return rows.stop - rows.start

    for_each(work, chunks(size, threads), size, threads, np.zeros(1, np.int8))
    return f, g, h


def with_nan(problem: Problem, rows: slice, suspects: np.ndarray) -> np.ndarray:
    """Those of the suspects (counted within ``rows``) that have NaN to be left out.

    Only what was not finite is looked at: a search through all data would cost a tenth of the time of a fit.
    """
    if problem.omit is None or not suspects.size:
        return np.zeros(0, np.int64)
    at = rows.start + suspects
    return suspects[problem.present(at).sum(1) < problem.points(at)]


def solve_chunk(
    problem: Problem, rows: slice, X: np.ndarray, A: np.ndarray, options: Options, answer: Solution, stop: np.ndarray
) -> None:
    """The problems of one chunk; those with NaN to be left out in a second round."""
    run_phases(problem, rows, X, A, options, answer, stop)
    at = rows.start + with_nan(problem, rows, np.flatnonzero(answer.status[rows] == status.NOT_FINITE_AT_START))
    if at.size:
        clean = problem.without_nan(at)
        second = Solution.empty(clean, options.dtype)
        run_phases(clean, slice(0, clean.size), X, A, options, second, stop)
        answer.put(at, second)


def run_phases(
    problem: Problem, rows: slice, X: np.ndarray, A: np.ndarray, options: Options, answer: Solution, stop: np.ndarray
) -> None:
    """The phases of one chunk."""
    part = chunk(problem, rows, X, A, options.dtype)
    fun, nit, nfev = answer.fun[rows], answer.nit[rows], answer.nfev[rows]
    x = answer.x[rows]
    x[:] = part.x0
    state = answer.status[rows]
    tolerances = [part.x0.dtype.type(value) for value in (options.ftol, options.xtol, options.gtol)]
    enough = np.full(len(x), True)
    if problem.kind == "least-squares":
        enough = first_kernel(problem, options.dtype).program.residuals * problem.points(rows) >= problem.n
        state[~enough], fun[~enough] = status.TOO_FEW_POINTS, np.nan
    todo = np.flatnonzero(enough)
    left = np.zeros(0, np.int64)
    top = np.full(len(x), -np.inf, x.dtype)
    before, spent = None, 0
    phases = PHASES[problem.kind]
    for at, phase in enumerate(phases):
        code = np.zeros(len(x), np.int8)
        limit = part.x0.dtype.type(max(1, min(phase.trips, options.max_iter - spent)))
        spent += phase.trips
        run = kernel(problem, phase.derive, phase.step, options.dtype).solve
        run(todo, x, fun, top, code, nit, nfev, *part.shared, stop, limit, *tolerances)
        ended = code[todo]
        done, failed, onward = todo[ended == 1], todo[ended >= 3], todo[ended == 2]
        if at == 0:
            bad_start, failed = todo[ended == 4], todo[ended == 3]
            state[bad_start], x[bad_start], fun[bad_start] = status.NOT_FINITE_AT_START, part.x0[bad_start], np.nan
        if before is not None:
            worse = fun[done] > above_rounding(before[done], top[done])  # than where Gauss-Newton was
            done, failed = done[~worse], np.concatenate([failed, done[worse]])
        state[done] = status.CONVERGED
        left = np.concatenate([left, failed])
        before, todo = fun.copy(), onward
        if not todo.size or stop[0]:
            break
    if left.size and not stop[0]:
        patiently(problem, rows, np.sort(left), options, answer, stop)


def above_rounding(F: np.ndarray, top: np.ndarray) -> np.ndarray:
    """The least value that is clearly more than F, where F began at ``top`` (a sum of squares that vanishes keeps
    rounding errors of the order of ``eps² top``)."""
    eps = np.finfo(F.dtype).eps
    return F * (1.0 + np.sqrt(eps)) + 1e3 * eps * eps * top


def patiently(
    problem: Problem, rows: slice, left: np.ndarray, options: Options, answer: Solution, stop: np.ndarray
) -> None:
    """Trust-region Newton in float64, from the start, for the problems ``left`` of a chunk."""
    double = np.dtype(np.float64)
    run = kernel(problem, HYBRID[problem.kind], None, double).solve_trust
    part = chunk(problem, rows.start + left, *shared_data(problem, double), double)
    size = len(left)
    x, fun, state = part.x0.copy(), np.full(size, np.nan), np.full(size, status.NOT_RUN, np.int8)
    at = rows.start + left
    nit, nfev = answer.nit[at], answer.nfev[at]
    kind = ("minimize", "least-squares", "root").index(problem.kind)
    run(np.arange(size), part.x0, x, fun, state, nit, nfev, *part.shared, stop, float(options.max_iter), kind, False)
    answer.x[at], answer.fun[at], answer.status[at] = x, fun, state
    answer.nit[at], answer.nfev[at] = nit, nfev


def chunk(
    problem: Problem, rows: Any, X: np.ndarray, A: np.ndarray, dtype: np.dtype, x: np.ndarray | None = None
) -> Chunk:
    """Arrays of some rows, converted where the precision differs (not copied where it does not)."""

    def part(array: np.ndarray) -> np.ndarray:
        return np.ascontiguousarray(array[rows], dtype)

    start = np.ascontiguousarray((problem.x0 if x is None else x)[rows], dtype)
    args, data = tuple(map(part, problem.args)), tuple(map(part, problem.data))
    if problem.missing:
        args += (problem.points(rows).astype(dtype)[:, None],)
    if problem.mask is not None:
        data += (part(problem.mask)[:, :, None],)
    return Chunk(start, args, data, X, A, problem.m)


def shared_data(problem: Problem, dtype: np.dtype) -> tuple[np.ndarray, np.ndarray]:
    """Shared columns, one after the other, each of m values; and the scalars of the call."""
    columns = [column for array in problem.rows for column in np.asarray(array, dtype).T]
    X = np.concatenate(columns) if columns else np.zeros(0, dtype)
    A = np.concatenate(problem.call).astype(dtype) if problem.call else np.zeros(0, dtype)
    return np.ascontiguousarray(X), A


def chunks(size: int, threads: int) -> Iterator[slice]:
    """Slices of the batch: enough for every thread to have several, none larger than CHUNK."""
    length = min(CHUNK, max(256, math.ceil(size / (4 * threads))))
    return (slice(first, min(first + length, size)) for first in range(0, size, length))

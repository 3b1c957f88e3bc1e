"""What happens to the problems of one chunk: phase after phase, each of which hands problems on.

The fast path is damped Newton, all lanes in step; what it did not settle goes to trust-region Newton in float64.
What happens to a problem does not depend on its chunk, its thread or its lane.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from . import compile as compiler
from .arrays import on_host
from .chunk import Chunk, chunk, kernel, shared_data, single_or_double
from .kernels import status
from .kernels.converge import CONVERGED, HAND_OVER, NEXT_PHASE, NOT_FINITE_AT_START
from .kernels.converge import worse as ends_worse
from .options import Options
from .problem import Problem

NONE = np.zeros(0, np.int64)
SINGLE, DOUBLE = np.dtype(np.float32), np.dtype(np.float64)


@dataclass(frozen=True)
class Phase:
    """One kernel of the fast path: what is derived, what is done with it, how many trips it may take.

    A ``rough`` phase runs in float32 whatever the precision of the answers: it leads near a minimum, no more.
    """

    derive: str
    step: str
    trips: int
    rough: bool = False


PHASES = {
    "least-squares": (Phase("gauss-newton", "gauss-newton", 20), Phase("least-squares", "exact", 10)),
    "minimize": (Phase("minimize", "minimize", 50),),
    "root": (Phase("root", "root", 50),),
}
MIXED = {
    "least-squares": (Phase("gauss-newton", "gauss-newton", 20, rough=True), Phase("least-squares", "exact", 10)),
    "minimize": (Phase("minimize", "minimize", 50, rough=True), Phase("minimize", "minimize", 10)),
    "root": (Phase("root", "root", 50, rough=True), Phase("root", "root", 10)),
}
HYBRID = {"least-squares": "hybrid", "minimize": "minimize", "root": "root"}


@dataclass
class Solution:
    """Arrays of the answers, in the order of the problems."""

    x: np.ndarray
    fun: np.ndarray
    status: np.ndarray
    nit: np.ndarray
    nfev: np.ndarray
    histories: list[tuple[np.ndarray, np.ndarray]] = field(default_factory=list)

    @classmethod
    def empty(cls, problem: Problem, dtype: np.dtype) -> Solution:
        size = problem.size
        counts = np.zeros(size, np.int32), np.zeros(size, np.int32)
        state = np.full(size, status.NOT_RUN, np.int8)
        return cls(np.empty((size, problem.n), dtype), np.empty(size, dtype), state, *counts)

    def put(self, rows: np.ndarray, other: Solution) -> None:
        """The answers of some problems."""
        for name in ("x", "fun", "nit", "nfev", "status"):  # the status says that the rest is there
            getattr(self, name)[rows] = getattr(other, name)
        self.histories += [(rows[within], part) for within, part in other.histories]

    def take(self, x: Any, fun: Any, state: Any, nit: Any, nfev: Any) -> None:
        """Answers of all problems, from where they are."""
        found = dict(x=x, fun=fun, status=state, nit=nit, nfev=nfev)
        for name, array in found.items():
            getattr(self, name)[:] = on_host(array)

    def refuse(self, problem: Problem, rows: np.ndarray, state: int) -> None:
        """Problems that cannot be solved keep their start."""
        if rows.any():
            self.x[rows], self.fun[rows], self.status[rows] = on_host(problem.x0)[rows], np.nan, state
            self.nit[rows] = self.nfev[rows] = 0

    def history(self) -> np.ndarray:
        """f and max |g| of every evaluation, (B, most evaluations, 2), NaN behind the last of each problem."""
        width = max((part.shape[1] for _, part in self.histories), default=0)
        full = np.full((len(self.x), width, 2), np.nan)
        for rows, part in self.histories:
            full[rows, : part.shape[1]] = part
        full[np.arange(width) >= self.nfev[:, None]] = np.nan
        return full

    def forget_unfinished(self, problem: Problem) -> None:
        """What has not come to its end keeps its start."""
        rows = self.status == status.NOT_RUN
        self.x[rows], self.fun[rows] = problem.x0[rows], np.nan
        self.nit[rows] = self.nfev[rows] = 0


def first_kernel(problem: Problem, options: Options) -> compiler.Kernel:
    """The kernel of the first phase."""
    phase = (MIXED if options.mixed else PHASES)[problem.kind][0]
    return kernel(problem, phase.derive, phase.step, SINGLE if phase.rough else options.dtype)


def run_phases(problem: Problem, rows: slice, options: Options, answer: Solution, stop: np.ndarray) -> None:
    """All phases of the problems of one chunk."""
    run = Run(problem, rows, options, answer, stop)
    todo = run.enough()
    if options.mixed:
        todo = run.fast_path(MIXED[problem.kind], todo)
    if run.spent < options.max_iter:
        todo = run.fast_path(PHASES[problem.kind], todo)
    if todo.size and not stop[0]:
        history = run.history[todo] if run.history.size else run.history
        patiently(problem, rows.start + todo, options, answer, stop, history)
        if history.size:
            run.history[todo] = history
    mark_bounds(problem, rows, answer)
    if options.history:
        answer.histories += [(np.arange(rows.start, rows.stop), run.history[:, : run.nfev.max()].copy())]


def mark_bounds(problem: Problem, rows: slice, answer: Solution) -> None:
    """What converged with an unknown at a bound says so."""
    if problem.box is not None:
        reached = problem.at_bound(answer.x[rows], rows).any(1) & (answer.status[rows] == status.CONVERGED)
        answer.status[rows][reached] = status.CONVERGED_AT_BOUND


class Run:
    """The problems of one chunk on their way through the fast path; ``spent`` trips of it are behind them."""

    def __init__(self, problem: Problem, rows: slice, options: Options, answer: Solution, stop: np.ndarray) -> None:
        self.problem, self.rows, self.options, self.stop = problem, rows, options, stop
        self.x, self.fun, self.state = answer.x[rows], answer.fun[rows], answer.status[rows]
        self.nit, self.nfev = answer.nit[rows], answer.nfev[rows]
        self.x[:] = problem.x0[rows]
        self.top = np.full_like(self.fun, -np.inf)
        self.fun[:] = np.nan
        self.parts: dict[np.dtype, Chunk] = {}
        self.spent = 0
        evaluations = options.max_iter + 4 if options.history else 0
        self.history = np.empty((len(self.x) if evaluations else 0, evaluations, 2))

    def enough(self) -> np.ndarray:
        """The problems that have enough points to be fitted; the others have their status."""
        if not self.problem.counted:
            return np.arange(len(self.x))
        residuals = first_kernel(self.problem, self.options).program.residuals
        if self.problem.missing is None and residuals * self.problem.m >= self.problem.n:
            return np.arange(len(self.x))
        few = residuals * self.problem.points(self.rows) < self.problem.free(self.rows)
        self.state[few] = status.TOO_FEW_POINTS
        return np.flatnonzero(~few)

    def part(self, dtype: np.dtype) -> Chunk:
        """The chunk's arrays in one precision."""
        if dtype not in self.parts:
            self.parts[dtype] = chunk(self.problem, self.rows, *shared_data(self.problem, dtype), dtype)
        return self.parts[dtype]

    def fast_path(self, phases: Sequence[Phase], todo: np.ndarray) -> np.ndarray:
        """Phase after phase from the start; what they did not settle."""
        if self.spent:
            self.x[todo], self.top[todo] = self.problem.x0[self.rows][todo], -np.inf
        before, unsettled = None, []
        for at, phase in enumerate(phases):
            if not todo.size or self.stop[0]:
                break
            done, on, failed, bad_start = by_end(todo, self.run(phase, todo))
            if phase.rough:
                done, on, failed = NONE, joined(done, on), joined(failed, bad_start)
            elif at == 0:
                self.refuse(bad_start)
            else:
                failed = joined(failed, bad_start)
            if before is not None and done.size:  # better than where the phase before it was
                F, former, top = (at_rows(array, done) for array in (self.fun, before, self.top))
                lost = ends_worse(F, former, top, np.finfo(before.dtype).eps, np.sqrt)
                done, failed = those(done, ~lost), joined(failed, those(done, lost))
            self.state[done] = status.CONVERGED
            unsettled += [failed]
            before, todo = np.array(self.fun, SINGLE if phase.rough else self.fun.dtype), on
        return functools.reduce(joined, unsettled, NONE)

    def refuse(self, rows: np.ndarray) -> None:
        """Nothing can be evaluated at these starts."""
        if not rows.size:
            return
        self.state[rows], self.fun[rows] = status.NOT_FINITE_AT_START, np.nan
        self.x[rows] = self.problem.x0[self.rows][rows]

    def run(self, phase: Phase, todo: np.ndarray) -> np.ndarray:
        """One phase; how each problem left it (``kernels/converge.py``)."""
        options, dtype = self.options, SINGLE if phase.rough else self.options.dtype
        part, code = self.part(dtype), np.zeros(len(self.x), np.int8)
        x, fun, top = (single_or_double(array, dtype) for array in (self.x, self.fun, self.top))
        tolerances = options.rough if phase.rough else (options.ftol, options.xtol, options.gtol)
        limit = max(1, min(phase.trips, options.max_iter - self.spent))
        self.spent += phase.trips
        solve = kernel(self.problem, phase.derive, phase.step, dtype).solve
        numbers = map(dtype.type, (limit, *tolerances))
        solve(todo, x, fun, top, code, self.nit, self.nfev, *part.shared, self.stop, self.history, *numbers)
        if phase.rough:
            self.x[todo], self.fun[todo], self.top[todo] = x[todo], fun[todo], top[todo]
            if self.problem.box is not None:  # a bound may not be a number of float32
                np.clip(self.x, *(one[self.rows] for one in self.problem.box), out=self.x)
        return at_rows(code, todo)


def by_end(rows: np.ndarray, code: np.ndarray) -> list[np.ndarray]:
    """The rows that converged, go on to the next phase, are handed over, were not finite at their start."""
    ends = (CONVERGED, NEXT_PHASE, HAND_OVER, NOT_FINITE_AT_START)
    return [those(rows, code == int(end)) for end in ends]


def joined(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Rows of both, in ascending order."""
    return np.sort(np.concatenate([a, b])) if a.size and b.size else a if a.size else b


def those(rows: np.ndarray, chosen: np.ndarray) -> np.ndarray:
    """``rows[chosen]``, not copied where that is all of them."""
    count = np.count_nonzero(chosen)
    return rows if count == len(rows) else rows[chosen] if count else NONE


def at_rows(array: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """``array[rows]`` of rows in ascending order, not copied where that is all of it."""
    return array if len(rows) == len(array) else array[rows]


def patiently(
    problem: Problem, at: np.ndarray, options: Options, answer: Solution, stop: np.ndarray, history: np.ndarray
) -> None:
    """Trust-region Newton in float64, from the start, for the problems ``at``; ``history`` is theirs."""
    solve = kernel(problem, HYBRID[problem.kind], None, DOUBLE).solve_trust
    part = chunk(problem, at, *shared_data(problem, DOUBLE), DOUBLE)
    size = len(at)
    x, fun, state = part.x0.copy(), np.full(size, np.nan), np.full(size, status.NOT_RUN, np.int8)
    nit, nfev = answer.nit[at], answer.nfev[at]
    kind = ("minimize", "least-squares", "root").index(problem.kind)
    free = np.full((1, problem.n), -np.inf), np.full((1, problem.n), np.inf)
    low, high = free if problem.box is None else (single_or_double(one[at], DOUBLE) for one in problem.box)
    limits = stop, history, low, high, float(options.max_iter), kind, False
    solve(np.arange(size), part.x0, x, fun, state, nit, nfev, *part.shared, *limits)
    with np.errstate(over="ignore"):  # what diverged may be beyond float32
        answer.x[at], answer.fun[at], answer.nit[at], answer.nfev[at] = x, fun, nit, nfev
    answer.status[at] = state

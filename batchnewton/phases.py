"""What happens to the problems of one chunk: phase after phase, each of which hands problems on.

The fast path is damped Newton, all lanes in step; what it did not settle goes to trust-region Newton in float64.
What happens to a problem does not depend on its chunk, its thread or its lane.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from . import compile as compiler
from .arrays import on_host, one_row, rows_of
from .chunk import Chunk, chunk, kernel, place, shared_data, single_or_double, stride
from .fingerprint import Signature
from .kernels import cpu, gaps, status
from .kernels.converge import CONVERGED, DOUBTFUL, NEXT_PHASE
from .kernels.history import COLUMNS
from .kinks import mark_kinks
from .methods import Phase
from .options import Options
from .plan import attempts, is_tight, method_of, record_length
from .problem import Problem
from .solution import Solution

SINGLE, DOUBLE = np.dtype(np.float32), np.dtype(np.float64)
SINGLE_EPS = float(np.finfo(SINGLE).eps)
HYBRID = {"least-squares": "hybrid", "minimize": "minimize", "root": "root"}


def residuals_of(problem: Problem, options: Options) -> int:
    """Residuals of a data row."""
    return problem.summands or first_kernel(problem, options).program.residuals


def first_kernel(problem: Problem, options: Options) -> compiler.Kernel:
    """The kernel of the first phase."""
    phases = attempts(problem, options)[0]
    if not phases:
        return kernel(problem, HYBRID[problem.kind], None, DOUBLE)
    return kernel(problem, phases[0].derive, phases[0].step, SINGLE if phases[0].rough else options.dtype)


def too_few(problem: Problem, options: Options, rows: slice) -> np.ndarray | None:
    """Which of some problems have fewer residuals than unknowns that are not fixed; None where it is clear that none
    has."""
    if not problem.counted or (problem.missing is None and problem.m >= problem.n):  # a row has one residual at least
        return None
    if not fewer_than(problem, problem.n, rows).any():
        return None
    return fewer_than(problem, -(-problem.free(rows) // residuals_of(problem, options)), rows)  # rounded up


def fewer_than(problem: Problem, least: Any, rows: slice) -> np.ndarray:
    """Which of some problems have fewer rows of data."""
    if problem.mask is None:
        return problem.points(rows) < least
    mask = np.ascontiguousarray(one_row(problem.mask[rows]))
    return gaps.short(place(mask), stride(mask), problem.m, rows.stop - rows.start, np.atleast_1d(least))


def run_phases(problem: Problem, rows: slice, options: Options, answer: Solution, stop: np.ndarray) -> None:
    """All phases of the problems of one chunk."""
    run = Run(problem, rows, options, answer, stop)
    todo = run.enough()
    for phases in attempts(problem, options):
        if phases:
            todo = run.fast_path(phases, todo)
    run.keep_best(todo)
    if todo.size and not stop[0]:
        history = run.history[todo] if run.history.size else run.history
        patiently(problem, rows.start + todo, options, answer, stop, history)
        if history.size:
            run.history[todo] = history
    mark_bounds(problem, rows, answer)
    run.keep_history(answer)


def mark_bounds(problem: Problem, rows: slice, answer: Solution) -> None:
    """What converged with an unknown at a bound says so."""
    if problem.box is not None and not problem.bracketed:
        reached = np.flatnonzero(problem.at_bound(answer.x[rows], rows)) // problem.n
        state = answer.status[rows]
        state[reached[state[reached] == status.CONVERGED]] = status.CONVERGED_AT_BOUND


class Run:
    """The problems of one chunk on their way through the fast path; ``best`` and ``low`` are the best point that each
    has met without a success, and F there."""

    def __init__(
        self,
        problem: Problem,
        rows: slice,
        options: Options,
        answer: Solution,
        stop: np.ndarray,
        top: np.ndarray | None = None,
    ) -> None:
        """``top``, where a GPU has begun: the largest F at each start; the rest of what it found is in the answers."""
        self.problem, self.rows, self.options, self.stop, self.answer = problem, rows, options, stop, answer
        self.x, self.fun, self.state = answer.x[rows], answer.fun[rows], answer.status[rows]
        self.nit, self.nfev = answer.nit[rows], answer.nfev[rows]
        self.spent = 0 if top is None else options.max_iter  # trips of the phases so far, at most
        if top is None:
            top = np.empty(self.fun.shape, self.fun.dtype)
            top.fill(-np.inf)
            self.x[:] = problem.x0[rows]
            self.fun.fill(np.nan)
        self.top = top
        self.parts: dict[np.dtype, Chunk] = {}
        self.best, self.low = np.empty_like(self.x), np.empty(self.fun.shape, self.fun.dtype)
        self.low.fill(np.inf)
        length = record_length(options)
        self.history = np.empty((len(self.x) if length else 0, length, COLUMNS))

    def enough(self) -> np.ndarray:
        """The problems that have enough points to be fitted; the others have their status."""
        few = too_few(self.problem, self.options, self.rows)
        if few is None:
            return np.arange(len(self.x))
        self.state[few] = status.TOO_FEW_POINTS
        return np.flatnonzero(~few)

    def part(self, dtype: np.dtype) -> Chunk:
        """The chunk's arrays in one precision."""
        if dtype not in self.parts:
            self.parts[dtype] = chunk(self.problem, self.rows, *shared_data(self.problem, dtype), dtype)
        return self.parts[dtype]

    def fast_path(self, phases: tuple[Phase, ...], todo: np.ndarray) -> np.ndarray:
        """Phase after phase from the start; what they did not settle."""
        if self.spent:
            aside, todo = todo[self.state[todo] == status.DOUBTED], todo[self.state[todo] != status.DOUBTED]
            self.x[todo], self.top[todo] = self.problem.x0[self.rows][todo], -np.inf
            return np.sort(np.concatenate([aside, self.attempt(phases, todo)]))
        return self.attempt(phases, todo)

    def attempt(self, phases: tuple[Phase, ...], todo: np.ndarray) -> np.ndarray:
        """Phase after phase from where x is; what they did not settle."""
        if not phases[0].rough:
            return self.run(phases, todo)
        todo, unsettled = self.roughly(phases[:1], todo)
        return np.sort(np.concatenate([unsettled, self.run(phases[1:], todo, later=True)]))

    def run(self, phases: tuple[Phase, ...], todo: np.ndarray, later: bool = False) -> np.ndarray:
        """Some phases, ``later`` than a rough one; the problems that they did not settle."""
        options = self.options
        tolerances = options.ftol, options.xtol, options.gtol, SINGLE_EPS if later else options.eps
        arguments = self.x, self.fun, self.top, self.best, self.low, self.state
        return self.solve(phases, options.dtype, tolerances, later, todo, *arguments)[1]

    def keep_best(self, todo: np.ndarray) -> None:
        """What is left has the best point that it has met; what was found, and is in doubt, is that."""
        known = todo[(self.low[todo] < np.inf) & (self.state[todo] != status.DOUBTED)]
        self.x[known], self.fun[known] = self.best[known], self.low[known]

    def keep_history(self, answer: Solution) -> None:
        """What was written down of the evaluations, to the answers of all."""
        if self.options.history:
            rows = np.arange(self.rows.start, self.rows.stop)
            answer.histories += [(rows, self.history[:, : self.nfev.max()].copy())]

    def roughly(self, phases: tuple[Phase, ...], todo: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """A rough phase; the problems that it led to a minimum or near one, and the others."""
        x, fun, top = (single_or_double(array, SINGLE) for array in (self.x, self.fun, self.top))
        tolerances = *self.options.rough, SINGLE_EPS
        ends = (
            np.empty_like(x),
            np.full_like(fun, np.inf),
            np.empty(len(x), np.int8),
        )
        code, _ = self.solve(phases, SINGLE, tolerances, False, todo, x, fun, top, *ends)
        self.x[todo], self.fun[todo], self.top[todo] = x[todo], fun[todo], top[todo]
        if self.problem.box is not None:  # a bound may not be a number of float32
            np.clip(self.x, *(one[self.rows] for one in self.problem.box), out=self.x)
        there = np.isin(code[todo], (CONVERGED, NEXT_PHASE, DOUBTFUL))
        return todo[there], todo[~there]

    def ends(self, phase: Phase, todo: np.ndarray, limit: int | None = None) -> np.ndarray:
        """How one phase of at most so many trips leaves each problem (``kernels/converge.py``); no status is set."""
        options = self.options
        tolerances = options.ftol, options.xtol, options.gtol, options.eps
        arguments = self.x, self.fun, self.top, self.best, self.low, np.empty(len(self.x), np.int8)
        return self.solve((phase,), options.dtype, tolerances, False, todo, *arguments, limit=limit)[0][todo]

    def solve(
        self,
        phases: tuple[Phase, ...],
        dtype: np.dtype,
        tolerances: tuple[float, ...],
        *arguments: Any,
        limit: int | None = None,
    ) -> tuple[np.ndarray, np.ndarray]:
        """``cpu.solve_phases``; ``limit`` is the most trips of a phase, where it is not its own."""
        numbers = self.numbers(phases, dtype, tolerances, limit)
        tables = chain(self.problem.signature, phases, dtype)
        counts, limits = (self.nit, self.nfev), (self.stop, self.history, self.options.max_iter)
        return solve_phases(*tables, numbers, *arguments, *counts, *self.part(dtype).shared, *limits)

    def numbers(
        self, phases: tuple[Phase, ...], dtype: np.dtype, tolerances: tuple[float, ...], limit: int | None
    ) -> np.ndarray:
        """Most trips of each phase, the tolerances, and whether evaluations may run out in it (`is_tight`), as
        ``cpu.solve_phases`` takes them."""
        rows = []
        for phase in phases:
            most = min(limit or phase.trips, self.options.max_iter)
            rows.append((most, *tolerances, is_tight(self.spent, most, self.problem, self.options)))
            self.spent = min(self.spent + most, self.options.max_iter)
        return np.array(rows, dtype)


solve_phases: Callable[..., Any] = cpu.solve_phases


@functools.lru_cache(maxsize=512)
def chain(signature: Signature, phases: tuple[Phase, ...], dtype: np.dtype) -> tuple[Any, ...]:
    """The kernels of some phases, as ``cpu.solve_phases`` takes them."""
    kernels = [compiler.kernel(signature, phase.derive, phase.step, dtype) for phase in phases]
    tables = [np.array([getattr(one, name) for one in kernels]) for name in ("phase", "state", "outputs")]
    return *tables, kernels[0].scale


def candidates(problem: Problem, at: np.ndarray, answer: Solution) -> tuple[np.ndarray, np.ndarray]:
    """Where the patient path begins and what is known there: starts, and what the fast path found and had doubts of.
    float32 may not hold a bound: what it found within bounds is left alone."""
    x = np.array(on_host(rows_of(problem.x0, at)), DOUBLE)
    doubted = answer.status[at] == status.DOUBTED
    doubted &= problem.box is None or answer.x.dtype == DOUBLE
    x[doubted] = answer.x[at[doubted]]
    return x, np.where(doubted, status.DOUBTED, status.NOT_RUN).astype(np.int8)


def patiently(
    problem: Problem, at: np.ndarray, options: Options, answer: Solution, stop: np.ndarray, history: np.ndarray
) -> None:
    """Trust-region Newton in float64, from the start, for the problems ``at``; ``history`` is theirs.

    The answers hold the best point that each has met so far, F = NaN where there is none.
    """
    able = with_evaluations_left(at, options, answer)
    if able.any():
        search(problem, at, able, options, answer, stop, history)
    if not stop[0]:
        mark_kinks(problem, at, answer)


def search(
    problem: Problem,
    at: np.ndarray,
    able: np.ndarray,
    options: Options,
    answer: Solution,
    stop: np.ndarray,
    history: np.ndarray,
) -> None:
    """`patiently`, of those of the problems ``at`` that are ``able`` to go on."""
    at = at[able]
    solve = kernel(problem, HYBRID[problem.kind], None, DOUBLE).solve_trust
    part = chunk(problem, at, *shared_data(problem, DOUBLE), DOUBLE)
    size = len(at)
    (x, state), fun = candidates(problem, at, answer), np.full(size, np.nan)
    nit, nfev, seen = answer.nit[at], answer.nfev[at], history[able] if history.size else history
    kind = ("minimize", "least-squares", "root").index(problem.kind)
    free = np.full((1, problem.n), -np.inf), np.full((1, problem.n), np.inf)
    low, high = free if problem.box is None else (single_or_double(one[at], DOUBLE) for one in problem.box)
    exact = method_of(problem, options).patient == "exact"
    limits = stop, seen, low, high, float(options.max_iter), kind, exact
    solve(np.arange(size), part.x0, *best_so_far(at, answer), x, fun, state, nit, nfev, *part.shared, *limits)
    answer.nit[at], answer.nfev[at] = nit, nfev
    if history.size:
        history[able] = seen
    answer.put_rounded(at, x, fun, state, part.x0)


def with_evaluations_left(at: np.ndarray, options: Options, answer: Solution) -> np.ndarray:
    """Which of these problems may go on; the others have their status."""
    able = answer.nfev[at] < options.max_iter
    answer.status[at[~able]] = status.MAX_ITER
    return able


def best_so_far(at: np.ndarray, answer: Solution) -> tuple[np.ndarray, np.ndarray]:
    """The best point that these problems have met, and F there, infinite where there is none; in float64."""
    low = answer.fun[at].astype(DOUBLE)
    return answer.x[at].astype(DOUBLE), np.where(np.isnan(low), np.inf, low)

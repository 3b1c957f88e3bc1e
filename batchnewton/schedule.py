"""The batch in chunks: the only place that knows there is more than one."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from .chunk import chunk, kernel, shared_data
from .kernels import status
from .options import Options
from .phases import Solution, first_kernel, run_phases
from .problem import Problem
from .threads import for_each

CHUNK = 16_384  # problems
BRIEF = 50_000_000  # evaluations of the formula at one data row: half a second, or a few where they are slow


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
    first_kernel(problem, options)  # what cannot be derived says so before anything runs
    stop = np.zeros(1, np.int8)

    def work(rows: slice) -> int:
        if not stop[0]:
            solve_chunk(problem, rows, options, answer, stop)
        return rows.stop - rows.start

    parts = chunks(problem.size, options.threads)
    brief = problem.size * problem.m * options.max_iter <= BRIEF
    for_each(work, parts, problem.size, options.threads, stop, progress, brief)


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


def solve_chunk(problem: Problem, rows: slice, options: Options, answer: Solution, stop: np.ndarray) -> None:
    """The problems of one chunk; those with NaN to be left out in a second round."""
    run_phases(problem, rows, options, answer, stop)
    at = rows.start + with_nan(problem, rows, np.flatnonzero(answer.status[rows] == status.NOT_FINITE_AT_START))
    if at.size:
        clean = problem.without_nan(at)
        second = Solution.empty(clean, options.dtype)
        answer.status[at] = status.NOT_RUN
        run_phases(clean, slice(0, clean.size), options, second, stop)
        answer.put(at, second)


def chunks(size: int, threads: int) -> Iterator[slice]:
    """Slices of the batch: enough for every thread to have several, none larger than CHUNK."""
    length = min(CHUNK, max(256, math.ceil(size / (4 * threads))))
    return (slice(first, min(first + length, size)) for first in range(0, size, length))

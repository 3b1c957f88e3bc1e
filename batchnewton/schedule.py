"""The batch in chunks: the only place that knows there is more than one."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from . import gpus
from .arrays import on_host, put, rows_of
from .chosen import run_chosen
from .chunk import chunk, kernel, shared_data
from .kernels import status
from .kernels.history import COLUMNS
from .methods import SMALL
from .options import Options
from .phases import first_kernel, run_phases
from .plan import method_of, phases_on_cuda, record_length
from .problem import Problem
from .solution import Solution
from .threads import for_each, reporter

LONGEST, GRADIENTS = 32_768, 1 << 23  # problems of a chunk, and numbers in the gradients of all their data rows
RECORDS = 1 << 24  # numbers in the histories of a chunk: 128 MB
SHORTEST, LEAST = 2048, 1 << 19  # problems and numbers of a chunk at the end of a batch that several threads share
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
    which = chosen_gpus(problem, options)
    if which:
        on_gpus(problem, options, which, answer, stop, progress)
        return

    def work(rows: slice) -> int:
        try:
            if not stop[0]:
                solve_chunk(problem, rows, options, answer, stop)
        except BaseException:  # somewhere between two phases: what is written may not be all
            answer.status[rows] = status.NOT_RUN
            raise
        return rows.stop - rows.start

    parts = list(chunks(problem, options.threads, record_length(options)))
    brief = problem.size * problem.m * options.max_iter <= BRIEF
    for_each(work, parts, problem.size, options.threads, stop, progress, brief)


def chosen_gpus(problem: Problem, options: Options) -> tuple[int, ...]:
    """The GPUs to use; where that is left open, all there are for a batch that is worth a launch."""
    if problem.gpu is not None:
        if gpus.obstacle():
            raise ValueError(f"the arrays lie on a GPU, but {gpus.obstacle()}")
        if options.gpus is not None and problem.gpu not in options.gpus:
            raise ValueError(f"the arrays lie on cuda:{problem.gpu}; expected device='cuda:{problem.gpu}' or 'auto'")
        return (problem.gpu,)
    if options.gpus is not None:
        return options.gpus
    found = tuple(range(gpus.count())) if problem.size >= gpus.WORTHWHILE else ()
    if found and not phases_on_cuda(problem, options):  # the patient path alone
        from .patient import worthwhile

        return found if worthwhile(problem) else ()
    return found


def on_gpus(
    problem: Problem, options: Options, which: tuple[int, ...], answer: Solution, stop: np.ndarray, progress: Any
) -> None:
    """The batch on GPUs; problems with NaN to be left out in a second round."""
    from .on_gpus import Batch

    def again(suspects: np.ndarray) -> np.ndarray:
        at = with_nan(problem, slice(0, problem.size), suspects)
        if at.size:
            clean = problem.without_nan(at)
            second = Solution.empty(clean, options.dtype)
            on_gpus(clean, options, which, second, stop, False)
            answer.put(at, second)
        return at

    batch = Batch(problem, options, which, answer, stop)
    with reporter(progress, problem.size) as report:
        batch.solve(report)
    batch.finish(again)


def derivatives(
    problem: Problem, x: np.ndarray, kind: str, threads: int, gpus: Sequence[int] = ()
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """f, g and H (or, of kind "gauss-newton", B = JᵀJ) of every problem at x; with ``gpus`` on these, and where the
    arrays of the problem lie."""
    size, n, dtype = problem.size, problem.n, x.dtype
    if n > SMALL and kind != "model":
        raise ValueError(f"Hessians of {n} unknowns are not derived; expected at most {SMALL}")
    if gpus:
        return derivatives_there(problem, x, kind, gpus)
    f, g, h = np.zeros(size, dtype), np.zeros((size, n), dtype), np.zeros((size, n, n), dtype)
    X, A = shared_data(problem, dtype)

    def work(rows: slice) -> int:
        part = chunk(problem, rows, X, A, dtype, x)
        kernel(problem, kind, None, dtype).derivatives(part.x0, f[rows], g[rows], h[rows], *part.shared)
        at = rows.start + with_nan(problem, rows, np.flatnonzero(~np.isfinite(f[rows])))
        if at.size:
            f[at], g[at], h[at] = derivatives(problem.without_nan(at), x[at], kind, 1)
        return rows.stop - rows.start

    for_each(work, list(chunks(problem, threads)), size, threads, np.zeros(1, np.int8))
    return f, g, h


def derivatives_there(
    problem: Problem, x: np.ndarray, kind: str, gpus: Sequence[int]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """`derivatives` on GPUs; on the CPU those of problems with NaN to be left out."""
    from . import at_answers

    found = at_answers.derivatives(problem, x, kind, gpus)
    at = with_nan(problem, slice(0, problem.size), np.flatnonzero(~np.isfinite(on_host(found[0]))))
    if at.size:
        rest = derivatives(problem.without_nan(at), on_host(rows_of(x, at)), kind, 1)
        for array, rows in zip(found, rest, strict=True):
            put(array, at, rows)
    return found


def with_nan(problem: Problem, rows: slice, suspects: np.ndarray) -> np.ndarray:
    """Those of the suspects (counted within ``rows``) that have NaN to be left out.

    Only what was not finite is looked at: a search through all data would cost a tenth of the time of a fit.
    """
    if not problem.omit or not suspects.size:
        return np.zeros(0, np.int64)
    at = rows.start + suspects
    return suspects[problem.present(at).sum(1) < problem.points(at)]


def solve_chunk(problem: Problem, rows: slice, options: Options, answer: Solution, stop: np.ndarray) -> None:
    """The problems of one chunk; those with NaN to be left out in a second round."""
    run = run_chosen if method_of(problem, options).certificate else run_phases
    run(problem, rows, options, answer, stop)
    ended = answer.status[rows]
    if status.NOT_FINITE_AT_START not in ended:
        return
    at = rows.start + with_nan(problem, rows, np.flatnonzero(ended == status.NOT_FINITE_AT_START))
    if at.size:
        clean = problem.without_nan(at)
        second = Solution.empty(clean, options.dtype)
        answer.status[at] = status.NOT_RUN
        run(clean, slice(0, clean.size), options, second, stop)
        answer.put(at, second)


def chunks(problem: Problem, threads: int, evaluations: int = 0) -> Iterator[slice]:
    """Slices of the batch: long, since each begins and ends with idle lanes; for several threads shorter and shorter,
    so that all end together.  Where a history of so many ``evaluations`` is written, short enough for its memory."""
    size, numbers = problem.size, problem.m * problem.n
    longest = min(LONGEST, max(256, GRADIENTS // numbers))
    longest = min(longest, max(1, RECORDS // (COLUMNS * evaluations))) if evaluations else longest
    shortest = min(SHORTEST, max(256, size // (4 * threads)), max(64, LEAST // numbers)) if threads > 1 else longest
    first = 0
    while first < size:
        left = size - first
        length = math.ceil(left / (1.5 * threads))
        if length < shortest:
            length = math.ceil(left / max(1, left // shortest))  # equal ones, not a small one at the end
        yield slice(first, min(first + min(length, longest), size))
        first += min(length, longest)

"""Several starts for each problem: the best certified minimum is kept."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from .arrays import real, shape_error
from .kernels import status
from .options import Options
from .problem import Problem
from .schedule import solve
from .solution import Solution

AT_ONCE = 16_384  # problems, or all starts of fewer
SAME = {"float64": 1e-5, "float32": 1e-2}  # |x - best| <= SAME max(|best|, largest start / 100) is the same minimum


def check_starts(starts: Any, problem: Problem) -> np.ndarray | None:
    """Further starts, (k, B, n), within the bounds: an array, or so many Sobol points (scipy.stats.qmc) between them.

    Raises
    ------
    ValueError, TypeError
        For another shape, or a number of starts without finite bounds.
    """
    if starts is None:
        return None
    if problem.gpu is not None:
        raise ValueError("starts is not supported for arrays on a GPU; expected arrays on the host (device='cuda')")
    size, n = problem.size, problem.n
    if isinstance(starts, int | np.integer) and not isinstance(starts, bool):
        points = between_bounds(int(starts), problem)
    else:
        array = real("starts", starts)
        if array.ndim == 2 and array.shape[1] == n:
            points = np.broadcast_to(array[:, None], (len(array), size, n))
        elif array.ndim == 3 and array.shape[::2] == (size, n):
            points = np.swapaxes(array, 0, 1)
        else:
            raise shape_error("starts", array, f"(k, {n}) for all problems or ({size}, k, {n}), or a number of starts")
    if not len(points):
        raise ValueError("starts is empty; expected at least one start")
    points = points.astype(problem.x0.dtype)
    return points if problem.box is None else np.clip(points, *problem.box)


def between_bounds(count: int, problem: Problem) -> np.ndarray:
    """So many points of a Sobol sequence for each problem, (count, B, n); fixed unknowns stay."""
    try:
        from scipy.stats import qmc
    except ImportError as error:
        raise ImportError(f"starts={count} needs scipy, which is not installed; pip install scipy brings it") from error
    if count < 1:
        raise ValueError(f"starts={count}; expected at least 1, or an array of starts")
    if problem.box is None or not np.isfinite(problem.box).all():
        box = np.full((2, 1, problem.n), np.nan) if problem.box is None else problem.box
        endless = np.logical_not(np.isfinite(box).all(axis=(0, 1))).tolist()
        which = ", ".join(name for i, name in enumerate(problem.names) if endless[i])
        came = f"starts={count} needs finite bounds, between which the points lie; {which} have none"
        raise ValueError(f"{came}; expected bounds=(lower, upper), or an array of starts")
    lower, upper = problem.box
    exponent = int(np.ceil(np.log2(count)))
    unit = qmc.Sobol(problem.n, scramble=True, rng=np.random.default_rng(0)).random_base2(exponent)[:count, None]
    return lower + unit * (upper - lower)


def solve_from(starts: np.ndarray, problem: Problem, options: Options, answer: Solution, progress: Any) -> np.ndarray:
    """Solve every problem from its own start and from ``starts`` (k, B, n); returns how many of them reached the
    minimum that is kept, (B,).

    A success is better than none, and a lower F than a higher one.
    """
    if options.history:
        raise ValueError("history=True is not supported with starts; expected one or the other")
    solve(problem, options, answer, progress)
    ends, certain = [answer.x.copy()], [certified(answer)]
    together = max(1, AT_ONCE // problem.size)
    for first in range(0, len(starts), together):
        group = starts[first : first + together]
        rows = np.tile(np.arange(problem.size), len(group))
        many = replace(problem.take(rows), x0=group.reshape(-1, problem.n))
        found = Solution.empty(many, options.dtype)
        solve(many, options, found, progress)
        for at in range(len(group)):
            part = slice(at * problem.size, (at + 1) * problem.size)
            one = Solution(*(getattr(found, name)[part] for name in ("x", "fun", "status", "nit", "nfev")))
            better = np.flatnonzero(is_better(one, answer))
            best = Solution(*(getattr(one, name)[better] for name in ("x", "fun", "status", "nit", "nfev")))
            answer.put(better, best)
            ends.append(one.x)
            certain.append(certified(one))
    reach = np.maximum(np.abs(answer.x), np.maximum(np.abs(starts).max(0), np.abs(problem.x0)) / 100)
    same = [(np.abs(x - answer.x) <= SAME[answer.x.dtype.name] * reach).all(1) for x in ends]
    return sum((a & b & certified(answer) for a, b in zip(same, certain, strict=True)), np.zeros(problem.size, int))


def certified(answer: Solution) -> np.ndarray:
    """Where there is a success."""
    return (answer.status == status.CONVERGED) | (answer.status == status.CONVERGED_AT_BOUND)


def is_better(one: Solution, than: Solution) -> np.ndarray:
    """Where one answer is to be preferred."""
    lower = (one.fun < than.fun) | (np.isnan(than.fun) & ~np.isnan(one.fun))
    return np.where(certified(one) == certified(than), lower, certified(one))

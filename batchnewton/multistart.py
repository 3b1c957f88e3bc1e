"""Several starts for each problem: which of their ends is kept."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np

from .arrays import real, shape_error
from .kernels import status
from .options import Options
from .problem import Problem
from .schedule import solve
from .solution import Solution

AT_ONCE = 16_384  # problems, or all starts of fewer
KEEP = ("lowest", "certified")
FAR = 1e3  # an end without a success that is so many times as far out as the farthest start has run off
LOWER = {"float64": 1e-9, "float32": 1e-5}  # share of F by which one end is lower than another
ENDLESS = (status.SINGULAR, status.UNBOUNDED)  # lower than a minimum, these are no better
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


@dataclass
class Ends:
    """Where the starts of each problem ended: arrays (starts, B) and (starts, B, n)."""

    x: list[np.ndarray]
    fun: list[np.ndarray]
    status: list[np.ndarray]
    nit: list[np.ndarray]
    nfev: list[np.ndarray]

    def add(self, found: Solution, part: slice = slice(None)) -> None:
        """The ends of one start of each problem."""
        for one in fields(self):
            getattr(self, one.name).append(getattr(found, one.name)[part].copy())

    def put(self, kept: np.ndarray, answer: Solution) -> None:
        """End number ``kept[b]`` of problem b, into the answers."""
        for one in fields(self):
            array = np.stack(getattr(self, one.name))
            getattr(answer, one.name)[:] = array[kept, np.arange(len(kept))]


def solve_from(
    starts: np.ndarray, problem: Problem, options: Options, answer: Solution, progress: Any, keep: str
) -> tuple[np.ndarray, np.ndarray]:
    """Solve every problem from its own start and from ``starts`` (k, B, n), and keep one end each (`choice`).

    Returns
    -------
    reached : (B,) array
        How many starts reached the minimum that is kept.
    passed_over : (B,) array
        The lowest F of an end that was passed over though it is lower than the one that is kept; NaN where none is.
    """
    if options.history:
        raise ValueError("history=True is not supported with starts; expected one or the other")
    solve(problem, options, answer, progress)
    ends = Ends([], [], [], [], [])
    ends.add(answer)
    farthest = np.maximum(np.abs(starts).max(0), np.abs(problem.x0))
    together = max(1, AT_ONCE // problem.size)
    try:
        for first in range(0, len(starts), together):
            group = starts[first : first + together]
            rows = np.tile(np.arange(problem.size), len(group))
            many = replace(problem.take(rows), x0=group.reshape(-1, problem.n))
            found = Solution.empty(many, options.dtype)
            solve(many, options, found, progress)
            for at in range(len(group)):
                ends.add(found, slice(at * problem.size, (at + 1) * problem.size))
    finally:  # at Ctrl-C, of those that have ended
        ends.put(choice(ends, farthest, keep), answer)
    reach = np.maximum(np.abs(answer.x), farthest / 100)
    same = (np.abs(np.stack(ends.x) - answer.x) <= SAME[answer.x.dtype.name] * reach).all(2)
    reached = (same & certified(np.stack(ends.status)) & certified(answer.status)).sum(0)
    fun = np.where(same, np.inf, on_line(np.stack(ends.fun)))
    lowest = fun.min(0)
    return reached, np.where(is_lower(lowest, answer.fun), lowest, np.nan)


def choice(ends: Ends, farthest: np.ndarray, keep: str) -> np.ndarray:
    """Which end of each problem is kept, (B,).

    The lowest success; with ``keep="lowest"`` a lower end without a success, unless it is `ENDLESS`, or has run off, or
    lies where that success does; where there is no success, the lowest end.
    """
    x, state, fun = np.stack(ends.x), np.stack(ends.status), on_line(np.stack(ends.fun))
    success, every = certified(state), np.arange(x.shape[1])
    best = np.where(success, fun, np.inf).argmin(0)
    there, lowest = success[best, every], fun.argmin(0)
    if keep == "certified":
        return np.where(there, best, lowest)
    size = np.maximum(farthest.max(1), np.abs(x[best, every]).max(1))
    with np.errstate(invalid="ignore"):
        near = np.abs(x).max(2) <= FAR * np.where(size > 0, size, 1.0)
        apart = np.abs(x - x[best, every]) > SAME[x.dtype.name] * np.maximum(np.abs(x[best, every]), farthest / 100)
    open_ends = ~success & ~np.isin(state, ENDLESS) & near & apart.any(2)
    other = np.where(open_ends, fun, np.inf).argmin(0)
    lower = open_ends[other, every] & is_lower(fun[other, every], fun[best, every])
    return np.where(there, np.where(lower, other, best), lowest)


def on_line(fun: np.ndarray) -> np.ndarray:
    """F, infinite where it is not a number."""
    return np.where(np.isnan(fun), np.inf, fun)


def is_lower(fun: np.ndarray, than: np.ndarray) -> np.ndarray:
    """Where one F is lower than another by more than rounding."""
    with np.errstate(invalid="ignore"):
        return than - fun > LOWER[fun.dtype.name] * np.abs(than)


def certified(state: np.ndarray) -> np.ndarray:
    """Where there is a success."""
    return (state == status.CONVERGED) | (state == status.CONVERGED_AT_BOUND)

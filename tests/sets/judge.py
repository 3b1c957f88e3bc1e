"""One run of each problem of a set, and what the independent judges say of its end."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import reference

import batchnewton as bn

from . import mgh, roots, traps
from .exact import is_root, is_strict_minimum

TOLERANCE = {"float64": 1e-6, "float32": 3e-3}  # of x, relative, where a success is claimed
SINGULAR_TOLERANCE = 1e-3  # of x where a Jacobian or Hessian is singular: half the digits, or a third, are lost
VALUE_TOLERANCE = {"float64": 1e-5, "float32": 1e-3}  # of F at a minimum, relative: the paper gives six digits
ZERO = 1e-10  # F counts as zero below this share of its value at the standard start


@dataclass(frozen=True)
class Run:
    """One start of one problem, solved and judged.

    solvable  whether it has what is looked for
    solved    the end is what is looked for (of `mgh`: the global minimum)
    success   what the solver says
    false     it claims success, and the judges find nothing of the kind there
    """

    problem: str
    x0: np.ndarray
    x: np.ndarray
    status: str
    success: bool
    trips: int
    solvable: bool
    solved: bool
    false: bool

    def __str__(self) -> str:
        start, end = (np.array2string(point[:4], precision=4) for point in (self.x0, self.x))
        return f"{self.problem}: {start} -> {end} {self.status}, {self.trips} trips"


def runs(
    problem: Any, result: Any, starts: Any, verdict: Callable[[int, np.ndarray, bool], tuple[bool, bool, bool]]
) -> Iterator[Run]:
    """A run for each start; ``verdict(i, x, success)`` says (solvable, solved, false)."""
    starts = np.asarray(starts, float)
    for i, x0 in enumerate(starts):
        x, success = np.asarray(result.x[i], float), bool(result.success[i])
        status = bn.Status(int(result.status[i])).name
        yield Run(problem.name, x0, x, status, success, int(result.nfev[i]), *verdict(i, x, success))


def near(x: np.ndarray, answers: Any, tolerance: float) -> bool:
    """Whether x is one of the answers, each number to ``tolerance max(|a|, 1)``."""
    return any(bool(np.all(np.abs(x - a) <= tolerance * np.maximum(np.abs(a), 1.0))) for a in map(np.asarray, answers))


# ---------------------------------------------------------------- least squares


@np.errstate(all="ignore")
def half_sum(problem: mgh.Problem, x: np.ndarray) -> tuple[float, np.ndarray, np.ndarray]:
    """F, g, H by the reference's own derivatives."""
    r, J, K = reference.residuals(problem.fun, x, (), problem.data)
    return r @ r / 2, J.T @ r, J.T @ J + np.tensordot(r, K, axes=(0, 0))


@np.errstate(all="ignore")
def is_local_minimum(problem: mgh.Problem, x: np.ndarray, tolerance: float) -> bool:
    """Whether H, its diagonal scaled to 1, has no eigenvalue below 1e-15 n, and the Newton step is short."""
    _, g, H = half_sum(problem, x)
    scale = 1 / np.sqrt(np.abs(np.diag(H)))
    scaled = H * np.outer(scale, scale)
    if not np.all(np.isfinite(scaled)) or np.min(np.linalg.eigvalsh(scaled)) <= 1e-15 * len(x):
        return False
    step = scale * np.linalg.solve(scaled, scale * g)
    return bool(np.all(np.abs(step) <= tolerance * np.maximum(np.abs(x), 1e-3 * np.max(np.abs(x)))))


def judge_mgh(problem: mgh.Problem, dtype: str, method: str | None = None) -> Iterator[Run]:
    data = tuple(map(bn.shared, problem.data))
    result = bn.least_squares(problem.fun, problem.starts, data=data, dtype=dtype, method=method)
    return runs(problem, result, problem.starts, lambda i, x, success: mgh_verdict(problem, x, success, dtype))


def mgh_verdict(
    problem: mgh.Problem, x: np.ndarray, success: bool, dtype: str, tolerance: float | None = None
) -> tuple[bool, bool, bool]:
    """(solvable, solved, false) of an end; a success is false where the Newton step is longer than ``tolerance``."""
    zero = ZERO * half_sum(problem, np.array(problem.x0))[0]
    total = 2 * half_sum(problem, x)[0] if np.all(np.isfinite(x)) else np.inf
    wide = VALUE_TOLERANCE[dtype] * problem.value
    solved = abs(total - problem.value) <= wide if problem.value else total <= 2 * zero
    return True, bool(solved), success and not is_local_minimum(problem, x, tolerance or TOLERANCE[dtype])


# ---------------------------------------------------------------- roots


def judge_root(system: roots.System, dtype: str, method: str | None = None) -> Iterator[Run]:
    starts = np.array(system.starts, float)
    result = bn.root(system.fun, starts, system.args, dtype=dtype, method=method)

    def verdict(i: int, x: np.ndarray, success: bool) -> tuple[bool, bool, bool]:
        args = [one[i] for one in system.args]
        if system.answers:
            right = near(x, system.answers, max(SINGULAR_TOLERANCE, TOLERANCE[dtype]))
        else:
            right = success and is_root(system.fun, x, args, TOLERANCE[dtype])
        return system.solvable, success and right, success and not right

    return runs(system, result, starts, verdict)


# ---------------------------------------------------------------- traps


def judge_trap(trap: traps.Trap, dtype: str, method: str | None = None) -> Iterator[Run]:
    starts = np.array(trap.starts, float)
    result = bn.minimize(trap.fun, starts, trap.args, dtype=dtype, method=method)

    def verdict(i: int, x: np.ndarray, success: bool) -> tuple[bool, bool, bool]:
        if trap.flat:
            right = near(x, trap.flat, SINGULAR_TOLERANCE)
        else:
            right = is_strict_minimum(trap.fun, x, [one[i] for one in trap.args], TOLERANCE[dtype], starts[i])
        return bool(trap.flags[i]), right, success and not right

    return runs(trap, result, starts, verdict)


SETS = {"mgh": (mgh.MGH, judge_mgh), "roots": (roots.ROOTS, judge_root), "traps": (traps.TRAPS, judge_trap)}


def judged(name: str, dtype: str, largest: int | None = None, method: str | None = None) -> list[Run]:
    """All runs of a set, or of its problems with at most ``largest`` unknowns; by a ``method``, or the default."""
    problems, judge = SETS[name]
    problems = [one for one in problems if largest is None or len(one.starts[0]) <= largest]
    with np.errstate(all="ignore"):
        return [run for problem in problems for run in judge(problem, dtype, method)]

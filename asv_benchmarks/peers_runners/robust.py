"""Who solves what, and who claims success where there is none: NIST StRD and Moré-Garbow-Hillstrom, single fits.

Every solver starts from the same points with its own defaults, as a user calls it, and all ends are judged by the
tests' own derivatives (``tests/sets/judge.py``).  An end is solved where it is the certified one (NIST: to four digits
of each parameter) or the global minimum (MGH).  A success is false where it is not solved, and H is not positive
definite or the Newton step longer than a thousandth of x: another minimum than the best is no false success.  The
peers promise less than ours: their success says that a tolerance was met.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from importlib.util import find_spec

import numpy as np
from sets import mgh
from sets.judge import is_local_minimum, mgh_verdict

from batchnewton import nist

LENIENT = 1e-3  # of x: solvers that stop by the change of F have half the digits in x
MOST = 11.0  # digits that NIST certifies
ENOUGH = 4.0
HEAD = ("set", "solver", "runs", "solved", "success", "false successes", "digits", "evaluations")

End = tuple[np.ndarray, bool, int]  # x, what it claims, evaluations of the residuals
Solver = Callable[[mgh.Problem, np.ndarray], list[End]]


@dataclass
class Tally:
    """What became of a solver's runs on a set."""

    runs: int = 0
    solved: int = 0
    success: int = 0
    false: list[str] = field(default_factory=list)
    digits: list[float] = field(default_factory=list)
    evaluations: list[int] = field(default_factory=list)

    def cells(self) -> list[str]:
        digits = f"{np.mean(self.digits):.1f}" if self.digits else ""
        counts = [str(one) for one in (self.runs, self.solved, self.success, len(self.false))]
        return [*counts, digits, f"{np.mean(self.evaluations):.0f}"]


# ---- the solvers


def ours(problem: mgh.Problem, starts: np.ndarray) -> list[End]:
    import batchnewton as bn

    found = bn.least_squares(problem.fun, starts, data=tuple(map(bn.shared, problem.data)))
    return [(x, bool(good), int(n)) for x, good, n in zip(found.x, found.success, found.nfev, strict=True)]


def scipy(method: str) -> Solver:
    def solve(problem: mgh.Problem, starts: np.ndarray) -> list[End]:
        from scipy.optimize import least_squares

        counted = Counted(problem)
        ends = []
        for x0 in starts:
            counted.calls = 0
            try:
                found = least_squares(counted, x0, method=method)  # type: ignore[arg-type]
                ends.append((found.x, bool(found.success), counted.calls))
            except ValueError:  # not finite at the start
                ends.append((x0, False, counted.calls))
        return ends

    return solve


def lmfit(problem: mgh.Problem, starts: np.ndarray) -> list[End]:
    import lmfit as library

    names = [f"x{i}" for i in range(starts.shape[1])]
    counted = Counted(problem)
    ends = []
    for x0 in starts:
        given = library.Parameters()
        for name, value in zip(names, x0, strict=True):
            given.add(name, value=float(value))
        counted.calls = 0
        try:
            found = library.minimize(lambda p: counted(np.array([p[name].value for name in names])), given)
            x = np.array([found.params[name].value for name in names])
            ends.append((x, bool(found.success), counted.calls))
        except ValueError:
            ends.append((x0, False, counted.calls))
    return ends


class Counted:
    """The residuals of a problem as numbers, and how often they were asked for."""

    def __init__(self, problem: mgh.Problem) -> None:
        self.problem, self.calls = problem, 0
        self.rows = list(zip(*problem.data, strict=True)) or [()]

    def __call__(self, x: np.ndarray) -> np.ndarray:
        self.calls += 1
        return np.concatenate([np.atleast_1d(np.asarray(self.problem.fun(x, *row), float)) for row in self.rows])


SOLVERS: dict[str, tuple[str, Solver]] = {
    "ours": ("batchnewton", ours),
    "scipy-lm": ("scipy", scipy("lm")),
    "scipy-trf": ("scipy", scipy("trf")),
    "lmfit": ("lmfit", lmfit),
}


# ---- the sets


def nist_problems() -> Iterator[tuple[mgh.Problem, np.ndarray, np.ndarray]]:
    """Each with its starts and its certified parameters."""
    for one in nist.problems():
        rows = (np.ascontiguousarray(np.asarray(one.x, float).T), np.asarray(one.y, float))
        problem = mgh.Problem(one.name, residual_of(one), tuple(one.starts[0]), one.rss, data=rows)
        yield problem, one.starts, one.certified


def residual_of(one: nist.NistProblem) -> Callable:
    """The residual of one row, as the MGH set has it."""
    n = len(one.certified)
    return lambda p, x, y: one.formula(x, *(p[i] for i in range(n))) - y


@np.errstate(all="ignore")
def on_nist(solve: Solver) -> Tally:
    tally = Tally()
    for problem, starts, certified in nist_problems():
        for x, success, evaluations in solve(problem, starts):
            error = np.max(np.abs(x / certified - 1)) if np.all(np.isfinite(x)) else np.inf
            digits = float(np.clip(-np.log10(max(error, 1e-16)), 0, MOST))
            solved = digits >= ENOUGH
            false = success and not solved and not is_local_minimum(problem, x, LENIENT)
            count(tally, problem, solved, success, false, evaluations)
            tally.digits += [digits] if solved else []
    return tally


@np.errstate(all="ignore")
def on_mgh(solve: Solver) -> Tally:
    tally = Tally()
    for problem in mgh.MGH:
        for x, success, evaluations in solve(problem, problem.starts):
            _, solved, false = mgh_verdict(problem, x, success, "float64", LENIENT)
            count(tally, problem, solved, success, false and not solved, evaluations)
    return tally


def count(tally: Tally, problem: mgh.Problem, solved: bool, success: bool, false: bool, evaluations: int) -> None:
    """One run more."""
    tally.runs, tally.solved, tally.success = tally.runs + 1, tally.solved + solved, tally.success + success
    tally.evaluations.append(evaluations)
    tally.false += [problem.name] if false else []


SETS = {"NIST": on_nist, "MGH": on_mgh}


def report(solvers: list[str] | None = None) -> list[str]:
    """The table, and below it where a success was false."""
    from tabulate import tabulate

    rows, notes = [], []
    for name in SETS:
        for solver in solvers or SOLVERS:
            package, solve = SOLVERS[solver]
            if find_spec(package) is None:
                rows.append([name, solver, "n/a", f"{package} is not installed"])
                continue
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                tally = SETS[name](solve)
            rows.append([name, solver, *tally.cells()])
            if tally.false:
                notes.append(f"{name}, false successes of {solver}: {', '.join(sorted(set(tally.false)))}")
    return [tabulate(rows, HEAD, disable_numparse=True, tablefmt="github"), "", *notes]

"""How answers move with the data, by the implicit function theorem."""

from __future__ import annotations

import numpy as np

from batchnewton.options import nearest
from batchnewton.problem import Problem
from batchnewton.schedule import derivatives

from .covariance import held
from .fit import KINDS, Fit
from .rows import before, blocks, rows_apart


def sensitivity(fit: Fit, of: str) -> np.ndarray:
    """``dx/dz = -H⁻¹ d²F/dx dz`` at the answers (see `Result.sensitivity`)."""
    i = input_number(fit.problem, of)
    f, _, hessian = derivatives(fit.problem, fit.solution.x.astype(np.float64), KINDS[fit.problem.kind], 1)
    mixed = of_data(fit, i) if fit.problem.inputs[i].level in ("row", "point") else of_argument(fit, i)
    if fit.problem.curve is not None and fit.problem.curve.correlated:  # of W y, that is
        W = fit.problem.array(fit.problem.place("whitening")).astype(np.float64)
        mixed = mixed @ W
    n, size = fit.problem.n, fit.problem.size
    flat = mixed.reshape(size, n, -1)
    if fit.problem.box is not None and not fit.problem.bracketed:  # what is fixed or at a bound does not move
        every = slice(0, size)
        np.copyto(hessian, np.eye(n), where=held(fit.problem, fit.solution.x, every))
        flat[fit.problem.at_bound(fit.solution.x) | fit.problem.fixed] = 0.0
    with np.errstate(all="ignore"):
        scale = np.sqrt(np.diagonal(hessian, axis1=1, axis2=2))
        scaled = hessian / scale[:, :, None] / scale[:, None, :]
        regular = np.isfinite(scaled).all((1, 2)) & fit.success
        scaled[~regular] = np.eye(n)
        regular &= np.linalg.eigvalsh(scaled)[:, 0] > 4 * n * np.finfo(float).eps
        scaled[~regular] = np.eye(n)
        moved = -np.linalg.solve(scaled, flat / scale[:, :, None]) / scale[:, :, None]
    moved[~regular] = np.nan
    return moved.reshape(mixed.shape)


def input_number(problem: Problem, of: str) -> int:
    """Which input of the formula a name means."""
    known = [name for i in range(len(problem.inputs)) if (name := name_of(problem, i))]
    if of not in known:
        what = " of a fit with a covariance" if problem.curve is not None and problem.curve.correlated else ""
        raise ValueError(f"sensitivity of {of!r}{what}{nearest(str(of), known)}")
    found = next(i for i in range(len(problem.inputs)) if name_of(problem, i) == of)
    if problem.kind == "root" and any(one.level in ("row", "point") for one in problem.inputs):
        raise ValueError("sensitivities of a root whose equations are sums over data are not supported")
    return found


def name_of(problem: Problem, i: int) -> str:
    """What the user calls input i; empty for unknowns."""
    level = problem.inputs[i].level
    if level == "unknown":
        return ""
    if problem.curve is not None:
        name = problem.curve.given[i]
        hidden = problem.curve.correlated and name != "ydata" or problem.curve.columns and name == "xdata"
        return "" if hidden else name
    if problem.labels:
        return problem.labels[i]
    group, inside = ("args", ("problem", "call")) if level in ("problem", "call") else ("data", ("row", "point"))
    return f"{group}[{sum(one.level in inside for one in problem.inputs[:i])}]"


def of_data(fit: Fit, i: int) -> np.ndarray:
    """d²F/dx dz of a column of data, (B, n, m, ...): each row has a share of its own; 0 for a row that is not there."""
    problem, m = fit.problem, fit.problem.m
    shape = problem.inputs[i].shape
    mixed = np.empty((problem.size, problem.n, m, problem.inputs[i].size))
    for rows in blocks(problem, m):
        apart, at = rows_apart(problem, i, rows, fit.solution.x[rows].astype(np.float64))
        h = derivatives(apart, apart.x0, KINDS[problem.kind], fit.options.threads)[2]
        block = h[:, np.delete(np.arange(apart.n), at), at].reshape(len(rows), m, problem.n, -1)
        block = np.where(problem.present(rows)[:, :, None, None], block, 0.0)
        mixed[rows] = np.moveaxis(block, 1, 2)
    return mixed.reshape(*mixed.shape[:3], *shape)


def of_argument(fit: Fit, i: int) -> np.ndarray:
    """d²F/dx dz of one of the arguments, (B, n, ...)."""
    problem, one = fit.problem, fit.problem.inputs[i]
    values = np.broadcast_to(problem.array(i), (problem.size, one.size))
    first = before(problem, i)
    x = np.insert(fit.solution.x.astype(np.float64), [first] * one.size, values, axis=1)
    wider = problem.rearranged({i: ("unknown", None)}, x0=x)
    at = slice(first, first + one.size)
    h = derivatives(wider, x, KINDS[problem.kind], fit.options.threads)[2]
    block = h[:, np.delete(np.arange(wider.n), at), at]
    return block.reshape(problem.size, problem.n, *one.shape)

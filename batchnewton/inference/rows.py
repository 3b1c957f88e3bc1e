"""Each data row of each problem as a problem of its own: derivatives row by row."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from batchnewton.derive import Input
from batchnewton.problem import Problem
from batchnewton.schedule import derivatives

from .fit import Fit

BLOCK = 65_536  # rows at a time


def blocks(problem: Problem, m: int) -> Iterator[np.ndarray]:
    """Problems of which about BLOCK rows are made at a time."""
    step = max(1, BLOCK // m)
    return (np.arange(at, min(at + step, problem.size)) for at in range(0, problem.size, step))


def curve_at(fit: Fit, points: np.ndarray, rows: np.ndarray, m: int) -> tuple[np.ndarray, np.ndarray]:
    """The fitted curves of some problems at m points each, (rows, m), and their gradients, (rows, m, n).

    ``points`` is (m, k) for all problems, or (B, m, k).
    """
    problem, n = fit.problem, fit.problem.n
    assert problem.curve is not None
    own = points[rows] if points.ndim == 3 else np.broadcast_to(points, (len(rows), *points.shape))
    x = np.repeat(fit.solution.x[rows].astype(np.float64), m, axis=0)
    inputs = (Input("problem0", shape_of_point(problem), "problem"), *problem.inputs[-n:])
    each = Problem(problem.curve.f, "minimize", inputs, x, args=[own.reshape(len(x), -1)])
    f, g, _ = derivatives(each, x, "model", fit.options.threads)
    return f.reshape(len(rows), m), g.reshape(len(rows), m, n)


def shape_of_point(problem: Problem) -> tuple[int, ...]:
    """Shape of the x of one data point."""
    assert problem.curve is not None
    shape = problem.inputs[problem.place("xdata")].shape
    return shape[1:] if problem.curve.correlated else shape


def coordinates_of_point(problem: Problem) -> tuple[int, ...]:
    """Shape of the x of one data point as the user gives it: without the columns that the formula adds."""
    assert problem.curve is not None
    shape, added = shape_of_point(problem), len(problem.curve.columns)
    if not added:
        return shape
    return (shape[0] - added,) if shape[0] > added + 1 else ()


def with_columns(problem: Problem, points: np.ndarray) -> np.ndarray:
    """New points, (M, k) or (B, M, k), with the columns that the formula adds: numbers that were worked out of the
    data, as their mean, stay those of the data.

    Raises
    ------
    ValueError
        Where a column has a value for each point, which is known at the data only.
    """
    assert problem.curve is not None
    columns = problem.curve.columns
    if not columns:
        return points
    if not all(columns):
        raise ValueError(
            "the formula uses a function of all data points that has a value for each of them (as np.diff(x)), which "
            "is not known at other points; expected the points of the data"
        )
    k = points.shape[-1]
    added = problem.array(problem.place("xdata")).reshape(-1, problem.m, k + len(columns))[:, :1, k:]
    if len(added) > 1 and points.ndim == 2:
        points = np.broadcast_to(points, (len(added), *points.shape))
    added = added if points.ndim == 3 else added[0]
    return np.concatenate([points, np.broadcast_to(added, (*points.shape[:-1], len(columns)))], -1)


def fitted(fit: Fit) -> np.ndarray:
    """The fitted curves at their data, (B, m)."""
    x, m = fit.problem.array(fit.problem.place("xdata")), fit.problem.m
    if fit.need_curve("fitted").correlated:  # all points of a curve in a row
        x = x.reshape(*x.shape[:-1], m, -1)
    return np.concatenate([curve_at(fit, x, rows, m)[0] for rows in blocks(fit.problem, m)])


def rows_apart(problem: Problem, i: int, rows: np.ndarray, x: np.ndarray) -> tuple[Problem, slice]:
    """Some problems at x, a problem for each data row, input i of the data being unknown too; and where that is."""
    m, taken = problem.m, problem.take(rows)
    changes: dict[int, tuple[str, np.ndarray | None]] = {i: ("unknown", None)}
    for k, one in enumerate(taken.inputs):
        if k != i and one.level in ("row", "point"):
            changes[k] = "problem", flat(taken, k)
        elif one.level == "problem":
            changes[k] = "problem", np.repeat(taken.array(k), m, axis=0)
    first = before(problem, i)
    x0 = np.insert(np.repeat(x, m, axis=0), [first] * problem.inputs[i].size, flat(taken, i), axis=1)
    apart = taken.rearranged(changes, x0=x0, m=1, counts=None, mask=None, omit=())
    return apart, slice(first, first + problem.inputs[i].size)


def flat(problem: Problem, i: int) -> np.ndarray:
    """Data input i, row after row, (B m, size)."""
    size = problem.inputs[i].size
    return np.broadcast_to(problem.array(i), (problem.size, problem.m, size)).reshape(-1, size)


def before(problem: Problem, i: int) -> int:
    """Unknowns that come before input i."""
    return sum(one.size for one in problem.inputs[:i] if one.level == "unknown")

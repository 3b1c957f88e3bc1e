"""Why a problem is not finite at its start: the value or a derivative, at which data point, in which parameter."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from batchnewton.arrays import on_host
from batchnewton.methods import SMALL
from batchnewton.problem import Problem
from batchnewton.schedule import derivatives

from .fit import KINDS, Fit
from .rows import flat


def reason(fit: Fit, b: int) -> str:
    """Words on problem b, whose data points are looked at one by one; none where nothing is to be said."""
    problem, there = one_by_one(fit.problem, b)
    if problem.n > SMALL:
        return ""
    f, *parts = derivatives(problem, problem.x0.astype(fit.options.dtype), KINDS[problem.kind], fit.options.threads)
    for what, array in (("value", f[:, None]), ("derivative", parts[0]), ("second derivative", parts[1])):
        array = array.reshape(len(there), -1)
        bad = np.argwhere(~np.isfinite(array) & there[:, None])
        if len(bad):
            row, place = bad[0]
            number = "NaN" if np.isnan(array[row, place]) else "infinite"
            return f"the {what}{in_unknowns(fit.problem, what, place)} is {number}{at_row(fit.problem, b, row)}"
    return ""


def one_by_one(problem: Problem, b: int) -> tuple[Problem, np.ndarray]:
    """Problem b at its start, a problem for each data row; and which of the rows are there."""
    there = problem.present(np.array([b]))[0]
    one = problem.take(np.array([b]))
    one = replace(one, x0=on_host(one.x0), args=[*map(on_host, one.args)], data=[*map(on_host, one.data)])
    changes = {}
    for k, given in enumerate(one.inputs):
        if given.level in ("row", "point"):
            changes[k] = "problem", flat(one, k)
        elif given.level == "problem":
            changes[k] = "problem", np.repeat(one.array(k), one.m, axis=0)
    x0 = np.repeat(one.x0, one.m, axis=0)
    return one.rearranged(changes, x0=x0, m=1, counts=None, mask=None, omit=(), moved=None), there


def in_unknowns(problem: Problem, what: str, place: int) -> str:
    """Of a gradient or a Hessian: which parameters an element belongs to."""
    if what == "value":
        return ""
    parts = [place] if what == "derivative" else sorted(set(divmod(int(place), problem.n)))
    return " in " + " and ".join(problem.names[i] for i in parts) if problem.names else ""


def at_row(problem: Problem, b: int, row: int) -> str:
    """Which data point, and its x where it is short."""
    if problem.m == 1:
        return ""
    curve = problem.curve
    if curve is None or curve.correlated or "xdata" not in curve.given:
        return f" in data row {row}"
    array = problem.array(problem.place("xdata"))
    x = np.ravel(on_host(array[b, row] if array.ndim == 3 else array[row]))
    shown = f" (x = {', '.join(f'{one:.6g}' for one in x)})" if x.size < 5 else ""
    return f" at data point {row}{shown}"

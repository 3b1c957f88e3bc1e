"""Whether what ended without a success ended at a kink, where the function has other slopes on its two sides.

A step of length t from such an end along a descent direction u, in units of x, leads to the other side of the kink:
the slope is negative at the end and not negative behind it, though curvature explains only a difference of
``t |uᵀHu|``.  At a jump the function is higher behind it, and neither slope explains that.  Both are looked at for the
few problems that ended so, by the exact derivatives there.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from .arrays import on_host, rows_of
from .chunk import chunk, kernel, shared_data
from .kernels import status
from .problem import Problem
from .solution import Solution

SUSPECT = (status.STALLED, status.MAX_ITER)
STEPS = (1e-5, 1e-6, 1e-8)  # lengths t, relative to x
EXPLAINED = 0.1  # share of a difference of slopes (values) that curvature (slopes) may explain
VISIBLE = 1e-8  # what a step without the kink would lower F by, relative to F: less is rounding
KINKED = {"fabs", "sqrt", "hypot", "floor", "ceil", "trunc", "fmod"}  # functions with kinks or jumps, beside selects
HYBRID = {"least-squares": "hybrid", "minimize": "minimize"}
DOUBLE = np.dtype(np.float64)

Derivatives = Callable[[np.ndarray], tuple[np.ndarray, np.ndarray, np.ndarray]]


def mark_kinks(problem: Problem, at: np.ndarray, answer: Solution) -> None:
    """The status KINK to those of the problems ``at`` that ended at one."""
    at = at[np.isin(answer.status[at], SUSPECT)]
    if not at.size or problem.kind not in HYBRID:
        return
    own = kernel(problem, HYBRID[problem.kind], None, DOUBLE)
    if not (own.program.operations["select"] or own.program.functions & KINKED):
        return
    part = chunk(problem, at, *shared_data(problem, DOUBLE), DOUBLE)

    def evaluate(x: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        size, n = x.shape
        found = np.zeros(size), np.zeros((size, n)), np.zeros((size, n, n))
        own.derivatives(np.ascontiguousarray(x), *found, *part.shared)
        return found

    box = None if problem.box is None else [np.asarray(one[at], DOUBLE) for one in problem.box]
    start = np.asarray(on_host(rows_of(problem.x0, at)), DOUBLE)
    with np.errstate(all="ignore"):
        answer.status[at[at_kink(evaluate, answer.x[at].astype(DOUBLE), start, box)]] = status.KINK


def at_kink(evaluate: Derivatives, x: np.ndarray, start: np.ndarray, box: list[np.ndarray] | None) -> np.ndarray:
    """Which of the points x (k, n) lie at a kink or a jump, along the direction of descent or an axis."""
    f, g, H = evaluate(x)
    size = np.maximum(np.abs(x), 1e-2 * np.abs(start))
    unit = np.where(size > 0, size, np.maximum(np.abs(start).max(1, keepdims=True), 1e-2))
    G, bend = g * unit, H * unit[:, :, None] * unit[:, None, :]
    free = np.ones_like(x)
    if box is not None:
        free[((x <= box[0]) & (g > 0)) | ((x >= box[1]) & (g < 0))] = 0.0
    sound = np.isfinite(f) & np.isfinite(G).all(1) & np.isfinite(bend).all((1, 2))
    step = free * descent(np.where(sound[:, None], free * G, 0.0), np.where(sound[:, None, None], bend, 0.0))
    found = np.zeros(len(x), bool)
    for direction in (step, *np.eye(x.shape[1])):
        u = np.broadcast_to(direction, x.shape) * free
        length = np.sqrt((u**2).sum(1))
        u = u / np.where(length > 0, length, 1.0)[:, None]
        for t in STEPS:
            found |= (length > 0) & is_corner(evaluate, f, x, u, unit, t)
    return found & sound


def is_corner(
    evaluate: Derivatives, f: np.ndarray, x: np.ndarray, u: np.ndarray, unit: np.ndarray, t: float
) -> np.ndarray:
    """Whether F rises from x to both sides along u, (k, n), at once: by its slopes or by a jump."""
    total, most, jump = np.zeros(len(x)), np.zeros(len(x)), np.zeros(len(x))
    rising = np.ones(len(x), bool)
    for sign in (1.0, -1.0):
        there, g, H = evaluate(x + sign * t * u * unit)
        slope = sign * (g * unit * u).sum(1)
        rising &= (there >= f - VISIBLE * t * np.abs(f)) | (slope >= 0)
        jump = np.maximum(jump, np.where(slope < 0, there - f + t * slope, 0.0))
        total += slope
        most = np.maximum(most, np.abs(np.einsum("bi,bij,bj->b", u * unit, H, u * unit)))
    kink = (2 * t * most <= EXPLAINED * total) & (total**2 > VISIBLE * most * np.abs(f))
    return rising & (kink | (jump > VISIBLE * np.abs(f) + 10 * t * np.abs(total)))


def descent(G: np.ndarray, bend: np.ndarray) -> np.ndarray:
    """``-|H|⁻¹ g``, with the absolute eigenvalues of H, none less than 1e-8 of the largest."""
    values, vectors = np.linalg.eigh(bend)
    values = np.abs(values)
    least = 1e-8 * values.max(1, keepdims=True)
    values = np.maximum(values, np.where(least > 0, least, 1.0))
    along = np.einsum("bik,bi->bk", vectors, G)
    return -np.einsum("bik,bk->bi", vectors, along / values)
